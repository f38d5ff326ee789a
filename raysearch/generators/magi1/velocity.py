"""The velocity of every chunk in flight: the passes of MAGI-1's network that a step takes, and how they are mixed.

It is a function of the latents and the step alone. A base model predicts with past and caption (C), with past alone (R)
and without either (U); below t = .3 the velocity is 1.5 R - .5 U + 7.5 (C - R), from there on R. Passes that cannot
change the result are left out, also those to which the scales give no weight. A distilled model predicts C alone, told
how long its steps are.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from raysearch.generators.magi1.memo import Memo
from raysearch.generators.magi1.network import Layers, Network, Words
from raysearch.generators.magi1.stages import FRAMES, PAST_SCALE, TEXT_SCALE, Shortcut, Stages
from raysearch.generators.magi1.times import (
    CLEAN,
    NEARLY_CLEAN,
    blurred,
    distance,
    past_is_trusted_less,
    table,
)


@dataclass
class Velocity:
    """The velocity field of one prompt.

    Attributes:
        network: of all prompts.
        stages: which chunk moves when.
        caption: what each chunk is to show.
        null: the words in place of a caption.
        distilled: whether the network predicts with few steps and without guidance.
        memo: of finished chunks; may be shared by prompts.
        text_scale: of guidance by the caption, below t = .3.
        past_scale: of guidance by earlier chunks, below t = .3.
        shortcut: lengths of the steps of a distilled model that takes 12.
    """

    network: Network
    stages: Stages
    caption: Words
    null: Words
    distilled: bool
    memo: Memo
    text_scale: float = TEXT_SCALE
    past_scale: float = PAST_SCALE
    shortcut: Shortcut = "8,16,16"
    times: Tensor = field(init=False)

    def __post_init__(self) -> None:
        self.times = table(self.stages.each, self.shortcut)

    def __call__(self, x: Tensor, k: int) -> Tensor:
        """The velocity x0 - eps [B, n, 16, 6, h, w] of the chunks in flight at step k, oldest first.

        Args:
            x: latents [B, 16, F, h, w] of the whole video, in which what is given stands clean.
            k: the step; all particles are at the same one.
        """
        step = _Step(self, x, k)
        return step.distilled() if self.distilled else step.guided()


class _Step:
    """The passes over the chunks in flight at one step."""

    def __init__(self, of: Velocity, x: Tensor, k: int):
        flight = of.stages.flight(k)
        self.of, self.x, self.ids, self.since = of, x, [c for c, _ in flight], of.stages.since(flight)
        self.t = of.times[[n for _, n in flight]]
        self.begins = of.stages.begins(k)
        self.distance = distance(of.stages.each, flight[0][1], of.shortcut) if of.distilled else None
        self.remembered = distance(of.stages.each, 0, of.shortcut) if of.distilled else None
        self.chunks = chunked(x)[:, self.ids[0] : self.ids[-1] + 1]

    def guided(self) -> Tensor:
        """A base model's velocity."""
        of, guided = self.of, blurred(self.t)
        # younger chunks are noisier, so those from `first` on are guided
        first = int(guided.nonzero()[0]) if guided.any() else len(guided)
        weights = (1 - of.past_scale, of.past_scale - of.text_scale, of.text_scale)
        some = self.seeing(of.null, dropped=True) if first or weights[1] else None
        if some is not None and first == len(guided):
            return some
        parts = [weights[0] * self.alone(of.null, True, first)] if weights[0] else []
        parts += [weights[1] * some[:, first:]] if some is not None and weights[1] else []
        parts += [weights[2] * self.seeing(of.caption, dropped=False)[:, first:]] if weights[2] else []
        mixed = sum(parts[1:], parts[0])
        return mixed if some is None else torch.cat([some[:, :first], mixed], 1)

    def distilled(self) -> Tensor:
        """A distilled model's velocity."""
        v = self.seeing(self.of.caption, dropped=False)
        if not past_is_trusted_less(self.t[0]):
            return v
        own = self.alone(self.of.caption, False, 0, 1)
        return torch.cat([NEARLY_CLEAN * v[:, :1] + (1 - NEARLY_CLEAN) * own, v[:, 1:]], 1)

    def seeing(self, words: Words, dropped: bool) -> Tensor:
        """The prediction for all chunks in flight, with the chunks before them."""
        first, needed = self.ids[0], range(min(self.since), self.ids[0])
        past = [self.clean(c, dropped) for c in needed]
        return self._run(self.chunks, self.t, first, words, dropped, self.since, past)

    def alone(self, words: Words, dropped: bool, first: int, last: int | None = None) -> Tensor:
        """The prediction for chunks in flight, each by itself."""
        part = slice(first, last)
        return self._run(self.chunks[:, part], self.t[part], self.ids[first], words, dropped)

    def clean(self, c: int, dropped: bool) -> Layers:
        """Keys and values of the finished chunk c. They serve as given: no gradient flows through them.

        Where a chunk has just been finished, the pass with the caption is published to see it once as that pass itself
        would remember it; from the next step on, as the pass without a caption does.
        """
        just = self.begins and c == self.ids[0] - 1 and c >= self.of.stages.past
        dropped = False if self.of.distilled else dropped if just else True
        made = [self._remembered(chunk[None], c, dropped) for chunk in chunked(self.x.detach())[:, c]]
        if len(made) == 1:
            return made[0]
        return [tuple(torch.cat(parts) for parts in zip(*layer, strict=True)) for layer in zip(*made, strict=True)]  # type: ignore[misc]

    @torch.no_grad()
    def _remembered(self, chunk: Tensor, c: int, dropped: bool) -> Layers:
        def make() -> Layers:
            return self.of.network.remember(chunk, c, CLEAN, self.of.null, dropped, self.remembered)

        return self.of.memo.get(chunk, (c, dropped, self.remembered), make)

    def _run(
        self, chunks: Tensor, t: Tensor, first: int, words: Words, dropped: bool, since: list[int] | None = None,
        past: list[Layers] | None = None,
    ) -> Tensor:  # fmt: skip
        out: Tensor = self.of.network(
            chunks, t.to(chunks.device), first, words, dropped, since, past or [], self.distance
        )
        return out


def chunked(x: Tensor) -> Tensor:
    """Latents [B, 16, F, h, w] as chunks [B, F / 6, 16, 6, h, w]."""
    return x.reshape(*x.shape[:2], -1, FRAMES, *x.shape[3:]).transpose(1, 2)


def unchunked(chunks: Tensor) -> Tensor:
    """The inverse of `chunked`."""
    return chunks.transpose(1, 2).flatten(2, 3)
