"""Whether a dashboard can be reached is asked before Ray is imported."""

import socket
import subprocess
import sys

import pytest

from raysearch.errors import UsageError
from raysearch.submit import reach


def test_a_port_that_is_taken_answers_and_a_free_one_does_not(monkeypatch):
    monkeypatch.delenv("http_proxy", raising=False)
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        reach.check(url)
    with pytest.raises(UsageError, match="no Ray dashboard answers at http"):
        reach.check(url)


def test_behind_a_proxy_nothing_is_asked(monkeypatch):
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    reach.check("https://cluster.example.org")


def test_a_cluster_that_is_down_is_told_without_ray():
    code = "import sys; from raysearch.cli import main; print(main(sys.argv[1:]), 'ray' in sys.modules)"
    for words in (["list"], ["submit", "demo", "run=/shared/x"]):
        command = [sys.executable, "-c", code, *words, "--address", "http://127.0.0.1:9"]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.stdout == "2 False\n" and "no Ray dashboard answers" in done.stderr, done.stderr
