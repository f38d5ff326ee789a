"""The actors of both pools: a replica of a generator (one process, or one per rank) and a replica of the rewards.

An actor is placed first and loads its model when told to, so that the driver knows its node and can stagger loading:
many replicas reading weights at once fill the memory of a host, and Ray then kills the newest. Answers come in two
parts, large objects that only travel between actors and a small one for the driver.
"""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import ray

from raysearch.sampling.state import State
from raysearch.sampling.workers import GeneratorWorker, RewardWorker, colocated


@dataclass(frozen=True)
class Place:
    """Where an actor came to live. meeting: an address on which it could gather the ranks of its replica.

    blind: it was given a GPU that its PyTorch cannot see.
    """

    node: str
    pid: int
    meeting: str
    blind: bool


class _Actor:
    def __init__(self, gpus: float):
        self.gpus = gpus

    def where(self) -> Place:
        blind = False
        if self.gpus:
            import torch

            seen, due = torch.cuda.device_count(), max(1, int(self.gpus))
            blind = not torch.cuda.is_available()
            if seen != due and not blind:
                raise RuntimeError(
                    f"this replica was promised {due} GPU and sees {seen}: CUDA_VISIBLE_DEVICES is wrong"
                )
        with socket.socket() as free:
            free.bind(("", 0))
            port = free.getsockname()[1]
        address = ray.util.get_node_ip_address()
        return Place(ray.get_runtime_context().get_node_id(), os.getpid(), f"tcp://{address}:{port}", blind)

    def _device(self) -> str:
        import torch

        return "cuda" if self.gpus and torch.cuda.is_available() else "cpu"


class GeneratorActor(_Actor):
    """One rank of a generator replica; most have but one."""

    def __init__(
        self, gpus: float, config: Any, threads: int, store: str | None, critics: list[dict[str, Any]] | None = None
    ):
        super().__init__(gpus)
        self._config, self._threads, self._store, self._critics = config, threads, store, critics

    def load(self, rank: int = 0, ranks: int = 1, meeting: str = "") -> None:
        device, critic = self._device(), None
        if self._critics is not None:
            critic = partial(colocated, self._critics, self._threads, device, self._config.fps)
        self.worker = GeneratorWorker(self._config, None, self._threads, device, self._store, critic, saves=rank == 0)
        if ranks > 1:
            from raysearch.generators.parallel import split

            split(self.worker.model, rank, ranks, meeting)

    def advance(
        self, size: int | None, move: Any, key: str, prompt: Any, parent: State | None, critic: Any = None
    ) -> tuple:
        """(state, view, what it took). size: side of the view for rewards; critic: whom guides ask, if elsewhere."""
        self.worker.size = size
        state, view, made = self.worker.advance(move, key, prompt, parent, critic)
        if state is not None:
            made = replace(
                made, bytes=state.nbytes, hash=hashlib.blake2b(state.x.tobytes(), digest_size=16).hexdigest()
            )
        return state, view, made

    def follow(self, move: Any, key: str, prompt: Any, parent: State | None) -> None:
        """A rank that is not the leader: the same network evaluations from the same parent, nothing decoded or kept."""
        self.worker.advance(replace(move, score=False), key, prompt, parent)

    def film(self, key: str, prompt: Any, state: State | None) -> bytes | None:
        return self.worker.film(key, prompt, state)


class RewardActor(_Actor):
    def __init__(self, gpus: float, specs: list[dict[str, Any]], threads: int, fps: float | None):
        super().__init__(gpus)
        self._specs, self._threads, self._fps = specs, threads, fps

    def load(self) -> int | None:
        """Side of the view that serves all rewards."""
        self.worker = RewardWorker(self._specs, self._threads, self._device(), self._fps)
        return self.worker.size()

    def score(self, view: Any, prompt: Any) -> tuple[dict[str, float | str], float]:
        return self.worker.score(view, prompt)

    def gradient(self, view: Any) -> tuple[float, Any]:
        return self.worker.gradient(view)


class Group:
    """The actors of one replica: a leader, which is asked, and the other ranks, which follow it call by call.

    ended: called after the actors were killed, to give back what they stood on.
    """

    def __init__(self, actors: list[Any], ended: Callable[[], None] = lambda: None):
        self.leader, self.peers, self._ended = actors[0], actors[1:], ended

    def where(self) -> list[Any]:
        return [actor.where.remote() for actor in (self.leader, *self.peers)]

    def load(self, meeting: str) -> list[Any]:
        if not self.peers:
            return [self.leader.load.remote()]
        ranks = (self.leader, *self.peers)
        return [actor.load.remote(rank, len(ranks), meeting) for rank, actor in enumerate(ranks)]

    def kill(self) -> None:
        for actor in (self.leader, *self.peers):
            ray.kill(actor)
        self._ended()
