"""Chromium for the few journeys that need a real browser."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, sync_playwright
from werkzeug.serving import make_server

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--no-first-run",
)
FAILURES = Path(__file__).resolve().parent.parent / "browser" / "failures"


def find_chromium() -> str | None:
    """The browser of this machine: `CHROMIUM` names it, else it is at one of the usual places."""
    named = os.environ.get("CHROMIUM")
    return named or next((found for name in _NAMES if (found := shutil.which(name))), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A running Chromium. Without one the test fails, unless SKIP_BROWSER=1 says that it may be skipped."""
    if os.environ.get("SKIP_BROWSER") == "1":
        pytest.skip("SKIP_BROWSER=1")
    path = find_chromium()
    if path is None:
        pytest.fail("no Chromium: run make setup, set CHROMIUM, or give SKIP_BROWSER=1", pytrace=False)
    with sync_playwright() as playwright:
        try:
            running = playwright.chromium.launch(executable_path=path, args=list(_OPTIONS))
        except Error as error:
            pytest.fail(f"{path} does not start: {error.message.splitlines()[0]}", pytrace=False)
        yield running
        running.close()


@pytest.fixture
def live_address(committed_app: Flask) -> Iterator[str]:
    """`committed_app` served over HTTP; its address."""
    server = make_server("127.0.0.1", 0, committed_app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(10)
    server.server_close()


@pytest.fixture
def page(browser: Browser, live_address: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page of a fresh profile. An error on its console fails the test; a failure's picture is kept."""
    context = browser.new_context(base_url=live_address, viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    complaints: list[str] = []

    def note(said: ConsoleMessage) -> None:
        # a form with mistakes answers 422, which Chromium reports and we mean
        if said.type == "error" and "Failed to load resource" not in said.text:
            complaints.append(said.text)

    opened.on("console", note)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    failed_before = request.session.testsfailed
    yield opened
    if request.session.testsfailed > failed_before:
        FAILURES.mkdir(parents=True, exist_ok=True)
        opened.screenshot(path=FAILURES / f"{request.node.name}.png", full_page=True)
    context.close()
    assert complaints == []
