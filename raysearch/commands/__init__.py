"""The commands of `raysearch`, one topic a file. Each file has `add(command)`, which declares its commands.

`command(name, function, text, **more)` makes a sub-parser whose function takes the parsed arguments and returns the
exit code. Nothing heavy is imported at the top of these files: `raysearch --help` must answer at once.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from raysearch.commands import doctor, evaluate, listing, physics_iq, plan, preference, run, score, submit, sweep

Command = Callable[..., argparse.ArgumentParser]
TOPICS: tuple[Any, ...] = (run, sweep, plan, submit, score, physics_iq, preference, evaluate, listing, doctor)
