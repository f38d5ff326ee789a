"""The former place of `security.authenticate_driver`, for the callers that still look for it here."""

from raysearch.security import authenticate_driver as require_token

__all__ = ["require_token"]
