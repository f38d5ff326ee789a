"""The actors of both pools: a replica of a generator (one process, or one per rank) and a replica of the rewards.

An actor is placed first and loads its model when told to, so that the driver knows its node and can stagger loading:
many replicas that read weights at once fill the memory of a host, and Ray then kills the newest. Answers come in two
parts: large objects, which only travel between actors, and a small one for the driver.
"""

from __future__ import annotations

import hashlib
import os
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import ray

from raysearch.config.settings import GeneratorConfig
from raysearch.moves import Move
from raysearch.prompts import Prompt
from raysearch.sampling.guidance import Critic
from raysearch.sampling.state import State, Store
from raysearch.sampling.workers import Footage, GeneratorWorker, Made, RewardWorker, colocated

WRITING, ENCODING = "writing", "encoding"  # threads of a generator's actor for what runs beside the next Move

Handle = Any  # the handle of an actor, whose methods Ray makes at run time


@dataclass(frozen=True)
class Place:
    """Where Ray placed an actor.

    Attributes:
        node: id of the node.
        pid: process id.
        meeting: an address at which the actor can gather the ranks of its replica.
        gpu_unseen: whether it was given a GPU that its PyTorch cannot see.
        store_unseen: whether its node does not see the folder of states that the driver writes to.
    """

    node: str
    pid: int
    meeting: str
    gpu_unseen: bool
    store_unseen: bool = False


class _Actor:
    """What both kinds of actors have in common. gpus: the number of GPUs that Ray reserved."""

    def __init__(self, gpus: float):
        self.gpus = gpus

    def where(self) -> Place:
        """Where it was placed. Raises RuntimeError if it sees another number of GPUs than it was given."""
        unseen = False
        if self.gpus:
            import torch

            seen, due = torch.cuda.device_count(), max(1, int(self.gpus))
            unseen = not torch.cuda.is_available()
            if seen != due and not unseen:
                raise RuntimeError(
                    f"this replica was promised {due} GPU and sees {seen}: CUDA_VISIBLE_DEVICES is wrong"
                )
        with socket.socket() as free:
            free.bind(("", 0))
            port = free.getsockname()[1]
        address = ray.util.get_node_ip_address()  # type: ignore[no-untyped-call,unused-ignore]
        return Place(ray.get_runtime_context().get_node_id(), os.getpid(), f"tcp://{address}:{port}", unseen)

    def _device(self) -> str:
        import torch

        return "cuda" if self.gpus and torch.cuda.is_available() else "cpu"


class GeneratorActor(_Actor):
    """One rank of a generator replica; most replicas have one rank only.

    Args:
        gpus: number of GPUs that Ray reserved for it.
        config: configuration of the generator.
        threads: CPU threads that PyTorch may use.
        store: folder in which states outlive their node; None for none.
        critics: specification of the reward that guides ask in this process; None if they ask reward replicas.
        mark: what the driver has written into the folder; empty where every node is sure to see it.
        judges: specifications of the rewards that are measured on generators.
    """

    def __init__(
        self, gpus: float, config: GeneratorConfig, threads: int, store: str | None,
        critics: list[dict[str, Any]] | None = None, mark: str = "", judges: Sequence[dict[str, Any]] = (),
    ):  # fmt: skip
        super().__init__(gpus)
        self._config, self._threads, self._store, self._critics = config, threads, store, critics
        self._mark, self._judges = mark, judges

    def where(self) -> Place:
        """Where it was placed, and whether it sees the folder of states."""
        unseen = bool(self._mark and self._store) and not Store(str(self._store)).marked(self._mark, patience_s=3.0)
        return replace(super().where(), store_unseen=unseen)

    def load(self, rank: int, ranks: int, meeting: str, encoders: bool) -> None:
        """Load the model, and split it over the ranks, which gather at the address `meeting`.

        Without `encoders`, what encodes prompts is loaded when a prompt comes without its conditions.
        """
        device, critic = self._device(), None
        if self._critics is not None:
            critic = partial(colocated, self._critics, self._threads, device, self._config.fps)
        self.worker = GeneratorWorker(
            self._config,
            None,
            self._threads,
            device,
            self._store,
            critic,
            saves=False,
            specs=self._judges,
            encoders=encoders,
        )
        if ranks > 1:
            from raysearch.generators.parallel import split

            _gather_by(meeting)
            split(self.worker.model, rank, ranks, meeting)

    def drop(self, keys: list[str]) -> None:
        """Delete states from the folder of this node."""
        if self._store:
            Store(self._store).drop(keys)

    def conditions(self, prompt: Prompt, variant: str | None) -> tuple[Any | None, tuple[int, float]]:
        """The conditions of a prompt in a wording, for all replicas; their bytes, 0 if they cannot be sent, and the
        seconds it took."""
        began = time.perf_counter()
        made = self.worker.conditions(prompt, variant)
        return made, (0 if made is None else max(getattr(made, "nbytes", 1), 1), time.perf_counter() - began)

    def advance(
        self, size: int | None, move: Move, key: str, prompt: Prompt, parent: State | None, conditions: Any | None,
        critic: Critic | None = None, films: bool = False,
    ) -> tuple[State | None, np.ndarray | None, Footage | None, Made]:  # fmt: skip
        """Carry out a Move.

        Args:
            size: side of the square view that the rewards want; None for frames as they are.
            move: the Move.
            key: key of the state it makes.
            prompt: its prompt.
            parent: the state it starts from.
            conditions: of the prompt, which are computed here if they are not given.
            critic: whom guides ask, if not this process.
            films: whether the frames of a finished state are kept for its film.

        Returns:
            State, view, what a film shows (None of a state that is not finished), and the small report for the driver.
        """
        self.worker.size = size
        shot: list[Footage] = []
        film = shot.append if films else None
        state, view, made = self.worker.advance(move, key, prompt, parent, critic, film=film, conditions=conditions)
        if state is not None:
            carried = b"" if state.x0 is None else state.x0.tobytes()
            digest = hashlib.blake2b(state.x.tobytes() + carried, digest_size=16).hexdigest()
            made = replace(made, bytes=state.nbytes, hash=digest)
        if not shot:
            return state, view, None, made
        return state, view, shot[0], replace(made, film_bytes=shot[0][0].nbytes)

    def follow(self, move: Move, key: str, prompt: Prompt, parent: State | None, conditions: Any | None) -> None:
        """As a rank that is not the leader: make the same network evaluations; decode and keep nothing."""
        self.worker.advance(move, key, prompt, parent, shows=False, conditions=conditions)

    def save(self, key: str, state: State) -> float:
        """Write a state to the store, in the thread WRITING. Returns the seconds it took."""
        began = time.perf_counter()
        self.worker.save(key, state)
        return time.perf_counter() - began

    def frames(
        self, key: str, prompt: Prompt, state: State | None, conditions: Any | None
    ) -> tuple[Footage | None, float | None]:
        """Frames and sound of a state, and the seconds it took; None for both if the state is kept nowhere."""
        began = time.perf_counter()
        footage = self.worker.footage(key, prompt, state, conditions)
        return footage, None if footage is None else time.perf_counter() - began

    def encode(self, footage: Footage) -> tuple[bytes, float]:
        """The mp4 of frames and sound, made in the thread ENCODING, and the seconds it took."""
        began = time.perf_counter()
        return self.worker.encode(footage), time.perf_counter() - began


class RewardActor(_Actor):
    """A replica of the rewards.

    Args:
        gpus: number of GPUs that Ray reserved for it.
        specs: specifications of the rewards, the one searched by first.
        threads: CPU threads that PyTorch may use.
        fps: frames per second of the views.
    """

    def __init__(self, gpus: float, specs: list[dict[str, Any]], threads: int, fps: float | None):
        super().__init__(gpus)
        self._specs, self._threads, self._fps = specs, threads, fps

    def load(self) -> int | None:
        """Load the models. Returns the side of the view that serves all rewards; None for frames as they are."""
        self.worker = RewardWorker(self._specs, self._threads, self._device(), self._fps)
        return self.worker.size()

    def score(self, view: np.ndarray, prompt: Prompt) -> tuple[dict[str, float | str], float]:
        """Every reward of a view by name, and the seconds it took."""
        return self.worker.score(view, prompt)

    def gradient(self, view: np.ndarray, through_context: bool = True) -> tuple[float, np.ndarray]:
        """The first reward of a view, fp32 [T, 3, H, W] in [0, 1], and its gradient; see RewardWorker.gradient."""
        return self.worker.gradient(view, through_context)


def _gather_by(meeting: str) -> None:
    """Have gloo use the network interface by which this node is known to the others, not that of its host name."""
    import psutil

    host = ray.util.get_node_ip_address()  # type: ignore[no-untyped-call,unused-ignore]
    for name, addresses in psutil.net_if_addrs().items():
        if any(address.address == host for address in addresses):
            os.environ.setdefault("GLOO_SOCKET_IFNAME", name)
