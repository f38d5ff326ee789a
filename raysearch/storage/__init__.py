"""Files of a run folder, on a local disk or at any fsspec URL: read whole, written whole or not at all, appended.

A reader never sees half a file. What cannot be read or written is a UsageError that names the path; only regular files
are read, for a pipe would be waited for without end.
"""

from raysearch.storage.places import appends, by_name, is_local, locate
from raysearch.storage.reading import exists, files, holds, read, remove
from raysearch.storage.writing import PARTIAL, append, clean, create, making, write

__all__ = [
    "PARTIAL", "append", "appends", "by_name", "clean", "create", "exists", "files", "holds", "is_local", "locate",
    "making", "read", "remove", "write",
]  # fmt: skip
