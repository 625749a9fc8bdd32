"""What a page costs: processor time against a bare Flask page on the same gunicorn, statements, bytes, memory.

The pages alternate with the bare one, in one run, and the least of several rounds counts: another program on the
machine can only add to it. `--home` names an embedded home with data in it; without one a demonstration is made.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import create_engine, event, text
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from bench.measurement import compared_line
from config import Settings, load_settings
from victim_gateway import create_app, devservers, times
from victim_gateway.database.upgrade import upgrade_database
from victim_gateway.extensions import db
from victim_gateway.services.accounts import web_sessions

PROJECT = Path(__file__).resolve().parents[1]
CASEWORKER = "caseworker@demo.example"
ROUNDS = 3
BARE_TIMES = 20
SHARE_OF_BARE = 0.1
WEB_MB, ALL_MB = 250, 700
FIRST_PAGE_KB = 150
_GATEWAY = "from victim_gateway.cli import main; main(prog_name='gateway')"


@dataclass(frozen=True, slots=True)
class MeasuredPage:
    """A page and what one request of it costs, in milliseconds of processor time."""

    path: str
    web_ms: float
    database_ms: float
    bytes: int


def main() -> int:
    """Print one JSON line for each measure; exit status 1 when a target is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.requests", description=__doc__)
    parser.add_argument("--home", type=Path, help="an embedded home with data; it gets the newest schema")
    parser.add_argument("--requests", type=int, default=40, help="of each page in a round (40)")
    chosen = parser.parse_args()
    lines = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="victim-gateway-bench-")))
        home = chosen.home or folder / "home"
        settings = replace(load_settings(), home=home, database_url=None, redis_url=None)
        filled = stack.enter_context(devservers.embedded_servers(settings))
        upgrade_database(filled)
        if chosen.home is None:
            _run_gateway(filled, "demo", "seed")
        for line in _measure_pages(filled, chosen.requests):
            print(json.dumps(line), flush=True)
            lines.append(line)
    for line in _measure_idle_memory():
        print(json.dumps(line), flush=True)
        lines.append(line)
    return 0 if all(line["met"] is not False for line in lines) else 1


def _measure_pages(settings: Settings, requests: int) -> Iterator[dict[str, Any]]:
    token, referral = _sign_in(settings)
    pages = {
        "referral page": f"/referrals/{referral}",
        "queue page": "/work",
        **{
            f"referral, {name}": f"/referrals/{referral}/{name}"
            for name in ("contact", "assessment", "onward-referrals", "rights", "notes", "timeline")
        },
        "search": "/search",
        "sign-in": "/sign-in",
    }
    statements = _count_statements(settings, pages, token)
    cookie, signed_out = {"Cookie": f"session={token}"}, {"Accept": "text/html"}
    with (
        _gunicorn(settings, "wsgi:app", PROJECT) as ours,
        _gunicorn(settings, "bench.bare_app:app", None) as bare,
    ):
        for name, path in pages.items():
            page, anchor = _least(
                [(ours, path, cookie if path != "/sign-in" else signed_out), (bare, "/", {})], requests
            )
            target = SHARE_OF_BARE if name in ("referral page", "queue page") else None
            yield compared_line(
                f"requests a second, {name}", 1000 / page.web_ms, "1/s", 1000 / anchor.web_ms, target
            )
            yield compared_line(f"processor time of the database, {name}", page.database_ms, "ms", None, None)
            yield compared_line(f"statements, {name}", statements[name][0], "statements", None, None)
            yield compared_line(f"transactions, {name}", statements[name][1], "transactions", None, None)
            yield compared_line(f"bytes, {name}", page.bytes / 1000, "kB", None, None)
        memory = sum(process.memory_full_info().pss for process in _with_children(ours.process)) / 1e6
        yield _at_most("memory of a web with one worker, after these requests", memory, "MB", WEB_MB)
        first = _first_page_bytes(ours) / 1000
        yield _at_most("first page with all its files, as transferred", first, "kB", FIRST_PAGE_KB)


@dataclass(frozen=True, slots=True)
class RunningWeb:
    """A gunicorn with one worker."""

    port: int
    process: psutil.Process
    database: psutil.Process | None

    def spent(self) -> tuple[float, float]:
        """Processor seconds of the web so far, and of its database's processes."""
        backends = _with_children(self.database) if self.database else []
        return _seconds(_with_children(self.process)), _seconds(backends)


@contextmanager
def _gunicorn(settings: Settings, app: str, folder: Path | None) -> Iterator[RunningWeb]:
    with socket.socket() as probe, ExitStack() as stack:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        # In an empty folder gunicorn finds no configuration of ours.
        where = folder or stack.enter_context(tempfile.TemporaryDirectory())
        options = [
            "-w",
            "1",
            "-k",
            "gthread",
            "--threads",
            "4",
            "-b",
            f"127.0.0.1:{port}",
            "--no-control-socket",
        ]
        started = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", *options, app],
            cwd=where,
            env={**_environment(settings), "PYTHONPATH": str(PROJECT)},
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait_for(port)
            yield RunningWeb(port, psutil.Process(started.pid), _postmaster(settings) if folder else None)
        finally:
            started.terminate()
            started.wait(30)


def _least(asked: list[tuple[RunningWeb, str, dict[str, str]]], requests: int) -> list[MeasuredPage]:
    """Each page's least cost, asked alternately."""
    found: list[list[MeasuredPage]] = [[] for _ in asked]
    for number in range(ROUNDS + 1):
        for place, (web, path, headers) in enumerate(asked):
            # The bare page is too quick for the clock of a process: it is asked more often.
            page = _ask(web, path, headers, requests * (1 if headers else BARE_TIMES))
            # The first round fills the caches.
            if number:
                found[place].append(page)
    return [
        MeasuredPage(
            pages[0].path,
            min(page.web_ms for page in pages),
            min(page.database_ms for page in pages),
            pages[0].bytes,
        )
        for pages in found
    ]


def _ask(web: RunningWeb, path: str, headers: dict[str, str], requests: int) -> MeasuredPage:
    connection = http.client.HTTPConnection("127.0.0.1", web.port, timeout=120)
    before, size = web.spent(), 0
    for _ in range(requests):
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
        except http.client.RemoteDisconnected:
            # gunicorn lets an idle connection go after two seconds; on a busy machine those pass between requests.
            connection.close()
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
        size = len(answer.read())
        if answer.status != 200:
            raise RuntimeError(f"{path} answers {answer.status}")
    after = web.spent()
    connection.close()
    web_ms, database_ms = ((now - then) / requests * 1000 for now, then in zip(after, before, strict=True))
    return MeasuredPage(path, web_ms, database_ms, size)


def _first_page_bytes(web: RunningWeb) -> int:
    """The sign-in page and the style and scripts that it names, with their headers, as a browser asks for them."""
    connection = http.client.HTTPConnection("127.0.0.1", web.port, timeout=60)

    def fetch(path: str) -> tuple[bytes, int]:
        connection.request("GET", path, headers={"Accept-Encoding": "gzip, br"})
        answer = connection.getresponse()
        body = answer.read()
        return body, len(body) + sum(len(name) + len(value) + 4 for name, value in answer.getheaders())

    body, total = fetch("/sign-in")
    folder = body.decode().partition("/static/built/")[2].partition("/")[0]
    for name in ("app.css", "app.js", "govuk-frontend.min.js", "moj-frontend.min.js", "images/favicon.svg"):
        total += fetch(f"/static/built/{folder}/{name}")[1]
    connection.close()
    return total


def _count_statements(settings: Settings, pages: dict[str, str], token: str) -> dict[str, tuple[int, int]]:
    app = create_app(settings)
    seen = {"statements": 0, "transactions": 0}

    def count_statement(*_: Any) -> None:
        seen["statements"] += 1

    def count_end(*_: Any) -> None:
        seen["transactions"] += 1

    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", count_statement)
        event.listen(db.engine, "commit", count_end)
    client = app.test_client()
    client.set_cookie("session", token)
    counted = {}
    for name, path in pages.items():
        client.get(path)
        seen.update(statements=0, transactions=0)
        client.get(path)
        counted[name] = (seen["statements"], seen["transactions"])
    with app.app_context():
        db.engine.dispose()
    return counted


def _measure_idle_memory() -> Iterator[dict[str, Any]]:
    """All of `make run`, with nothing to do: proportional set sizes, so that what is shared counts once."""
    with tempfile.TemporaryDirectory(prefix="victim-gateway-bench-") as home, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        started = subprocess.Popen(
            [sys.executable, "-c", _GATEWAY, "up", "--port", str(port)],
            cwd=PROJECT,
            env={**os.environ, "GATEWAY_HOME": home},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait_for(port, "/health/ready")
            time.sleep(10)
            ours = [process for process in psutil.process_iter() if _belongs_to(process, home)]
            sizes = {process.pid: process.memory_full_info().pss / 1e6 for process in ours}
            web = {process.pid for process in ours if "gunicorn" in " ".join(process.cmdline())}
        finally:
            started.terminate()
            started.wait(60)
    yield _at_most("memory of the web of make run, idle", sum(sizes[pid] for pid in web), "MB", WEB_MB)
    yield _at_most("memory of all of make run, idle", sum(sizes.values()), "MB", ALL_MB)


def _belongs_to(process: psutil.Process, home: str) -> bool:
    try:
        return process.environ().get("GATEWAY_HOME") == home or home in " ".join(
            part for parent in (process, *process.parents()) for part in parent.cmdline()
        )
    except psutil.Error:
        return False


def _sign_in(settings: Settings) -> tuple[str, str]:
    """A session of the demonstration's caseworker, and a referral of theirs with an onward referral."""
    engine = create_engine(str(settings.database_owner_url), poolclass=NullPool)
    with Session(engine) as session:
        user = session.execute(
            text("SELECT id FROM app_user WHERE email = :email"), {"email": CASEWORKER}
        ).scalar_one()
        referral = session.execute(
            text(
                "SELECT r.id FROM referral r WHERE r.assigned_to_id = :user AND EXISTS"
                " (SELECT FROM onward_referral o WHERE o.referral_id = r.id) ORDER BY r.id LIMIT 1"
            ),
            {"user": user},
        ).scalar_one()
        token = web_sessions.start_session(session, user, times.now(), second_factor_at=times.now())
        session.commit()
    engine.dispose()
    return token, str(referral)


def _run_gateway(settings: Settings, *arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-c", _GATEWAY, *arguments],
        env=_environment(settings),
        check=True,
        capture_output=True,
    )


def _environment(settings: Settings) -> dict[str, str]:
    return {
        **os.environ,
        "DATABASE_URL": str(settings.database_url),
        "DATABASE_OWNER_URL": str(settings.database_owner_url),
        "REDIS_URL": str(settings.redis_url),
        "GATEWAY_HOME": str(settings.home),
    }


def _postmaster(settings: Settings) -> psutil.Process:
    pid = (settings.home / "pg" / "postmaster.pid").read_text().splitlines()[0]
    return psutil.Process(int(pid))


def _with_children(process: psutil.Process) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)]


def _seconds(processes: list[psutil.Process]) -> float:
    total = 0.0
    for process in processes:
        try:
            spent = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += spent.user + spent.system
    return total


def _wait_for(port: int, path: str = "/") -> None:
    ends = time.monotonic() + 180
    while time.monotonic() < ends:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", path)
            if connection.getresponse().status < 400:
                return
        except OSError:
            time.sleep(0.2)
        finally:
            connection.close()
    raise RuntimeError(f"nothing answers on port {port}")


def _at_most(measure: str, value: float, unit: str, target: float) -> dict[str, Any]:
    return {**compared_line(measure, value, unit, None, None), "target": target, "met": value < target}


if __name__ == "__main__":
    sys.exit(main())
