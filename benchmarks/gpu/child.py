"""`python -m benchmarks.gpu.child PART SIZE DEVICE`: one part in this process; its last line is the answer as JSON."""

from __future__ import annotations

import json
import sys
from typing import Any

from benchmarks.gpu.parts import NAMES, Part, Place, Unfit


def answer(part: Part, place: Place) -> dict[str, Any]:
    """Its rows; or why it does not fit here."""
    import torch

    from raysearch import devices

    if place.device == "cuda" and not torch.cuda.is_available():
        return {"status": "skipped", "reason": "no CUDA device"}
    devices.reproducible(place.device)  # as every replica computes
    try:
        return {"status": "done", "rows": part.run(place)}
    except Unfit as error:
        return {"status": "skipped", "reason": str(error)}
    except (RuntimeError, MemoryError) as error:
        if not (isinstance(error, MemoryError) or devices.out_of_memory(error)):
            raise
        return {"status": "skipped", "reason": "does not fit into the memory of this device"}


def main() -> None:
    """Run the part that the command line names."""
    name, size, device = sys.argv[1:]
    found = answer(NAMES[name], Place(device, "tiny" if size == "tiny" else "full"))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
