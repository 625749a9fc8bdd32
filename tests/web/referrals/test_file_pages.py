"""The files of a referral from the choice to the removal, with a scanner that speaks ClamAV's protocol beside it."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, text
from sqlalchemy.exc import ProgrammingError
from werkzeug.test import TestResponse

from tests.factories import casework as make
from tests.factories.documents import docx_file, pdf_file, picture_file
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from tests.plumbing.clamd import EICAR, virus_scanner
from tests.plumbing.pages import hidden_of, text_of, title_of
from tests.plumbing.sign_in import sign_in
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import InvalidInput, TransitionNotAllowed
from victim_gateway.models import Attachment, AttachmentChunk, AuditEntry, Outbox, Referral, ReferralAccess
from victim_gateway.services.operations.health import check_health
from victim_gateway.services.referrals import attachment_checks, attachments, consents
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import (
    AttachmentState,
    ConsentGiver,
    ConsentHow,
    ConsentPurpose,
    Role,
    TaskKind,
)

WORKER = Actor.worker("tests")


def add(browser: FlaskClient, page: str, content: bytes, name: str, title: str = "A letter") -> TestResponse:
    hidden = dict(hidden_of(browser.get(page)))
    sent = {**hidden, "title": title, "file": (io.BytesIO(content), name)}
    return browser.post(page, data=sent, content_type="multipart/form-data")


def newest(owner: Owner) -> Attachment:
    with owner() as session:
        return session.scalars(select(Attachment).order_by(Attachment.number.desc()).limit(1)).one()


def check(owner: Owner) -> AttachmentState | None:
    return attachment_checks.check_attachment(newest(owner).id, actor=WORKER, at=times.now())


def chunks(owner: Owner) -> int:
    with owner() as session:
        return session.scalar(select(func.count()).select_from(AttachmentChunk)) or 0


def seen_by(actor: Actor) -> int:
    with transaction(actor) as session:
        return session.scalar(select(func.count()).select_from(AttachmentChunk)) or 0


def test_a_file_is_closed_until_it_is_clean_and_gone_once_it_is_removed(
    caseworker_browser: FlaskClient,
    caseworker: Actor,
    app: Flask,
    owner: Owner,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    referral_id = make.assigned(caseworker, at=times.now() - timedelta(days=1))
    page, browser = f"/referrals/{referral_id}/files", caseworker_browser
    letter = pdf_file()
    with virus_scanner() as scanner:
        monkeypatch.setitem(
            app.extensions, "settings", replace(app.extensions["settings"], clamd_url=scanner.url)
        )
        assert "not scanned" not in text_of(browser.get(page))
        empty = add(browser, page, b"", "a.pdf")
        assert (empty.status_code, "The file is empty" in text_of(empty)) == (422, True)
        assert "is not what its name says" in text_of(add(browser, page, letter, "photo.jpg"))
        large = attachments.NewAttachment("A letter", io.BytesIO(letter + bytes(10 << 20)), "a.pdf")
        with pytest.raises(InvalidInput, match="The limit is 10 MB"):
            attachments.add_attachment(Command(caseworker, times.now()), referral_id, large)
        assert "Enter what the file is" in text_of(add(browser, page, letter, "a.pdf", title=" "))
        assert chunks(owner) == 0

        assert add(browser, page, letter, "Wilma Ashdown.pdf", "Court letter").status_code == 302
        first = newest(owner)
        content = f"{page}/{first.id}/content"
        assert b"Court letter" not in first.sealed and b"Wilma" not in first.sealed
        with owner() as session:
            assert session.scalars(select(Outbox.arguments)).all()[-1] == {"attachment_id": str(first.id)}
            assert letter[:20] not in session.scalars(select(AttachmentChunk.sealed)).one()
        assert (browser.get(content).status_code, seen_by(caseworker)) == (409, 0)
        scanner.answer = b"INSTREAM size limit exceeded. ERROR\0"
        assert check(owner) is None
        scanner.answer = None
        _asked_after_a_day(app, owner, caseworker, referral_id)
        later = times.now() + timedelta(minutes=5)
        assert attachment_checks.wake_attachment_checks(actor=WORKER, at=later) == 1
        assert attachment_checks.check_attachment(first.id, actor=WORKER, at=later) is AttachmentState.CLEAN
        assert attachment_checks.check_attachment(first.id, actor=WORKER, at=later) is None
        assert scanner.received[-1] == letter

        opened = browser.get(content)
        reference = make.referral(referral_id, caseworker).reference
        assert opened.data == letter
        assert opened.headers["Content-Disposition"] == f'attachment; filename="{reference}-file-1.pdf"'
        assert opened.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in opened.headers["Content-Security-Policy"]
        assert "no-store" in opened.headers["Cache-Control"]
        shown = browser.get(page)
        assert "Court letter" in text_of(shown) and title_of(shown).startswith(f"Files – {reference}")

        _refused(browser, page, owner, caseworker, referral_id)

    assert attachments.is_taking_files()
    removal = f"{page}/{first.id}/remove"
    assert "Enter why" in text_of(browser.post(removal, data=dict(hidden_of(browser.get(removal)))))
    sent = {**dict(hidden_of(browser.get(removal))), "reason": "Of another person"}
    assert browser.post(removal, data=sent).status_code == 302
    assert (chunks(owner), browser.get(content).status_code, browser.get(removal).status_code) == (
        0,
        409,
        404,
    )
    assert "Of another person" in text_of(browser.get(f"/referrals/{referral_id}/timeline"))
    with owner() as session:
        said = session.scalars(select(AuditEntry.action).where(AuditEntry.action.like("attachment.%"))).all()
    assert {"attachment.added", "attachment.checked", "attachment.fetched", "attachment.removed"} == set(said)
    assert said.count("attachment.fetched") == 1


def _asked_after_a_day(app: Flask, owner: Owner, caseworker: Actor, referral_id: UUID) -> None:
    """A file that no scanner looks at is seen by a person, once; and it is no written answer before it was checked."""
    answer = consents.ConsentAnswer(
        purpose=ConsentPurpose.CONTACT,
        agreed=True,
        how=ConsentHow.WRITTEN,
        given_by=ConsentGiver.PERSON,
        given_at=times.now(),
        attachment_id=newest(owner).id,
    )
    with pytest.raises(InvalidInput, match="that was checked"):
        consents.record_consent(Command(caseworker, times.now()), referral_id, answer)
    for hours, asked in ((23, 0), (25, 1), (26, 0)):
        at = times.now() + timedelta(hours=hours)
        assert attachment_checks.ask_about_waiting_files(actor=WORKER, at=at) == asked
    assert TaskKind.ATTACHMENT_REFUSED in make.open_tasks(referral_id, caseworker)
    said = {each.name: each for each in check_health(app.extensions["settings"], actor=WORKER, at=at)}
    assert "the oldest file has waited 26 hours" in said["scanner"].finding and said["scanner"].is_warning


def _refused(browser: FlaskClient, page: str, owner: Owner, caseworker: Actor, referral_id: UUID) -> None:
    """What a worker finds out: a virus, a locked PDF, macros, a bomb. Nothing of it is kept."""
    before = chunks(owner)
    for content, name, state, explanation in (
        (pdf_file() + EICAR, "a.pdf", AttachmentState.INFECTED, "found a virus"),
        (pdf_file(user_password="x"), "a.pdf", AttachmentState.REFUSED, "locked with a password"),
        (docx_file({"word/vbaProject.bin": b"x"}), "a.docx", AttachmentState.REFUSED, "macros"),
        (docx_file({"word/x": bytes(9_000_000)}), "a.docx", AttachmentState.REFUSED, "unpacks to far more"),
    ):
        assert add(browser, page, content, name).status_code == 302
        assert check(owner) is state
        assert explanation in text_of(browser.get(page))
        assert browser.get(f"{page}/{newest(owner).id}/content").status_code == 409
    assert chunks(owner) == before
    kinds = make.open_tasks(referral_id, caseworker)
    assert kinds.count(TaskKind.ATTACHMENT_REFUSED) == 4
    command = Command(caseworker, times.now())
    attachments.remove_attachment(command, referral_id, attachment_id=newest(owner).id, reason="Refused")
    assert make.open_tasks(referral_id, caseworker).count(TaskKind.ATTACHMENT_REFUSED) == 3


def test_without_a_scanner_production_takes_no_file_and_opens_none_that_was_not_scanned(
    caseworker_browser: FlaskClient,
    caseworker: Actor,
    app: Flask,
    owner: Owner,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    referral_id = make.assigned(caseworker, at=times.now() - timedelta(days=1))
    page = f"/referrals/{referral_id}/files"
    assert "files are not scanned for viruses" in text_of(caseworker_browser.get(page))
    assert add(caseworker_browser, page, picture_file("JPEG"), "a.jpeg").status_code == 302
    assert check(owner) is AttachmentState.UNSCANNED
    content = f"{page}/{newest(owner).id}/content"
    assert caseworker_browser.get(content).status_code == 200

    monkeypatch.setitem(
        app.extensions, "settings", replace(app.extensions["settings"], env="production", require_mfa=False)
    )
    with pytest.raises(TransitionNotAllowed, match="not checked"):
        attachments.fetch_attachment(newest(owner).id, referral_id, actor=caseworker)
    new = attachments.NewAttachment("A letter", io.BytesIO(pdf_file()), "a.pdf")
    with pytest.raises(TransitionNotAllowed, match="no virus scanner"):
        attachments.add_attachment(Command(caseworker, times.now()), referral_id, new)
    said = {
        found.name: found for found in check_health(app.extensions["settings"], actor=WORKER, at=times.now())
    }
    assert said["scanner"].is_warning and "no file can be attached" in said["scanner"].finding


def test_files_of_a_restricted_or_other_referral_are_not_there_and_no_other_role_reads_them(
    app: Flask, client: FlaskClient, owner: Owner, make_actor: MakeActor, caseworker: Actor
) -> None:
    referral_id = make.assigned(caseworker, at=times.now() - timedelta(days=1))
    other_id = make.assigned(caseworker, at=times.now() - timedelta(days=1))
    new = attachments.NewAttachment("A letter", io.BytesIO(pdf_file()), "a.pdf")
    attachment_id = attachments.add_attachment(Command(caseworker, times.now()), referral_id, new)
    check(owner)
    with owner() as session:
        session.get_one(Referral, referral_id).restricted = True
        granted = {"user_id": caseworker.user_id, "granted_at": times.now()}
        session.add(ReferralAccess(referral_id=referral_id, **granted))
    colleague = make_actor(Role.CASEWORKER)
    assert (seen_by(caseworker), seen_by(colleague)) == (1, 0)
    sign_in(client, owner, caseworker)
    assert client.get(f"/referrals/{other_id}/files/{attachment_id}/content").status_code == 404
    sign_in(client, owner, colleague)
    assert client.get(f"/referrals/{referral_id}/files/{attachment_id}/content").status_code == 404
    assert client.get(f"/referrals/{referral_id}/files").status_code == 404
    for role in (Role.MANAGER, Role.ADMIN, Role.AUDITOR, Role.PROVIDER):
        with pytest.raises(ProgrammingError), transaction(make_actor(role)) as session:
            session.execute(text("SELECT count(*) FROM attachment"))
    _none_says_clean(caseworker, attachment_id)


def _none_says_clean(caseworker: Actor, attachment_id: Any) -> None:
    """The database refuses a caseworker's word that a file is clean."""
    with pytest.raises(ProgrammingError, match="row-level security"), transaction(caseworker) as session:
        session.execute(text("UPDATE attachment SET state = 'clean' WHERE id = :id"), {"id": attachment_id})
