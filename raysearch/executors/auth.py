"""How Ray authenticates, said explicitly and before Ray is imported: whoever reaches its ports can run code."""

from __future__ import annotations

import os
import secrets


def require_token(address: str) -> None:
    """Token authentication, unless RAY_AUTH_MODE says otherwise.

    A Ray of our own (address `local`) gets a token of its own, which lives in the environment of this process and its
    workers only. A cluster to join has its token in RAY_AUTH_TOKEN, RAY_AUTH_TOKEN_PATH or ~/.ray/auth_token.
    """
    if "RAY_AUTH_MODE" in os.environ:
        return
    os.environ["RAY_AUTH_MODE"] = "token"
    if address == "local" and not {"RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"} & set(os.environ):
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
