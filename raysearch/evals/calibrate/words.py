"""A calibration in words, for a terminal."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator

from raysearch.evals.calibrate.fusion import Fusion
from raysearch.evals.calibrate.noticed import Noticed
from raysearch.evals.calibrate.statistics import Interval
from raysearch.evals.calibrate.study import Calibration, VerifierRow
from raysearch.report.markup import count, number


def lines(c: Calibration) -> Iterator[str]:
    """Every line to print."""
    truth = f"truth: {c.truth}" if c.truth else "no truth"
    sizes = f"{count(c.prompts, 'prompt')}, {count(c.scenes, 'scene')}, {c.candidates:.3g} candidates each"
    yield f"{c.source}: {sizes}, {truth}"
    if c.truth:
        yield ""
        yield from _ranked(c)
    if any(r.noticed for r in c.rows):
        yield ""
        yield from _noticed(c)
    if c.previews:
        yield ""
        yield from _previews(c)
    yield ""
    yield from _strengths(c)
    if c.fusions:
        yield ""
        yield from _fused(c)
    for note in c.notes:
        yield f"note: {note}"


def span(x: Interval, sign: bool = True) -> str:
    """`+.47 [+.34, +.60]`."""
    value, low, high = (f"{v:+.2f}" if sign else f"{v:.2f}" for v in (x.value, x.low, x.high))
    return value if math.isnan(x.low) else f"{value} [{low}, {high}]"


def shares(x: Interval) -> str:
    """A paired share, whose interval is kept less 1/2: `.94 [.79, 1.00]`."""
    value, low, high = (f"{min(max(v + 0.5, 0.0), 1.0):.2f}" for v in (x.value, x.low, x.high))
    return value if math.isnan(x.low) else f"{value} [{low}, {high}]"


def pasted(f: Fusion) -> list[str]:
    """What to paste into a job, one line each."""
    choose = json.dumps(f.choose).replace('"', "")
    return [f"choose: {choose}"] + ([f"reward: {json.dumps(f.fuse).replace(chr(34), '')}"] if f.fuse else [])


def _ranked(c: Calibration) -> Iterator[str]:
    width = max(len(r.label) for r in c.rows)
    yield f"{'verifier':<{width}}  verdict                rank correlation     share of oracle's gain      s/score"
    for r in c.rows:
        assert r.ranking is not None and r.worth is not None
        cost = f"{r.seconds:8.3f}" if math.isfinite(r.seconds) else "       -"
        yield (f"{r.label:<{width}}  {r.verdict:<21}  {span(r.ranking.rho):<20} {span(r.worth.share):<24} {cost}"
               + ("  (control)" if r.role == "control" else ""))  # fmt: skip
    yield from (f"  {r.label}: {r.why}" for r in c.rows if r.why)
    yield from _worth(c.rows[0])


def _worth(r: VerifierRow) -> Iterator[str]:
    if (w := r.worth) is not None:
        yield (f"  choosing by {r.label}: {w.chosen:.4g}, random choice {w.random:.4g}, oracle {w.oracle:.4g}; "
               f"over random {span(w.gain)}, regret {span(w.regret)}")  # fmt: skip


def _noticed(c: Calibration) -> Iterator[str]:
    rows = [(r, r.noticed) for r in c.rows if r.noticed is not None]
    names = list(dict.fromkeys(n for _, found in rows for n in found.by))
    width, wide = max(map(len, names)), [max(len(r.label), 5) for r, _ in rows]
    clips = max(p.clips for _, found in rows for p in found.by.values())
    yield f"How often the clip is preferred to its corruption ({count(clips, 'clip')}; .50 is chance)"
    yield f"{'':<{width}}  " + "  ".join(f"{r.label:>{w}}" for (r, _), w in zip(rows, wide, strict=True))
    for name in names:
        cells = [f"{_share(found, name):>{w}}" for (_, found), w in zip(rows, wide, strict=True)]
        yield f"{name:<{width}}  {'  '.join(cells)}  {rows[0][1].by[name].group if name in rows[0][1].by else ''}"
    for r, found in rows:
        yield f"  {r.label}: {found.verdict}, violations {shares(found.violations)}" + (
            f"; {found.why}" if found.why else "")  # fmt: skip


def _share(found: Noticed, name: str) -> str:
    return f"{found.by[name].share.value + 0.5:.2f}" if name in found.by else "-"


def _previews(c: Calibration) -> Iterator[str]:
    yield "Previews         agreement with the final   worst  slope" + "   rank correlation with the truth" * bool(
        c.truth
    )
    for p in c.previews:
        truth = f"   {span(p.truth):<20}" if p.truth else ""
        yield (f"step {p.step:>2} of {p.of:<5}  {span(p.agreement):<25}  {p.worst:+.2f}  {p.slope:5.2f}{truth}"
               + (f"   {p.use}" if p.use else ""))  # fmt: skip
    good = [p for p in c.previews if p.use]
    if not good:
        yield "  no read knows enough of the final to drop candidates by it"
        return
    quarter = next((f", keep a quarter from step {p.step} on" for p in good if p.use != "halve"), "")
    reads = ", ".join(f"{p.step / p.of:.2f}" for p in good)
    yield f"  search.reads=[{reads}]: halve from step {good[0].step} on{quarter}"


def _strengths(c: Calibration) -> Iterator[str]:
    for s in c.strengths:
        if not math.isfinite(s.lam):
            yield f"{s.label}: its scores do not differ within any prompt, so there is no lambda for it"
            continue
        text = (
            f"{s.label}: spread {s.spread:.3g} within prompts; lambda as strong as best of 16: {number(s.lam)} "
            f"(search.lam={{sd: 1.9, spread: {s.spread:.3g}}}; a guide with norm=variance: scale {number(s.lam)})"
        )
        if s.r is not None:
            text += f"; times its correlation with the truth ({span(s.r)}): {number(s.tempered)}"
        yield text


def _fused(c: Calibration) -> Iterator[str]:
    width = max(len(f.name) for f in c.fusions)
    yield f"{'fused, scenes left out':<{width}}  share of oracle's gain  more than {c.rows[0].label} alone"
    for f in c.fusions:
        yield f"{f.name:<{width}}  {span(f.share):<22}  {span(f.more)}"
    best = next((f for f in c.fusions if f.name == c.recommended), None)
    if best is None:
        yield f"  none takes clearly more than {c.rows[0].label} alone, so keep to it"
    else:
        yield f"  {best.name} takes clearly more; to use it:"
        yield from (f"    {line}" for line in pasted(best))
