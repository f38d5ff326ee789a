"""A real S3 server on the loopback interface, in a process of its own, which counts requests and may list late.

    python -m examples.object_store PORT_FILE COUNTS_FILE LAG_S

It is moto's server. With a lag, what was written less than LAG_S ago is left out of listings, as object stores did that
promise nothing about them; reads of an object by its name are never late. Who says PROMPT in its user agent, as tests
do, is listed everything.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

BUCKET, PROMPT = "bucket", "listed-at-once"
KINDS = {"PUT": "put", "GET": "get", "HEAD": "head", "DELETE": "delete", "POST": "delete"}
ENTRY = re.compile(rb"<Contents>.*?</Contents>", re.S)


class Counting:
    """A WSGI application around that of the server."""

    def __init__(self, serve: Any, counts: Path, lag_s: float):
        self.serve, self.path, self.lag_s = serve, counts, lag_s
        self.counts, self.written, self.lock = Counter[str](), dict[str, float](), threading.Lock()

    def __call__(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        """Answer a request."""
        method, path, query = environ["REQUEST_METHOD"], environ["PATH_INFO"], environ.get("QUERY_STRING", "")
        listing = method == "GET" and "list-type" in query
        with self.lock:
            self.counts["list" if listing else KINDS.get(method, method)] += 1
            if method == "PUT":
                self.written[path.removeprefix(f"/{BUCKET}/")] = time.monotonic()
            self.path.write_text(json.dumps(self.counts))
        if not (listing and self.lag_s) or PROMPT in environ.get("HTTP_USER_AGENT", ""):
            return self.serve(environ, start)
        told: list[Any] = []
        body = b"".join(self.serve(environ, lambda *args: told.append(args)))
        body = ENTRY.sub(self._late, body)
        status, headers, *more = told[0]
        start(status, [(k, v) for k, v in headers if k.lower() != "content-length"], *more)
        return [body]

    def _late(self, entry: re.Match[bytes]) -> bytes:
        found = re.search(rb"<Key>(.*?)</Key>", entry[0])
        name = found[1].decode() if found else ""
        return b"" if time.monotonic() - self.written.get(name, 0.0) < self.lag_s else entry[0]


def serve(port_file: str, counts: str, lag_s: float) -> None:
    """Serve until the process is killed; the port stands in a file once it does."""
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    application = Counting(DomainDispatcherApplication(create_backend_app), Path(counts), lag_s)
    server = make_server("127.0.0.1", 0, application, threaded=True)
    Path(f"{port_file}.new").write_text(str(server.server_port))
    os.replace(f"{port_file}.new", port_file)
    server.serve_forever()


class Server:
    """The server as a test sees it.

    Attributes:
        scheme: how its URLs begin.
        env: what a process needs in its environment to use it as s3://.
    """

    scheme = "s3"

    def __init__(self, folder: Path, lag_s: float = 0.0):
        port, self._counts = folder / "port", folder / "counts"
        command = [sys.executable, "-m", "examples.object_store", str(port), str(self._counts), str(lag_s)]
        self.process = subprocess.Popen(command)
        deadline = time.monotonic() + 60
        while not port.is_file():
            assert self.process.poll() is None and time.monotonic() < deadline, "the S3 server does not start"
            time.sleep(0.05)
        self.env = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port.read_text()}", "AWS_ACCESS_KEY_ID": "anybody",
            "AWS_SECRET_ACCESS_KEY": "anything", "AWS_DEFAULT_REGION": "us-east-1",
        }  # fmt: skip

    def counts(self) -> Counter[str]:
        """Requests so far, by kind."""
        return Counter(json.loads(self._counts.read_text())) if self._counts.is_file() else Counter()

    def bucket(self) -> Any:
        """A new connection, with the bucket made."""
        import s3fs

        os.environ.setdefault("AWS_DEFAULT_REGION", self.env["AWS_DEFAULT_REGION"])
        fs = s3fs.S3FileSystem(
            key=self.env["AWS_ACCESS_KEY_ID"], secret=self.env["AWS_SECRET_ACCESS_KEY"], skip_instance_cache=True,
            client_kwargs={"endpoint_url": self.env["AWS_ENDPOINT_URL"]}, config_kwargs={"user_agent_extra": PROMPT},
        )  # fmt: skip
        if not fs.exists(BUCKET):
            fs.mkdir(BUCKET)
        return fs


@contextlib.contextmanager
def serving(folder: Path, lag_s: float = 0.0) -> Iterator[Server]:
    """A server, killed at the end."""
    made = Server(folder, lag_s)
    try:
        made.bucket()
        yield made
    finally:
        made.process.kill()
        made.process.wait()


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2], float(sys.argv[3]))
