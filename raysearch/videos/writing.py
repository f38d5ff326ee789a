"""Write films, H.264 in mp4, and read what the header of such a film says."""

from __future__ import annotations

import io
from fractions import Fraction
from typing import Any

import numpy as np

from raysearch.videos.process import Source, ask
from raysearch.videos.reading import scan

SHOWN = 256  # videos smaller than this are enlarged by a whole factor, without smoothing, so that they can be watched


def encode(
    frames_THWC: np.ndarray, fps: float, quality: int = 12, enlarge: bool = True,
    sound: tuple[np.ndarray, int] | None = None,
) -> bytes:  # fmt: skip
    """An mp4 file, H.264 4:2:0, with AAC where there is sound. Same frames and sound, same bytes.

    Args:
        frames_THWC: uint8 frames.
        fps: frames per second.
        quality: x264's crf, 0 (lossless) to 51.
        enlarge: whether small frames are enlarged.
        sound: a waveform [channels, samples] in [-1, 1] and its samples per second; it is cut to the film's length.
    """
    import av  # here, for most that read a video's facts encode none

    frames = np.ascontiguousarray(frames_THWC)
    if enlarge and (k := SHOWN // min(frames.shape[1:3])) > 1:
        frames = frames.repeat(k, 1).repeat(k, 2)
    height, width = (n - n % 2 for n in frames.shape[1:3])  # 4:2:0 needs even sizes
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as out:
        stream = out.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        # mbtree off: with AVX-512 it gives other bytes each time
        stream.options = {"crf": str(quality), "threads": "1", "preset": "medium", "x264-params": "mbtree=0"}
        track = None if sound is None else _track(out, sound)
        for frame in frames[:, :height, :width]:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")))
        out.mux(stream.encode())
        if track is not None and sound is not None:
            _write_sound(out, track, sound, len(frames) / fps)
    return buffer.getvalue()


def _track(out: Any, sound: tuple[np.ndarray, int]) -> Any:
    waveform_CN, rate = sound
    track = out.add_stream("aac", rate=rate)
    track.layout = "mono" if len(waveform_CN) == 1 else "stereo"
    track.options = {"flags": "+bitexact"}
    return track


def _write_sound(out: Any, track: Any, sound: tuple[np.ndarray, int], seconds: float) -> None:
    """The first `seconds` of a waveform; what is not finite becomes silence."""
    import av

    waveform_CN, rate = sound
    cut = np.nan_to_num(waveform_CN[:2, : round(seconds * rate)].astype(np.float32), posinf=0, neginf=0).clip(-1, 1)
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(cut), format="fltp", layout=track.layout.name)
    frame.sample_rate = rate
    out.mux(track.encode(frame))
    out.mux(track.encode())


def exact(frames_THWC: np.ndarray, fps: float) -> bytes:
    """An mp4 file that gives the frames, uint8 [T, H, W, 3], back as they are: H.264 in RGB, without loss."""
    import av

    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as out:
        stream: Any = out.add_stream("libx264rgb", rate=Fraction(fps).limit_denominator(1001))
        stream.height, stream.width, stream.pix_fmt = *frames_THWC.shape[1:3], "rgb24"
        stream.options = {"crf": "0", "threads": "1", "preset": "veryfast", "x264-params": "mbtree=0"}
        for frame in frames_THWC:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")))
        out.mux(stream.encode())
    return buffer.getvalue()


def facts(source: Source) -> dict[str, Any]:
    """codec, fps, frames, width, height, duration_s as the header of a film of raysearch tells them.

    Raises UsageError for a file that is no video.
    """
    ((head, _),) = ask(source, "header", packets=False)
    fps = float(Fraction(head["fps"]))
    return {
        "codec": head["codec"], "fps": int(fps) if fps == int(fps) else fps,
        "frames": head["frames"] or scan(source).count, "width": head["width"], "height": head["height"],
        "duration_s": head["seconds"],
    }  # fmt: skip
