"""The study page in a real browser: an annotator with a keyboard, from the first name to exported answers."""

import asyncio
import json

import numpy as np
import pytest

from raysearch import cli, videos
from raysearch.errors import UsageError
from raysearch.evals.preference import items, page, statistics
from raysearch.evals.preference.items import VideoPair
from tests import browser

needs_browser = pytest.mark.skipif(browser.find() is None, reason="no chromium on PATH")


@pytest.fixture
def pairs(tmp_path):
    """Four pairs and a check; every video is named after its system, which the study must hide."""
    rng, found = np.random.default_rng(0), []
    for i in range(5):
        for system in ("base", "steered"):
            clip = rng.integers(0, 255, (8, 32, 32, 3), dtype=np.uint8)
            (tmp_path / f"{system}-{i}.mp4").write_bytes(videos.encode(clip, 8))
        found.append(VideoPair(f"p{i}", f"ball {i} <falls> & rolls", "base", "steered", str(tmp_path / f"base-{i}.mp4"),
                          str(tmp_path / f"steered-{i}.mp4"), expect="b" if i == 4 else None))  # fmt: skip
    return found


def test_the_page_tells_nothing_of_the_systems(pairs, tmp_path):
    study = page.write(pairs, tmp_path / "study", 2)
    shown = "".join(p.read_text() for p in study.glob("*.html"))
    assert "steered" not in shown and '"base' not in shown
    assert len(list((study / "media").iterdir())) == 10
    assert not any("steered" in p.name or "base" in p.name for p in (study / "media").iterdir())
    with pytest.raises(UsageError, match="exists"):
        page.write(pairs, tmp_path / "study", 2)
    with pytest.raises(UsageError, match="question: 'beauty' is unknown"):
        page.write(pairs, tmp_path / "other", 2, "beauty")


async def session(address, profile, right, ties):
    """Vote for the videos in `right` (paths as the page shows them); returns what the page exports, and what it saw."""
    async with browser.browser(address, profile) as tab:
        await tab.until("document.readyState === 'complete' && !!document.getElementById('annotator')")
        for letter in "ann":
            await tab.key(letter)
        await tab.key("Enter", "\r")
        seen = []
        for number in range(5):
            await tab.until(
                f"!!document.querySelector('.pair') && document.body.innerText.includes('{number + 1} of 5')"
            )
            await tab.until("[...document.querySelectorAll('.pair video')].every(v => v.readyState >= 3 && !v.paused)")
            times = await tab.evaluate("[...document.querySelectorAll('.pair video')].map(v => v.currentTime)")
            seen.append(abs(times[0] - times[1]))
            left = await tab.evaluate("document.getElementById('left').getAttribute('src')")
            if ties and number == 2:
                await tab.key("0")
            elif number == 1:  # a slip, taken back
                await tab.key("2" if left in right else "1")
                await tab.until("document.body.innerText.includes('3 of 5')")
                await tab.key("Backspace")
                await tab.until("document.body.innerText.includes('2 of 5')")
                await tab.key("1" if left in right else "2")
            elif number == 3:
                await tab.evaluate(
                    f"document.querySelector('[data-answer={'left' if left in right else 'right'}]').click()"
                )
            else:
                await tab.key("ArrowLeft" if left in right else "ArrowRight")
        await tab.until("!!document.getElementById('export')")
        blob = await tab.evaluate("fetch(document.getElementById('export').href).then(r => r.text()).catch(() => '')")
        text = await tab.evaluate("document.getElementById('answers').textContent")
        return blob or text, seen, await tab.evaluate("document.querySelector('.prompt') === null")


@needs_browser
@pytest.mark.parametrize("ties", [False, True])
def test_a_session_in_the_browser(pairs, tmp_path, capsys, ties):
    """An annotator who always prefers `steered`: whatever side it stands on, the statistics must say so."""
    study = page.write(pairs, tmp_path / "study", 2, ties=ties)
    key = json.loads((study / "key.json").read_text())
    media = {p.video_b for p in pairs}
    right = {page._place(v, study, key["study"]) for v in media}
    address = (study / "annotator-02.html").as_uri()
    exported, apart, _ = asyncio.run(session(address, str(tmp_path / "profile"), right, ties))
    assert max(apart) < 0.3  # the two loops run together
    (tmp_path / "answers.jsonl").write_text(exported)
    votes = items.read_votes([tmp_path / "answers.jsonl"], study / "key.json")
    assert len(votes) == 5 and {v.annotator for v in votes} == {"ann"} and all(v.seconds > 0 for v in votes)
    tied = [v for v in votes if v.answer == "tie"]
    assert len(tied) == ties and all(v.answer == "b" for v in votes if v not in tied)
    kept = items.attentive(votes, 0.0)
    found = statistics.compare(kept, "steered", "base")
    tied_kept = sum(v.answer == "tie" for v in kept)
    assert (found["wins"], found["ties"], found["losses"]) == (4 - tied_kept, tied_kept, 0)
    words = ["preference", "count", str(study / "key.json"), str(tmp_path / "answers.jsonl"), "--least", "0"]
    assert cli.main(words) == 0
    assert f"steered against base: W {4 - tied_kept} T {tied_kept} L 0" in capsys.readouterr().out


def test_the_command_makes_a_study(pairs, tmp_path, capsys):
    from dataclasses import asdict

    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(asdict(p)) + "\n" for p in pairs))
    assert (
        cli.main(["preference", "make", str(tmp_path / "pairs.jsonl"), str(tmp_path / "s"), "--annotators", "3"]) == 0
    )
    assert len(list((tmp_path / "s").glob("annotator-*.html"))) == 3
