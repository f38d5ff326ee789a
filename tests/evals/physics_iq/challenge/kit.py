"""What the official validator of submissions accepts (submit_verified.py of September 2026), restated from its rules.

The card as a JSON schema; the files by hand. Numbers of views and seconds are parameters, for the stand-in has fewer.
"""

import csv
import re
from pathlib import Path

import jsonschema
import yaml

from raysearch.evals.physics_iq.clips import probe

RUN_ID = r"^[a-z0-9]+__[a-z0-9.-]+__\d{4}-\d{2}-\d{2}$"
FILLED = {"not": {"enum": [None, ""]}}


def filled(*names):
    """A mapping in which these keys are there, and neither null nor empty."""
    return {"type": "object", "required": list(names), "properties": {name: FILLED for name in names}}


OWN = filled("generation_gpu", "generation_ngpu", "generation_time")
API = {"properties": {"availability": {"const": "api"}}, "required": ["availability"]}
REWRITTEN = {"properties": {"prompt_upsampling": {"const": True}}, "required": ["prompt_upsampling"]}
CARD = {
    "type": "object",
    "required": ["public_info", "reported_scores", "terms", "warranties"],
    "properties": {
        "public_info": {
            "allOf": [
                filled(
                    "organization", "model", "model_version", "input_type", "fps", "resolution", "bon_sampling",
                    "prompt_upsampling", "descriptions", "availability", "model_source", "date", "generation_cost",
                ),
                {"if": API, "else": OWN},
                {"if": REWRITTEN, "then": filled("upsample_cost")},
                {"if": {"allOf": [REWRITTEN, {"not": API}]},
                 "then": filled("upsample_gpu", "upsample_ngpu", "upsample_time")},
            ],
            "properties": {
                "input_type": {"enum": ["t2v", "i2v", "v2v"]}, "descriptions": {"enum": ["op", "bpp"]},
                "prompt_upsampling": {"type": "boolean"}, "resolution": {"pattern": r"^\d+x\d+$"},
                "availability": {"enum": ["public", "api", "research", "private"]},
                "bon_sampling": {"type": "integer", "minimum": 1},
            },
        },
        "reported_scores": filled(*(
            f"{name}_{kind}" for kind in ("mean", "std")
            for name in ("physiq", "spatial_iou", "weighted_spatial_iou", "spatiotemporal_iou", "mse")
        )),
        "terms": {
            **filled("accepted_on_behalf_of", "accepted_at"),
            "required": ["terms_version", "terms_accepted", "accepted_on_behalf_of", "accepted_at"],
            "properties": {"terms_version": {"const": "1.0"}, "terms_accepted": {"const": True},
                           "accepted_on_behalf_of": FILLED, "accepted_at": FILLED},
        },
        "warranties": {
            "type": "object",
            "required": (warranties := ["has_rights_to_submit", "no_ip_infringement", "permitted_by_provider_tos",
                                        "no_personal_data_in_content", "metadata_accurate"]),
            "properties": {name: {"const": True} for name in warranties},
        },
    },
}  # fmt: skip


def card_errors(card) -> list[str]:
    """What the validator has against a card."""
    found = jsonschema.Draft7Validator(CARD).iter_errors(card)
    return sorted(f"{'.'.join(map(str, e.absolute_path))}: {e.message}" for e in found)


def errors(folder: Path, views: int = 198, seconds: float = 5.0) -> list[str]:
    """What the validator has against a folder to submit."""
    card = yaml.safe_load((folder / "submission.yaml").read_text())
    found = card_errors(card)
    name = re.search(r"--run (\S+)", (folder / "submit.txt").read_text())
    if name is None or not re.match(RUN_ID, name[1]):
        found.append(f"run id: {name and name[1]}")
    with (folder / "descriptions.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if missing := {"scenario", "description", "generated_video_name"} - set(rows[0]):
        found.append(f"descriptions.csv: no column {missing}")
    covered = {row["generated_video_name"].strip() for row in rows}
    for run in sorted((folder / "runs").iterdir()):
        clips = sorted(run.glob("*.mp4"))
        if len(clips) != views:
            found.append(f"{run.name}: {len(clips)} videos, {views} are expected")
            continue
        for number, clip in enumerate(clips, 1):
            about = probe(clip)
            right = {
                "prefix": clip.name.startswith(f"{number:04d}_"), "described": clip.name in covered,
                "duration": abs(about.seconds - seconds) <= 1e-3,
                "resolution": f"{about.width}x{about.height}" == card["public_info"]["resolution"],
                "fps": abs(float(about.fps) - float(card["public_info"]["fps"])) <= 0.01,
            }  # fmt: skip
            found += [f"{run.name}/{clip.name}: {what}" for what, is_right in right.items() if not is_right]
    return found
