"""What this machine has, and whether the pools of a job can find a place on it; asked before Ray is started.

Ray takes many seconds to start and then to say what it found. Only what is certain is refused here: Ray may find less
than the counts below, never more.
"""

from __future__ import annotations

import math
import os
from glob import glob

from raysearch.config.settings import ClusterConfig, GeneratorConfig, Job, PoolConfig
from raysearch.errors import UsageError

# Device files of the accelerators that Ray knows; without any of them there is no GPU.
NVIDIA, OTHERS = "/dev/nvidia[0-9]*", ("/dev/kfd", "/dev/dxg", "/dev/accel*", "/dev/vfio/[0-9]*", "/dev/davinci*",
                                       "/dev/neuron*", "/dev/dri/render*", "/dev/nvidia-caps/*")  # fmt: skip
LONGEST_SOCKET = 107  # bytes of the path of a socket on Linux
SOCKET = "/ray/session_2026-01-01_00-00-00_000000_1234567/sockets/plasma_store"


def cores() -> int:
    """The number of cores."""
    return os.cpu_count() or 1


def gpus() -> int | None:
    """The number of GPUs; None where it cannot be told without their libraries."""
    found = len(glob(NVIDIA))
    return found if found or not any(glob(pattern) for pattern in OTHERS) else None


def memory_gb() -> float:
    """The memory in GB (2^30 bytes)."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def check(cluster: ClusterConfig) -> None:
    """Raise UsageError if `at_least` replicas of both pools cannot have a place on this machine at once."""
    pools = (("generators", cluster.generators), ("rewards", cluster.rewards))
    for key, unit, has in (("num_cpus", "cores", cores()), ("num_gpus", "GPUs", gpus()),
                           ("memory_gb", "GB of memory", memory_gb())):  # fmt: skip
        parts = [(name, _count(pool), float(getattr(pool, key) or 0)) for name, pool in pools]
        asked = sum(count * each for _, count, each in parts)
        if has is not None and asked > has + 1e-6:
            most = max(parts, key=lambda part: part[1] * part[2])[0]
            told = " + ".join(f"{count} {name} x {each:g}" for name, count, each in parts if each)
            raise UsageError(
                f"cluster.address=local: this machine has {has:.4g} {unit}, but {told} = {asked:g} are asked for; "
                f"lower cluster.{most}.replicas or cluster.{most}.{key}, or name a larger cluster by cluster.address"
            )


def check_gpus(job: Job) -> None:
    """Raise UsageError for a job that needs GPUs where its generators would compute on a CPU."""
    if not job.needs_gpu or job.cluster.generators.num_gpus:
        return
    if job.cluster.executor == "ray":
        raise UsageError(
            f"cluster.generators.num_gpus={job.cluster.generators.num_gpus:g}: the job needs a GPU for each generator "
            "(needs_gpu=true); give --cluster clusters/gpu-node/run.yaml or another cluster file, or needs_gpu=false "
            "to compute on the CPU"
        )
    if gpus() == 0:
        raise UsageError(
            "needs_gpu=true: this machine has no GPU; run the job where there is one, or give needs_gpu=false"
        )


def check_video(generator: GeneratorConfig) -> None:
    """Raise UsageError if a single decoded video, in fp32, is more than the memory of this machine."""
    call = generator.pipeline_call()
    shape = [side for key in ("num_frames", "height", "width") if isinstance(side := call.get(key), int)]
    if len(shape) < 3:
        return
    needed, has = math.prod(shape) * 12 / 2**30, memory_gb()  # three channels of four bytes
    if needed > has:
        raise UsageError(
            f"generator.num_frames={shape[0]} of height={shape[1]} and width={shape[2]}: one decoded video takes "
            f"{needed:.4g} GB, and this machine has {has:.4g} GB; make it shorter or smaller"
        )


def check_sockets() -> None:
    """Raise UsageError for a folder whose path is too long for the sockets that Ray makes below it."""
    folder = os.environ.get("RAY_TMPDIR") or "/tmp"
    most = LONGEST_SOCKET - len(SOCKET)
    if len(os.fsencode(folder.rstrip("/"))) > most:
        raise UsageError(
            f"RAY_TMPDIR={folder!r}: its path has {len(os.fsencode(folder))} bytes, and the sockets that Ray makes "
            f"below it leave room for {most}; set RAY_TMPDIR to a folder with a shorter path, such as /tmp"
        )


def _count(pool: PoolConfig) -> int:
    """Processes that a pool must have."""
    replicas = pool.replicas if pool.at_least is None else min(pool.at_least, pool.replicas)
    return replicas * pool.ranks
