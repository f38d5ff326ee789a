"""A writer in this process: a causal language model of transformers, from safetensors, without code of its own."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from raysearch import devices, pretrained
from raysearch.writers.settings import KEY, Message, Rewriting


class Local:
    """Samples each answer with the seed it is given; the same model, messages and seed give the same text."""

    together = 1

    def __init__(self, rewriting: Rewriting):
        """Load model and tokenizer. Raises UsageError for what cannot be loaded."""
        key, device, source = f"{KEY}.with", devices.best(), rewriting.source
        source = str(Path(source).expanduser()) if source.startswith("~") else source
        devices.reproducible(device)
        self._how = rewriting
        self._tokenizer = pretrained.auto(AutoTokenizer, source, key, rewriting.revision)
        self._model = pretrained.network(
            AutoModelForCausalLM, source, key, revision=rewriting.revision, dtype=getattr(torch, rewriting.dtype)
        ).to(device)

    @torch.no_grad()
    def write(self, messages: list[Message], seed: int) -> str:
        """The answer, in the model's chat template where it has one."""
        tokenizer, how = self._tokenizer, self._how
        text = "\n\n".join(m["content"] for m in messages) + "\n\nRewritten:"
        if tokenizer.chat_template:
            text = tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=True)
        given = tokenizer(text, return_tensors="pt", add_special_tokens=not tokenizer.chat_template)
        ids = given.input_ids.to(self._model.device)
        sampled = {"do_sample": True, "temperature": how.temperature} if how.temperature else {"do_sample": False}
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            made = self._model.generate(
                ids, attention_mask=torch.ones_like(ids), max_new_tokens=how.max_tokens,
                pad_token_id=tokenizer.pad_token_id or tokenizer.eos_token_id or 0, **sampled,
            )  # fmt: skip
        answer: str = tokenizer.decode(made[0, ids.shape[1] :], skip_special_tokens=True)
        return answer
