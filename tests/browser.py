"""A headless Chromium driven over its own protocol (CDP): real keys, real pages, nothing installed."""

import asyncio
import contextlib
import json
import shutil
import subprocess
from pathlib import Path

import aiohttp

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find():
    return next((p for n in NAMES if (p := shutil.which(n))), None)


class Page:
    """A page; `told` holds what the browser has reported by itself: console messages, exceptions, requests."""

    def __init__(self, socket):
        self._socket, self._number, self.told = socket, 0, []

    async def call(self, method, **parameters):
        self._number += 1
        await self._socket.send_json({"id": self._number, "method": method, "params": parameters})
        async for message in self._socket:
            found = json.loads(message.data)
            if "method" in found:
                self.told.append(found)
            if found.get("id") == self._number:
                assert "error" not in found, found
                return found["result"]
        raise AssertionError("the browser closed the connection")

    async def evaluate(self, expression):
        found = await self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    async def until(self, expression, seconds=30):
        for _ in range(int(seconds / 0.05)):
            if await self.evaluate(expression):
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"not within {seconds} s: {expression}")

    async def key(self, key, text=None):
        more = {"text": text or key} if len(text or key) == 1 else {}
        await self.call("Input.dispatchKeyEvent", type="keyDown", key=key, **more)
        await self.call("Input.dispatchKeyEvent", type="keyUp", key=key)


@contextlib.asynccontextmanager
async def browser(address, profile):
    """A page at that address; the process is ended afterwards."""
    process = subprocess.Popen(
        [find(), "--headless=new", "--no-sandbox", "--disable-gpu", "--mute-audio", "--remote-debugging-port=0",
         "--disable-dev-shm-usage", "--autoplay-policy=no-user-gesture-required", f"--user-data-dir={profile}",
         address],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        port_file = Path(profile, "DevToolsActivePort")
        for _ in range(1200):
            if port_file.is_file() and "\n" in port_file.read_text():
                break
            await asyncio.sleep(0.05)
        port = port_file.read_text().split()[0]
        async with aiohttp.ClientSession() as session:
            for _ in range(600):
                async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                    pages = [p for p in await answer.json(content_type=None) if p["type"] == "page"]
                if pages:
                    break
                await asyncio.sleep(0.05)
            async with session.ws_connect(pages[0]["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                yield Page(socket)
    finally:
        process.terminate()
        process.wait(30)
