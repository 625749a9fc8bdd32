"""Files that go to a provider: chosen, copied without metadata, looked at, shared, opened, and taken back."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, text
from sqlalchemy.exc import ProgrammingError

from tests.factories import casework
from tests.factories.documents import pdf_file
from tests.factories.telling_documents import TRACES, telling_docx, telling_jpeg, telling_pdf
from tests.integration.onward_referrals.arrange import Given, a_provider, a_referral, offered, onward_row
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from tests.plumbing.clamd import virus_scanner
from tests.plumbing.pages import hidden_of, text_of
from tests.plumbing.sign_in import sign_in
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import InvalidInput, NotFound, TransitionNotAllowed
from victim_gateway.models import AuditEntry, Consent, SharedFile, SharedFileChunk, Task
from victim_gateway.queries.referrals.consent_endings import consent_endings
from victim_gateway.rules.handover import HandoverText
from victim_gateway.services import onward_referrals
from victim_gateway.services.referrals import attachment_checks, attachments, consents, merged_people
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import (
    ConsentGiver,
    ConsentHow,
    ConsentPurpose,
    HandoverPart,
    OnwardState,
    OverrideGround,
    Role,
    SharedFileState,
    TaskKind,
)

WORKER = Actor.worker("tests")


def attach(
    caseworker: Actor, referral_id: UUID, content: bytes, name: str, *, stays_here: bool = False
) -> UUID:
    new = attachments.NewAttachment("Letter of Wilma", io.BytesIO(content), name, stays_here=stays_here)
    attachment_id = attachments.add_attachment(Command(caseworker, times.now()), referral_id, new)
    attachment_checks.check_attachment(attachment_id, actor=WORKER, at=times.now())
    return attachment_id


def copies(owner: Owner) -> list[SharedFile]:
    with owner() as session:
        return list(session.scalars(select(SharedFile).order_by(SharedFile.number)))


def make_copies(owner: Owner) -> list[SharedFileState | None]:
    return [
        onward_referrals.make_shared_copy(row.id, actor=WORKER, at=times.now())
        for row in copies(owner)
        if row.state is SharedFileState.WAITING
    ]


def seen_by(actor: Actor) -> tuple[int, int]:
    with transaction(actor) as session:
        return (
            session.scalar(select(func.count(SharedFile.id))) or 0,
            session.scalar(select(func.count(SharedFileChunk.chunk_number))) or 0,
        )


def share_ready(caseworker: Actor, owner: Owner, onward_id: UUID) -> None:
    ready = [row.id for row in copies(owner) if row.state is SharedFileState.READY]
    command = Command(caseworker, times.now())
    onward_referrals.share_files(command, onward_id, shared_file_ids=ready, agreed=True)


def choose(caseworker: Actor, onward_id: UUID, *attachment_ids: UUID) -> None:
    command = Command(caseworker, times.now())
    onward_referrals.copy_files_for_provider(command, onward_id, attachment_ids=attachment_ids)


def test_a_copy_is_made_looked_at_shared_opened_by_the_provider_and_taken_back(
    caseworker_browser: FlaskClient,
    client: FlaskClient,
    caseworker: Actor,
    make_actor: MakeActor,
    app: Flask,
    owner: Owner,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    new_era, other = a_provider(owner, make_actor), a_provider(owner, make_actor, "rj-hub")
    onward_id = offered(caseworker, new_era, at=times.now() - timedelta(days=1))
    referral_id = onward_row(owner, onward_id).referral_id
    page, browser = f"/onward-referrals/{onward_id}/files", caseworker_browser
    with virus_scanner() as scanner:
        monkeypatch.setitem(
            app.extensions, "settings", replace(app.extensions["settings"], clamd_url=scanner.url)
        )
        photo = attach(caseworker, referral_id, telling_jpeg(), "a.jpg")
        letter = attach(caseworker, referral_id, telling_docx(body="<w:ins/>"), "a.docx")
        secret = attach(caseworker, referral_id, pdf_file(), "a.pdf", stays_here=True)
        shown = text_of(browser.get(page))
        assert "It must stay in the Gateway" in shown and str(secret) not in browser.get(page).text
        with pytest.raises(TransitionNotAllowed, match="must stay"):
            choose(caseworker, onward_id, secret)
        nothing = browser.post(page, data=dict(hidden_of(browser.get(page))))
        assert (nothing.status_code, "Choose a file" in text_of(nothing)) == (422, True)
        chosen = {**dict(hidden_of(browser.get(page))), "files": [str(photo), str(letter)]}
        assert browser.post(page, data=chosen).status_code == 302
        assert browser.post(page, data=chosen).status_code == 302, "the same sending again"
        assert "being made" in text_of(browser.get(page))
        assert onward_referrals.wake_shared_copies(actor=WORKER, at=times.now() + timedelta(minutes=5)) == 2
        assert set(make_copies(owner)) == {SharedFileState.READY, SharedFileState.REFUSED}
        assert make_copies(owner) == []
        assert not any(trace.encode() in scanner.received[-1] for trace in TRACES), "the copy was scanned"
    shown = text_of(browser.get(page))
    assert "Taken out: where the picture was taken" in shown and "tracked changes" in shown
    with owner() as session:
        [task] = session.scalars(select(Task).where(Task.kind == TaskKind.ATTACHMENT_REFUSED))
        assert (task.onward_referral_id, task.done_at) == (onward_id, None)
    assert "no copy for the provider" in text_of(browser.get(f"/referrals/{referral_id}"))

    ready = next(row for row in copies(owner) if row.state is SharedFileState.READY)
    refused = next(row for row in copies(owner) if row.state is SharedFileState.REFUSED)
    looked = browser.get(f"{page}/{ready.id}/content")
    name = f"Document {ready.number}.jpg"
    assert looked.headers["Content-Disposition"] == f'attachment; filename="{name}"'
    assert "sandbox" in looked.headers["Content-Security-Policy"]
    assert not any(trace.encode() in looked.data for trace in TRACES)
    sharing = {**dict(hidden_of(browser.get(page))), "shown": str(ready.id)}
    without_yes = browser.post(f"{page}/share", data=sharing)
    assert (without_yes.status_code, "Ask the person first" in text_of(without_yes)) == (422, True)
    assert browser.post(f"{page}/share", data={**sharing, "agreed": "y"}).status_code == 302
    stale = {**dict(hidden_of(browser.get(page))), "shown": str(ready.id), "agreed": "y"}
    assert browser.post(f"{page}/share", data=stale).status_code in (409, 422)

    # Not before they have accepted, nor by another provider, ever.
    provider_page = f"/onward-referrals/{onward_id}"
    document = f"{provider_page}/documents/{ready.id}"
    sign_in(client, owner, new_era.provider)
    assert (client.get(document).status_code, seen_by(new_era.provider)) == (404, (0, 0))
    assert "Documents" not in text_of(client.get(provider_page))
    onward_referrals.accept_onward_referral(Command(new_era.provider, times.now()), onward_id)
    shown = client.get(provider_page)
    assert name in text_of(shown) and "Letter of Wilma" not in shown.text
    opened = client.get(document)
    assert opened.data == looked.data and opened.headers["Cache-Control"].count("no-store")
    assert client.get(f"{provider_page}/documents/{refused.id}").status_code == 404
    assert client.get(f"{page}/{ready.id}/content").status_code == 403
    assert (seen_by(new_era.provider), seen_by(other.provider)) == ((1, 1), (0, 0))
    sign_in(client, owner, other.provider)
    assert client.get(document).status_code == 404
    with owner() as session:
        fetched = select(AuditEntry).where(AuditEntry.action == "shared_file.fetched")
        entries = session.scalars(fetched.order_by(AuditEntry.at)).all()
        assert [entry.actor_id for entry in entries] == [caseworker.user_id, new_era.provider.user_id]
        assert all(str(ready.id) in entry.entry and "Wilma" not in entry.entry for entry in entries)

    sign_in(client, owner, caseworker)
    take_back = f"{page}/{ready.id}/take-back"
    assert browser.post(take_back, data=dict(hidden_of(browser.get(page)))).status_code == 302
    assert browser.post(f"{page}/{refused.id}/take-back", data=dict(hidden_of(browser.get(page)))).location
    sign_in(client, owner, new_era.provider)
    assert (client.get(document).status_code, seen_by(new_era.provider)) == (404, (0, 0))
    with owner() as session:
        assert session.scalar(select(func.count()).select_from(SharedFileChunk)) == 0
        assert session.scalar(select(Task.done_at).where(Task.id == task.id)) is not None


def shared_and_accepted(
    caseworker: Actor, owner: Owner, given: Given, **where: UUID
) -> tuple[UUID, UUID, UUID]:
    """A PDF that a provider who has accepted can open: the onward referral, the attachment, the copy."""
    onward_id = offered(caseworker, given, at=times.now() - timedelta(days=1), **where)
    attachment_id = attach(caseworker, onward_row(owner, onward_id).referral_id, telling_pdf(), "a.pdf")
    choose(caseworker, onward_id, attachment_id)
    make_copies(owner)
    share_ready(caseworker, owner, onward_id)
    onward_referrals.accept_onward_referral(Command(given.provider, times.now()), onward_id)
    return onward_id, attachment_id, copies(owner)[-1].id


def test_a_shared_file_closes_with_the_consent_the_access_and_the_file_itself(
    app: Flask, caseworker: Actor, make_actor: MakeActor, owner: Owner
) -> None:
    given = a_provider(owner, make_actor)
    onward_id, attachment_id, shared_id = shared_and_accepted(caseworker, owner, given)
    referral_id, provider = onward_row(owner, onward_id).referral_id, given.provider
    fetch = onward_referrals.fetch_shared_copy
    assert not any(trace.encode() in fetch(onward_id, shared_id, actor=provider).content for trace in TRACES)
    attachments.remove_attachment(
        Command(caseworker, times.now()), referral_id, attachment_id=attachment_id, reason="Not theirs"
    )
    assert seen_by(provider) == (0, 0)

    def answer(scope: tuple[HandoverPart, ...], *, agreed: bool = True) -> None:
        said = consents.ConsentAnswer(
            purpose=ConsentPurpose.SHARE_WITH_PROVIDER,
            agreed=agreed,
            how=ConsentHow.BY_PHONE,
            given_by=ConsentGiver.PERSON,
            given_at=times.now(),
            recipient_organisation_id=provider.organisation_id,
            scope=scope,
        )
        consents.record_consent(Command(caseworker, times.now()), referral_id, said)

    again = attach(caseworker, referral_id, pdf_file(), "b.pdf")
    # A yes that does not reach files ends them, and none is shared on it.
    choose(caseworker, onward_id, again)
    make_copies(owner)
    share_ready(caseworker, owner, onward_id)
    assert seen_by(provider) == (1, 1)
    answer((HandoverPart.NAME,))
    assert seen_by(provider) == (0, 0)
    with pytest.raises(InvalidInput, match="does not reach files"):
        choose(caseworker, onward_id, again)
    answer((HandoverPart.NAME, HandoverPart.FILES))
    choose(caseworker, onward_id, again)
    make_copies(owner)
    share_ready(caseworker, owner, onward_id)
    assert seen_by(provider) == (1, 1)
    answer((), agreed=False)
    assert seen_by(provider) == (0, 0)
    with pytest.raises(NotFound):
        fetch(onward_id, copies(owner)[-1].id, actor=provider)
    with pytest.raises(TransitionNotAllowed, match="has ended"):
        choose(caseworker, onward_id, again)
    with owner() as session:
        assert session.scalar(select(func.count()).select_from(SharedFileChunk)) == 0
    for role in (Role.MANAGER, Role.ADMIN, Role.AUDITOR):
        for table in ("shared_file", "shared_file_chunk"):
            with pytest.raises(ProgrammingError), transaction(make_actor(role)) as session:
                session.execute(text(f"SELECT count(*) FROM {table}"))


def test_the_database_lets_no_caseworker_share_what_is_not_made_or_must_stay_or_in_anothers_name(
    app: Flask, caseworker: Actor, make_actor: MakeActor, owner: Owner
) -> None:
    onward_id = offered(caseworker, a_provider(owner, make_actor), at=times.now() - timedelta(days=1))
    referral_id = onward_row(owner, onward_id).referral_id
    kept, free = (
        attach(caseworker, referral_id, pdf_file(), "a.pdf", stays_here=stays) for stays in (True, False)
    )
    insert = text(
        "INSERT INTO shared_file (id, onward_referral_id, attachment_id, number, kind, state, asked_at, asked_by_id)"
        " VALUES (gen_random_uuid(), :onward, :attachment, 1, 'pdf', 'waiting', now(), :by)"
    )
    colleague = make_actor(Role.CASEWORKER)
    for attachment_id, by in ((kept, caseworker), (free, colleague)):
        values = {"onward": onward_id, "attachment": attachment_id, "by": by.user_id}
        with pytest.raises(ProgrammingError, match="row-level security"), transaction(caseworker) as session:
            session.execute(insert, values)
    choose(caseworker, onward_id, free)
    for change in ("state = 'ready'", "state = 'shared', shared_at = now(), shared_by_id = asked_by_id"):
        with (
            pytest.raises(Exception, match=r"row-level security|violates check"),
            transaction(caseworker) as session,
        ):
            session.execute(text(f"UPDATE shared_file SET {change}"))


def accepted_without_consent(
    caseworker: Actor, senior: Actor, given: Given, *, at: datetime, days: int
) -> tuple[UUID, UUID, UUID]:
    """An accepted onward referral that rests on a senior's yes for so many days: its referral, its id, the override."""
    referral_id, provider_id = a_referral(caseworker, at=at), given.provider.organisation_id
    assert provider_id is not None
    override_id = onward_referrals.ask_sharing_override(
        Command(caseworker, at),
        referral_id,
        provider_id=provider_id,
        ground=OverrideGround.VITAL_INTEREST,
        reason="It can't wait.",
        last_day_on=times.london_date(at + timedelta(days=days)),
    )
    onward_referrals.decide_sharing_override(
        Command(senior, at), referral_id, override_id=override_id, agreed=True, reason="It can't wait."
    )
    without = onward_referrals.OfferToProvider(
        service_id=given.service_id, share=(HandoverPart.NAME,), texts=HandoverText(), without_consent=True
    )
    onward_id = onward_referrals.offer_onward_referral(Command(caseworker, at), referral_id, without)
    onward_referrals.accept_onward_referral(Command(given.provider, at), onward_id)
    return referral_id, onward_id, override_id


def say_yes(
    caseworker: Actor, referral_id: UUID, given: Given, *scope: HandoverPart, at: datetime | None = None
) -> UUID:
    at = at or times.now()
    said = consents.ConsentAnswer(
        purpose=ConsentPurpose.SHARE_WITH_PROVIDER,
        agreed=True,
        how=ConsentHow.BY_PHONE,
        given_at=at,
        recipient_organisation_id=given.provider.organisation_id,
        scope=scope,
    )
    return consents.record_consent(Command(caseworker, at), referral_id, said)


@pytest.mark.parametrize("shares_file", [True, False], ids=["file shared", "no file"])
def test_the_withdrawal_of_a_yes_ends_what_went_on_by_it_after_the_last_day_without_consent(
    app: Flask, caseworker: Actor, make_actor: MakeActor, owner: Owner, shares_file: bool
) -> None:
    given, start = a_provider(owner, make_actor), times.now() - timedelta(days=6)
    referral_id, onward_id, override_id = accepted_without_consent(
        caseworker, make_actor(Role.SENIOR), given, at=start, days=2
    )
    consent_id = say_yes(caseworker, referral_id, given, at=start + timedelta(hours=1))
    assert onward_row(owner, onward_id).sharing_override_id == override_id
    with transaction(caseworker) as session:
        consent = session.get_one(Consent, consent_id)
        in_force, over = (
            consent_endings(session, consent, on=times.london_date(at)).onward for at in (start, times.now())
        )
    assert (in_force, [each.onward_referral_id for each in over]) == ((), [onward_id])
    if shares_file:
        choose(caseworker, onward_id, attach(caseworker, referral_id, pdf_file(), "a.pdf"))
        make_copies(owner)
        share_ready(caseworker, owner, onward_id)
        row = onward_row(owner, onward_id)
        assert (row.consent_id, row.sharing_override_id) == (consent_id, None)
        assert seen_by(given.provider) == (1, 1)
    consents.withdraw_consent(Command(caseworker, times.now()), consent_id, seen_endings={onward_id})
    assert onward_row(owner, onward_id).state is OnwardState.WITHDRAWN
    assert seen_by(given.provider) == (0, 0)


def test_files_shared_without_consent_end_where_the_persons_narrower_yes_takes_over(
    app: Flask, caseworker: Actor, make_actor: MakeActor, owner: Owner
) -> None:
    given, senior, start = a_provider(owner, make_actor), make_actor(Role.SENIOR), times.now()
    referral_id, onward_id, override_id = accepted_without_consent(
        caseworker, senior, given, at=start - timedelta(hours=1), days=3
    )
    choose(caseworker, onward_id, attach(caseworker, referral_id, pdf_file(), "a.pdf"))
    make_copies(owner)
    share_ready(caseworker, owner, onward_id)
    say_yes(caseworker, referral_id, given, HandoverPart.NAME, HandoverPart.NEEDS)
    assert seen_by(given.provider) == (1, 1)
    end = Command(senior, times.now())
    onward_referrals.end_sharing_override(end, referral_id, override_id=override_id, reason="They agreed.")
    assert onward_row(owner, onward_id).state is OnwardState.ACCEPTED
    assert seen_by(given.provider) == (0, 0)


def test_a_no_that_a_merge_brings_ends_the_files_though_support_has_begun(
    app: Flask, caseworker: Actor, make_actor: MakeActor, owner: Owner
) -> None:
    given, now = a_provider(owner, make_actor), times.now()
    onward_id, *_ = shared_and_accepted(caseworker, owner, given)
    referral_id = onward_row(owner, onward_id).referral_id
    other_id = a_referral(caseworker, at=now - timedelta(days=1))
    refusal = consents.ConsentAnswer(
        purpose=ConsentPurpose.SHARE_WITH_PROVIDER,
        agreed=False,
        how=ConsentHow.BY_PHONE,
        given_at=now,
        recipient_organisation_id=given.provider.organisation_id,
    )
    consents.record_consent(Command(caseworker, times.now()), other_id, refusal)
    assert seen_by(given.provider) == (1, 1)
    kept, merged = (casework.referral(each, caseworker).person_id for each in (referral_id, other_id))
    merged_people.merge_people(Command(caseworker, times.now()), kept, merged, reason="The same person")
    assert onward_row(owner, onward_id).state is OnwardState.ACCEPTED
    assert seen_by(given.provider) == (0, 0)


def test_a_shared_file_that_becomes_a_written_answer_about_consent_is_taken_back(
    app: Flask, caseworker: Actor, make_actor: MakeActor, owner: Owner
) -> None:
    given = a_provider(owner, make_actor)
    onward_id, attachment_id, _ = shared_and_accepted(caseworker, owner, given)
    written = consents.ConsentAnswer(
        purpose=ConsentPurpose.CONTACT,
        agreed=True,
        how=ConsentHow.WRITTEN,
        given_by=ConsentGiver.PERSON,
        given_at=times.now(),
        attachment_id=attachment_id,
    )
    assert seen_by(given.provider) == (1, 1)
    consents.record_consent(
        Command(caseworker, times.now()), onward_row(owner, onward_id).referral_id, written
    )
    assert seen_by(given.provider) == (0, 0)
