"""Mistakes a user can mend: shown as one line, exit code 2, no traceback."""

from __future__ import annotations


class UsageError(ValueError):
    """Bad input. The message names the key, the value and the remedy."""
