"""Secrets in settings, addresses of clusters, and how Ray authenticates. Standard library only.

Whoever reaches the ports of a Ray cluster can run code on it, so a token is always asked for unless RAY_AUTH_MODE says
otherwise. Invariant: no message of this module contains a secret; it names the place and the kind.
"""

from __future__ import annotations

import ipaddress
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from raysearch.errors import UsageError
from raysearch.security.kinds import SECRET_KEY, assigned, kind_of

REMEDY = "set it in the environment or the secret store of the machines that need it (docs/clusters.md, Secrets)"


def refuse_secrets(values: Any, source: str, prefix: str = "") -> None:
    """Refuse settings that hold a secret, because they are written to run folders, reports and logs.

    Args:
        values: settings, nested mappings and lists.
        source: where they come from, for the message.
        prefix: key under which they stand.

    Raises:
        UsageError: a key says that its value is a secret, or key or value look like one.
    """
    for key, value in _leaves(values, prefix):
        named = SECRET_KEY.search(key) and isinstance(value, str) and len(value) >= 8
        given = not key.startswith("prompts") and isinstance(value, str) and any(assigned(value))
        kind = "a secret" if named or given else kind_of(f"{key} {value}")
        if kind:
            place = "a key" if kind_of(key) else key
            raise UsageError(
                f"{source}: {place} looks like {kind}, and settings end up in run folders and logs; remove it and "
                f"{REMEDY}"
            )


def check_address(address: str, insecure: bool) -> str:
    """Check the address of a dashboard.

    Args:
        address: a URL, or HOST:PORT for plain http.
        insecure: allow plain http to other machines.

    Returns:
        The URL without a trailing slash.

    Raises:
        UsageError: it is no URL, contains a password, or is plain http to a machine other than this one.
    """
    url = address if "://" in address else f"http://{address}"
    parts = urlsplit(url)
    if parts.username or parts.password:
        raise UsageError(f"the address of the cluster has a user or password in it; remove it and {REMEDY}")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(
            f"address {address!r}: give the URL of the Ray dashboard, e.g. http://127.0.0.1:8265 behind `ray dashboard "
            "launch.yaml`, an ssh tunnel or `kubectl port-forward`, or https://HOST"
        )
    if parts.scheme == "http" and not insecure and not is_loopback(parts.hostname):
        raise UsageError(
            f"address {address!r}: plain http would carry the token and the job unencrypted; use https, or a tunnel "
            "(ssh -L 8265:127.0.0.1:8265 HOST) and http://127.0.0.1:8265, or say --insecure"
        )
    return url.rstrip("/")


def is_loopback(host: str) -> bool:
    """Whether a host name or address denotes this machine by its form alone; no name is looked up."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def authenticate_client(url: str) -> None:
    """Choose token authentication for the client that submits jobs to the dashboard at `url`, a checked URL.

    It comes before Ray is imported: RAY_AUTH_MODE is set explicitly, because Ray's own default depends on its version
    and on how it is started. A token reaches a machine other than this one only through the environment or a file.

    Raises:
        UsageError: authentication is switched off, or there is no token, for a machine other than this one.
    """
    host = urlsplit(url).hostname or ""
    mode = os.environ.setdefault("RAY_AUTH_MODE", "token")
    if is_loopback(host):
        # A proxy of the environment must not see the token either.
        for name in ("NO_PROXY", "no_proxy"):
            os.environ[name] = ",".join(filter(None, (os.environ.get(name), host)))
        return
    if mode != "token":
        raise UsageError(
            f"RAY_AUTH_MODE={mode}: {host} is not this machine, so a token is required; unset RAY_AUTH_MODE"
        )
    files = os.environ.get("RAY_AUTH_TOKEN_PATH"), "~/.ray/auth_token"
    if not os.environ.get("RAY_AUTH_TOKEN") and not any(p and Path(p).expanduser().is_file() for p in files):
        raise UsageError(f"no token for {host}: put the cluster's into RAY_AUTH_TOKEN or ~/.ray/auth_token (mode 600)")


def authenticate_driver(address: str) -> None:
    """Choose token authentication for a driver, before it imports Ray, unless RAY_AUTH_MODE says otherwise.

    A Ray that is started for this run also listens on the loopback interface alone, unless
    RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER=1 is set.

    Args:
        address: `cluster.address`. For `local`, where Ray is started for this run, a new token is made, which lives in
            the environment of this process and its workers only. A cluster to join has its token in RAY_AUTH_TOKEN,
            RAY_AUTH_TOKEN_PATH or ~/.ray/auth_token.
    """
    if address == "local":
        # Ray's switch for machines on which it listens on the loopback interface alone; it reads it when imported.
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    if "RAY_AUTH_MODE" in os.environ:
        return
    os.environ["RAY_AUTH_MODE"] = "token"
    if address == "local" and not {"RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"} & set(os.environ):
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)


def _leaves(values: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """(key, value) of every value that is neither a mapping nor a list."""
    if isinstance(values, Mapping):
        for key, value in values.items():
            yield from _leaves(value, f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(values, (list, tuple)):
        for i, value in enumerate(values):
            yield from _leaves(value, f"{prefix}[{i}]")
    else:
        yield prefix, values
