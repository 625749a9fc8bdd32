"""The stand-in for GOV.UK Notify as a process of its own, and what a test asks of it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from config import Settings
from tests.plumbing import ROOT
from victim_gateway.devservers.notify_stand_in import STAND_IN_KEY


@dataclass
class StandIn:
    """The running stand-in; `kill` and `start` again keep what it took."""

    port: int
    file: Path
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = [sys.executable, "-m", "victim_gateway.devservers.notify_stand_in"]
        self.process = subprocess.Popen(
            [*command, "--port", str(self.port), "--file", str(self.file)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        ends = time.monotonic() + 20
        while True:
            try:
                self.taken()
            except (urllib.error.URLError, OSError):
                assert time.monotonic() < ends, "the stand-in did not start"
                time.sleep(0.05)
            else:
                return

    def kill(self) -> None:
        """End it at once."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(10)

    def behave(self, **behaviour: Any) -> None:
        """What it does wrong from now on; nothing: nothing."""
        request = urllib.request.Request(
            f"{self.url}/stand-in/behaviour", data=json.dumps(behaviour).encode(), method="POST"
        )
        with urllib.request.urlopen(request, timeout=5) as answer:
            assert answer.status == 200

    def taken(self) -> list[dict[str, Any]]:
        """What it took, in order."""
        return list(self._seen()["taken"])

    def begun(self) -> list[float]:
        """When each request to send began to be read, in seconds since 1970."""
        return list(self._seen()["begun"])

    def references(self) -> list[str]:
        """The references of what it took."""
        return [str(each["reference"]) for each in self.taken()]

    def gone(self) -> list[int]:
        """How many clients died while it held their request: before it took the message, and after."""
        return list(self._seen()["gone"])

    def _seen(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.url}/stand-in/taken", timeout=5) as answer:
            seen: dict[str, Any] = json.load(answer)
        return seen


@contextmanager
def notify_stand_in(folder: Path) -> Iterator[StandIn]:
    """A stand-in that runs for the block, at a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    stand_in = StandIn(port, folder / "taken.jsonl")
    stand_in.start()
    try:
        yield stand_in
    finally:
        stand_in.kill()


@pytest.fixture
def stand_in(tmp_path: Path) -> Iterator[StandIn]:
    """A stand-in of this test's own."""
    with notify_stand_in(tmp_path) as running:
        yield running


def with_notify(settings: Settings, stand_in: StandIn, **changed: Any) -> Settings:
    """The settings of a service that sends to people by this stand-in."""
    return replace(settings, notify_api_key=STAND_IN_KEY, notify_base_url=stand_in.url, **changed)
