"""Real HTTP servers on loopback for tests: what they were asked is counted, and they fail on demand."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Reply = tuple[int, bytes | dict[str, Any] | None, dict[str, str]]  # status, body (None closes the line), headers


class Request:
    """What came: method, path, headers and body."""

    def __init__(self, handler: BaseHTTPRequestHandler):
        self.method, self.path, self.headers = handler.command, handler.path, dict(handler.headers)
        self.body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.body)


@contextmanager
def served(answer: Callable[[Request], Reply], port: int = 0) -> Iterator[str]:
    """The address of a server that answers by a function; a body shorter than its `Content-Length` is cut."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            status, body, headers = answer(Request(self))
            self.close_connection = True
            if body is None:
                self.connection.close()
                return
            data = json.dumps(body).encode() if isinstance(body, dict) else body
            self.send_response(status)
            for name, value in {"Content-Length": str(len(data)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_DELETE = handle_any

        def log_message(self, *args: object) -> None: ...

        def finish(self) -> None:
            with suppress(OSError, ValueError):
                super().finish()

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *args: object) -> None: ...

    server = Quiet(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
