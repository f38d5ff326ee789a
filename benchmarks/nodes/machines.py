"""Machines that share nothing but this kernel: own network, address, host name, processes, /tmp, /dev/shm, run folder.

A switch (a bridge in a namespace of its own) joins them; a cable is a veth pair, whose far end can be taken down, or
the wire of `wire.py`, which delays and drops. All of it needs root; `refusal` says where it is not allowed. Ending a
machine ends every process on it, and with them its mounts.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

NET = "10.213.7"  # of the machines; it is seen nowhere else
ROOM = "512m"  # of /dev/shm of a machine
PATIENCE_S = 60.0


def refusal() -> str:
    """Why no machines can be made here; empty if they can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "namespaces need Linux and root"
    if lacking := [name for name in ("ip", "unshare", "nsenter", "mount") if shutil.which(name) is None]:
        return f"not installed: {', '.join(lacking)}"
    test = "mount -t tmpfs tmpfs /tmp && ip link add rsa type veth peer name rsb && ip link add rsc type bridge"
    done = subprocess.run(["unshare", "-m", "-n", "-p", "-f", "sh", "-c", test], capture_output=True, text=True)
    return "" if done.returncode == 0 else f"not allowed: {done.stderr.strip()[:200]}"


@dataclass
class Machine:
    """One of the machines.

    Attributes:
        name: its host name.
        address: its IPv4 address.
        port: the far end of its cable, at the switch.
        folder: a path at which it has a file system of its own.
        network: the switch.
        started: what was started on it.
    """

    name: str
    address: str
    port: str
    folder: Path
    network: Network
    init: subprocess.Popen[str]
    pid: int = 0
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(self, command: Sequence[str], log: Path, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Start a process on this machine; both its outputs go to the file `log` outside of it."""
        enter = ["nsenter", "-t", str(self.pid), "-m", "-u", "-n", "-p", "--", *command]
        with log.open("a") as out:
            made = subprocess.Popen(
                enter, stdout=out, stderr=out, stdin=subprocess.DEVNULL, text=True, env={**os.environ, **(env or {})}
            )
        self.started.append(made)
        return made

    def path(self, inside: Path | str) -> Path:
        """The path outside of what this machine knows as `inside`."""
        return Path(f"/proc/{self.pid}/root{inside}")

    def cut(self) -> None:
        """Pull its cable at the switch: nobody is told, packets are lost."""
        self.network.ip("link", "set", self.port, "down")

    def mend(self) -> None:
        """Plug its cable in again."""
        self.network.ip("link", "set", self.port, "up")

    def end(self) -> None:
        """Cut its power."""
        self.init.kill()
        self.init.wait()
        for process in self.started:
            process.kill()
            process.wait()


class Network:
    """A switch and the machines on it.

    Args:
        root: a folder that all of them see, for logs; below it each has its own file system at `run`.
    """

    def __init__(self, root: Path):
        self.root, self.machines, self.wires = root, list[Machine](), list[subprocess.Popen[bytes]]()
        self._tag = f"rs{os.getpid() % 100_000}"
        _do("ip", "netns", "add", self._tag)
        self.ip("link", "add", "hub", "type", "bridge")
        self.ip("link", "set", "hub", "up")

    def ip(self, *words: str) -> None:
        """`ip` at the switch."""
        _do("ip", "-n", self._tag, *words)

    def machine(self, name: str, delay_ms: float = 0.0, loss: float = 0.0) -> Machine:
        """Put up a machine; its cable delays each packet, and loses this share of them."""
        number = len(self.machines) + 1
        folder = self.root / "run"
        folder.mkdir(exist_ok=True)
        mounts = f"mount -t tmpfs tmpfs /tmp; mount -t tmpfs -o size={ROOM} tmpfs /dev/shm"
        script = f"set -e; {mounts}; mount -t tmpfs tmpfs {folder}; hostname {name}; ip link set lo up; sleep infinity"
        init = subprocess.Popen(
            ["unshare", "-m", "-u", "-n", "-p", "-f", "--kill-child=KILL", "--mount-proc", "sh", "-c", script],
            text=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        made = Machine(name, f"{NET}.{number}", f"port{number}", folder, self, init)
        self.machines.append(made)
        made.pid = _child(init)
        self._plug(made, delay_ms, loss)
        return made

    def _plug(self, machine: Machine, delay_ms: float, loss: float) -> None:
        """Lay the cable of a machine: a veth pair, or the wire where it is to be bad."""
        here, there = f"{self._tag}a", f"{self._tag}b"
        bad = delay_ms > 0 or loss > 0
        if bad:
            self.wires.append(wire(here, there, delay_ms, loss))
        else:
            _do("ip", "link", "add", here, "type", "veth", "peer", "name", there)
        _do("ip", "link", "set", here, "netns", str(machine.pid), "name", "eth0")
        _do("ip", "link", "set", there, "netns", self._tag, "name", machine.port)
        inside = ["nsenter", "-t", str(machine.pid), "-n", "ip"]
        _do(*inside, "addr", "add", f"{machine.address}/24", "dev", "eth0")
        _do(*inside, "link", "set", "eth0", "up")
        self.ip("link", "set", machine.port, "master", "hub", "up")

    def end(self) -> None:
        """End all machines, and take the switch away."""
        for machine in self.machines:
            machine.end()
        for process in self.wires:
            process.kill()
            process.wait()
        _do("ip", "netns", "del", self._tag)


@contextlib.contextmanager
def network() -> Iterator[Network]:
    """A switch without machines; all that was put up is gone afterwards."""
    root = Path(tempfile.mkdtemp(prefix="raysearch-nodes-", dir="/var/tmp"))  # /tmp is that of each machine
    made = Network(root)
    try:
        yield made
    finally:
        made.end()
        shutil.rmtree(root, ignore_errors=True)


def wire(here: str, there: str, delay_ms: float, loss: float) -> subprocess.Popen[bytes]:
    """Two network interfaces, joined by a process that delays packets and drops some; returns once they are there."""
    command = [sys.executable, "-m", "benchmarks.nodes.wire", here, there, str(delay_ms), str(loss)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    if process.stdout.readline() != b"up\n":
        process.kill()
        raise RuntimeError("the wire does not come up")
    return process


def _child(process: subprocess.Popen[str]) -> int:
    """The first process within the new namespaces, once its mounts are there."""
    children, deadline = Path(f"/proc/{process.pid}/task/{process.pid}/children"), time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and process.poll() is None:
        found = children.read_text().split()
        if found and "sleep" in Path(f"/proc/{found[0]}/task/{found[0]}/children").read_text() + _names(found[0]):
            return int(found[0])
        time.sleep(0.05)
    raise RuntimeError("a machine does not come up: see the message above")


def _names(pid: str) -> str:
    with contextlib.suppress(OSError):
        words = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return " ".join(Path(f"/proc/{child}/comm").read_text() for child in words)
    return ""


def _do(*command: str) -> None:
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
