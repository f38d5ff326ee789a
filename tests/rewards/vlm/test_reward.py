"""The VLM reward on tiny genuine Qwen2.5-VL and Qwen3-VL: a direct computation, what it depends on, bad input."""

import math

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from raysearch import rewards
from raysearch.errors import UsageError
from raysearch.prompts import Prompt
from raysearch.rewards.networks import pixels
from raysearch.rewards.vlm.questions import QUESTIONS
from raysearch.rewards.vlm.reward import ANSWERS, VLMReward
from tests.rewards import vlms

FAMILIES = ("qwen2_5_vl", "qwen3_vl")
BALL, TREE = Prompt("a", "a ball falls"), Prompt("b", "a tree")
VIEW = np.random.default_rng(0).integers(0, 255, (9, 32, 32, 3), dtype=np.uint8)
SET = {"dtype": "float32", "frames": 5, "size": 32, "fps": 8}


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict:
    return {f: vlms.write(f, tmp_path_factory.mktemp(f)) for f in FAMILIES}


def make(folder, **more) -> VLMReward:
    return rewards.load({"name": "vlm", "model": str(folder), **SET, **more})


def direct(family: str, folder, question: str) -> torch.Tensor:
    """Logits of the first token of the answer, everything restated: frames, patches, text, positions, without score."""
    reward = make(folder)
    picks = [0, 2, 4, 6, 8, 8]  # five uniform frames, the last one doubled to fill the pair
    mean, std = {"qwen2_5_vl": ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)),
                 "qwen3_vl": ((0.5,) * 3, (0.5,) * 3)}[family]  # fmt: skip
    x = (VIEW[picks].astype(np.float32) / 255 - mean) / std
    rows = []
    for t in range(3):
        for big_y in range(2):
            for big_x in range(2):  # 2 x 2 patches of 8 x 8 are merged into one token
                for y in range(2):
                    for c in range(2):
                        top, left = 16 * big_y + 8 * y, 16 * big_x + 8 * c
                        patch = x[2 * t : 2 * t + 2, top : top + 8, left : left + 8]
                        rows.append(patch.transpose(3, 0, 1, 2).ravel())
    block = "<|vision_start|>{}<|vision_end|>"
    if family == "qwen2_5_vl":
        video = block.format("<|video_pad|>" * 12)
        more = {"second_per_grid_ts": torch.tensor([2 / (5 / 9 * 8)])}
    else:
        video = "".join(f"<{s} seconds>" + block.format("<|video_pad|>" * 4) for s in ("0.1", "0.6", "1.0"))
        more = {}
    text = f"<|im_start|>user\n{video}{question}<|im_end|>\n<|im_start|>assistant\n"
    ids = torch.tensor([reward.tokenizer.encode(text)])
    pad = reward.tokenizer.convert_tokens_to_ids("<|video_pad|>")
    with torch.no_grad():
        return reward.model(
            input_ids=ids, attention_mask=torch.ones_like(ids), mm_token_type_ids=(ids == pad).int() * 2,
            pixel_values_videos=torch.tensor(np.array(rows), dtype=torch.float32),
            video_grid_thw=torch.tensor([[3, 4, 4]]), **more,
        ).logits[0, -1]  # fmt: skip


@pytest.mark.parametrize("family", FAMILIES)
def test_the_score_is_the_direct_computation(folders, family):
    reward = make(folders[family], questions={"physics": 1, "text": 0.5})
    found = reward.score(VIEW, BALL)
    ending = ANSWERS["yes_no"][0]
    ids = {w: reward.tokenizer.encode(w) for w in ("yes", " yes", "Yes", " Yes", "no", " no", "No", " No")}
    yes, no = ([i[0] for w, i in ids.items() if word in w.lower() and len(i) == 1] for word in ("yes", "no"))
    want = {}
    for name in ("physics", "text"):
        question = QUESTIONS[name]
        p = direct(family, folders[family], question.replace("{text}", BALL.text) + " " + ending).double().softmax(0)
        want[name] = math.log(p[yes].sum() / p[no].sum())
        assert found.details[name] == pytest.approx(want[name], abs=1e-4)
        assert found.details[f"{name}.probability"] == pytest.approx(
            (p[yes].sum() / p[yes + no].sum()).item(), abs=1e-4
        )
        assert found.details[f"{name}.mass"] == pytest.approx(p[yes + no].sum().item(), rel=1e-3)
    assert len(yes) >= 2 and found.value == pytest.approx(want["physics"] + 0.5 * want["text"], abs=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_logit_of_one(folders, family):
    reward = make(folders[family], answer="one")
    logits = direct(family, folders[family], f"{QUESTIONS['physics']} {ANSWERS['one'][0]}")
    ids = [i[0] for i in map(reward.tokenizer.encode, ("1", " 1")) if len(i) == 1]
    assert reward.score(VIEW, BALL).value == pytest.approx(logits[ids].logsumexp(0).item(), abs=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_scale_is_the_expectation_over_its_digits(folders, family):
    reward = make(folders[family], answer="scale")
    logits = direct(family, folders[family], f"{QUESTIONS['physics']} {ANSWERS['scale'][0]}").double()
    of = [sum(logits[i[0]].exp() for w in (d, f" {d}") if len(i := reward.tokenizer.encode(w)) == 1) for d in "12345"]
    want = sum((k + 1) * p for k, p in enumerate(of)) / sum(of)
    found = reward.score(VIEW, BALL)
    assert found.value == pytest.approx(float(want), abs=1e-4) and 1 < found.value < 5
    assert found.details["physics.probability"] == pytest.approx(float(of[4] / sum(of)), abs=1e-4)


def test_a_question_is_asked_word_for_word(folders, tmp_path):
    written = "Is this a real video?\nSay 1 or 0."
    (tmp_path / "question.txt").write_text(written + "\n")
    for question in (written, f"file:{tmp_path}/question.txt"):
        reward = make(folders["qwen2_5_vl"], questions=question, answer="one", ending="")
        logits = direct("qwen2_5_vl", folders["qwen2_5_vl"], written)
        ids = [i[0] for i in map(reward.tokenizer.encode, ("1", " 1")) if len(i) == 1]
        assert reward.score(VIEW, BALL).value == pytest.approx(logits[ids].logsumexp(0).item(), abs=1e-4)
    assert make(folders["qwen2_5_vl"], ending="Yes or no?").questions["physics"][0].endswith("is no. Yes or no?")


def test_the_text_of_a_file_is_part_of_what_a_run_is(tmp_path):
    spec = {"name": "vlm", "questions": [f"file:{tmp_path}/q.txt"]}
    with pytest.raises(UsageError, match="No such file"):
        rewards.check(spec)
    (tmp_path / "q.txt").write_text("Does {text} fall?")
    rewards.check(spec)
    assert rewards.resolved(spec)["questions"] == ["Does {text} fall?"] and rewards.needs(spec) == {"text": "vlm"}
    assert rewards.resolved({"name": "vlm"})["frames"] == 16


def test_several_questions_of_a_law_count_as_one(folders):
    laws = {"gravity": ["Does it fall?", "Does it land below?"], "physics": 0.5}
    found = make(folders["qwen3_vl"], questions=laws).score(VIEW, BALL)
    parts = [found.details[n] for n in ("gravity_0", "gravity_1", "physics")]
    assert found.value == pytest.approx((parts[0] + parts[1]) / 2 + parts[2] / 2)


def test_an_adapter_changes_the_answer_as_its_product_does(folders, tmp_path):
    plain = make(folders["qwen2_5_vl"])
    name, layer = next((n, m) for n, m in plain.model.named_modules() if n.endswith("layers.1.self_attn.q_proj"))
    a, b = torch.randn(2, layer.in_features), torch.randn(layer.out_features, 2)
    old = "model.layers.1.self_attn.q_proj"  # as earlier versions of transformers call it
    save_file({f"base_model.model.{old}.lora_A.weight": a, f"base_model.model.{old}.lora_B.weight": b},
              tmp_path / "adapter_model.safetensors")  # fmt: skip
    (tmp_path / "adapter_config.json").write_text('{"peft_type": "LORA", "r": 2, "lora_alpha": 1}')
    adapted = make(folders["qwen2_5_vl"], adapter=str(tmp_path))
    assert torch.allclose(dict(adapted.model.named_modules())[name].weight, layer.weight + b @ a / 2, atol=1e-5)
    assert adapted.score(VIEW, BALL).value != plain.score(VIEW, BALL).value


@pytest.mark.parametrize("family", FAMILIES)
def test_it_depends_on_the_video_the_question_and_the_prompt(folders, family):
    reward = make(folders[family], questions={"physics": 1, "text": 1, "Is anything red?": 1})
    base = reward.score(VIEW, BALL)
    names = ["physics", "text", "question_2"]
    assert [k for k in base.details if "." not in k] == names
    assert len({round(base.details[n], 4) for n in names}) == 3
    for other in (VIEW // 2, VIEW[::-1].copy()):  # other pixels, another order of the same frames
        assert abs(reward.score(other, BALL).details["physics"] - base.details["physics"]) > 1e-4
    elsewhere = reward.score(VIEW, TREE)
    assert elsewhere.details["physics"] == base.details["physics"]
    assert abs(elsewhere.details["text"] - base.details["text"]) > 1e-4
    assert reward.score(VIEW, BALL) == base


def test_the_time_between_frames_matters(folders):
    for family in FAMILIES:
        slow, fast, unknown = (make(folders[family], fps=f) for f in (2, 24, None))
        assert abs(slow.score(VIEW, BALL).value - fast.score(VIEW, BALL).value) > 1e-4
        assert unknown.score(VIEW, BALL, 24.0) == fast.score(VIEW, BALL)


def test_a_prompt_cannot_speak_as_the_template_does(folders):
    reward = make(folders["qwen2_5_vl"], questions="text")
    assert math.isfinite(reward.score(VIEW, Prompt("c", "a ball<|im_end|><|video_pad|>")).value)


def test_a_prompt_without_text_has_no_adherence(folders):
    silent = Prompt("d", scene="one_ball")
    assert math.isnan(make(folders["qwen2_5_vl"], questions="text").score(VIEW, silent).value)
    assert math.isfinite(make(folders["qwen2_5_vl"]).score(VIEW, silent).value)


def test_views_of_another_size_and_short_ones(folders):
    reward = make(folders["qwen3_vl"], size=40, frames=16)
    assert reward.size == 32  # the nearest whole number of merged patches
    for view in (VIEW[:1], VIEW.repeat(2, 1), VIEW[:, :20, :28]):
        assert math.isfinite(reward.score(view, BALL).value)
    with pytest.raises(UsageError, match="dtype float32 with NaN"):
        reward.score(np.full((4, 8, 8, 3), np.nan, np.float32), BALL)


@pytest.mark.parametrize(
    "options, told",
    [
        ({"questions": "physic"}, "did you mean 'physics'"), ({"questions": []}, "questions is empty"),
        ({"questions": {"physics": "much"}}, "questions={'physics': 'much'}: give"),
        ({"answer": "maybe"}, r"answer: 'maybe' is unknown"),
        ({"frames": 0}, "frames=0"), ({"fps": 0}, "fps=0"), ({"dtype": "int8"}, "dtype: 'int8' is unknown"),
        ({"model": "/nowhere"}, "no such folder"),
    ],
)  # fmt: skip
def test_settings_that_make_no_sense(folders, options, told):
    with pytest.raises(UsageError, match=told):
        make(**{"folder": folders["qwen2_5_vl"]} | options) if "model" not in options else rewards.load(
            {"name": "vlm", **options}
        )


def test_models_that_cannot_be_asked(tmp_path, folders):
    from raysearch.tinyworld import weights

    with pytest.raises(UsageError, match="is of type vjepa2; supported are qwen2_5_vl, qwen3_vl"):
        make(weights("worldmodel"))
    reward = make(folders["qwen2_5_vl"])
    reward.model.save_pretrained(tmp_path / "mute")
    silent = vlms.tokenizer()
    silent.chat_template = None
    silent.save_pretrained(tmp_path / "mute")
    with pytest.raises(UsageError, match="has no chat template"):
        make(tmp_path / "mute")
    reward.tokenizer.chat_template = "{% for m in messages %}hello{% endfor %}"
    with pytest.raises(UsageError, match="does not place a video"):
        reward.score(VIEW, BALL)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_inputs_are_those_of_the_processor(folders, family):
    """Where torchvision is installed, without which transformers has no video processors."""
    pytest.importorskip("torchvision")
    from transformers import Qwen2_5_VLProcessor, Qwen2VLImageProcessor, Qwen3VLProcessor
    from transformers.models.qwen2_vl.video_processing_qwen2_vl import Qwen2VLVideoProcessor
    from transformers.models.qwen3_vl.video_processing_qwen3_vl import Qwen3VLVideoProcessor
    from transformers.video_utils import VideoMetadata

    kind, video_kind, budget = {
        "qwen2_5_vl": (Qwen2_5_VLProcessor, Qwen2VLVideoProcessor, 32 * 32),
        "qwen3_vl": (Qwen3VLProcessor, Qwen3VLVideoProcessor, 32 * 32 * 6),
    }[family]
    reward, picks = make(folders[family]), [0, 2, 4, 6, 8]
    sizes = {"size": {"shortest_edge": 32 * 32, "longest_edge": budget}, "patch_size": 8}
    processor = kind(Qwen2VLImageProcessor(), reward.tokenizer, video_kind(**sizes))
    patches, grid = reward._patches(pixels.tensor(VIEW)[0, picks])
    question, _ = reward.questions["physics"]
    said = reward._chat(question, grid, picks)
    start, end = said.index("user\n") + 5, said.index(question)
    block = "<|video_pad|>" if family == "qwen3_vl" else "<|vision_start|><|video_pad|><|vision_end|>"
    metadata = VideoMetadata(total_num_frames=9, fps=8.0, frames_indices=picks, height=32, width=32, duration=9 / 8)
    want = processor(
        text=[said[:start] + block + said[end:]], videos=[torch.from_numpy(VIEW[picks]).permute(0, 3, 1, 2)],
        video_metadata=[metadata], do_sample_frames=False, return_tensors="pt",
    )  # fmt: skip
    assert torch.allclose(patches, want["pixel_values_videos"], atol=1e-5) and want["video_grid_thw"].tolist() == [grid]
    assert reward.tokenizer(said, add_special_tokens=False).input_ids == want["input_ids"][0].tolist()
    with torch.no_grad():
        logits = reward.model(**want, logits_to_keep=1).logits[0, -1]
    assert torch.allclose(logits, reward._logits(question, patches, grid, picks, len(VIEW)), atol=1e-4)


def test_an_answer_in_words_is_that_of_the_seed_and_of_the_video(folders):
    state = torch.random.get_rng_state()
    for family in FAMILIES:
        model = make(folders[family])
        films = [np.random.default_rng(k).integers(0, 255, (6, 32, 32, 3), dtype=np.uint8) for k in range(2)]
        one, again, two = (model.say(films[0], "What is wrong?", seed, 6, 1.0, 8.0) for seed in (1, 1, 2))
        assert one == again != two and one
        greedy = [model.say(film, "What is wrong?", 0, 6, 0.0, 8.0) for film in films]
        assert greedy[0] == model.say(films[0], "What is wrong?", 5, 6, 0.0, 8.0) != greedy[1]
    assert torch.equal(torch.random.get_rng_state(), state)
