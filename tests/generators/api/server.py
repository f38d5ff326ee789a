"""A server of OpenAI's videos API on loopback, with what goes wrong on real ones. It counts the jobs that it makes."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Callable
from email import message_from_bytes

import numpy as np

from raysearch import videos
from tests.serving import Reply, Request

CUT = (200, b"half an answer", {"Content-Length": "99999"})
NO_ANSWER: Reply = (200, None, {})


class VideoServer:
    """Jobs are queued, in progress, then completed; the video moves as fast as the seed says.

    Attributes:
        faults: replies given in place of the real ones, by kind of request (create, poll, content, list), in turn. A
            reply may be a function of the real one.
        jobs: every job by id.
        made: jobs by (prompt, seed).
        lists: whether it lists its jobs.
        tells: which fields of a request a job tells.
    """

    def __init__(self, polls: int = 1):
        self.polls, self.lists, self.tells = polls, True, ("prompt", "seed", "model", "size")
        self.faults: dict[str, list[Reply | Callable[[Reply], Reply]]] = {}
        self.jobs: dict[str, dict] = {}
        self.forms: list[dict] = []
        self.keys: set[str] = set()
        self.came: Counter[str] = Counter()
        self._ids = itertools.count(1)

    @property
    def made(self) -> Counter[tuple[str, str]]:
        return Counter((job["form"]["prompt"], job["form"]["seed"]) for job in self.jobs.values())

    def __call__(self, request: Request) -> Reply:
        self.keys.add(request.headers.get("Authorization", ""))
        path = request.path.split("?")[0]
        if request.method == "POST" and path == "/v1/videos":
            kind, real = "create", lambda: self._create(request)
        elif path == "/v1/videos":
            kind, real = "list", self._list
        elif path.endswith("/content"):
            kind, real = "content", lambda: self._content(path.split("/")[3])
        else:
            kind, real = "poll", lambda: self._poll(path.split("/")[3])
        self.came[kind] += 1
        waiting = self.faults.get(kind, [])
        if not waiting:
            return real()
        fault = waiting.pop(0)
        return fault(real()) if callable(fault) else fault

    def _create(self, request: Request) -> Reply:
        kind = request.headers["Content-Type"]
        parts = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + request.body).get_payload()
        form = {p.get_param("name", header="content-disposition"): p.get_payload(decode=True) for p in parts}
        form = {k: v if k == "input_reference" else v.decode() for k, v in form.items()}
        self.forms.append(form)
        name = f"video_{next(self._ids)}"
        self.jobs[name] = {"form": form, "polls": self.polls, "at": int(time.time())}
        return 200, self._told(name), {}

    def _told(self, name: str) -> dict:
        job = self.jobs[name]
        status = "queued" if job["polls"] == self.polls else "in_progress" if job["polls"] > 0 else "completed"
        told = {k: job["form"][k] for k in self.tells if k in job["form"]}
        return {"id": name, "object": "video", "created_at": job["at"], "status": job.get("status", status), **told}

    def _list(self) -> Reply:
        if not self.lists:
            return 405, {"detail": "Method Not Allowed"}, {}
        return 200, {"data": [self._told(name) for name in reversed(self.jobs)], "has_more": False}, {}

    def _poll(self, name: str) -> Reply:
        if name not in self.jobs:
            return 404, {"error": {"message": f"no video {name}"}}, {}
        told = self._told(name)
        self.jobs[name]["polls"] -= 1
        return 200, told, {}

    def _content(self, name: str) -> Reply:
        if name not in self.jobs:
            return 404, {"error": {"message": "gone"}}, {}
        return 200, film(int(self.jobs[name]["form"]["seed"])), {"Content-Type": "video/mp4"}


def film(seed: int) -> bytes:
    """Eight frames of 32 x 32 in which everything gets brighter, by a speed between 1 and 16."""
    frames = np.zeros((8, 32, 32, 3), np.uint8)
    frames += ((seed % 16 + 1) * np.arange(8, dtype=np.uint8))[:, None, None, None]
    return videos.encode(frames, 8.0, enlarge=False)


def failed(message: str, code: str = "server_error", status: int = 200) -> Callable[[Reply], Reply]:
    """A poll that says that the job has failed; vllm-omni answers with the status of the error."""
    return lambda real: (status, {**real[1], "status": "failed", "error": {"code": code, "message": message}}, {})
