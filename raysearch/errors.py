"""Mistakes a user can mend, and parts that failed: shown as one line, no traceback."""

from __future__ import annotations


class UsageError(ValueError):
    """Bad input. The message names the key, the value and the remedy. Exit code 2."""


class PartFailedError(UsageError):
    """Nothing is wrong with the input, but a part of the work failed. Exit code 1."""
