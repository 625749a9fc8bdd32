"""A gunicorn as `gateway up` starts it, and many requests to it, for a time."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode

from bench.browsing import token_of
from bench.server_cpu import family, run_seconds
from victim_gateway.demo import DEMO_PASSWORD

PROJECT = Path(__file__).resolve().parents[1]
HOST = "127.0.0.1"
BROWSERS = 8


@dataclass(frozen=True, slots=True)
class WebServer:
    """A running gunicorn."""

    port: int
    pid: int

    def processor_seconds(self) -> float:
        """Seconds of processor time of all its processes so far."""
        return run_seconds(family(self.pid))

    def connect(self) -> HTTPConnection:
        return HTTPConnection(HOST, self.port, timeout=60)


@dataclass(frozen=True, slots=True)
class RequestRate:
    """How many requests were answered, in how many seconds of the clock and of the web's processors."""

    requests: int
    seconds: float
    web_cpu_s: float


@contextmanager
def running_web(application: str, environment: Mapping[str, str]) -> Iterator[WebServer]:
    """A gunicorn with two processes of four threads each while the block lasts."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    serving = ["-w", "2", "-k", "gthread", "--threads", "4", "-b", f"{HOST}:{port}", "--no-control-socket"]
    child = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", *serving, "--log-level", "error", application],
        cwd=PROJECT,
        env=dict(environment),
        stdout=subprocess.DEVNULL,
    )
    try:
        _wait_until_it_answers(port)
        yield WebServer(port, child.pid)
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait(30)


def signed_in_cookie(server: WebServer, email: str) -> str:
    """The cookie of a session of this account."""
    connection = server.connect()
    connection.request("GET", "/sign-in")
    answer = connection.getresponse()
    form = {"email": email, "password": DEMO_PASSWORD, "csrf_token": token_of(answer.read().decode())}
    cookies = _cookies(answer.headers.get_all("Set-Cookie") or [])
    headers = {"Cookie": cookies, "Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/sign-in", urlencode(form), headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return _cookies(answer.headers.get_all("Set-Cookie") or []) or cookies


def request_for(server: WebServer, path: str, cookie: str, seconds: float) -> RequestRate:
    """Ask for one page again and again, from several browsers at once."""
    for _ in range(4):
        _ask(server.connect(), path, cookie)
    done = [0] * BROWSERS
    used, began = server.processor_seconds(), time.perf_counter()
    ends = began + seconds

    def browse(place: int) -> None:
        connection = server.connect()
        while time.perf_counter() < ends:
            _ask(connection, path, cookie)
            done[place] += 1
        connection.close()

    threads = [threading.Thread(target=browse, args=(place,)) for place in range(BROWSERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return RequestRate(sum(done), time.perf_counter() - began, server.processor_seconds() - used)


def _ask(connection: HTTPConnection, path: str, cookie: str) -> None:
    connection.request("GET", path, headers={"Cookie": cookie} if cookie else {})
    answer = connection.getresponse()
    answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{path} answered with {answer.status}")


def _cookies(given: list[str]) -> str:
    return "; ".join(cookie.partition(";")[0] for cookie in given)


def _wait_until_it_answers(port: int) -> None:
    ends = time.monotonic() + 90
    while time.monotonic() < ends:
        try:
            socket.create_connection((HOST, port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("gunicorn does not answer")
