"""The decoding process: what ends it is an error of one file, and the next file is read."""

import os

import pytest

from examples.media import ramp, save
from raysearch import videos
from raysearch.errors import UsageError
from raysearch.videos import process


def test_pipes_folders_and_devices_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "fifo.mp4")
    for path in (tmp_path / "fifo.mp4", tmp_path, "/dev/zero"):
        with pytest.raises(UsageError, match="not a file"):
            videos.read(path)


def test_a_decoder_that_dies_is_an_error_of_its_file(tmp_path):
    path = save(tmp_path / "a.mp4", ramp(200))
    answers = process.ask(path, "video", pixels=True, most=None)
    next(answers)
    answers.gi_frame.f_locals["worker"].process.kill()
    with pytest.raises(UsageError, match="SIGKILL"):
        list(answers)
    assert len(videos.read(path).frames) == 200


def test_one_process_reads_one_file_after_the_other(tmp_path):
    path = save(tmp_path / "a.mp4", ramp(9))
    videos.read(path)
    (worker,) = process._idle[-1:]
    for most in (None, 4):
        videos.read(path, most=most)
        videos.facts(path)
    assert process._idle[-1] is worker and worker.process.poll() is None


def test_bytes_are_read_as_files_are(tmp_path):
    path = save(tmp_path / "a.mp4", ramp(9))
    assert (videos.read(path).frames == videos.read(path.read_bytes()).frames).all()
    with pytest.raises(UsageError, match="<bytes>: not a video that can be read"):
        videos.read(b"no video")
