"""A real worker and the stand-in for a mail server as a process: an e-mail to a provider's account reaches the page."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import redis
from flask import Flask

from config import Settings
from tests.integration.onward_referrals.arrange import a_provider, offered
from tests.plumbing import ROOT
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner, publish_to
from tests.plumbing.own_servers import free_port
from tests.plumbing.pages import main_of, text_of
from tests.plumbing.programs import kill_group, start_worker, wait_until
from tests.plumbing.sign_in import sign_in
from victim_gateway import create_app, times
from victim_gateway.devservers.smtp_server import HOST, MOST_BYTES
from victim_gateway.extensions import db
from victim_gateway.integrations.mail import Mail, MailRefused, SmtpServer
from victim_gateway.kept_mail import MOST_KEPT, MailFolder
from victim_gateway.models import User
from victim_gateway.vocabulary import Role

PATIENCE_S = 30


@contextmanager
def stand_in_process(port: int, home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The stand-in, taking e-mail; killed after the block."""
    command = [sys.executable, "-m", "victim_gateway.devservers.mail_stand_in"]
    process = subprocess.Popen(
        [*command, "--port", str(port), "--home", str(home)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_until(lambda: _answers(port), PATIENCE_S)
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def demo_settings(committed_settings: Settings, port: int, tmp_path: Path) -> Settings:
    """What `gateway up --demo` gives its children."""
    return replace(
        committed_settings, home=tmp_path / "home", smtp_url=f"smtp://{HOST}:{port}", keeps_mail=True
    )


@pytest.fixture
def demo_app(demo_settings: Settings) -> Iterator[Flask]:
    app = create_app(demo_settings)
    publish_to(str(demo_settings.redis_url))
    with app.app_context():
        try:
            yield app
        finally:
            db.session.remove()
            db.engine.dispose()


def test_an_email_to_a_providers_account_reaches_the_page_and_outlives_the_stand_in(
    demo_app: Flask,
    demo_settings: Settings,
    port: int,
    empty_broker: redis.Redis,
    committed_owner: Owner,
    committed_make_actor: MakeActor,
    tmp_path: Path,
) -> None:
    folder = MailFolder(demo_settings.home)
    new_era = a_provider(committed_owner, committed_make_actor)
    caseworker, admin = committed_make_actor(Role.CASEWORKER), committed_make_actor(Role.ADMIN)
    log = tmp_path / "worker.log"
    with stand_in_process(port, demo_settings.home), start_worker(demo_settings, log) as worker:
        onward_id = offered(caseworker, new_era, at=times.now())
        wait_until(lambda: bool(folder.list_mails(at=times.now())), PATIENCE_S, log)
        kill_group(worker)
    with committed_owner() as session:
        address = session.get_one(User, new_era.provider.user_id).email
    browser = demo_app.test_client()
    sign_in(browser, committed_owner, admin)
    answer = browser.get("/outbox/emails")
    assert f"To {address}" in text_of(answer)
    assert "New referral to answer" in text_of(answer)
    assert f'href="/onward-referrals/{onward_id}"' in main_of(answer)
    # Nobody's name and nothing of what happened is in it.
    assert "Wilma" not in text_of(answer) and "broken into" not in text_of(answer)
    with stand_in_process(port, demo_settings.home):
        give_mail(port, "Another")
    subjects = [mail.subject for mail in folder.list_mails(at=times.now())]
    assert (len(subjects), subjects[0]) == (2, "Another")


def give_mail(port: int, subject: str, body: str = "Hello\n") -> None:
    SmtpServer(f"smtp://{HOST}:{port}").send_mail(
        Mail("<x@localhost>", "gateway@localhost", "a@demo.example", subject, body, times.now())
    )


def test_however_many_come_few_are_kept_and_a_huge_one_is_refused(port: int, tmp_path: Path) -> None:
    with stand_in_process(port, tmp_path):
        for number in range(MOST_KEPT + 5):
            give_mail(port, str(number))
        with pytest.raises(MailRefused):
            give_mail(port, "huge", "x" * 60 * (MOST_BYTES // 60) + "\n" + "y" * 60)
    mails = MailFolder(tmp_path).list_mails(at=times.now())
    assert [mail.subject for mail in mails] == [str(number) for number in range(MOST_KEPT + 4, 4, -1)]
    assert len(list(tmp_path.glob("*/*"))) == MOST_KEPT
