"""Frames that are kept for films: the last ones, up to a number of bytes."""

from raysearch.executors.decoded import Decoded


def test_the_last_frames_are_kept_up_to_the_limit():
    decoded = Decoded[str](10)
    decoded.keep("a", "A", 4)
    decoded.keep("b", "B", 4)
    decoded.keep("b", "B", 6)  # again, of another size: counted once
    assert (decoded.get("a"), decoded.get("b")) == ("A", "B")
    decoded.keep("c", "C", 1)
    assert (decoded.get("a"), decoded.get("b"), decoded.get("c")) == (None, "B", "C")
    decoded.keep("d", "D", 11)
    assert decoded.get("d") is None and decoded.get("b") == "B"
    decoded.forget(["b", "unknown"])
    decoded.keep("e", "E", 9)
    assert (decoded.get("b"), decoded.get("c"), decoded.get("e")) == (None, "C", "E")
