"""What a job takes of GPUs, memory and the object store, from the sizes of its models and its cluster settings.

Estimates, without what only a run shows (activations, the CUDA context, fragments): room is needed beside them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from raysearch.config.settings import Job
from raysearch.executors.decoded import LIMIT
from raysearch.executors.policy import DEPTH, SEEN_AHEAD
from raysearch.generators.scale import Scale
from raysearch.rewards.vjepa2.arithmetic import encoder
from raysearch.runs.judges import Judge
from raysearch.runs.pace import gpu, reward_bytes
from raysearch.runs.plan import Pace

GB = 1e9
ROOM = 1.5  # times the longest call, that a deadline should be
PER_NODE = 8  # GPUs of a machine, where nothing else is said


@dataclass(frozen=True)
class Footprint:
    """What a job takes, in bytes.

    Attributes:
        on_gpu: weights on the GPU of a generator: networks, autoencoder, and the rewards where they are paired.
        encoders: of text, which one replica of all loads, into the memory of its machine or onto its GPU.
        state: a particle between two Moves.
        view: what travels to the rewards of one.
        store: of the object stores together, states of the searches that are under way, views, and frames of films.
        ram: of one machine, with replicas that load at a time, the encoders, and its share of the object store.
        replicas: generator replicas of that machine.
        nodes: machines.
    """

    on_gpu: float
    encoders: float
    state: int
    view: int
    store: float
    ram: float
    replicas: int
    nodes: int

    def lines(self, card: str) -> list[str]:
        """For people, with a warning where the weights alone are more than the memory of the GPU."""
        memory = gpu(card).memory
        fits = "" if self.on_gpu <= memory * GB else ": DOES NOT FIT"
        return [
            f"GPU memory: {self.on_gpu / GB:.1f} GB of weights on {card}, {memory:g} GB{fits}; activations come on top",
            f"a particle: {self.state / 1e6:.1f} MB of latents (x and x0_hat, fp32), {self.view / 1e6:.1f} MB of view",
            f"object store: about {self.store / GB:.1f} GB in all for states, views and frames of searches under way",
            f"RAM per machine: about {self.ram / GB:.0f} GB ({self.replicas} generator "
            f"replica{'s' * (self.replicas != 1)}, of which some load at a time; {self.encoders / GB:.1f} GB of text "
            "encoder, in one replica of all)",
        ]


def footprint(job: Job, judges: Sequence[Judge], scale: Scale, particles: int, per_node: int = PER_NODE) -> Footprint:
    """What a job takes.

    Args:
        job: the job, with its cluster settings.
        judges: its rewards.
        scale: of its generator.
        particles: states that a search keeps until it is done.
        per_node: GPUs of a machine.
    """
    cluster, rewards = job.cluster, reward_bytes(judges)
    paired = cluster.placement == "paired"
    encoders = scale.text or 0.0
    weights = scale.network + scale.vae
    on_gpu = weights + (rewards if paired else 0.0) + (0.0 if job.generator.offload_text else encoders)
    view = viewed(judges, scale)
    flying = SEEN_AHEAD * cluster.generators.replicas + DEPTH * cluster.rewards.replicas
    searches = math.ceil(flying / particles) + 1
    store = searches * particles * scale.state + flying * view
    if job.films != "none":
        store += min(LIMIT * cluster.generators.replicas, searches * particles * scale.frames)
    gpus = max(gpus_of(job), 1.0)
    nodes = math.ceil(gpus / per_node)
    replicas = math.ceil(cluster.generators.replicas / nodes)
    loading = min(cluster.loads_per_node, replicas)
    ram = encoders + loading * weights + store / nodes
    return Footprint(on_gpu, encoders, scale.state, view, store, ram, replicas, nodes)


def longest_call(evaluations: int, pace: Pace) -> float:
    """Seconds of the longest call on a generator: its evaluations and a decode."""
    return evaluations * pace.evaluation_s + pace.decode_s


def deadline(job: Job, evaluations: int, pace: Pace) -> str:
    """The longest call against `cluster.deadline_s`, after which a replica counts as frozen, in words."""
    seconds, limit = longest_call(evaluations, pace), job.cluster.deadline_s
    text = f"longest call: {evaluations} evaluations and a decode, {seconds:.0f} s; cluster.deadline_s={limit:g}"
    if seconds <= limit / ROOM:
        return text
    enough = math.ceil(ROOM * seconds / 600) * 600
    return f"{text} IS TOO SHORT, such calls would be killed: set cluster.deadline_s={enough}"


def gpus_of(job: Job) -> float:
    """GPUs that the cluster settings ask for."""
    generators, rewards = job.cluster.generators, job.cluster.rewards
    return generators.replicas * generators.num_gpus * generators.ranks + rewards.replicas * rewards.num_gpus


def viewed(judges: Sequence[Judge], scale: Scale) -> int:
    """Bytes of a view: squares of the side that the encoders want, or whole frames where none of them says one."""
    sides = [of.side for judge in judges if (of := encoder(str(judge.settings.get("model")))) is not None]
    crops = any(judge.settings.get("resize") == "crop" for judge in judges)
    return scale.made * max(sides) ** 2 * 3 if sides and not crops else scale.frames
