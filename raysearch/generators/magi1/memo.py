"""What a replica remembers of finished chunks: their keys and values, by the content of their latents.

They are a function of one chunk alone, so a particle that arrives from elsewhere needs none of them: they are computed
again, one forward pass a chunk. Bounded, because those of one chunk take 1.7 GB (4.5B at 720 x 720).
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Hashable

from torch import Tensor

from raysearch.generators.magi1.network import Layers


class Memo:
    """The most recently used entries, at most `most`; 0 remembers nothing, and changes no result."""

    def __init__(self, most: int):
        self.most, self.made = most, 0
        self._entries: OrderedDict[Hashable, Layers] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, chunk: Tensor, about: Hashable, make: Callable[[], Layers]) -> Layers:
        """What is remembered of a chunk, or is made now.

        Args:
            chunk: its latents.
            about: whatever else the keys and values depend on.
            make: computes them.
        """
        if not self.most:
            self.made += 1
            return make()
        key = (hashlib.blake2b(chunk.detach().cpu().contiguous().numpy().tobytes()).digest(), about)
        if key not in self._entries:
            while len(self._entries) >= self.most:  # before making: so that never more than `most` are there
                self._entries.popitem(last=False)
            self.made += 1
            self._entries[key] = make()
        self._entries.move_to_end(key)
        return self._entries[key]
