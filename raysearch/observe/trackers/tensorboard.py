"""TensorBoard: event files in the run folder, `tensorboard --logdir RUN`. A resumed run adds a file of its own."""

from __future__ import annotations

import io
import time
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from raysearch import videos
from raysearch.errors import UsageError
from raysearch.observe.trackers import RunFacts


class TensorBoard:
    """A folder of event files.

    Args:
        about: the run.
        folder: of the event files; by default one below `tensorboard` in the run folder.
    """

    def __init__(self, about: RunFacts, *, folder: str | None = None):
        if folder is None and "://" in about.folder:
            raise UsageError("track.folder is missing: TensorBoard writes to a local folder, and the run has none")
        self.id = folder or f"{about.folder}/tensorboard/{about.key}"
        self._pb: Any = import_module("tensorboard.compat.proto.summary_pb2")  # its messages have no types
        self._event: Any = import_module("tensorboard.compat.proto.event_pb2").Event
        self._tensors: Any = import_module("tensorboard.compat.proto.tensor_pb2")
        self._strings: int = import_module("tensorboard.compat.proto.types_pb2").DT_STRING
        writer: Any = import_module("tensorboard.summary.writer.event_file_writer")
        self._writer = writer.EventFileWriter(self.id)
        if not about.id:
            self._text("config", "\n".join(f"    {k}: {v}" for k, v in about.config.items()))

    def numbers(self, values: Mapping[str, float], step: int) -> None:
        """Scalars."""
        self._add([self._pb.Summary.Value(tag=k, simple_value=v) for k, v in values.items()], step)

    def table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """A table of Markdown, shown under Text."""
        lines = [columns, ["---"] * len(columns), *rows]
        self._text(name, "\n".join(f"| {' | '.join(str(cell).replace('|', '/') for cell in line)} |" for line in lines))

    def video(self, name: str, mp4: bytes) -> None:
        """A GIF, shown under Images: TensorBoard knows no mp4."""
        frames, fps = videos.decode(mp4)
        image: Any = import_module("PIL.Image")
        pictures = [image.fromarray(frame) for frame in frames]
        data = io.BytesIO()
        shown = {"save_all": True, "append_images": pictures[1:], "duration": 1000 / fps, "loop": 0}
        pictures[0].save(data, "GIF", **shown)
        height, width = frames.shape[1:3]
        gif = self._pb.Summary.Image(height=height, width=width, colorspace=3, encoded_image_string=data.getvalue())
        self._add([self._pb.Summary.Value(tag=name, image=gif)], 0)

    def flush(self) -> None:
        """Write what is in memory."""
        self._writer.flush()

    def close(self, failed: bool) -> None:
        """Close the file."""
        self._writer.close()

    def _text(self, name: str, text: str) -> None:
        about = self._pb.SummaryMetadata(plugin_data=self._pb.SummaryMetadata.PluginData(plugin_name="text"))
        shape: Any = import_module("tensorboard.compat.proto.tensor_shape_pb2")
        one = shape.TensorShapeProto(dim=[shape.TensorShapeProto.Dim(size=1)])
        tensor = self._tensors.TensorProto(dtype=self._strings, string_val=[text.encode()], tensor_shape=one)
        self._add([self._pb.Summary.Value(tag=name, metadata=about, tensor=tensor)], 0)

    def _add(self, values: Sequence[Any], step: int) -> None:
        summary = self._pb.Summary(value=values)
        self._writer.add_event(self._event(wall_time=time.time(), step=step, summary=summary))
