"""Break the network between nodes that share nothing: every time the result must be that of one process, bit for bit.

    python -m benchmarks.nodes [--faults FAULT ...]      about fifteen minutes; exits with 1 if anything differs

A head and a second node are machines of `machines.py`, with a token, and Ray's own settings; `raysearch run` drives.
`again`: finished Moves that were executed once more, which must be 0. `stall`: the longest time without an Outcome
after the fault. `lost`: seconds of work beyond those of the row `nothing`. `left`: states on each node at the end.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

os.environ.setdefault("RAY_AUTH_MODE", "token")

from benchmarks.nodes.cluster import Drive, RayCluster, drive
from benchmarks.nodes.machines import network, refusal

AFTER = 20  # Outcomes, before something breaks
LIMIT_S = 400.0  # for a run
LOOK_S = 0.1
CLOCKWORK = {
    "prompts": {"items": [f"a ball {k}" for k in range(3)]}, "search": {"name": "smc", "n": 8},
    "generator": {"name": "examples.clockwork:load", "model": "clockwork", "steps": 16, "fps": 8,
                  "call": {"seconds": 0.15}},
    "reward": {"name": "motion"}, "watch": [], "films": "none",
    "cluster": {"generators": {"replicas": 4, "num_cpus": 1, "resources": {"gen": 1}, "at_least": 1},
                "rewards": {"replicas": 1, "num_cpus": 1}},
}  # fmt: skip
TINY = {
    "prompts": {"heldout": 2}, "search": {"name": "smc", "n": 6}, "reward": {"name": "vjepa2", "model": "tiny"},
    "films": "none", "cluster": CLOCKWORK["cluster"],
}  # fmt: skip
WAN = {"height": 32, "width": 32, "num_frames": 9, "guidance_scale": 1.0}


@dataclass(frozen=True)
class Fault:
    """What breaks, and on which cluster.

    Attributes:
        strike: what is done to the second node, and undone; called with its machine until it returns None.
        cut_s: for how long the cable of the node without driver is pulled; None for never, inf for good.
        kills: the power of the second node is cut.
        late: the second node joins only after AFTER Outcomes.
        delay_ms: of each packet of the second node, each way.
        loss: share of its packets that are lost, each way.
        from_second: the driver runs on the second node, so that it is the head that is cut off.
        job: what is run.
        again: the run ends because of the fault, and the command is given again.
    """

    cut_s: float | None = None
    kills: bool = False
    late: bool = False
    delay_ms: float = 0.0
    loss: float = 0.0
    from_second: bool = False
    job: dict[str, Any] = field(default_factory=lambda: CLOCKWORK)
    again: bool = False


FAULTS = {
    "nothing": Fault(),
    "link cut for 5 s": Fault(cut_s=5),
    "link cut for 20 s": Fault(cut_s=20),
    "link cut for 45 s": Fault(cut_s=45),
    "link cut for good": Fault(cut_s=float("inf")),
    "1 % of packets lost": Fault(loss=0.01),
    "5 % of packets lost": Fault(loss=0.05),
    "20 ms each way": Fault(delay_ms=20),
    "100 ms each way": Fault(delay_ms=100),
    "node killed": Fault(kills=True),
    "node joins late": Fault(late=True),
    "head cut off for 10 s": Fault(cut_s=10, from_second=True),
    "head cut off for 50 s, again": Fault(cut_s=50, from_second=True, again=True),
    "tiny pair, link cut for 45 s": Fault(cut_s=45, job=TINY),
    "two ranks on two nodes": Fault(job={"ranks": True}),
}


@dataclass
class Found:
    """What came of a row."""

    hash: str = ""
    rewards: list[float] = field(default_factory=list)
    again: int = 0
    stall: float = 0.0
    worked: float = 0.0
    counters: dict[str, Any] = field(default_factory=dict)
    left: tuple[int, int] = (0, 0)
    log: str = ""


class Watch:
    """Follows a driver from outside, strikes once, and measures how long nothing arrives after that."""

    def __init__(self, fault: Fault, strike: Callable[[], None], mend: Callable[[], None]):
        self.fault, self._strike, self._mend = fault, strike, mend
        self.first = self.struck = self.last = self.stall = 0.0
        self.mended, self.count = False, 0

    def follow(self, run: Drive) -> None:
        """Until the driver ends."""
        limit = time.monotonic() + LIMIT_S
        while run.process.poll() is None and time.monotonic() < limit:
            now, count = time.monotonic(), len(run.recorded())
            if count != self.count:
                self.first, self.count, self.last = self.first or now, count, now
            elif self.struck:
                self.stall = max(self.stall, now - max(self.last, self.struck))
            if count >= AFTER and not self.struck:
                self._strike()
                self.struck = time.monotonic()
            if self.struck and not self.mended and now - self.struck > (self.fault.cut_s or 0.0):
                self._mend()
                self.mended = True
            time.sleep(LOOK_S)
        run.process.kill()
        run.process.wait()


def row(fault: Fault, job: dict[str, Any]) -> Found:
    """Put up the cluster, run the job on it, and break what is to break."""
    with network() as switch:
        cluster = RayCluster(switch)
        head = cluster.add(2, {"gen": 2})
        if not fault.late:
            cluster.add(3, {"gen": 2}, delay_ms=fault.delay_ms, loss=fault.loss)
        where = cluster.nodes[1 if fault.from_second else 0]
        other = (lambda: cluster.nodes[0]) if fault.from_second else (lambda: cluster.nodes[1])

        def strike() -> None:
            if fault.cut_s is not None:
                other().cut()
            if fault.kills:
                other().end()
            if fault.late:
                cluster.add(3, {"gen": 2})

        def mend() -> None:
            if fault.cut_s is not None:
                other().mend()

        watch = Watch(fault, strike, mend)
        run = drive(cluster, where, job, "run")
        watch.follow(run)
        if fault.again and not run.result():
            mend()
            run = drive(cluster, where, job, "run")
            watch.follow(run)
        found = _found(run, watch)
        alive = [machine for machine in cluster.nodes if machine.init.poll() is None]
        left = [run.latents(machine) for machine in alive]
        found.left = (left[0], left[1] if len(left) > 1 else -1)
        assert head is cluster.nodes[0]
    return found


def _found(run: Drive, watch: Watch) -> Found:
    result, keys = run.result(), run.recorded()
    found = Found(again=len(keys) - len(set(keys)), stall=watch.stall, log=run.log.read_text()[-3000:])
    found.worked = time.monotonic() - watch.first
    if result:
        found.hash, found.counters = result["hash"], result["budget"]["pools"].get("generators", {})
        found.rewards = [o["reward"] for s in result["searches"] for o in s.get("finals", [])]
    return found


def inline(job: dict[str, Any], folder: str) -> tuple[str, list[float]]:
    """The hash of the result of this process alone, and the rewards of the finals."""
    from raysearch import config, runs

    file = Path(folder, "inline.yaml")
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({**job, "run": f"{folder}/inline"}))
    with contextlib.redirect_stdout(sys.stderr):
        runs.run(config.load(str(file), ["cluster.executor=inline"]))
    result = json.loads(Path(folder, "inline", "result.json").read_text())
    return result["hash"], [o["reward"] for s in result["searches"] for o in s["finals"]]


def wan_job() -> dict[str, Any]:
    """A job on a tiny Wan with random weights, one replica of which has a rank on each node."""
    from examples.tiny_wan import wan

    folder = Path(tempfile.mkdtemp(prefix="raysearch-wan-", dir="/var/tmp"))
    wan().save_pretrained(folder)
    generators = {"replicas": 1, "num_cpus": 2, "ranks": 2, "across_nodes": True}
    return {
        "prompts": {"items": ["a ball"]}, "search": {"name": "best_of_n", "n": 12}, "reward": {"name": "motion"},
        "generator": {"model": str(folder), "steps": 4, "fps": 8, **WAN}, "watch": [], "films": "none",
        "cluster": {"generators": generators, "rewards": {"replicas": 1, "num_cpus": 1}},
    }  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faults", nargs="*", default=list(FAULTS), choices=list(FAULTS), metavar="FAULT",
                        help=f"which of: {', '.join(FAULTS)} (default: all)")  # fmt: skip
    parser.add_argument("--json", help="write the rows to this file too")
    args = parser.parse_args()
    if why := refusal():
        print(f"skipped: {why}")
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that everything is taken down
    print(f"{'what breaks':<30} same result  again     retried/replaced      stall s  work s  lost s  left", flush=True)
    wrong, known, usual, rows = 0, dict[str, tuple[str, list[float]]](), 0.0, dict[str, Any]()
    with tempfile.TemporaryDirectory() as folder:
        for number, name in enumerate(args.faults):
            fault = FAULTS[name]
            job = wan_job() if "ranks" in fault.job else fault.job
            text = json.dumps(job)
            if text not in known:
                known[text] = inline(job, f"{folder}/{number}")
            found = row(fault, job)
            usual = found.worked if name == "nothing" else usual
            right = _right(found, *known[text], exact="ranks" not in fault.job)
            wrong += not right
            rows[name] = _told(name, found, right, usual if job is CLOCKWORK else 0.0)
            if not right:
                print(found.log, file=sys.stderr)
    print(
        "every result as that of one process, no finished Move executed again" if not wrong else f"{wrong} rows WRONG"
    )
    if args.json:
        Path(args.json).write_text(json.dumps(rows, indent=1) + "\n")
    return int(wrong > 0)


def _right(found: Found, wanted: str, rewards: list[float], exact: bool) -> bool:
    """Whether a row is as it must be. Sums over several ranks round differently: there the rewards must be close."""
    if found.again or not found.hash:
        return False
    close = len(rewards) == len(found.rewards) and all(
        abs(a - b) <= 0.05 for a, b in zip(rewards, found.rewards, strict=True)
    )
    return found.hash == wanted if exact else close


def _told(name: str, found: Found, right: bool, usual: float) -> dict[str, Any]:
    """Print a row; returns it for the file."""
    counts = [found.counters.get(key, 0) for key in ("retries", "restarts")]
    lost = found.worked - usual if usual else float("nan")
    entry = {"same": right, "again": found.again, "retries": counts[0], "restarts": counts[1],
             "stall_s": round(found.stall, 1), "work_s": round(found.worked, 1),
             "lost_s": round(lost, 1) if usual else None, "left": found.left}  # fmt: skip
    print(
        f"{name:<30} {'yes' if right else 'NO':<11} {found.again:>6}  {counts[0]:>14}/{counts[1]:<9} "
        f"{found.stall:>7.1f} {found.worked:>7.1f} {lost:>7.1f}  {found.left}", flush=True,
    )  # fmt: skip
    return entry


if __name__ == "__main__":
    sys.exit(main())
