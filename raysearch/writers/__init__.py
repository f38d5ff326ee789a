"""Writers: language models that word a prompt anew. A local model of transformers, or an OpenAI-compatible endpoint.

What was asked and answered is kept by `writers.record`, so that nobody is asked twice. Importing this loads no model
library.
"""

from __future__ import annotations

from raysearch.writers.refining import Refining
from raysearch.writers.refining import read as read_refining
from raysearch.writers.settings import Message, Rewriting, Writer, read

__all__ = ["Message", "Refining", "Rewriting", "Writer", "create", "read", "read_refining"]


def create(rewriting: Rewriting) -> Writer:
    """The writer, loaded. Raises UsageError for a model that cannot be loaded."""
    if rewriting.remote:
        from raysearch.writers.endpoint import Endpoint

        return Endpoint(rewriting)
    from raysearch.writers.local import Local

    return Local(rewriting)
