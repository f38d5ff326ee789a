"""Files of truths: what is read, and what is refused."""

import pytest

from raysearch.errors import UsageError
from raysearch.evals.calibrate import truths


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.csv", "video,points\nx,1\n", "no column 'score'"), ("a.csv", "video,score\nx,high\n", "score='high' is no"),
        ("a.csv", "video,score\nx,1\nx,2\n", "given twice"), ("a.csv", "video,score\n", "holds no score"),
        ("a.json", "[1]", "give a list of objects"), ("a.json", "{", "no JSON"), ("b.csv", "", "No such file"),
    ],
)  # fmt: skip
def test_files_of_truths_that_are_refused(tmp_path, name, text, says):
    if text:
        (tmp_path / name).write_text(text)
    with pytest.raises(UsageError, match=says):
        truths.read(str(tmp_path / name))


def test_truths_from_json(tmp_path):
    (tmp_path / "a.json").write_text('{"x.mp4": 1.5, "y.mp4": -2}')
    found = truths.read(str(tmp_path / "a.json"))
    assert found.of("sub/x.mp4").score == 1.5 and found.of("z.mp4") is None
