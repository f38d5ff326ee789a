"""One table for every kind of fuzzing: how often each verdict was given, and examples of those that must not be."""

from __future__ import annotations

from collections import Counter, defaultdict

VERDICTS = ("right", "clear", "traceback", "hang", "crash", "silently wrong")
GOOD = ("right", "clear")


class Table:
    """Verdicts by kind of input, with a few examples of each bad one."""

    def __init__(self) -> None:
        self.counts: dict[str, Counter[str]] = defaultdict(Counter)
        self.examples: dict[tuple[str, str], list[str]] = defaultdict(list)

    def add(self, kind: str, verdict: str, example: str = "") -> None:
        """Count one input. verdict: one of VERDICTS."""
        self.counts[kind][verdict] += 1
        if verdict not in GOOD and len(self.examples[kind, verdict]) < 5:
            self.examples[kind, verdict].append(example)

    @property
    def bad(self) -> int:
        """How many inputs got a verdict that must not be."""
        return sum(n for counts in self.counts.values() for verdict, n in counts.items() if verdict not in GOOD)

    def text(self) -> str:
        """The table and the examples, for a terminal."""
        lines = [f"{'kind':<24}" + "".join(f"{v:>16}" for v in VERDICTS)]
        for kind, counts in sorted(self.counts.items()):
            lines.append(f"{kind:<24}" + "".join(f"{counts[v]:>16}" for v in VERDICTS))
        for (kind, verdict), examples in sorted(self.examples.items()):
            lines += [f"\n{verdict}, {kind}:", *(f"  {e}" for e in examples)]
        return "\n".join(lines)
