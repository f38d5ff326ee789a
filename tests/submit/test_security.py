"""Secrets in settings, addresses, tokens: refused in one line that names the place and the remedy, not the secret."""

import http.server
import json
import threading

import pytest
import ray

from raysearch import config, security
from raysearch.cli import main
from raysearch.errors import UsageError
from tests.submit.conftest import ROOT, environment, raysearch

DEMO = str(ROOT / "jobs/demo.yaml")
HUB = "hf_" + "a1B2" * 8


@pytest.mark.parametrize(
    "word, wants",
    [
        (f"generator.call.x={HUB}", "generator.call.x looks like a Hugging Face token"),
        ("generator.call.token=abcdefghij", "generator.call.token looks like a secret"),
        ("generator.call.api_key=abcdefghij", "generator.call.api_key looks like a secret"),
        ("cluster.submit.env.HF_TOKEN=abcdefghij", "cluster.submit.env.HF_TOKEN looks like a secret"),
        ("prompts.items=[{text: AKIA" + "ABCD" * 4 + "}]", "prompts.items[0].text looks like an AWS access key"),
        ("cluster.slurm.setup=[export WANDB_API_KEY=q7Rt2mXw9Lk4]", "cluster.slurm.setup[0] looks like a secret"),
        ("run=s3://me:hunter2secret" + "@host/x", "run looks like a password in a URL"),
    ],
)
@pytest.mark.parametrize("command", ["run", "config", "sweep", "submit"])
def test_a_setting_that_is_a_secret_is_refused(capsys, tmp_path, monkeypatch, command, word, wants):
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    where = ["--address", "http://127.0.0.1:1", "--dry-run"] if command == "submit" else []
    assert main([command, DEMO, word, *where]) == 2
    out = capsys.readouterr()
    assert wants in out.err and "docs/clusters.md" in out.err and out.err.count("\n") == 1
    assert word.partition("=")[2] not in out.err + out.out


def test_in_a_job_file_a_cluster_file_and_an_axis_too(tmp_path, capsys):
    (tmp_path / "job.yaml").write_text(f"generator: {{call: {{x: {HUB}}}}}")
    (tmp_path / "run.yaml").write_text(f"submit: {{env: {{X: {HUB}}}}}")
    for words in (
        ["config", str(tmp_path / "job.yaml")],
        ["config", DEMO, "--cluster", str(tmp_path / "run.yaml")],
        ["list", "--cluster", str(tmp_path / "run.yaml")],
        ["sweep", DEMO, f"generator.call.x={HUB},{HUB[:-1]}"],
    ):
        assert main(words) == 2
        error = capsys.readouterr().err
        assert "a Hugging Face token" in error and HUB[:-1] not in error


def test_ordinary_settings_pass():
    job = config.load(DEMO, ["generator.call.max_tokens=12", "run=https://host/x", "prompts.items=['a token of love']"])
    assert job.generator.call["max_tokens"] == 12
    security.refuse_secrets({"tokens": "abcdefghij", "x": "sk-1", "y": "me@example.org", "password": ""}, "here")


@pytest.mark.parametrize(
    "address, wants",
    [
        ("http://10.0.0.1:8265", "--insecure"),
        ("10.0.0.1:8265", "--insecure"),
        ("http://head.example", "plain http"),
        ("http://localhost.example", "plain http"),
        ("http://127.0.0.1.example", "plain http"),
        ("http://me:hunter2" + "@127.0.0.1:8265", "has a user or password"),
        ("ray://127.0.0.1:10001", "URL of the Ray dashboard"),
        ("http://", "URL of the Ray dashboard"),
    ],
)
def test_addresses_that_are_refused(capsys, address, wants):
    assert main(["list", "--address", address]) == 2
    error = capsys.readouterr().err
    assert wants in error and "hunter2" not in error and error.count("\n") == 1


def test_addresses_that_pass():
    assert security.check_address("127.0.0.1:8265", False) == "http://127.0.0.1:8265"
    assert security.check_address("http://[::1]:8265/", False) == "http://[::1]:8265"
    assert security.check_address("https://head.example/", False) == "https://head.example"
    assert security.check_address("http://head.example", True) == "http://head.example"


def test_off_this_machine_a_token_is_required(home):
    job = ["list", "--address", "https://192.0.2.1"]
    code, out = raysearch(*job, env=environment(home))
    assert code == 2 and "no token for 192.0.2.1" in out and "RAY_AUTH_TOKEN" in out
    code, out = raysearch(*job, env=environment(home, RAY_AUTH_MODE="disabled"))
    assert code == 2 and "a token is required" in out


class Answers(http.server.BaseHTTPRequestHandler):
    """Says which Ray it is, and lets anyone in: what a client sees of such a cluster."""

    version = ray.__version__

    def do_GET(self):
        body = json.dumps({"ray_version": self.version} if self.path == "/api/version" else []).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def answering(request):
    handler = type("Handler", (Answers,), {"version": request.param})
    server = http.server.HTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("answering", ["2.1.0"], indirect=True)
def test_another_ray_is_refused(answering, home):
    env = environment(home, RAY_AUTH_TOKEN="ab" * 32)
    code, out = raysearch("list", "--address", f"http://127.0.0.1:{answering}", env=env)
    assert code == 2 and f"Ray is {ray.__version__} here and 2.1.0 at" in out and "ray[default]==2.1.0" in out


@pytest.mark.parametrize("answering", [ray.__version__], indirect=True)
def test_a_cluster_that_lets_anyone_in(answering, home):
    """Refused, on this machine too unless authentication is switched off; and RAY_ADDRESS does not lead elsewhere."""
    env = environment(home, RAY_AUTH_TOKEN="ab" * 32, RAY_ADDRESS="http://192.0.2.1:8265")
    job = ["list", "--address", f"http://127.0.0.1:{answering}"]
    code, out = raysearch(*job, env=env)
    assert code == 2 and "start it with RAY_AUTH_MODE=token" in out
    code, out = raysearch(*job, env=env | {"RAY_AUTH_MODE": "disabled"})
    assert code == 0 and "warning: the cluster at" in out and "requires no token" in out
    # 127.1 is this machine, but not by its form.
    code, out = raysearch("list", "--insecure", "--address", f"http://127.1:{answering}", env=env)
    assert code == 2 and "start it with RAY_AUTH_MODE=token" in out and "ab" * 32 not in out


def test_nobody_answers(home):
    for token in ({"RAY_AUTH_TOKEN": "ab" * 32}, {}):  # without one Ray's client would not even try
        code, out = raysearch("list", "--address", "http://127.0.0.1:9", env=environment(home, **token))
        assert code == 2 and "no Ray dashboard answers at http://127.0.0.1:9" in out and "Traceback" not in out
        assert "token" not in out


def test_a_command_without_an_address(capsys):
    assert main(["list"]) == 2 and "--address URL" in capsys.readouterr().err
    assert main(["list", "--cluster", str(ROOT / "clusters/local.yaml")]) == 2
    assert "submit.address is not set" in capsys.readouterr().err
    with pytest.raises(UsageError, match=r"run\.yaml beside it"):
        config.load_cluster(str(ROOT / "clusters/aws/launch.yaml"))


def test_a_job_runs_with_the_raysearch_that_checked_it_or_not_at_all(home):
    code, out = raysearch("strategies", env=environment(home, RAYSEARCH_VERSION="9.9"))
    assert code == 2 and "9.9 submitted this job" in out and "ship=true" in out
