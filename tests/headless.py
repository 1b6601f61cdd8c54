"""A browser without a window, driven over a pipe by the DevTools protocol: for pages that are tested as a reader meets them."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from select import select
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
SECONDS = 60.0


def find_browser() -> str | None:
    """Return a browser of the Chromium family, by the variable CHAINRULE_BROWSER or by its usual names."""
    named = os.environ.get("CHAINRULE_BROWSER")
    return named or next((path for name in NAMES if (path := shutil.which(name)) and _works(path)), None)


def _works(path: str) -> bool:
    """Whether it is one, and not a stub that says where one is to be had."""
    try:
        return (
            subprocess.run([path, "--version"], capture_output=True, timeout=SECONDS, check=False).returncode
            == 0
        )
    except (OSError, subprocess.TimeoutExpired):
        return False


class Browser:
    """One page of a browser, and what it said on the way: errors, messages of its console, requests."""

    def __init__(self, executable: str, folder: Path) -> None:
        to_browser, self._out = os.pipe()
        self._in, from_browser = os.pipe()

        # The protocol wants 3 and 4, which either pipe may have already: a shell sets them from copies with other numbers.
        copies = [fcntl.fcntl(n, fcntl.F_DUPFD, 10) for n in (to_browser, from_browser)]
        command = [executable, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                   "--no-first-run", "--hide-scrollbars", f"--user-data-dir={folder}",
                   "--remote-debugging-pipe", "--window-size=1200,900", "about:blank"]  # fmt: skip
        shell = f'exec 3<&{copies[0]} 4>&{copies[1]}; exec "$@"'
        self._process = subprocess.Popen(
            ["bash", "-c", shell, "bash", *command], pass_fds=copies, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        for n in (to_browser, from_browser, *copies):
            os.close(n)
        self._left, self._number, self.events = b"", 0, list[dict[str, Any]]()
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def close(self) -> None:
        """End it, with all of its processes."""
        with contextlib.suppress(OSError):
            os.close(self._out)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._in)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the page, and return its result."""
        return self._call(method, self._session, **parameters)

    def open(self, path: Path) -> None:
        """Open a file and wait until it is loaded."""
        self.events.clear()
        self.call("Page.navigate", url=path.as_uri())
        self._until(lambda: any(event["method"] == "Page.loadEventFired" for event in self.events))

    def evaluate(self, code: str) -> Any:
        """Return the value of an expression in the page."""
        done = self.call("Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    def click(self, selector: str) -> None:
        """Press the mouse in the middle of an element."""
        code = f"(() => {{ const e = document.querySelector({json.dumps(selector)}); e.scrollIntoView({{block: 'center', behavior: 'instant'}});"
        x, y = self.evaluate(
            code + "const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def key(self, name: str) -> None:
        """Press a key: "Tab", "Enter", "ArrowRight", ..."""
        text = {"Enter": "\r", " ": " "}.get(name, "")
        codes = {"Tab": 9, "Enter": 13, " ": 32, "End": 35, "Home": 36, "ArrowLeft": 37, "ArrowUp": 38,
                 "ArrowRight": 39, "ArrowDown": 40}  # fmt: skip
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=name, code=name, text=text if kind == "keyDown" else "",
                      windowsVirtualKeyCode=codes[name])  # fmt: skip

    def complaints(self) -> list[str]:
        """Return errors, warnings of the console, and requests for anything but the page itself and its data."""
        found = []
        for event in self.events:
            method, told = event["method"], event.get("params", {})
            if method == "Runtime.exceptionThrown":
                found.append(json.dumps(told["exceptionDetails"]))
            elif method == "Runtime.consoleAPICalled" or (
                method == "Log.entryAdded" and told["entry"]["level"] != "verbose"
            ):
                found.append(json.dumps(told))
            elif method == "Network.requestWillBeSent" and not told["request"]["url"].startswith(
                ("file:", "data:")
            ):
                found.append(told["request"]["url"])
            elif method == "Network.loadingFailed":
                found.append(json.dumps(told))
        return found

    def requests(self) -> list[str]:
        """Return the addresses that were asked for."""
        sent = [event["params"] for event in self.events if event["method"] == "Network.requestWillBeSent"]
        return [told["request"]["url"] for told in sent]

    def _call(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        answers: list[dict[str, Any]] = []
        self._until(
            lambda: bool(answers),
            lambda told: answers.append(told) if told.get("id") == self._number else None,
        )
        assert "error" not in answers[0], answers[0]
        result: dict[str, Any] = answers[0]["result"]
        return result

    def _until(self, done: Any, look: Any = lambda _told: None) -> None:
        end = time.monotonic() + SECONDS
        while not done():
            assert select([self._in], [], [], max(end - time.monotonic(), 0))[0], (
                "the browser does not answer"
            )
            read = os.read(self._in, 1 << 20)
            assert read, "the browser has ended"
            *messages, self._left = (self._left + read).split(b"\0")
            for told in map(json.loads, messages):
                look(told)
                if "method" in told:
                    self.events.append(told)


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    """Give a browser that is ended afterwards."""
    executable = find_browser()
    assert executable is not None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        made = Browser(executable, Path(folder))
        try:
            yield made
        finally:
            made.close()
