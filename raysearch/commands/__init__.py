"""The commands of `raysearch`, one topic per file.

Each file has `add(command)`, which declares its commands by calling `command` (see `declaring`). No file imports a
heavy library at its top: `raysearch --help` must answer at once.
"""

from __future__ import annotations

from typing import Any

from raysearch.commands import (
    agreement,
    calibrate,
    completion,
    doctor,
    evaluate,
    init,
    jobs,
    listing,
    physics_iq,
    plan,
    preference,
    run,
    score,
    sharing,
    submit,
    sweep,
)

TOPICS: tuple[Any, ...] = (
    init, run, sharing, sweep, plan, submit, jobs, score, calibrate, physics_iq, preference, evaluate, agreement,
    listing, doctor, completion,
)  # fmt: skip
