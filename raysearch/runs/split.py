"""How to share GPUs between generators and rewards: some for rewards alone, or a pair on each (`placement: paired`)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Split:
    """A way to share GPUs.

    Attributes:
        generators: GPUs of generators.
        rewards: GPUs for rewards alone; 0 where each generator shares its GPU with a reward replica.
        seconds: until all is done, if every GPU always has work.
        busy: share of that in which the GPUs of the rewards work; of the pairs, in which rewards compute.
    """

    generators: int
    rewards: int
    seconds: float
    busy: float

    @property
    def text(self) -> str:
        """For people."""
        if not self.rewards:
            return f"paired on all {self.generators}: {self.seconds / 3600:.1f} h (rewards {self.busy:.0%} of the time)"
        return (
            f"{self.generators} for generators and {self.rewards} for rewards: {self.seconds / 3600:.1f} h "
            f"(the latter {self.busy:.0%} busy)"
        )


def splits(gpus: int, generate_s: float, score_s: float, ranks: int = 1) -> list[Split]:
    """The ways to share GPUs, the fastest first; of those with GPUs for rewards alone only the best.

    Args:
        gpus: how many there are.
        generate_s: seconds that one generator replica would need for everything.
        score_s: seconds that one reward replica would need.
        ranks: GPUs of a generator replica.
    """
    found = []
    if replicas := gpus // ranks:
        total = generate_s + score_s
        found.append(Split(gpus, 0, total / replicas, score_s / max(total, 1e-9)))
    alone = []
    for rewards in range(1, gpus):
        if replicas := (gpus - rewards) // ranks:
            seconds = max(generate_s / replicas, score_s / rewards)
            alone.append(Split(gpus - rewards, rewards, seconds, score_s / rewards / max(seconds, 1e-9)))
    if alone:
        found.append(min(alone, key=lambda split: split.seconds))
    return sorted(found, key=lambda split: split.seconds)
