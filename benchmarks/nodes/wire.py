"""A bad cable: two TAP interfaces, and a process that carries packets between them late, or not at all.

    python -m benchmarks.nodes.wire HERE THERE DELAY_MS LOSS

It stands in for the kernel's netem where that is not built in. Each direction delays by DELAY_MS and loses the share
LOSS of its packets, drawn from a fixed seed. Prints `up` once the interfaces are there, and ends when it is killed.
"""

from __future__ import annotations

import fcntl
import heapq
import os
import random
import select
import struct
import sys
import time

SET_IFF, TAP, NO_INFO = 0x400454CA, 0x0002, 0x1000  # of linux/if_tun.h
LARGEST = 65536
WAITING = 20_000  # packets on the way, beyond which it drops as a full router does


def interface(name: str) -> int:
    """Make a TAP interface. Returns its file descriptor."""
    made = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(made, SET_IFF, struct.pack("16sH22x", name.encode(), TAP | NO_INFO))
    return made


def carry(ends: tuple[int, int], delay_s: float, loss: float) -> None:
    """Carry packets between both ends for ever."""
    chance, number = random.Random(0), 0
    under_way: list[tuple[float, int, int, bytes]] = []  # when due, in which order, to where, what
    while True:
        pause = max(0.0, under_way[0][0] - time.monotonic()) if under_way else None
        for end in select.select(ends, [], [], pause)[0]:
            packet = _read(end)
            if packet and len(under_way) < WAITING and chance.random() >= loss:
                number += 1
                heapq.heappush(under_way, (time.monotonic() + delay_s, number, ends[end == ends[0]], packet))
        while under_way and under_way[0][0] <= time.monotonic():
            _, _, end, packet = heapq.heappop(under_way)
            _write(end, packet)


def _read(end: int) -> bytes:
    try:
        return os.read(end, LARGEST)
    except OSError:  # an interface that is down
        return b""


def _write(end: int, packet: bytes) -> None:
    try:
        os.write(end, packet)
    except OSError:
        return


if __name__ == "__main__":
    both = interface(sys.argv[1]), interface(sys.argv[2])
    print("up", flush=True)
    carry(both, float(sys.argv[3]) / 1000, float(sys.argv[4]))
