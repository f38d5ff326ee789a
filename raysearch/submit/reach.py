"""Whether a cluster's dashboard can be reached at all, asked before Ray's client is imported, which takes seconds."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from raysearch.errors import UsageError

PATIENCE_S = 1.5  # for a connection; a tunnel to another continent takes a third of a second


def check(url: str) -> None:
    """Raise UsageError if nothing takes a connection at the URL of a dashboard; nothing is sent.

    Behind a proxy of the environment this machine reaches the proxy alone, so nothing is asked there.
    """
    parts = urlsplit(url)
    if parts.scheme in getproxies() and not proxy_bypass(parts.hostname or ""):
        return
    if not listens(url):
        raise UsageError(silent(url, "nothing listens there"))


def listens(url: str) -> bool:
    """Whether anything takes a connection at a URL; nothing is said to it."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname, port), PATIENCE_S).close()
    except OSError:
        return False
    return True


def silent(url: str, why: str) -> str:
    """What to tell of a URL that does not answer."""
    return (
        f"no Ray dashboard answers at {url} ({why}); is the cluster up, and the tunnel (`ray dashboard`, `ssh -L`, "
        "`kubectl port-forward`)?"
    )
