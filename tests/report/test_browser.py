"""Every page in a real browser: no error, no request, marks in every plot, videos that play, nothing cut on a phone.

The material is made once: a run with surprise maps and one of a sampler, a comparison, a sweep and a challenge, all
small. `test_two_hundred_prompts` holds the page to what is promised of it.
"""

import asyncio
import time
from dataclasses import replace

import numpy as np
import pytest

from raysearch import config, runs, sweep, videos
from raysearch.evals.calibrate import page as calibration
from raysearch.evals.calibrate.previews import PreviewAgreement
from raysearch.evals.calibrate.statistics import Interval
from raysearch.report import compare, compare_page, maps, read, write
from raysearch.report.remote import publish
from raysearch.rewards import SurpriseMap
from tests import browser
from tests.evals.calibrate.conftest import found as found  # a calibration, the fixture
from tests.report.material import CLOCKWORK, NOISY

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(browser.find() is None, reason="no chromium on PATH"),
]

SIZES = {"wide": (1400, 1000), "phone": (390, 844)}
SCENES = [*CLOCKWORK, "prompts.heldout=6"]
EMPTY = """[...document.querySelectorAll('svg.plot, svg.strip, svg.tree, svg.timeline')]
  .filter(s => !s.querySelector('circle, rect.mark, polyline, path')).map(s => s.getAttribute('aria-label'))"""
CUT = """(() => { const wide = document.documentElement.scrollWidth - innerWidth;
  return wide > 1 ? [`the page is ${wide} px too wide`] : [...document.querySelectorAll('h1, h2, h3, p, dd, summary')]
    .filter(e => e.offsetParent && !e.closest('.scroll') && e.scrollWidth > e.clientWidth + 2
      && getComputedStyle(e).display !== 'inline').map(e => e.textContent.slice(0, 60)) })()"""
FAINT = r"""(() => { const parts = c => c.match(/[\d.]+/g).map(Number);
  const light = c => { const [r, g, b] = parts(c).map(v => v / 255)
    .map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b };
  const paper = e => { const c = getComputedStyle(e).backgroundColor;
    return parts(c)[3] === 0 && e.parentElement ? paper(e.parentElement) : light(c) };
  const ratio = (e, property) => { const [ink, below] = [light(getComputedStyle(e)[property]), paper(e)];
    return (Math.max(ink, below) + .05) / (Math.min(ink, below) + .05) };
  const faint = (what, property) => [...document.querySelectorAll(what)].filter(e => ratio(e, property) < 4.5)
  return [...faint('p, a, td, th, h1, h2, h3, figcaption, dt, dd, summary, button, .badge', 'color'),
    ...faint('svg text', 'fill')].map(e => e.textContent.slice(0, 40)) })()"""
CROSSED = """[...document.querySelectorAll('svg')].filter(s => s.getBoundingClientRect().width).flatMap(s => {
  const all = [...s.querySelectorAll('text')].map(t => [t.textContent, t.getBoundingClientRect()]);
  const own = s.getBoundingClientRect();
  return [...all.filter(([, r]) => r.left < own.left - 4 || r.right > own.right + 4).map(([t]) => `outside: ${t}`),
    ...all.flatMap(([t, r], k) => all.slice(k + 1).filter(([, o]) =>
      Math.min(r.right, o.right) - Math.max(r.left, o.left) > 1
      && Math.min(r.bottom, o.bottom) - Math.max(r.top, o.top) > 3).map(([u]) => `${t} over ${u}`))] })"""
PLAYS = """(async () => { const video = document.querySelector('video'); if (!video) return null;
  video.scrollIntoView({block: 'center'});
  for (let k = 0; k < 200; k++) { if (video.readyState >= 2 && video.currentTime > 0) return true;
    await new Promise(r => setTimeout(r, 50)); } return [video.readyState, video.currentTime, video.paused] })()"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Addresses of one page of each kind."""
    root = tmp_path_factory.mktemp("pages")

    def run(name, *words):
        made = root / name
        runs.run(config.load("jobs/demo.yaml", [*SCENES, *words, f"run={made}"]))
        return made

    plain, sampled = (
        run("plain", "search.n=4"),
        run("sampled", *NOISY, "search.name=smc", "search.n=6", "search.lam=30"),
    )
    beam = run("beam", *NOISY, "search.name=beam", "search.width=3", "search.branch=2")
    mapped(plain)
    for folder in (plain, sampled, beam):
        publish(str(folder))
    compare_page.write(compare.compare(read(str(plain)), read(str(sampled))), root / "compare.html")
    words = ["search=best_of_n,smc", "particles=1,2,4", "searches={smc: {kernel: {name: ddim_eta, eta: 0.5}}}"]
    sweep.run(sweep.points("jobs/demo.yaml", [*SCENES, "watch=[smoothness]", *words, f"run={root / 'sweep'}"]))
    return {
        "run": plain / "report.html", "sampler": sampled / "report.html", "beam": beam / "report.html",
        "comparison": root / "compare.html", "sweep": root / "sweep" / "sweep.html",
    }  # fmt: skip


def mapped(folder):
    """Give the shown films of a run maps as a reward would have drawn them."""
    for entry in read(str(folder)).entries:
        for k, (key, film) in enumerate(entry.films.items()):
            frames = len(videos.decode((folder / film).read_bytes())[0])
            values = np.random.default_rng(k).uniform(0.2, 0.4, (frames, 4, 4))
            if key == entry.result.winner.key:
                values[-1, 0, 0] = 2.0
            found = SurpriseMap(values.astype(np.float32), (0, 0, 16, 16))
            target = folder / maps.path_of(film)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(maps.to_json(found, (frames, 16, 16)))


async def look(address, profile, size, dark):
    """What is wrong with a page as a browser shows it, by what was looked at."""
    async with browser.browser("about:blank", profile) as tab:
        for domain in ("Runtime", "Log", "Network", "Page"):
            await tab.call(f"{domain}.enable")
        width, height = SIZES[size]
        await tab.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                       mobile=size == "phone")  # fmt: skip
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        await tab.call("Emulation.setEmulatedMedia", features=scheme)
        await tab.call("Page.navigate", url=address)
        await tab.until("document.readyState === 'complete' && !!document.querySelector('main')", 60)
        found = {
            "empty plots": await tab.evaluate(EMPTY), "cut text": await tab.evaluate(CUT),
            "faint text": await tab.evaluate(FAINT), "crossed text": await tab.evaluate(CROSSED),
            "videos": await tab.evaluate(PLAYS),
        }  # fmt: skip
        for button in ("map", "slow", "pause"):
            await tab.evaluate(f"document.getElementById('{button}')?.click()")
        await tab.evaluate("document.querySelectorAll('button.head').forEach(b => { b.click(); b.click() })")
        await tab.evaluate("new Promise(r => setTimeout(r, 100))")
        found["errors"] = [told for told in tab.told if wrong(told)]
        asked = [t["params"]["request"]["url"] for t in tab.told if t["method"] == "Network.requestWillBeSent"]
        found["requests"] = [url[:80] for url in asked if not url.startswith(("file:", "data:", "about:"))]
        return found


def wrong(told):
    """Whether a message of the browser is an error of the page."""
    kind, details = told["method"], told["params"]
    if kind == "Log.entryAdded":
        return details["entry"]["level"] == "error"
    return kind == "Runtime.exceptionThrown" or (kind == "Runtime.consoleAPICalled" and details["type"] == "error")


def sound(found, has_videos=True):
    assert found.pop("videos") is (True if has_videos else None)
    assert not any(found.values()), {k: v for k, v in found.items() if v}


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", ["run", "sampler", "beam", "comparison", "sweep"])
def test_a_page_is_sound(pages, tmp_path, kind, size, dark):
    found = asyncio.run(look(pages[kind].as_uri(), str(tmp_path / "profile"), size, dark))
    sound(found, kind != "sweep")


@pytest.fixture(scope="module")
def challenge(tmp_path_factory):
    from raysearch.evals.physics_iq.challenge import run
    from tests.evals.physics_iq.challenge.case import job

    folder = tmp_path_factory.mktemp("challenge") / "run"
    run.run(job(folder, "generator.steps=2", "challenge.strategies=[{name: halving, budget: 6}]"))
    return folder / "challenge.html"


@pytest.mark.parametrize("size, dark", [("wide", False), ("phone", True), ("wide", True), ("phone", False)])
def test_the_page_of_a_calibration_is_sound(found, tmp_path, size, dark):
    known = Interval(0.7, 0.5, 0.9, 16)
    reads = [PreviewAgreement(k, 12, known, 0.2, 1.0, known, "halve") for k in (2, 4)]
    path = tmp_path / "calibration.html"
    path.write_text(calibration.page(replace(found, previews=reads)))
    sound(asyncio.run(look(path.as_uri(), str(tmp_path / "profile"), size, dark)), has_videos=False)


@pytest.mark.parametrize("size, dark", [("wide", False), ("phone", True), ("wide", True), ("phone", False)])
def test_the_page_of_a_challenge_is_sound(challenge, tmp_path, size, dark):
    sound(asyncio.run(look(challenge.as_uri(), str(tmp_path / "profile"), size, dark)))


def test_maps_are_drawn_over_videos_and_words_leave_matching_prompts(pages, tmp_path):
    canvas = "document.querySelector('canvas.map')"
    words = """(() => { const f = document.querySelector('.find'); f.value = 'two_balls-001';
      f.dispatchEvent(new Event('input')) })()"""

    async def session():
        async with browser.browser(pages["run"].as_uri(), str(tmp_path / "profile")) as tab:
            await tab.until(f"document.readyState === 'complete' && !!{canvas}")
            before = await tab.evaluate(f"getComputedStyle({canvas}).display")
            await tab.evaluate("document.querySelector('video[data-map]').scrollIntoView()")
            await tab.evaluate("document.getElementById('map').click()")
            await tab.until(f"{canvas}.getContext('2d').getImageData(0, 0, 4, 4).data.some(v => v)")
            after = await tab.evaluate(f"getComputedStyle({canvas}).display")
            marks = await tab.evaluate("document.querySelectorAll('.break.chosen').length")
            await tab.evaluate(words)
            left = await tab.evaluate("[...document.querySelectorAll('article.row')].filter(a => !a.hidden).length")
            return before, after, marks, left

    assert asyncio.run(session()) == ("none", "block", 6, 1)


UNSEEN = "[...document.querySelectorAll('article.row')].at(-1).querySelector('video')"
REWARDS = "[...document.querySelectorAll('.index tbody tr')].map(r => parseFloat(r.children[2].textContent))"
FIND = """(() => { const f = document.querySelector('.find'); f.value = 'two balls';
  f.dispatchEvent(new Event('input')) })()"""


def test_two_hundred_prompts(tmp_path):
    """Under 30 MB and open in under 3 s: what the process of the page computes until all has loaded, for that does not
    depend on what else the machine does.
    """
    folder = tmp_path / "many"
    words = ["generator.steps=2", "search.n=3", "prompts.heldout=200", f"run={folder}"]
    runs.run(config.load("jobs/demo.yaml", [*CLOCKWORK, *words]))
    began = time.perf_counter()
    path = write(str(folder))
    wrote, size = time.perf_counter() - began, path.stat().st_size

    async def session():
        async with browser.browser("about:blank", str(tmp_path / "profile")) as tab:
            await tab.call("Page.enable")
            await tab.call("Performance.enable")
            await tab.call("Page.navigate", url=path.as_uri())
            await tab.until("document.readyState === 'complete' && !!document.querySelector('main')", 120)
            loaded = "performance.getEntriesByType('navigation')[0].loadEventEnd"
            await tab.until(f"{loaded} > 0")
            found = {m["name"]: m["value"] for m in (await tab.call("Performance.getMetrics"))["metrics"]}
            rows = await tab.evaluate("document.querySelectorAll('article.row').length")
            at_rest = await tab.evaluate(f"{UNSEEN}.readyState")
            await tab.evaluate(f"{UNSEEN}.scrollIntoView()")
            await tab.until(f"{UNSEEN}.readyState >= 2 && {UNSEEN}.currentTime > 0")
            await tab.evaluate(
                "[...document.querySelectorAll('.index button.head')].forEach((b, k) => k === 2 && b.click())"
            )
            rewards = await tab.evaluate(REWARDS)
            await tab.evaluate(FIND)
            left = await tab.evaluate("[...document.querySelectorAll('article.row')].filter(a => !a.hidden).length")
            return await tab.evaluate(loaded), found["ProcessTime"], rows, at_rest, rewards, left

    opened, computed, rows, at_rest, rewards, left = asyncio.run(session())
    assert at_rest == 0 and rewards == sorted(rewards) and len(rewards) == 200 and left == 100
    told = f"loaded after {opened / 1000:.2f} s on this machine, of which {computed:.2f} s computing"
    print(f"200 prompts: {size / 1e6:.1f} MB, written in {wrote:.1f} s, {told}")
    assert rows == 200 and size < 30e6 and computed < 3
