"""What the hub answers, told in one line with what to do; against a hub on loopback that refuses in every way."""

import http.server
import json
import threading
from typing import ClassVar

import pytest

from raysearch.cli import main
from raysearch.errors import UsageError
from raysearch.pretrained import hub

MODEL = "acme/tiny-wan"


class Gate(http.server.BaseHTTPRequestHandler):
    """Refuses every request in the way that the test asks for."""

    status, code, message = 403, "", ""
    asked: ClassVar[list[str]] = []

    def do_GET(self):
        self.asked.append(self.path)
        self.send_response(self.status)
        if self.code:
            self.send_header("X-Error-Code", self.code)
        if self.message:
            self.send_header("X-Error-Message", self.message)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_GET

    def log_message(self, *args):
        pass


@pytest.fixture
def gate(tmp_path, monkeypatch):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Here", (Gate,), {"asked": []}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    use(monkeypatch, tmp_path, f"http://127.0.0.1:{server.server_address[1]}")
    yield server.RequestHandlerClass
    server.shutdown()
    server.server_close()


def use(monkeypatch, tmp_path, url):
    """The address of the hub and an empty cache, as HF_ENDPOINT and HF_HUB_CACHE would set them."""
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", url)
    template = url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    hub.fetch.cache_clear()


@pytest.mark.parametrize(
    ("status", "code", "message", "wants"),
    [
        (403, "GatedRepo", "Access to model acme is restricted", "it is gated; ask for access at https://huggingface"),
        (401, "GatedRepo", "You must be authenticated", "it is gated"),
        (401, "", "Invalid credentials in Authorization header", "the hub refuses access (401); check that the token"),
        (401, "RepoNotFound", "Repository not found", "the hub has no such model, or none that is open to you"),
        (404, "RepoNotFound", "", "the hub has no such model"),
        (404, "RevisionNotFound", "", "the hub has no revision 'v9' of it; give a branch, a tag or a commit"),
        (404, "EntryNotFound", "", "the hub holds no model_index.json in it"),
        (403, "", "Forbidden", "the hub refuses access (403)"),
        (429, "", "", "takes no more requests for now (429, rate limit); wait some minutes"),
        (503, "", "", "the hub answers with status 503; try again later"),
    ],
)
def test_refusals_keep_their_reason(gate, status, code, message, wants):
    gate.status, gate.code, gate.message = status, code, message
    with pytest.raises(UsageError) as refused:
        hub.fetch(MODEL, "model_index.json", "generator.model", "v9")
    text = str(refused.value)
    assert text.startswith(f"generator.model={MODEL!r}: ") and wants in text and "\n" not in text
    assert ("HF_TOKEN" in text) == (status in (401, 403, 429) or code == "RepoNotFound")
    assert sum(MODEL in path for path in gate.asked) == 1  # no repeated requests


def test_a_file_that_may_be_absent(gate):
    gate.status, gate.code = 404, "EntryNotFound"
    assert hub.fetch(MODEL, "vae/config.json", "generator.model", optional=True) is None


@pytest.mark.parametrize("offline", [False, True])
def test_without_a_network(tmp_path, monkeypatch, offline):
    use(monkeypatch, tmp_path, "http://127.0.0.1:9")  # nothing listens there
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", offline)
    with pytest.raises(UsageError, match="the hub cannot be reached") as refused:
        hub.fetch(MODEL, "model_index.json", "generator.model")
    assert ("HF_HUB_OFFLINE is set" in str(refused.value)) == offline
    assert f"hf download {MODEL}" in str(refused.value)
    assert hub.fetched(MODEL, "model_index.json") is None


@pytest.mark.parametrize("name", ["no such model", "a/b/c", "", "a--b/..", "owner/na me"])
def test_what_is_no_id(tmp_path, monkeypatch, name):
    use(monkeypatch, tmp_path, "http://127.0.0.1:9")
    with pytest.raises(UsageError, match="no hub id, which has the form owner/name"):
        hub.fetch(name, "config.json", "reward.model")


def test_a_gated_generator_and_a_gated_reward_by_the_command_line(gate, tmp_path, capsys):
    gate.status, gate.code, gate.message = 403, "GatedRepo", "Access is restricted"
    job = tmp_path / "job.yaml"
    base = {"run": str(tmp_path / "run"), "prompts": {"items": ["a red ball"]}, "watch": [], "reward": "motion",
            "search": {"name": "best_of_n", "n": 1}, "cluster": {"executor": "inline"}}  # fmt: skip
    job.write_text(json.dumps(base | {"generator": {"model": MODEL, "steps": 2, "fps": 16, "num_frames": 5}}))
    assert main(["run", str(job)]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"raysearch: generator.model={MODEL!r}: it is gated") and error.count("\n") == 1
    job.write_text(json.dumps(base | {"reward": {"name": "vjepa2", "model": "acme/judge"}}))
    assert main(["run", str(job)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("raysearch: reward.model='acme/judge': it is gated") and error.count("\n") == 1
    assert not list((tmp_path / "run").rglob("*.safetensors"))
