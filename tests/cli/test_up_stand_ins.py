"""`gateway up --demo` has a stand-in for a mail server: watched, stopped and found again with the rest."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, OpenerDirector, build_opener

import psutil
import pytest

from tests.plumbing.own_servers import free_port
from tests.plumbing.programs import gateway, gateway_process, wait_until
from tests.plumbing.sign_in import CSRF_MARK
from tests.plumbing.smtp import smtp_sink
from victim_gateway import times
from victim_gateway.devservers.processes import command_line
from victim_gateway.integrations.mail import Mail, MailProblem, SmtpServer

PASSWORD = "three quiet green lamps"
ADMIN = "admin@demo.example"
STAND_IN = "devservers.mail_stand_in"
_STAND_IN_URL = re.compile(r"GATEWAY_MAIL_STAND_IN_URL=(smtp://127\.0\.0\.1:\d+)\0")
PATIENCE_S = 60


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home with one account, so that no demonstration is loaded into it."""
    home = tmp_path_factory.mktemp("stand-ins") / "home"
    assert gateway("db", "upgrade", environment=_environment(home)).returncode == 0
    account = ("--name", "Ada Ames", "--role", "admin", "--password-stdin")
    added = gateway("users", "add", ADMIN, *account, environment=_environment(home), typed=PASSWORD + "\n")
    assert added.returncode == 0, added.stderr
    yield home
    wait_until(lambda: not _processes_of(home), PATIENCE_S)


def test_emails_stay_on_this_machine_and_stand_on_a_page(home: Path) -> None:
    with _up(home) as (port, greeting):
        page = f"http://127.0.0.1:{port}/outbox/emails"
        assert page in greeting and f"http://127.0.0.1:{port}/outbox\n" in greeting
        url = _stand_in_url(home, "celery -A workers worker")
        assert url == _stand_in_url(home, "gunicorn")

        # A second one in this home leaves it alone.
        before = _find(home, STAND_IN)
        second = gateway("up", "--demo", "--port", str(free_port()), environment=_environment(home))
        assert second.returncode == 1 and "already running here" in second.stderr
        assert _find(home, STAND_IN) == before

        # It is started again where it was.
        os.kill(before[0], signal.SIGKILL)
        wait_until(lambda: _find(home, STAND_IN) not in ([], before), PATIENCE_S)
        wait_until(lambda: _hands_over(url, "First"), PATIENCE_S)
        assert "First" in _read(_signed_in(port), page)
    assert not _find(home, STAND_IN)

    with _up(home) as (port, _):
        page = f"http://127.0.0.1:{port}/outbox/emails"
        assert _hands_over(_stand_in_url(home, "celery -A workers worker"), "Second")
        shown = _read(_signed_in(port), page)
        assert 0 < shown.index("Second") < shown.index("First")


def test_a_mail_server_of_ones_own_wins(home: Path) -> None:
    # A stand-in that an earlier shell knew of changes nothing.
    with smtp_sink() as own:
        named = {"SMTP_URL": own.url, "GATEWAY_MAIL_STAND_IN_URL": "smtp://127.0.0.1:9"}
        with _up(home, **named) as (port, greeting):
            assert "/outbox/emails" not in greeting and f"http://127.0.0.1:{port}/outbox\n" in greeting
            assert not _find(home, STAND_IN)
            browser = _signed_in(port)
            assert "/outbox/emails" not in _read(browser, f"http://127.0.0.1:{port}/outbox")
            with pytest.raises(OSError, match="404"):
                _read(browser, f"http://127.0.0.1:{port}/outbox/emails")


@contextmanager
def _up(home: Path, **more: str) -> Iterator[tuple[int, str]]:
    """A demo that runs for the block; its port, and what it printed until it was ready."""
    port = free_port()
    environment = {**_environment(home), **more}
    up = gateway_process("up", "--demo", "--port", str(port), environment=environment)
    try:
        yield port, _greeting(up)
        up.send_signal(signal.SIGTERM)
        up.communicate(timeout=PATIENCE_S)
    finally:
        if up.poll() is None:
            up.kill()
            up.wait(10)
        if up.stdout:
            up.stdout.close()


def _greeting(up: subprocess.Popen[str]) -> str:
    printed: list[str] = []
    for line in up.stdout or ():
        printed.append(line)
        if line.startswith("Logs are in"):
            return "".join(printed)
    pytest.fail(f"it ended before it was ready:\n{''.join(printed)}")


def _environment(home: Path) -> dict[str, str]:
    usual: Mapping[str, str] = {
        name: value for name, value in os.environ.items() if name not in ("SMTP_URL", "GATEWAY_PUBLIC_URL")
    }
    return {**usual, "GATEWAY_ENV": "development", "GATEWAY_HOME": str(home)}


def _processes_of(home: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("GATEWAY_HOME") == str(home):
                found.append(process)
        except psutil.Error:
            continue
    return found


def _find(home: Path, fragment: str) -> list[int]:
    return sorted(process.pid for process in _processes_of(home) if fragment in command_line(process.pid))


def _stand_in_url(home: Path, program: str) -> str:
    """What a child was given."""
    environment = Path(f"/proc/{_find(home, program)[0]}/environ").read_text()
    found = _STAND_IN_URL.search(environment)
    assert found is not None
    return found[1]


def _hands_over(url: str, subject: str) -> bool:
    mail = Mail("<x@localhost>", "gateway@localhost", ADMIN, subject, "Hello\n", times.now())
    try:
        SmtpServer(url).send_mail(mail)
    except MailProblem:
        return False
    return True


def _signed_in(port: int) -> OpenerDirector:
    browser = build_opener(HTTPCookieProcessor(CookieJar()))
    address = f"http://127.0.0.1:{port}/sign-in"
    token = _read(browser, address).partition(CSRF_MARK)[2].partition('"')[0]
    answers = urlencode({"csrf_token": token, "email": ADMIN, "password": PASSWORD}).encode()
    with browser.open(address, answers, timeout=30) as answer:
        assert "Sign out" in answer.read().decode()
    return browser


def _read(browser: OpenerDirector, address: str) -> str:
    with browser.open(address, timeout=30) as answer:
        return str(answer.read().decode())
