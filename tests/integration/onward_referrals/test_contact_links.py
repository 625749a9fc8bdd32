"""A link holds while all that it hangs on does: on committed data, with the roles of production."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import ProgrammingError

from tests.integration.onward_referrals.arrange import MORNING, a_referral
from tests.integration.onward_referrals.by_link import (
    ANYBODY,
    MAILBOX,
    WORKER,
    Charity,
    a_charity,
    ask_new_link,
    begun,
    links_in,
    links_of,
    mailed_link,
    newest_link,
    offer_to,
    register,
    send_asked,
    send_code,
    with_mail,
)
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from tests.plumbing.smtp import Sink
from victim_gateway.actors import Actor
from victim_gateway.contact_link_vocabulary import ContactLinkEnding
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import InvalidInput, NotFound, TransitionNotAllowed
from victim_gateway.extensions import db
from victim_gateway.models import (
    Consent,
    ContactLink,
    ContactLinkSession,
    Message,
    OnwardReferral,
    Person,
    ProviderService,
    Referral,
    Task,
    User,
)
from victim_gateway.services import onward_referrals
from victim_gateway.services.messages.contact_link_answers import LinkRequest, answer_link_request
from victim_gateway.services.messages.contact_links import hash_link_token
from victim_gateway.services.messages.contact_sessions import (
    begin_contact_session,
    look_up_contact_session,
)
from victim_gateway.services.onward_referrals.contact_links import (
    revoke_links,
    send_new_link,
)
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import (
    DeclineReason,
    MessageState,
    Role,
    TaskKind,
    WithdrawReason,
)

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
SECRETS = ("Wilma", "Ashdown", "07700", "bluebell", "Burglary")


@pytest.fixture
def gateway(committed_app: Flask, committed_make_actor: MakeActor) -> Actor:
    return committed_make_actor(Role.CASEWORKER)


@pytest.fixture
def mail(committed_app: Flask, smtp: Sink) -> Iterator[Sink]:
    with with_mail(committed_app, smtp) as sink:
        yield sink


@pytest.fixture
def charity(committed_app: Flask, committed_owner: Owner) -> Charity:
    return a_charity(committed_owner, at=MORNING - timedelta(days=30))


@pytest.fixture
def onward_id(mail: Sink, charity: Charity, gateway: Actor) -> UUID:
    return offer_to(charity, gateway, a_referral(gateway), at=MORNING)


def contact_actor(cookie: str, onward_id: UUID, at: datetime) -> Actor | None:
    live = look_up_contact_session(cookie, onward_id, actor=ANYBODY, at=at)
    return live.actor(ANYBODY) if live else None


def working(onward_id: UUID, mail: Sink, at: datetime = MORNING) -> tuple[str, Actor]:
    """A session by link: its cookie and its actor."""
    cookie = begun(mailed_link(mail, at=at), mail, at=at).cookie
    actor = contact_actor(cookie, onward_id, at)
    assert actor is not None
    return cookie, actor


def test_the_database_shows_a_contact_its_one_referral_and_none_without_a_link(
    mail: Sink, charity: Charity, gateway: Actor, onward_id: UUID
) -> None:
    _, actor = working(onward_id, mail)
    other_id = offer_to(charity, gateway, a_referral(gateway), at=MORNING)
    onward_referrals.accept_onward_referral(Command(actor, MORNING), onward_id)
    tables = ("onward_referral", "provider_notice", "case_event", "note", "wrapped_key", "reminder")
    seen = {table: referrals_seen(actor, table) for table in tables}
    assert seen["onward_referral"] == {onward_id} and seen["provider_notice"] == {onward_id}
    assert all(found <= {onward_id} for found in seen.values())
    assert count(actor, "provider_referral_summary") == 0
    with pytest.raises(NotFound):
        onward_referrals.accept_onward_referral(Command(actor, MORNING), other_id)
    # Without a link, or with the id of one that is another's, a contact is nobody.
    for link_id in (None, UUID(int=7)):
        without_link = Actor(
            actor.database_role, actor.name, actor.user_id, actor.organisation_id, actor.role, None, link_id
        )
        assert [count(without_link, table) for table in tables] == [0] * len(tables)


def test_the_hashes_of_a_link_are_closed_to_every_role_but_the_services(
    mail: Sink, gateway: Actor, onward_id: UUID
) -> None:
    _, actor = working(onward_id, mail)
    for reader in (actor, gateway):
        assert count(reader, "contact_link", "id") == 1
        for column in ("token_hash", "code_hash"):
            with pytest.raises(ProgrammingError, match="permission denied"):
                count(reader, "contact_link", column)
        with pytest.raises(ProgrammingError, match="permission denied"):
            count(reader, "contact_link_session")


def test_a_contact_says_nothing_of_what_its_service_can_take(
    mail: Sink, onward_id: UUID, charity: Charity
) -> None:
    _, actor = working(onward_id, mail)
    with transaction(actor) as session:
        changed = session.execute(
            text(
                "UPDATE provider_service SET places = NULL, capacity = 'closed' WHERE id = :id RETURNING id"
            ),
            {"id": charity.service_id},
        ).all()
    assert changed == []


def withdrawn(gateway: Actor, onward_id: UUID, owner: Owner) -> None:
    onward_referrals.withdraw_onward_referral(
        Command(gateway, MORNING + MINUTE), onward_id, reason=WithdrawReason.NO_LONGER_SAFE
    )


def no_yes(gateway: Actor, onward_id: UUID, owner: Owner) -> None:
    """Past the services, which would take the referral back as well."""
    with owner() as session:
        session.execute(update(Consent).values(withdrawn_at=MORNING + MINUTE))


def restricted(gateway: Actor, onward_id: UUID, owner: Owner) -> None:
    with owner() as session:
        session.execute(update(Referral).values(restricted=True))


def person_restricted(gateway: Actor, onward_id: UUID, owner: Owner) -> None:
    with owner() as session:
        session.execute(update(Person).values(restricted=True))


def erased(gateway: Actor, onward_id: UUID, owner: Owner) -> None:
    with owner() as session:
        session.execute(update(Person).values(erased_at=MORNING))


def retired(gateway: Actor, onward_id: UUID, owner: Owner) -> None:
    with owner() as session:
        session.execute(update(ProviderService).values(retired_on=MORNING.date()))


def other_address(gateway: Actor, onward_id: UUID, owner: Owner) -> None:
    with owner() as session:
        session.execute(update(ProviderService).values(contact_email="new@small-charity.example"))


def contact_closed(gateway: Actor, onward_id: UUID, owner: Owner) -> None:
    with owner() as session:
        closed = update(User).where(User.contact_service_id.is_not(None))
        session.execute(closed.values(disabled_at=MORNING))


def revoked(gateway: Actor, onward_id: UUID, owner: Owner) -> None:
    revoke_links(Command(gateway, MORNING + MINUTE), onward_id)


def replaced(gateway: Actor, onward_id: UUID, owner: Owner) -> None:
    send_new_link(Command(gateway, MORNING + MINUTE), onward_id)


def access_ended(gateway: Actor, onward_id: UUID, owner: Owner) -> None:
    with owner() as session:
        session.execute(update(OnwardReferral).values(provider_access_ended_at=MORNING))


@pytest.mark.parametrize(
    "end",
    [
        *(withdrawn, no_yes, restricted, person_restricted, erased, retired, other_address, contact_closed),
        *(revoked, replaced, access_ended),
    ],
)
def test_what_ends_a_link_ends_its_session_at_the_next_request(
    end: Callable[[Actor, UUID, Owner], None],
    mail: Sink,
    gateway: Actor,
    onward_id: UUID,
    committed_owner: Owner,
) -> None:
    cookie, _ = working(onward_id, mail)
    assert contact_actor(cookie, onward_id, MORNING + MINUTE) is not None
    end(gateway, onward_id, committed_owner)
    assert contact_actor(cookie, onward_id, MORNING + 2 * MINUTE) is None


@pytest.mark.parametrize("end", [withdrawn, no_yes, restricted, erased, retired, other_address, revoked])
def test_what_ends_a_link_keeps_its_code_from_opening_it(
    end: Callable[[Actor, UUID, Owner], None],
    mail: Sink,
    gateway: Actor,
    onward_id: UUID,
    committed_owner: Owner,
) -> None:
    token = mailed_link(mail, at=MORNING)
    code = send_code(token, mail, at=MORNING)
    assert code is not None
    end(gateway, onward_id, committed_owner)
    with pytest.raises(InvalidInput):
        begin_contact_session(token, code, actor=ANYBODY, at=MORNING + 2 * MINUTE)
    assert send_code(token, mail, at=MORNING + 2 * MINUTE) is None


def test_a_decline_ends_the_contacts_sight(mail: Sink, onward_id: UUID) -> None:
    cookie, actor = working(onward_id, mail)
    onward_referrals.decline_onward_referral(
        Command(actor, MORNING), onward_id, reason=DeclineReason.NO_CAPACITY, text="Nobody is here in July."
    )
    assert contact_actor(cookie, onward_id, MORNING + MINUTE) is None


def test_a_session_ends_after_a_quarter_of_an_hour_idle_and_an_hour_in_all(
    mail: Sink, onward_id: UUID
) -> None:
    cookie, _ = working(onward_id, mail)
    for minutes in range(10, 61, 10):
        assert contact_actor(cookie, onward_id, MORNING + minutes * MINUTE) is not None
    assert contact_actor(cookie, onward_id, MORNING + 61 * MINUTE) is None


def test_an_idle_session_is_over(mail: Sink, onward_id: UUID) -> None:
    cookie, _ = working(onward_id, mail)
    assert contact_actor(cookie, onward_id, MORNING + 16 * MINUTE) is None


def test_of_one_code_sent_twice_at_once_one_opens_the_link(
    committed_app: Flask, mail: Sink, onward_id: UUID, committed_owner: Owner
) -> None:
    token = mailed_link(mail, at=MORNING)
    code = send_code(token, mail, at=MORNING)
    assert code is not None
    begin, results = threading.Barrier(4), []

    def attempt() -> None:
        with committed_app.app_context():
            begin.wait()
            try:
                results.append(begin_contact_session(token, code, actor=ANYBODY, at=MORNING).cookie)
            except InvalidInput as refusal:
                results.append(refusal)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=attempt) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(isinstance(result, str) for result in results) == [False, False, False, True]
    with committed_owner() as session:
        assert session.scalar(select(func.count()).select_from(ContactLinkSession)) == 1


def test_a_code_runs_out_after_ten_minutes_and_the_newest_alone_counts(mail: Sink, onward_id: UUID) -> None:
    token = mailed_link(mail, at=MORNING)
    first = send_code(token, mail, at=MORNING)
    assert send_code(token, mail, at=MORNING + timedelta(seconds=10)) is None
    second = send_code(token, mail, at=MORNING + MINUTE)
    assert first and second and first != second
    for code, at in ((first, MORNING + 2 * MINUTE), (second, MORNING + 12 * MINUTE)):
        with pytest.raises(InvalidInput):
            begin_contact_session(token, code, actor=ANYBODY, at=at)
    third = send_code(token, mail, at=MORNING + 13 * MINUTE)
    assert third and begin_contact_session(token, third, actor=ANYBODY, at=MORNING + 14 * MINUTE)


def test_two_links_of_one_contact_work_beside_each_other(
    mail: Sink, charity: Charity, gateway: Actor, onward_id: UUID
) -> None:
    first_cookie, first = working(onward_id, mail)
    second_id = offer_to(charity, gateway, a_referral(gateway), at=MORNING)
    second_cookie, second = working(second_id, mail)
    assert referrals_seen(first, "onward_referral") == {onward_id}
    assert referrals_seen(second, "onward_referral") == {second_id}
    assert contact_actor(first_cookie, second_id, MORNING) is None
    assert contact_actor(second_cookie, onward_id, MORNING) is None
    assert first.user_id == second.user_id


def test_each_notice_brings_a_link_and_nothing_about_the_person(
    mail: Sink, gateway: Actor, onward_id: UUID, committed_owner: Owner
) -> None:
    _, actor = working(onward_id, mail)
    onward_referrals.request_information(Command(actor, MORNING), onward_id, text="Where does she live?")
    onward_referrals.answer_request(Command(gateway, MORNING + HOUR), onward_id, text="In Stafford.")
    second = mailed_link(mail, at=MORNING + HOUR)
    withdrawn(gateway, onward_id, committed_owner)
    mailed_link(mail, at=MORNING + 2 * HOUR)
    bodies = [message.get_content() for message in mail.received]
    subjects = [str(message["Subject"]) for message in mail.received]
    assert ["New referral" in subjects[0], "code" in subjects[1], "question" in subjects[2]] == [True] * 3
    assert "Taken back" in subjects[3]
    assert "by-link" in bodies[0] and second in bodies[2] and "by-link" not in bodies[3]
    assert "There is nothing to open any more" in bodies[3]
    assert {recipient for _, recipient in mail.envelopes} == {MAILBOX}
    assert not any(secret in body for secret in SECRETS for body in (*bodies, *subjects))
    # Neither the token nor the code stands anywhere in the database.
    with committed_owner() as session:
        link = session.scalars(select(ContactLink).order_by(ContactLink.created_at)).first()
        assert link is not None and link.sent_at is not None
        for table in ("audit_entry", "outbox", "contact_link", "message"):
            rows = session.execute(text(f"SELECT t::text FROM {table} t")).scalars().all()  # noqa: S608  names of tables and columns that the test itself lists
            assert not any(second in row for row in rows)


def test_a_reminder_goes_to_the_contact_with_a_link(
    mail: Sink, onward_id: UUID, committed_owner: Owner
) -> None:
    from victim_gateway.services.reminders.reminder_pass import run_reminder_pass

    first = mailed_link(mail, at=MORNING)
    with committed_owner() as session:
        due_on = session.get_one(OnwardReferral, onward_id).answer_due_on
    assert due_on is not None
    late = datetime.combine(due_on, MORNING.timetz()) + timedelta(hours=1)
    run_reminder_pass(actor=WORKER, at=late)
    second = mailed_link(mail, at=late)
    assert second != first
    assert "due" in str(mail.received[-1]["Subject"])
    assert [link.ending for link in links_of(committed_owner, onward_id)] == [
        ContactLinkEnding.REPLACED,
        None,
    ]


def test_another_contact_gets_nothing_by_itself_and_a_caseworker_is_asked(
    mail: Sink, gateway: Actor, charity: Charity, onward_id: UUID, committed_owner: Owner
) -> None:
    token = mailed_link(mail, at=MORNING)
    register(charity.service_id, "Bea Dunn", "bea@small-charity.example", at=MORNING + HOUR)
    mailed_link(mail, at=MORNING + HOUR)
    with transaction(WORKER) as session:
        token_id = UUID(bytes=hash_link_token(session, token))
    assert not answer_link_request(LinkRequest.NEW_LINK, token_id, actor=WORKER, at=MORNING + HOUR)
    assert {recipient for _, recipient in mail.envelopes} == {MAILBOX}
    with committed_owner() as session:
        task = session.scalars(
            select(Task).where(Task.kind == TaskKind.MESSAGE_FAILED, Task.done_at.is_(None))
        ).one()
        assert task.onward_referral_id == onward_id and "bea@" not in str(task.details)
        task_id = task.id
    send_new_link(Command(gateway, MORNING + 2 * HOUR), onward_id, has_rung=True)
    assert send_asked(committed_owner, onward_id, at=MORNING + 2 * HOUR)
    assert mail.envelopes[-1][1] == "bea@small-charity.example"
    with committed_owner() as session:
        assert session.get_one(Task, task_id).done_at is not None
        actor = session.scalars(select(User).where(User.name == "Ann Lee")).one()
        assert actor.disabled_at is not None


def test_a_contact_asks_for_a_new_link_three_times_a_day_at_most(
    mail: Sink, onward_id: UUID, committed_owner: Owner
) -> None:
    mailed_link(mail, at=MORNING)
    sent = [ask_new_link(newest_link(mail), at=MORNING + minutes * MINUTE) for minutes in range(11, 60, 11)]
    assert sent == [True, True, True, False, False]
    assert {recipient for _, recipient in mail.envelopes} == {MAILBOX}
    assert answer_link_request(LinkRequest.NEW_LINK, UUID(int=5), actor=WORKER, at=MORNING) is False
    standing = [link for link in links_of(committed_owner, onward_id) if link.ended_at is None]
    assert len(standing) == 1


def test_a_restricted_case_sends_no_link_and_asks_a_caseworker_to_ring(
    mail: Sink, onward_id: UUID, gateway: Actor, committed_owner: Owner
) -> None:
    restricted(gateway, onward_id, committed_owner)
    mailed_all(mail, MORNING)
    assert mail.received == []
    with committed_owner() as session:
        assert session.scalars(select(Message.state)).all() == [MessageState.FAILED]
        assert session.scalars(select(Task.kind).where(Task.done_at.is_(None))).all() == [
            TaskKind.MESSAGE_FAILED
        ]


def test_a_link_that_cannot_be_sent_is_a_task(
    mail: Sink, onward_id: UUID, gateway: Actor, committed_owner: Owner
) -> None:
    send_new_link(Command(gateway, MORNING), onward_id)
    mail.behaviour.recipient = "550 no such mailbox"
    assert not send_asked(committed_owner, onward_id, at=MORNING)
    with committed_owner() as session:
        assert session.scalars(select(Task.kind).where(Task.done_at.is_(None))).all() == [
            TaskKind.MESSAGE_FAILED
        ]


def test_a_second_end_is_refused(mail: Sink, onward_id: UUID, gateway: Actor) -> None:
    mailed_link(mail, at=MORNING)
    revoke_links(Command(gateway, MORNING), onward_id)
    with pytest.raises(TransitionNotAllowed):
        revoke_links(Command(gateway, MORNING), onward_id)


def test_a_link_is_ended_before_its_e_mail_has_left(mail: Sink, onward_id: UUID, gateway: Actor) -> None:
    revoke_links(Command(gateway, MORNING + MINUTE), onward_id)
    mailed_all(mail, MORNING + HOUR)
    assert len(mail.received) == 1 and links_in(mail) == []


def mailed_all(mail: Sink, at: datetime) -> None:
    from victim_gateway.services.messages import sending

    sending.send_due_messages(actor=WORKER, at=at)


def referrals_seen(actor: Actor, table: str) -> set[UUID]:
    """The onward referrals that rows of a table belong to, for this actor in plain SQL."""
    column = {
        "onward_referral": "id",
        "wrapped_key": "(SELECT o.id FROM onward_referral o WHERE o.key_id = wrapped_key.id)",
    }.get(table, "onward_referral_id")
    with transaction(actor) as session:
        return set(session.scalars(text(f"SELECT {column} FROM {table}")))  # noqa: S608  names of tables and columns that the test itself lists


def count(actor: Actor, table: str, column: str = "*") -> int:
    with transaction(actor) as session:
        return session.execute(text(f"SELECT count({column}) FROM {table}")).scalar_one()  # noqa: S608  names of tables and columns that the test itself lists
