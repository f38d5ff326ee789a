"""One generator over several processes, with a GPU each, by diffusers' context parallelism.

Every rank holds the whole network and takes part in every call, with its share of the sequence; attention exchanges
heads for sequence between ranks (Ulysses, arXiv 2309.14509). A step of a long video then takes about 1/ranks of the
time and of the activations' memory. This works for networks that diffusers can split (`_cp_plan`: Wan, LTX and others).
Sums in another order change the last bits, so the number of ranks is part of every key.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist

from raysearch.generators.parts import cannot_split

NETWORKS = ("transformer", "transformer_2")
PATIENCE = timedelta(minutes=10)  # waiting for the other ranks, at the start and in each exchange


def split(model: Any, rank: int, ranks: int, meeting: str) -> None:
    """Make this process one of several that share the work of the model's network. Returns when all have joined.

    Args:
        model: a DiffusersModel; any other is refused.
        rank: the number of this process, from 0.
        ranks: the number of processes.
        meeting: the address at which they meet, tcp://HOST:PORT.

    Raises:
        UsageError: for a model that cannot be split.
    """
    pipeline = getattr(model, "pipeline", None)
    networks = [n for name in NETWORKS if (n := getattr(pipeline, name, None)) is not None]
    unable = [type(n).__name__ for n in networks if getattr(n, "_cp_plan", None) is None]
    if unable or not networks:
        name = unable[0] if unable else type(model).__name__
        raise cannot_split(name, ranks)
    from diffusers import ContextParallelConfig
    from diffusers.utils import logging

    logging.set_verbosity_error()
    cuda = next(networks[0].parameters()).is_cuda
    if cuda:
        torch.cuda.set_device(0)
    dist.init_process_group("nccl" if cuda else "gloo", meeting, rank=rank, world_size=ranks, timeout=PATIENCE)
    for network in networks:
        config = ContextParallelConfig(ulysses_degree=ranks, ulysses_anything=True)
        if not cuda:
            _meet_on_cpu(network, config, rank, ranks)
        network.enable_parallelism(config=config)


def _meet_on_cpu(network: Any, config: Any, rank: int, ranks: int) -> None:
    """Build the mesh of processes here, because diffusers builds one of accelerators only (for tests and laptops)."""
    from diffusers.models._modeling_parallel import ParallelConfig

    mesh = dist.device_mesh.init_device_mesh("cpu", config.mesh_shape, mesh_dim_names=config.mesh_dim_names)
    whole = ParallelConfig(context_parallel_config=config)
    whole.setup(rank, ranks, torch.device("cpu"), mesh=mesh)

    def resolved(_: Any) -> Any:
        network._parallel_config = whole
        return whole

    network._resolve_parallel_config = resolved
