"""The frame that all pages share."""

import base64
import hashlib
import html
import json
import re
from pathlib import Path

import raysearch
from raysearch.report.document import asset, document
from raysearch.report.markup import Html, el
from tests.source import modules

BODY = el("main", el("h1", "A < B"))


def policy(page: str) -> dict[str, str]:
    """The content security policy of a page: sources by directive."""
    content = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert content is not None
    parts = html.unescape(content[1]).split("; ")
    return dict(part.split(" ", 1) for part in parts)


def test_a_page_without_scripts_may_run_none_and_load_nothing():
    page = document("A & B", BODY)
    assert policy(page) == {"default-src": "'none'", "style-src": "'unsafe-inline'"}
    assert "<script" not in page and "<title>A &amp; B</title>" in page and "<h1>A &lt; B</h1>" in page
    assert page.startswith('<!DOCTYPE html>\n<html lang="en">') and page.count("<style>") == 1


def test_the_policy_names_exactly_the_scripts_that_are_in_the_page():
    scripts = [Html("let a = 'é <b>';"), asset("raysearch.report", "script.js")]
    page = document("t", BODY, scripts=scripts, media="data:")
    inside = re.findall(r"<script>(.*?)</script>", page, re.S)
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in inside]
    assert len(inside) == 2
    assert policy(page)["script-src"].split() == [f"'sha256-{found}'" for found in hashes]
    assert policy(page)["media-src"] == policy(page)["img-src"] == "data:"


def test_data_comes_back_and_cannot_end_its_element():
    data = {"prompt": "</script><script>alert(1)</script>", "n": [1, 2]}
    page = document("t", BODY, data=data)
    inside = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    assert len(inside) == 1 and json.loads(inside[0]) == data


def test_further_styles_come_after_the_common_one():
    page = document("t", BODY, styles=[Html("h1 { color: red; }")])
    common, own = re.findall(r"<style>(.*?)</style>", page, re.S)
    assert common == asset("raysearch.report", "style.css") and own == "h1 { color: red; }"


def test_no_module_writes_a_head_of_its_own_and_one_template_does():
    head = re.compile(r"Content-Security-Policy\"|<!DOCTYPE", re.I)
    assert not [p.name for p in modules() if head.search(p.read_text())]
    assert [p.name for p in Path(raysearch.__file__).parent.rglob("*.html") if head.search(p.read_text())] == [
        "document.html"
    ]


def test_the_template_escapes_what_is_not_html_already():
    assert "<title>&lt;b&gt; &amp; &#39;c&#39;</title>" in document("<b> & 'c'", BODY)
