"""What the local modes of the trackers have kept, read back from their files: the files are the trackers' own."""

import contextlib
import json
import struct
from collections import defaultdict
from pathlib import Path


class Stored:
    """What a tracker has of a run: numbers by name, each (step, value) in order; names of tables and films."""

    def __init__(self):
        self.numbers, self.tables, self.films, self.runs = defaultdict(list), dict[str, str](), set[str](), set[str]()


def tensorboard(folder: Path) -> Stored:
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    found = Stored()
    for path in sorted(folder.glob("tensorboard/*/events.*")):
        found.runs.add(path.parent.name)
        for event in EventFileLoader(str(path)).Load():
            for value in event.summary.value:
                if value.HasField("image") or value.metadata.plugin_data.plugin_name == "images":
                    found.films.add(value.tag)
                elif value.tensor.string_val:
                    found.tables[value.tag] = value.tensor.string_val[0].decode()
                else:
                    found.numbers[value.tag].append((event.step, value.tensor.float_val[0]))
    return found


def wandb(folder: Path) -> Stored:
    from wandb.proto.wandb_internal_pb2 import Record

    found = Stored()
    for path in sorted(folder.glob("wandb/offline-run-*/run-*.wandb")):
        found.runs.add(path.stem)
        for data in _records(path.read_bytes()):
            record = Record.FromString(data)
            row = {".".join(i.nested_key) or i.key: json.loads(i.value_json) for i in record.history.item}
            step = row.get("read", row.get("run/nfe"))
            for name, value in row.items():
                of, _, part = name.partition(".")
                if value == "table-file":
                    found.tables[of] = (path.parent / "files" / row[f"{of}.path"]).read_text()
                elif value == "video-file":
                    found.films.add(of)
                elif not part and not name.startswith("_"):
                    found.numbers[name].append((step, value))
    return found


def mlflow(folder: Path) -> Stored:
    found = Stored()
    for run in (folder / "mlflow").glob("[0-9]*/*/meta.yaml"):
        found.runs.add(run.parent.name)
        metrics = run.parent / "metrics"
        for path in metrics.rglob("*"):
            if path.is_file():
                rows = [line.split() for line in path.read_text().splitlines()]
                found.numbers[str(path.relative_to(metrics))] += [(int(row[2]), float(row[1])) for row in rows]
        artifacts = run.parent / "artifacts"
        for path in artifacts.rglob("*.csv"):
            found.tables[path.stem] = path.read_text()
        found.films |= {str(path.relative_to(artifacts).with_suffix("")) for path in artifacts.rglob("*.mp4")}
    return found


def _records(data: bytes) -> list[bytes]:
    """The records of a LevelDB log, in which Weights & Biases keeps what it is given."""
    found, whole, at = [], b"", 7  # behind the header of the file
    while at + 7 <= len(data):
        if 32768 - at % 32768 < 7:
            at += 32768 - at % 32768
            continue
        _, length, kind = struct.unpack("<IHB", data[at : at + 7])
        if not kind:
            break
        whole += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # the whole record, or its last part
            found.append(whole)
            whole = b""
    return found


READERS = {"tensorboard": tensorboard, "wandb": wandb, "mlflow": mlflow}


@contextlib.contextmanager
def local(monkeypatch, folder: Path):
    """Every tracker in its local mode, within the run folder."""
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"file:{folder}/mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    yield
