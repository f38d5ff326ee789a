"""What a Move took, beside its state and its view: evaluations, seconds, gradients, and which decode was used."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from raysearch.sampling.guidance import Critic


@dataclass(frozen=True)
class Effort:
    """What a Move took, beside its state and its view.

    Attributes:
        nfe: network function evaluations.
        seconds: busy seconds of the replica.
        log_ratio: log p - log q.
        missing: the state of the parent could not be loaded, and nothing was done.
        gradients: reward gradients that the guide asked for.
        decode: which cheaper decode made the view (generator.preview); empty for the model's own.
        bytes: size of the state, where it goes to an object store.
        hash: of the state, where it goes to an object store.
        film_bytes: size of the frames that were kept for a film; 0 for none.
        decode_s: of the busy seconds, those in which the preview was decoded and reduced.
        judged: values of the rewards that the generator measures itself, by their names.
    """

    nfe: int = 0
    seconds: float = 0.0
    log_ratio: float = 0.0
    missing: bool = False
    gradients: int = 0
    bytes: int = 0
    hash: str = ""
    decode: str = ""
    film_bytes: int = 0
    decode_s: float = 0.0
    judged: dict[str, float] = field(default_factory=dict)


Made = Effort  # the name by which executors/ray knows it


class CountingCritic:
    """A critic that counts its calls."""

    def __init__(self, critic: Critic):
        self._critic, self.calls = critic, 0

    def __call__(self, view: np.ndarray, through_context: bool = True) -> tuple[float, np.ndarray]:
        self.calls += 1
        return self._critic(view, through_context)
