"""One generator over several processes: real ranks that exchange over gloo, on a tiny Wan."""

import pytest
import torch
import torch.multiprocessing

from raysearch.config.settings import ClusterConfig, GeneratorConfig, PoolConfig
from raysearch.engine.coordinator import Coordinator
from raysearch.engine.journal import Journal
from raysearch.engine.task import Task
from raysearch.errors import UsageError
from raysearch.executors import Request as Work
from raysearch.executors.inline import Inline
from raysearch.executors.ray.executor import RayExecutor
from raysearch.generators.diffusers import DiffusersModel
from raysearch.generators.parallel import split
from raysearch.moves import Move, Outcome
from raysearch.prompts import Prompt
from raysearch.search import strategy
from tests.zoo.others import cog
from tests.zoo.wan import wan

CALL = {"height": 32, "width": 32, "num_frames": 9, "guidance_scale": 1.0}


def preview(model: DiffusersModel) -> torch.Tensor:
    generator = model.given("a ball", None, "p")
    x = generator.draw(torch.Generator().manual_seed(0))
    return generator.denoise(x, 1, torch.Generator().manual_seed(1))


def rank(number: int, ranks: int, meeting: str, folder: str) -> None:
    torch.set_num_threads(1)
    model = DiffusersModel(wan(), 4, 8, **CALL)
    tokens, attend = [], model.pipeline.transformer.blocks[0].attn1.register_forward_pre_hook
    attend(lambda block, inputs: tokens.append(inputs[0].shape[1]))
    whole = preview(model)
    split(model, number, ranks, meeting)
    shared = preview(model)
    torch.save({"whole": whole, "shared": shared, "tokens": tokens}, f"{folder}/{number}.pt")


def test_ranks_share_the_sequence_and_agree_with_one_process(tmp_path):
    meeting = f"file://{tmp_path}/meeting"
    torch.multiprocessing.spawn(rank, (2, meeting, str(tmp_path)), 2)
    for number in range(2):
        found = torch.load(f"{tmp_path}/{number}.pt", weights_only=True)
        assert found["tokens"] == [found["tokens"][0], found["tokens"][0] // 2]
        assert torch.allclose(found["whole"], found["shared"], atol=1e-5)
        assert found["whole"].abs().max() > 0.1


@pytest.mark.slow
def test_a_replica_of_two_ranks_on_ray_finds_what_one_process_finds(local_ray, tmp_path):
    wan().save_pretrained(tmp_path / "wan")
    config = GeneratorConfig(model=str(tmp_path / "wan"), steps=3, fps=8, **{k: v for k, v in CALL.items()})
    cluster = ClusterConfig(generators=PoolConfig(1, 0.5, ranks=2), rewards=PoolConfig(1, 0.5))

    def run(executor):
        todo = [Task("p", Prompt("p", "a ball"), strategy("best_of_n")(0, 3, n=2), "s")]
        done = Coordinator(executor, Journal.forgetful()).run(todo)
        executor.close()
        assert done[0].error is None
        return [o.reward for o in done[0].result.finals]

    alone, shared = run(Inline(config, [{"name": "motion"}])), run(RayExecutor(cluster, config, [{"name": "motion"}]))
    assert shared == pytest.approx(alone, abs=0.05) and alone[0] != alone[1]


@pytest.mark.slow
def test_every_rank_finds_a_parent_that_only_the_store_has(local_ray, tmp_path):
    """As in a run that was stopped and goes on: nothing is held, all is on disk."""
    wan().save_pretrained(tmp_path / "wan")
    config = GeneratorConfig(model=str(tmp_path / "wan"), steps=3, fps=8, **{k: v for k, v in CALL.items()})
    cluster = ClusterConfig(generators=PoolConfig(1, 0.5, ranks=2), rewards=PoolConfig(1, 0.5), deadline_s=25.0)
    executor = RayExecutor(cluster, config, [{"name": "motion"}], store=str(tmp_path / "latents"))

    def answer(key, move):
        executor.submit(Work(key, Prompt("p", "a ball"), move))
        while not (found := executor.ready(0.5)):
            pass
        return found[0][1]

    try:
        assert isinstance(answer("half", Move(None, (0, 0), 1)), Outcome)
        executor.forget(["half"])
        assert isinstance(answer("whole", Move("half", (0, 1), 3)), Outcome)
        assert executor.generators.restarts == 0
        assert sorted(p.name for p in (tmp_path / "latents").iterdir()) == ["half.safetensors", "whole.safetensors"]
    finally:
        executor.close()


def test_a_network_that_cannot_be_split_is_an_error():
    with pytest.raises(UsageError, match=r"ranks=2: diffusers cannot split CogVideoXTransformer3DModel"):
        split(DiffusersModel(cog(), 4, 8), 0, 2, "tcp://127.0.0.1:1")
