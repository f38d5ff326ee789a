"""A writer in this process: a tiny random language model of transformers through the real code path."""

import pytest
import torch

from raysearch.errors import UsageError
from raysearch.writers import create, read


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_model(tmp_path_factory.mktemp("writer"))


def tiny_model(folder):
    """A GPT-2 of one layer with random weights, which writes words in no order."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel(unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.train_from_iterator(
        ["a two ball balls red blue rolls falls fast slow"],
        trainers.WordLevelTrainer(special_tokens=["<unk>", "</s>"]),
    )
    PreTrainedTokenizerFast(tokenizer_object=words, eos_token="</s>", unk_token="<unk>").save_pretrained(folder)
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=16, n_positions=512, n_embd=16, n_layer=1, n_head=2, bos_token_id=1, eos_token_id=1)
    GPT2LMHeadModel(config).save_pretrained(folder)
    return str(folder)


def test_the_same_seed_writes_the_same_and_another_something_else(folder):
    how = read({"with": folder, "max_tokens": 8})
    messages, state = how.messages("a red ball"), torch.random.get_rng_state()
    writer = create(how)
    one, two, again = (writer.write(messages, seed) for seed in (3, 4, 3))
    assert one == again == create(how).write(messages, 3) and one != two and one.split()
    assert torch.equal(torch.random.get_rng_state(), state), "the writer leaves the global random stream alone"
    greedy = create(read({"with": folder, "max_tokens": 8, "temperature": 0, "n": 1}))
    assert greedy.write(messages, 0) == greedy.write(messages, 1)


def test_a_model_that_is_not_whole_is_refused(folder, tmp_path):
    import shutil

    broken = shutil.copytree(folder, tmp_path / "broken")
    file = next(broken.glob("*.safetensors"))
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(UsageError, match=r"prompts.rewrite.with=.*cut short"):
        create(read({"with": str(broken)}))
