"""Who is reminded of what, when, and when it stops."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import event, select, text, update

from tests.factories import casework
from tests.factories.casework import MONDAY
from tests.integration.onward_referrals.arrange import MORNING, Given, a_provider, a_referral, offered
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from tests.plumbing.page_plans import fill_large_tables
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import as_service, transaction
from victim_gateway.errors import NotFound
from victim_gateway.extensions import db
from victim_gateway.models import AuditEntry, Message, Referral, Reminder, Task, User
from victim_gateway.queries.reminders.addressing import count_unseen_reminders
from victim_gateway.queries.reminders.open_reminders import find_reminder_subject, list_reminders
from victim_gateway.queries.reminders.rules_in_force import rules_as_shipped
from victim_gateway.services import onward_referrals
from victim_gateway.services.referrals import notes, status
from victim_gateway.services.reminders import reminder_pass
from victim_gateway.services.reminders.reminder_pass import ReminderPassSummary
from victim_gateway.services.shared import tasks
from victim_gateway.services.shared.command import Command
from victim_gateway.times import london_date
from victim_gateway.vocabulary import (
    AttemptOutcome,
    CloseOutcome,
    DeclineReason,
    MessageState,
    NextAction,
    ReminderKind,
    Risk,
    Role,
    TaskKind,
    WaitingOn,
)

DAY = timedelta(days=1)
# Referred on a Monday, the first try at contact is due on the Wednesday.
DUE_SOON, DUE, OVERDUE = MONDAY + DAY, MONDAY + 2 * DAY, MONDAY + 3 * DAY
Run = Callable[[datetime], ReminderPassSummary]
Shown = Callable[..., list[Reminder]]


@pytest.fixture
def run(app: Flask, worker_actor: Actor) -> Run:
    return lambda at: reminder_pass.run_reminder_pass(actor=worker_actor, at=at)


@pytest.fixture
def shown(owner: Owner) -> Shown:
    """The open reminders; those of one kind when it is named."""

    def rows(kind: ReminderKind | None = None) -> list[Reminder]:
        with owner() as session:
            chosen = select(Reminder).where(Reminder.resolved_at.is_(None)).order_by(Reminder.dedupe_key)
            return [row for row in session.scalars(chosen) if kind in (None, row.kind)]

    return rows


@pytest.fixture
def mail(app: Flask) -> Iterator[None]:
    """As if a mail server were named; nothing is sent here."""
    usual = app.extensions["settings"]
    app.extensions["settings"] = replace(usual, smtp_url="smtp://127.0.0.1:9")
    yield
    app.extensions["settings"] = usual


@pytest.fixture
def given(owner: Owner, make_actor: MakeActor) -> Given:
    return a_provider(owner, make_actor)


def keys(rows: list[Reminder]) -> list[tuple[ReminderKind, str, UUID | None]]:
    return [(row.kind, row.about, row.recipient_user_id) for row in rows]


def messages(owner: Owner) -> list[Message]:
    with owner() as session:
        return list(session.scalars(select(Message)))


def everything(owner: Owner) -> list[Sequence[Any]]:
    """Every row that a pass may write."""
    with owner() as session:
        return [
            session.execute(text(f"SELECT * FROM {table} ORDER BY 1")).all()  # noqa: S608
            for table in ("reminder", "message", "outbox", "onward_referral", "audit_entry", "case_event")
        ]


@pytest.mark.parametrize("moment", [MONDAY - DAY, DUE, MONDAY + 20 * DAY])
def test_a_preview_says_what_a_pass_does_and_changes_nothing(
    run: Run,
    mail: None,
    owner: Owner,
    given: Given,
    caseworker: Actor,
    worker_actor: Actor,
    moment: datetime,
) -> None:
    casework.assigned(caseworker)
    offered(caseworker, given)
    before, sent_at_once = everything(owner), len(messages(owner))

    preview = reminder_pass.preview_reminder_pass(actor=worker_actor, at=moment)
    to_expire = onward_referrals.list_offers_to_expire(Command(worker_actor, moment))

    assert everything(owner) == before
    assert run(moment) == preview.summary
    assert sum(preview.by_rule.values()) == preview.summary.created
    assert preview.by_rule.keys() == {rule.code for rule in rules_as_shipped()}
    assert len(messages(owner)) - sent_at_once == preview.messages_to_send
    assert onward_referrals.expire_unanswered_offers(Command(worker_actor, moment)) == len(to_expire)


def test_a_pass_reads_what_is_open_and_nothing_else(
    run: Run, given: Given, caseworker: Actor, owner: Owner
) -> None:
    offered(caseworker, given)
    with owner() as session:
        fill_large_tables(session)
    plans: list[str] = []

    def explaining(_connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if "standing AS MATERIALIZED" in statement:
            # So few rows are read faster as they lie; what is asked is whether the indexes can be used at all.
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute("SET LOCAL enable_bitmapscan = off")
            cursor.execute(f"EXPLAIN {statement}", parameters)
            plans.append("\n".join(line for (line,) in cursor.fetchall()))

    event.listen(db.engine, "before_cursor_execute", explaining)
    try:
        run(DUE)
    finally:
        event.remove(db.engine, "before_cursor_execute", explaining)
    (plan,) = plans
    assert "Seq Scan on case_event" not in plan
    assert re.search(r"using ix_referral_(open|next_act|caseworker) on referral", plan)
    for index in ("ix_onward_referral_live", "ix_entitlement_clock_provider_open", "ix_reminder_open"):
        assert index in plan
    # One look-up for each clock: a join would read all events.
    assert re.search(r"SubPlan \d+\n +->  Index Scan using pk_case_event", plan)


# the Gateway's own standards


def test_nothing_is_said_before_the_day_that_the_area_warns_on(
    run: Run, shown: Shown, caseworker: Actor
) -> None:
    casework.assigned(caseworker)
    assert run(MONDAY + timedelta(hours=1)) == ReminderPassSummary(0, 0, 0, 0)
    assert shown() == []


@pytest.mark.parametrize("at", [DUE_SOON, DUE])
def test_a_caseworker_is_told_the_day_before_and_on_the_day(
    run: Run, shown: Shown, caseworker: Actor, at: datetime
) -> None:
    casework.assigned(caseworker)
    run(at)
    (reminder,) = shown()
    assert (reminder.kind, reminder.about) == (ReminderKind.ACTION_DUE, "make_contact")
    assert reminder.recipient_user_id == caseworker.user_id
    assert reminder.due_on == DUE.date()
    assert reminder.reference.startswith("SG-26-")


def test_the_day_before_a_monday_is_the_friday(run: Run, shown: Shown, caseworker: Actor) -> None:
    thursday = MONDAY + 3 * DAY
    casework.assigned(caseworker, at=thursday)
    run(thursday + DAY)
    (reminder,) = shown()
    assert reminder.due_on == (MONDAY + 7 * DAY).date()


def test_a_date_is_that_of_london(run: Run, shown: Shown, caseworker: Actor) -> None:
    june = datetime.fromisoformat("2026-06-01T10:00:00+01:00")
    casework.assigned(caseworker, at=june)
    run(datetime.fromisoformat("2026-06-03T22:59:00+00:00"))
    assert [row.kind for row in shown()] == [ReminderKind.ACTION_DUE]
    run(datetime.fromisoformat("2026-06-03T23:01:00+00:00"))
    assert [row.kind for row in shown()] == [ReminderKind.ACTION_OVERDUE]


def test_overdue_takes_the_place_of_due(run: Run, shown: Shown, owner: Owner, caseworker: Actor) -> None:
    casework.assigned(caseworker)
    run(DUE)
    assert run(OVERDUE) == ReminderPassSummary(created=1, renewed=0, resolved=1, messages=0)
    assert [row.kind for row in shown()] == [ReminderKind.ACTION_OVERDUE]


def test_overdue_is_said_once_however_long_it_lasts(run: Run, shown: Shown, caseworker: Actor) -> None:
    casework.assigned(caseworker)
    first = run(OVERDUE)
    later = [run(OVERDUE + days * DAY) for days in range(5)]
    assert (first.created, {summary.created for summary in later}) == (1, {0})
    assert len(shown()) == 1


def test_a_pass_that_comes_a_week_late_says_what_is_so_now(
    run: Run, shown: Shown, owner: Owner, caseworker: Actor
) -> None:
    casework.assigned(caseworker)
    run(OVERDUE + 7 * DAY)
    with owner() as session:
        kinds = session.scalars(select(Reminder.kind)).all()
    assert kinds == [ReminderKind.ACTION_OVERDUE]


def test_what_nobody_has_taken_is_on_the_common_list(run: Run, shown: Shown, caseworker: Actor) -> None:
    casework.recorded(caseworker)
    run(OVERDUE)
    (reminder,) = shown()
    assert (reminder.recipient_user_id, reminder.recipient_organisation_id) == (
        None,
        caseworker.organisation_id,
    )


def test_a_reminder_follows_the_referral_to_whoever_it_is_given_to(
    run: Run, shown: Shown, caseworker: Actor, make_actor: MakeActor
) -> None:
    referral_id = casework.assigned(caseworker)
    run(DUE)
    senior, other = make_actor(Role.SENIOR), make_actor(Role.CASEWORKER)
    assert other.user_id is not None
    status.assign_referral(Command(senior, DUE), referral_id, to_user_id=other.user_id)
    assert run(DUE).renewed == 1
    assert [row.recipient_user_id for row in shown()] == [other.user_id]


def test_the_work_of_a_closed_account_goes_to_the_common_list(
    run: Run, shown: Shown, owner: Owner, caseworker: Actor
) -> None:
    casework.assigned(caseworker)
    run(DUE)
    with owner() as session:
        session.execute(update(User).where(User.id == caseworker.user_id).values(disabled_at=DUE))
    run(DUE)
    (reminder,) = shown()
    assert reminder.recipient_user_id is None
    assert reminder.recipient_organisation_id == caseworker.organisation_id


def test_an_attempt_at_contact_settles_the_reminder(run: Run, shown: Shown, caseworker: Actor) -> None:
    referral_id = casework.assigned(caseworker)
    run(DUE)
    casework.log_attempt(referral_id, caseworker, at=DUE, outcome=AttemptOutcome.REACHED)
    run(DUE + timedelta(minutes=1))
    assert [row.about for row in shown()] == []


def test_a_due_date_that_moves_makes_a_new_reminder(
    run: Run, shown: Shown, owner: Owner, caseworker: Actor
) -> None:
    casework.assigned(caseworker)
    run(DUE_SOON)
    with owner() as session:
        session.execute(update(Referral).values(next_due_on=DUE_SOON.date()))
    assert run(DUE_SOON) == ReminderPassSummary(created=1, renewed=0, resolved=1, messages=0)
    assert [row.due_on for row in shown()] == [DUE_SOON.date()]


def test_a_cause_that_comes_back_opens_its_reminder_again(
    run: Run, shown: Shown, owner: Owner, caseworker: Actor
) -> None:
    casework.assigned(caseworker)
    run(OVERDUE)
    for action in ("assess", "make_contact"):
        with owner() as session:
            session.execute(update(Referral).values(next_action=action))
        summary = run(OVERDUE)
    assert summary == ReminderPassSummary(created=0, renewed=1, resolved=1, messages=0)
    assert len(shown()) == 1


def test_a_closed_referral_has_no_reminders(run: Run, shown: Shown, owner: Owner, caseworker: Actor) -> None:
    referral_id = casework.assigned(caseworker)
    run(OVERDUE)
    command = Command(caseworker, OVERDUE, version=casework.referral(referral_id, caseworker).version)
    status.close_referral(command, referral_id, outcome=CloseOutcome.DECLINED)
    run(OVERDUE)
    assert shown() == []


def test_a_reminder_is_the_row_of_the_list_of_work_with_its_date(
    run: Run, shown: Shown, owner: Owner, caseworker: Actor, given: Given
) -> None:
    """Every open referral that is due by tomorrow once, whatever hangs on it; what a provider owes on its day."""
    first = casework.assigned(caseworker)
    open_task(caseworker, first, at=MONDAY, kind=TaskKind.SAFE_CONTACT_CHECK)
    casework.recorded(caseworker)
    offered(caseworker, given)
    for days in (0, 1, 2, 3, 9):
        at = MONDAY + days * DAY
        run(at)
        with owner() as session:
            rows = session.scalars(select(Referral).where(Referral.next_action != NextAction.NOTHING))
            horizon = {WaitingOn.GATEWAY: at + DAY, WaitingOn.PROVIDER: at}
            due = {
                (row.id, row.next_due_on, row.next_action.value)
                for row in rows
                if row.next_due_on is not None and row.next_due_on <= london_date(horizon[row.waiting_on])
            }
        ours = [row for row in shown() if row.reference.count("-") == 2]
        assert {(row.referral_id, row.due_on, row.about) for row in ours} == due
        assert len(ours) == len(due)


# onward referrals


def test_both_sides_are_asked_about_an_offer_on_the_day_its_answer_is_due(
    run: Run, shown: Shown, caseworker: Actor, given: Given
) -> None:
    offered(caseworker, given)
    run(MORNING + DAY)
    assert [(row.kind, row.recipient_organisation_id) for row in shown()] == [
        (ReminderKind.CLOCK_DUE, given.provider.organisation_id)
    ]
    run(MORNING + 2 * DAY)
    said = {(row.kind, row.recipient_user_id, row.recipient_organisation_id) for row in shown()}
    assert said == {
        (ReminderKind.ACTION_DUE, caseworker.user_id, None),
        (ReminderKind.OFFER_UNANSWERED, None, given.provider.organisation_id),
    }
    assert run(MORNING + 9 * DAY).created == 1
    assert {row.kind for row in shown()} == {ReminderKind.ACTION_OVERDUE, ReminderKind.OFFER_UNANSWERED}


def test_a_question_does_not_put_the_answer_off(
    run: Run, shown: Shown, caseworker: Actor, given: Given
) -> None:
    onward_id = offered(caseworker, given)
    onward_referrals.request_information(Command(given.provider, MORNING), onward_id, text="Which days?")
    run(MORNING + 2 * DAY)
    theirs = [row for row in shown() if row.recipient_organisation_id == given.provider.organisation_id]
    assert [(row.kind, row.due_on) for row in theirs] == [
        (ReminderKind.OFFER_UNANSWERED, london_date(MORNING + 2 * DAY))
    ]


def test_an_answer_settles_it_for_both_sides(run: Run, shown: Shown, caseworker: Actor, given: Given) -> None:
    onward_id = offered(caseworker, given)
    run(MORNING + 2 * DAY)
    onward_referrals.decline_onward_referral(
        Command(given.provider, MORNING + 2 * DAY),
        onward_id,
        reason=DeclineReason.NO_CAPACITY,
        text="Full until September",
    )
    run(MORNING + 2 * DAY)
    assert shown(ReminderKind.OFFER_UNANSWERED) == []


def test_a_provider_is_reminded_of_first_contact_by_the_reference_it_knows(
    run: Run, shown: Shown, caseworker: Actor, given: Given
) -> None:
    onward_id = offered(caseworker, given)
    onward_referrals.accept_onward_referral(Command(given.provider, MORNING), onward_id)
    run(MORNING + 8 * DAY)
    (theirs,) = shown(ReminderKind.CLOCK_OVERDUE)
    assert theirs.about == "provider_first_contact"
    assert theirs.recipient_organisation_id == given.provider.organisation_id
    (ours,) = shown(ReminderKind.ACTION_OVERDUE)
    assert (ours.about, ours.recipient_user_id) == ("wait_for_provider", caseworker.user_id)
    assert theirs.reference == f"{ours.reference}-1"


def test_a_provider_whose_access_has_ended_is_reminded_of_nothing(
    run: Run, shown: Shown, owner: Owner, caseworker: Actor, given: Given
) -> None:
    from victim_gateway.models import OnwardReferral

    offered(caseworker, given)
    run(MORNING + 2 * DAY)
    with owner() as session:
        session.execute(
            update(OnwardReferral).values(state="withdrawn", provider_access_ended_at=MORNING + 2 * DAY)
        )
    run(MORNING + 2 * DAY)
    assert [row for row in shown() if row.recipient_organisation_id] == []


# tasks


def open_task(
    actor: Actor, referral_id: UUID, *, at: datetime, kind: TaskKind = TaskKind.PROVIDER_DECLINED
) -> UUID:
    with transaction(actor) as session, as_service(session):
        task = tasks.NewTask(kind=kind, referral_id=referral_id, dedupe_key=f"test:{referral_id}")
        return tasks.open_task(session, task, at=at)


def test_a_task_that_is_done_settles_its_reminder(
    run: Run, shown: Shown, owner: Owner, caseworker: Actor
) -> None:
    referral_id = casework.assigned(caseworker)
    open_task(caseworker, referral_id, at=MONDAY)
    run(OVERDUE)
    with owner() as session:
        session.execute(update(Task).values(done_at=OVERDUE))
    run(OVERDUE)
    assert shown(ReminderKind.TASK_WAITING) == []


# e-mail


def mark_urgent(owner: Owner) -> None:
    """As a rule does whose e-mails leave at once."""
    with owner() as session:
        session.execute(update(Reminder).values(is_urgent=True))


def test_without_a_mail_server_nothing_is_queued(run: Run, owner: Owner, caseworker: Actor) -> None:
    casework.assigned(caseworker)
    assert run(OVERDUE).messages == 0
    assert messages(owner) == []


def test_one_message_an_urgent_reminder_to_the_caseworker_named_and_none_for_another(
    run: Run, owner: Owner, mail: None, caseworker: Actor
) -> None:
    casework.assigned(caseworker)
    assert run(OVERDUE).messages == 0
    mark_urgent(owner)
    assert [run(OVERDUE).messages, run(OVERDUE).messages] == [1, 0]
    (message,) = messages(owner)
    assert (message.recipient_user_id, message.state) == (caseworker.user_id, MessageState.QUEUED)


def test_the_common_list_is_nobodys_mail(run: Run, owner: Owner, mail: None, caseworker: Actor) -> None:
    casework.recorded(caseworker)
    run(OVERDUE)
    mark_urgent(owner)
    assert run(OVERDUE).messages == 0


def test_each_open_account_of_a_provider_is_written_to(
    run: Run, owner: Owner, mail: None, make_actor: MakeActor, caseworker: Actor, given: Given
) -> None:
    colleague = make_actor(Role.PROVIDER, organisation="new-era")
    gone = make_actor(Role.PROVIDER, organisation="new-era")
    with owner() as session:
        session.execute(update(User).where(User.id == gone.user_id).values(disabled_at=MORNING))
    offered(caseworker, given)
    run(MORNING + DAY)
    assert {row.recipient_user_id for row in messages(owner)} == {given.provider.user_id, colleague.user_id}


def test_what_was_long_overdue_when_first_seen_is_shown_and_not_mailed(
    run: Run, shown: Shown, owner: Owner, mail: None, caseworker: Actor
) -> None:
    casework.assigned(caseworker)
    run(OVERDUE + 40 * DAY)
    mark_urgent(owner)
    assert run(OVERDUE + 40 * DAY).messages == 0
    assert len(shown()) == 1


def test_a_provider_is_told_of_a_note_and_it_ends_when_seen(
    run: Run, shown: Shown, owner: Owner, mail: None, caseworker: Actor, given: Given
) -> None:
    onward_id = offered(caseworker, given)
    with owner() as session:
        referral_id = session.scalar(select(Referral.id))
    assert referral_id is not None
    notes.write_note(
        Command(caseworker, MORNING),
        referral_id,
        notes.NewNote(subject="s", body="b"),
        onward_referral_id=onward_id,
    )
    assert run(MORNING).messages == 0, "it stands in the digest"
    (note,) = shown(ReminderKind.NOTE_WRITTEN)
    reminder_pass.mark_reminder_seen(note.id, actor=given.provider, at=MORNING)
    assert shown(ReminderKind.NOTE_WRITTEN) == []


# reading them


def list_of(actor: Actor, at: datetime, **chosen: str) -> list[str]:
    with transaction(actor) as session:
        page = list_reminders(
            session,
            actor,
            shown=chosen.get("shown", "mine"),
            due=chosen.get("due"),
            at=at,
        )
    return [row.reference for row in page.rows]


def test_a_list_begins_with_who_is_at_high_risk_then_by_due_date(
    run: Run, owner: Owner, caseworker: Actor
) -> None:
    late = casework.assigned(caseworker)
    ids = {risk: casework.assigned(caseworker, at=MONDAY + DAY) for risk in (Risk.STANDARD, Risk.HIGH)}
    with owner() as session:
        for risk, referral_id in ids.items():
            session.execute(update(Referral).where(Referral.id == referral_id).values(risk=risk))
        references = {row.id: row.reference for row in session.scalars(select(Referral))}
    run(OVERDUE)
    assert list_of(caseworker, OVERDUE) == [
        references[ids[Risk.HIGH]],
        references[late],
        references[ids[Risk.STANDARD]],
    ]
    assert list_of(caseworker, OVERDUE, due="overdue") == [references[late]]
    assert len(list_of(caseworker, OVERDUE, due="today")) == 2


def test_a_restricted_referral_is_not_shown_to_others(
    run: Run, owner: Owner, caseworker: Actor, make_actor: MakeActor
) -> None:
    named = make_actor(Role.CASEWORKER)
    a_referral(caseworker, at=MONDAY, restricted_to=named.user_id)
    with owner() as session:
        session.execute(update(Referral).values(assigned_to_id=None))
        referral_id = session.scalar(select(Referral.id))
        row = session.scalars(select(Referral)).one()
        session.add(
            Reminder(
                kind=ReminderKind.CLOCK_OVERDUE,
                dedupe_key="test",
                referral_id=referral_id,
                recipient_organisation_id=caseworker.organisation_id,
                about="first_contact_attempted",
                reference=row.reference,
                due_on=MONDAY.date(),
                created_at=MONDAY,
            )
        )
    assert list_of(caseworker, OVERDUE, shown="team") == []
    assert len(list_of(named, OVERDUE, shown="team")) == 1


def test_a_reminder_is_seen_once_and_only_by_its_reader(
    run: Run, shown: Shown, owner: Owner, caseworker: Actor, make_actor: MakeActor
) -> None:
    casework.assigned(caseworker)
    run(OVERDUE)
    (reminder,) = shown()
    other_caseworker = make_actor(Role.CASEWORKER)
    with pytest.raises(NotFound):
        reminder_pass.mark_reminder_seen(reminder.id, actor=other_caseworker, at=OVERDUE)
    assert count_unseen_reminders(caseworker, OVERDUE) == 1
    reminder_pass.mark_reminder_seen(reminder.id, actor=caseworker, at=OVERDUE)
    reminder_pass.mark_reminder_seen(reminder.id, actor=caseworker, at=OVERDUE + DAY)
    assert count_unseen_reminders(caseworker, OVERDUE) == 0
    (reminder,) = shown()
    assert reminder.seen_at == OVERDUE
    with owner() as session:
        actions = session.scalars(select(AuditEntry.action)).all()
    assert actions.count("reminder.seen") == 1


def test_a_link_leads_nobody_else_to_the_referral(
    run: Run, shown: Shown, caseworker: Actor, make_actor: MakeActor, given: Given
) -> None:
    referral_id = casework.assigned(caseworker)
    run(OVERDUE)
    (reminder,) = shown()
    with transaction(caseworker) as session:
        assert find_reminder_subject(session, reminder.id, caseworker).referral_id == referral_id
    for other in (make_actor(Role.CASEWORKER), given.provider):
        with pytest.raises(NotFound), transaction(other) as session:
            find_reminder_subject(session, reminder.id, other)
