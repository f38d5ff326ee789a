"""`python -m raysearch.submit.address NODE ...`: the address at which other nodes reach this one.

What `hostname` answers may be an IPv6 address, 127.0.1.1, or that of a bridge inside the machine. The kernel knows
better: the source address of the route to another node of the job is one at which that node can answer. Nothing is
sent. A job of one node has nobody to reach, and any address will do.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Iterable, Iterator
from ipaddress import IPv4Address

PORT = 9  # of the route asked for; a datagram socket that is only connected sends nothing
FAR = "192.0.2.1"  # an address kept for documentation: asks for the way out of the machine


def address(nodes: Iterable[str], route: Callable[[str], Iterator[str]] | None = None) -> str:
    """The IPv4 address of this machine towards the first of the nodes that is not this machine.

    Args:
        nodes: names or addresses of all nodes of the job; this one may be among them.
        route: gives the source addresses towards a name; by default, asks the kernel.
    """
    found = [own for name in (*nodes, FAR, socket.gethostname()) for own in (route or towards)(name)]
    return next((own for own in found if _reachable(own)), "127.0.0.1")


def towards(name: str) -> Iterator[str]:
    """The source addresses that the kernel would use towards a name, one for each of its IPv4 addresses."""
    try:
        targets = {str(info[4][0]) for info in socket.getaddrinfo(name, PORT, socket.AF_INET, socket.SOCK_DGRAM)}
    except OSError:  # a name that is not known here
        return
    for target in sorted(targets):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            try:
                asking.connect((target, PORT))
                own = str(asking.getsockname()[0])
            except OSError:  # no route
                continue
        if own != target:  # else the name is this machine, whose own address may be 127.0.1.1 or that of a bridge
            yield own


def _reachable(own: str) -> bool:
    given = IPv4Address(own)
    return not (given.is_loopback or given.is_link_local or given.is_unspecified)


if __name__ == "__main__":
    print(address(sys.argv[1:]))
