"""The videos of a run: an index, and for each prompt a row of videos with its rewards and its genealogy."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from raysearch import videos
from raysearch.errors import UsageError
from raysearch.moves import Result
from raysearch.report import films, index, lineage, maps, plots, statistics
from raysearch.report import tree as tree_of
from raysearch.report.components import section
from raysearch.report.markup import Html, count, el, number
from raysearch.report.reading import Run, SearchRecord

CIRCLES = 6000  # of all genealogies in one page


def gallery(run: Run, limit: float, beside: bool = True) -> Html | None:
    """An index of all prompts, and a row of videos for each that has a result.

    Args:
        run: The run.
        limit: Bytes of video within the page.
        beside: Whether further films may be taken from the run folder.
    """
    entries = [e for e in run.entries if e.result is not None]
    if not entries:
        return None
    generator = run.config.get("generator")
    fps = generator.get("fps") if isinstance(generator, Mapping) else None
    rate = fps if isinstance(fps, (int, float)) and fps > 0 else 8.0
    room, drawn, trees = films.Room(limit), maps.read(run), lineage.read(str(run.folder))
    spare = CIRCLES
    rows = []
    for e in entries:
        tree = trees.get(e.name, [])
        fits = tree_of.branches(tree) and tree_of.size(tree) <= spare
        spare -= tree_of.size(tree) if fits else 0
        rows.append(
            _prompt(run, e, films.tiles(run, e, rate, drawn, not room.full), room, beside, tree if fits else [])
        )
    heat = el("button", "Surprise map", type="button", id="map", aria_pressed="false") if drawn else None
    tools = films.tools(heat)
    return section(
        "Videos", index.index(run), tools if room.embedded or (room.omitted and beside) else None,
        _on_maps(run, drawn, beside), _left_out(room, limit, beside), el("div", rows, style=shape(run)), id="videos",
    )  # fmt: skip


def shape(run: Run) -> str | None:
    """The shape of the videos of a run as a style, so that rows do not move when they load; None if it is not known."""
    films_ = (run.film(e, key) for e in run.entries for key in e.films)
    try:
        film = next(film for film in films_ if film is not None)
        _, height, width, _ = videos.decode(film)[0].shape
    except (StopIteration, UsageError):
        return None
    return f"--shape: {width} / {height}"


def _on_maps(run: Run, drawn: maps.Maps | None, beside: bool) -> Html | None:
    """What the surprise map shows, or how to get it."""
    if drawn is not None:
        low, high = (number(v, 2) for v in drawn.scale)
        scale = el("span", low, el("span", class_="heat", aria_hidden="true"), high, class_="scale")
        text = (
            " Surprise of the world model, on one scale for all videos. A mark on the time bar is the first break: the "
            f"first frame whose highest surprise is more than {maps.BREAK:g} robust deviations above what is usual at "
            "its time, the median over the maps of this run."
        )
        return el("p", scale, text, class_="small", id="on-map")
    if beside and maps.spec(run) is not None and any(e.films for e in run.entries):
        command = el("code", f"raysearch report {run.folder.resolve().name} --maps")
        return el(
            "p", "The reward can tell where and when a video is surprising: ", command, " draws it.", class_="small"
        )
    return None


def _left_out(room: films.Room, limit: float, beside: bool) -> Html | None:
    if not room.omitted:
        return None
    what = f"{count(room.videos_omitted, 'video')} of {count(room.omitted, 'prompt')}"
    size = f"{limit / 1e6:,.3g} MB of video"
    if beside:
        text = (
            f"{what} are taken from the run folder, films/, when they are seen, to keep this page below {size}: keep "
        )
        return el("p", f"{text}it there to see them.", class_="small")
    return el(
        "p", f"{what} left out to keep this page below {size}; they are in the run folder, films/.", class_="notice"
    )


def _prompt(
    run: Run, entry: SearchRecord, tiles: list[films.Tile], room: films.Room, beside: bool,
    tree: list[lineage.Generation],
) -> Html:  # fmt: skip
    result = entry.result
    assert result is not None
    embed = room.take([(run, t) for t in tiles])
    playable = any(t.film is not None and (embed or (beside and isinstance(t.film, str))) for t in tiles)
    auto = room.embedded <= films.AUTOPLAY
    badges = [el("span", text, class_="badge") for text in index.flags(result)]
    text = entry.prompt.text or (entry.prompt.image or entry.prompt.video or "")
    best = f"best/{entry.name}.mp4"
    files = el("a", "Chosen, mp4", href=quote(best), class_="file") if beside and run.inside(best) else None
    grown = None
    if tree:
        grown = el(
            "details", el("summary", "Genealogy"),
            el("div", tree_of.draw(tree, result), class_="scroll", tabindex=0, role="region",
               aria_label=f"Genealogy of {entry.name}"),
            el("p", tree_of.CAPTION, class_="small"), class_="genealogy", open=room.embedded == 1,
        )  # fmt: skip
    return el(
        "article", el("h3", entry.name, el("span", text, class_="text"), badges, files),
        el("div", [films.figure(run, t, entry.name, embed, auto, beside) for t in tiles], class_="tiles"),
        el("div", films.control(entry.name) if playable else None, _rewards(result), class_="below"), grown,
        class_="row", id=f"prompt-{entry.name}",
    )  # fmt: skip


def _rewards(result: Result) -> Html:
    known = len(result.finals) - statistics.unscored(result)
    if not known:
        return el("p", "not scored", class_="small")
    text = f"Rewards of {count(known, 'candidate')}: chosen filled, lowest hollow, first with a bar"
    return el("figure", plots.strip(result, films.worst(result)), el("figcaption", text), class_="rewards")
