"""The demonstration on a database of its own: every state, in an order that can be true, all of it or nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from config import Settings
from config.area_profile import load_area
from tests.plumbing.servers import copied_database
from victim_gateway import create_app, times
from victim_gateway.actors import Actor
from victim_gateway.database import encrypted_rows
from victim_gateway.database.current import current_keyring, current_settings
from victim_gateway.database.transaction import transaction
from victim_gateway.database.upgrade import upgrade_database
from victim_gateway.demo import DEMO_PASSWORD, seeding
from victim_gateway.demo.accounts import REVIEWER, SIGN_INS
from victim_gateway.errors import InvalidInput
from victim_gateway.extensions import db
from victim_gateway.models import (
    CaseEvent,
    EntitlementClock,
    ImportBatch,
    Note,
    OnwardReferral,
    Organisation,
    Person,
    Referral,
    Reminder,
    SafeContactPlan,
    Task,
    TriageAssessment,
    User,
)
from victim_gateway.queries.referrals import work_queue
from victim_gateway.queries.referrals.work_queue import QueueFilters
from victim_gateway.rules.transitions import ONWARD_TRANSITIONS
from victim_gateway.services.accounts import passwords
from victim_gateway.services.compliance import recompute
from victim_gateway.services.privacy.audit_verification import Verifier, verify_whole_audit
from victim_gateway.services.reminders import reminder_pass
from victim_gateway.times import london_date
from victim_gateway.vocabulary import (
    CloseOutcome,
    DatabaseRole,
    HeldReason,
    ImportKind,
    OnwardState,
    OrganisationKind,
    ReferralSource,
    ReferralState,
    ReminderKind,
    Risk,
    Role,
    SafeAnswer,
    TaskKind,
)

# A Tuesday at noon: what was offered on Monday is due today for those with enhanced rights.
AT = datetime(2026, 3, 10, 12, tzinfo=UTC)
COUNT, SEED = 110, 1
WORKER = Actor.worker("tests")
# Nothing leads to these yet.
UNREACHED = {OnwardState.DRAFT, OnwardState.RETURNED, OnwardState.ENTERED_IN_ERROR}


@contextmanager
def app_of(settings: Settings) -> Iterator[Flask]:
    app = create_app(settings)
    with app.app_context():
        try:
            yield app
        finally:
            db.session.remove()
            db.engine.dispose()


@pytest.fixture(scope="module")
def seeded(servers: Settings, worker_id: str) -> Iterator[seeding.SeededDemo]:
    """One demonstration for the tests that only look at it."""
    with copied_database(servers, f"demo_{worker_id}") as settings, app_of(settings):
        yield seeding.seed_demo(referrals=COUNT, seed=SEED, at=AT)


def all_of(statement: Any) -> list[Any]:
    with transaction(WORKER) as session:
        return list(session.execute(statement).all())


def values_of(column: Any, *conditions: Any) -> set[Any]:
    return {row[0] for row in all_of(select(column).where(*conditions).distinct())}


def test_there_are_as_many_referrals_as_were_asked_for(seeded: seeding.SeededDemo) -> None:
    assert seeded.referrals == COUNT == sum(seeded.states.values())
    assert seeded.people < COUNT
    assert seeded.onward_referrals == sum(seeded.onward_states.values())


def test_there_are_referrals_in_every_state_and_closed_for_every_reason(seeded: seeding.SeededDemo) -> None:
    assert values_of(Referral.state) == set(ReferralState) - {ReferralState.ENTERED_IN_ERROR}
    assert values_of(Referral.outcome, Referral.state == ReferralState.CLOSED) == set(CloseOutcome)
    assert values_of(Referral.held_reason, Referral.held_reason.is_not(None)) == set(HeldReason)
    assert values_of(Referral.source) == set(ReferralSource)


def test_there_are_onward_referrals_in_every_state_that_can_be_reached(seeded: seeding.SeededDemo) -> None:
    assert values_of(OnwardReferral.state) == set(ONWARD_TRANSITIONS) - UNREACHED


@pytest.mark.parametrize("provider", ["rj-hub", "new-era"])
def test_the_providers_that_sign_in_have_something_at_each_step(
    seeded: seeding.SeededDemo, provider: str
) -> None:
    mine = select(Organisation.id).where(Organisation.key == provider).scalar_subquery()
    assert values_of(OnwardReferral.state, OnwardReferral.provider_id == mine) >= {
        OnwardState.OFFERED,
        OnwardState.ACKNOWLEDGED,
        OnwardState.INFORMATION_REQUESTED,
        OnwardState.ACCEPTED,
        OnwardState.IN_SERVICE,
        OnwardState.CLOSED,
        OnwardState.DECLINED,
        OnwardState.WITHDRAWN,
    }


def test_there_is_a_task_of_every_kind_to_do(seeded: seeding.SeededDemo) -> None:
    # No invented force gives one reference to two people, no e-mail leaves a demonstration, nobody there
    # corrects what a provider was given or merges two records with unlike answers, no promise is kept back,
    # no video link is as near as to be reminded of, no child turns 18 between two days, no file is added, nothing is
    # shared without consent, no provider gives a person back or shares a note, and no message to a person fails.
    expected = set(TaskKind) - {
        TaskKind.REFERENCE_CONFLICT,
        TaskKind.MESSAGE_FAILED,
        TaskKind.SHARE_AGAIN,
        TaskKind.CORRECTION_UNREAD,
        TaskKind.SHARING_REFUSED,
        TaskKind.WITHHOLDING_DECISION,
        TaskKind.WITHHOLDING_REVIEW,
        TaskKind.VIDEO_LINK_SOON,
        TaskKind.CAME_OF_AGE,
        TaskKind.ATTACHMENT_REFUSED,
        TaskKind.OVERRIDE_DECISION,
        TaskKind.OVERRIDE_REVIEW,
        TaskKind.GROUP_REVIEW_STEP,
        TaskKind.ONWARD_DECISION,
        TaskKind.MESSAGE_TO_PERSON,
        TaskKind.PROGRESS_UNREAD,
    }
    assert values_of(Task.kind, Task.done_at.is_(None)) == expected


def test_something_is_overdue_due_today_and_due_later(seeded: seeding.SeededDemo) -> None:
    due = values_of(Referral.next_due_on, Referral.next_due_on.is_not(None))
    today = date(2026, 3, 10)
    assert min(due) < today < max(due)
    assert today in due
    statuses = values_of(EntitlementClock.status)
    assert statuses >= {"met", "met_late", "overdue", "running"}


def test_people_differ_in_risk_and_in_how_they_may_be_reached(seeded: seeding.SeededDemo) -> None:
    assert values_of(Referral.risk) == set(Risk)
    assert values_of(SafeContactPlan.safe, SafeContactPlan.superseded_at.is_(None)) == set(SafeAnswer)
    assert values_of(Person.kind) == {"person", "business"}
    assert True in values_of(Referral.interpreter_needed)
    assert True in values_of(Referral.domestic_abuse)
    assert all_of(select(Referral.person_id).group_by(Referral.person_id).having(func.count() > 1))


def test_there_are_notes_shared_and_not_and_reminders(seeded: seeding.SeededDemo) -> None:
    notes = all_of(select(Note.onward_referral_id))
    assert any(row[0] is None for row in notes)
    assert any(row[0] is not None for row in notes)
    assert all_of(select(Reminder.id).limit(1))
    assert all_of(select(TriageAssessment.id).where(TriageAssessment.version == 2).limit(1))


def test_each_reminder_stands_in_the_work_with_its_date_and_all_due_work_is_reminded_of(
    seeded: seeding.SeededDemo,
) -> None:
    """Of the caseworker who signs in: one list, one count. A case that stands still is asked about instead."""
    reminder_pass.run_reminder_pass(actor=WORKER, at=AT)
    (user,) = all_of(
        select(User.id, User.name, User.organisation_id).where(User.email == "caseworker@demo.example")
    )
    actor = Actor(
        database_role=DatabaseRole.CASEWORKER,
        name=user.name,
        user_id=user.id,
        organisation_id=user.organisation_id,
        role=Role.CASEWORKER,
    )
    today = london_date(AT)
    with transaction(actor) as session:
        queue = work_queue.work_queue_page(session, actor, "mine", QueueFilters(), today=today)
        rows = (*queue.rows, *queue.owed_by_others)
        reminders = session.execute(
            select(Reminder.referral_id, Reminder.due_on).where(
                Reminder.recipient_user_id == actor.user_id,
                Reminder.resolved_at.is_(None),
                Reminder.kind.in_((ReminderKind.ACTION_DUE, ReminderKind.ACTION_OVERDUE)),
            )
        ).all()
        stalled = session.scalars(
            select(Reminder.referral_id).where(
                Reminder.recipient_user_id == actor.user_id,
                Reminder.resolved_at.is_(None),
                Reminder.rule_code == "stalled",
            )
        ).all()
    in_work = {(row.referral_id, row.next_due_on) for row in rows}
    assert len(queue.rows) == queue.total <= work_queue.PAGE_SIZE
    assert {tuple(row) for row in reminders} <= in_work
    late = {(row.referral_id, row.next_due_on) for row in rows if row.next_due_on < today}  # type: ignore[operator]
    assert {tuple(row) for row in reminders if row.due_on < today} == {
        row for row in late if row[0] not in stalled
    }
    assert len(late) == queue.counts.overdue + queue.counts.owed_late
    assert None not in {row.next_due_on for row in rows}


def test_the_referrals_came_by_the_feed_with_its_faults(seeded: seeding.SeededDemo) -> None:
    batches = all_of(
        select(ImportBatch.imported, ImportBatch.set_aside, ImportBatch.updated).where(
            ImportBatch.kind == ImportKind.POLICE_FEED
        )
    )
    by_feed = all_of(select(func.count()).where(Referral.source == ReferralSource.POLICE_FEED))
    assert sum(row.imported for row in batches) == by_feed[0][0]
    assert sum(row.set_aside for row in batches) >= 1
    assert sum(row.updated for row in batches) >= 1


def test_nothing_happened_after_the_moment_of_seeding_or_before_its_cause(seeded: seeding.SeededDemo) -> None:
    rows = all_of(
        select(CaseEvent.occurred_at, CaseEvent.recorded_at, CaseEvent.event, Referral.received_at)
        .join(Referral, Referral.id == CaseEvent.referral_id)
        .order_by(CaseEvent.sequence)
    )
    assert rows
    for row in rows:
        assert row.occurred_at <= row.recorded_at <= AT, row.event
        assert row.received_at <= row.recorded_at, row.event


def test_everything_was_recorded_in_the_order_in_which_it_is_told(seeded: seeding.SeededDemo) -> None:
    rows = all_of(
        select(CaseEvent.referral_id, CaseEvent.recorded_at).order_by(
            CaseEvent.referral_id, CaseEvent.sequence
        )
    )
    for before, after in zip(rows, rows[1:], strict=False):
        assert before.referral_id != after.referral_id or before.recorded_at <= after.recorded_at
    come = all_of(select(Referral.reference, Referral.received_at).order_by(Referral.reference))
    assert [row.received_at for row in come] == sorted(row.received_at for row in come)


def test_the_clocks_are_what_a_rebuild_makes_them(seeded: seeding.SeededDemo) -> None:
    assert recompute.recompute_clocks(actor=WORKER, as_at=AT).drift == 0


def test_the_audit_chain_is_whole(seeded: seeding.SeededDemo) -> None:
    verified = verify_whole_audit(Verifier(WORKER, current_keyring(), times.now()))
    assert (verified.is_whole, verified.is_finished, verified.entries > 0) == (True, True, True)


def test_the_contracts_sign_ins_are_there_and_open_with_the_demo_password(seeded: seeding.SeededDemo) -> None:
    named = ("caseworker", "senior", "manager", "admin", "auditor", "rjhub", "newera")
    assert {f"{name}@demo.example" for name in named} <= set(seeded.sign_ins)
    accounts = {row.email: row for row in all_of(select(User.email, User.role, User.password_hash))}
    for sign_in in SIGN_INS:
        assert accounts[sign_in.email].role is sign_in.role
    hashing = current_settings().password_hashing
    assert passwords.verify_password(
        accounts["caseworker@demo.example"].password_hash, DEMO_PASSWORD, hashing
    )
    others = set(accounts) - {sign_in.email for sign_in in SIGN_INS}
    assert {accounts[email].role for email in others - {REVIEWER.email}} == {Role.PROVIDER}
    assert not any(
        passwords.verify_password(accounts[email].password_hash, DEMO_PASSWORD, hashing)
        for email in sorted(others)[:1]
    )


def test_the_work_is_shared_out_and_the_first_caseworker_has_some_of_everything(
    seeded: seeding.SeededDemo,
) -> None:
    rows = all_of(select(User.email, Referral.state).join(Referral, Referral.assigned_to_id == User.id))
    counts = Counter(row.email for row in rows)
    assert len(counts) == 4
    mine = {row.state for row in rows if row.email == "caseworker@demo.example"}
    assert mine >= set(ReferralState) - {
        ReferralState.RECEIVED,
        ReferralState.HELD,
        ReferralState.ENTERED_IN_ERROR,
    }


def test_a_second_time_is_refused_and_changes_nothing(seeded: seeding.SeededDemo) -> None:
    before = all_of(select(func.count()).select_from(CaseEvent))
    with pytest.raises(InvalidInput, match="already"):
        seeding.seed_demo(referrals=5, seed=2, at=AT)
    assert all_of(select(func.count()).select_from(CaseEvent)) == before


def seeded_cases(settings: Settings, seed: int) -> list[tuple[Any, ...]]:
    """A small demonstration without its ids: who, what, and where it stands."""
    with app_of(settings):
        seeding.seed_demo(referrals=12, seed=seed, at=AT)
        with transaction(WORKER) as session:
            rows = session.execute(
                select(Referral, Person)
                .join(Person, Person.id == Referral.person_id)
                .order_by(Referral.reference)
            ).all()
            keys = encrypted_rows.open_keys(session, {person.key_id for _, person in rows})
            events = dict(
                session.execute(
                    select(CaseEvent.referral_id, func.array_agg(CaseEvent.event)).group_by(
                        CaseEvent.referral_id
                    )
                ).all()
            )
            return [
                (
                    referral.reference,
                    sorted(
                        encrypted_rows.unseal_row(
                            keys[person.key_id], "person", person.id, person.sealed
                        ).items()
                    ),
                    (referral.offence, referral.district, referral.received_at, referral.reported_at),
                    (referral.state, referral.held_reason, referral.outcome, referral.risk),
                    (referral.next_action, referral.next_due_on),
                    sorted(events[referral.id]),
                )
                for referral, person in rows
            ]


def test_the_same_seed_makes_the_same_demonstration_twice(servers: Settings, worker_id: str) -> None:
    with (
        copied_database(servers, f"demo_one_{worker_id}") as one,
        copied_database(servers, f"demo_two_{worker_id}") as two,
    ):
        assert seeded_cases(one, 3) == seeded_cases(two, 3)


def test_cleveland_has_a_demonstration_of_its_own(committed_settings: Settings) -> None:
    area = load_area("cleveland")
    settings = replace(committed_settings, area=area)
    upgrade_database(settings, set_area=True)
    with app_of(settings):
        seeding.seed_demo(referrals=6, seed=SEED, at=AT)
        assert values_of(Referral.district) <= set(area.districts)
        providers = values_of(Organisation.key, Organisation.kind == OrganisationKind.PROVIDER)
    assert "joint-isva-service" in providers
    assert {sign_in.provider for sign_in in SIGN_INS if sign_in.provider} <= providers


class _PowerCut(Exception):
    pass


def test_a_run_that_is_cut_off_leaves_nothing_and_can_be_made_again(committed_app: Flask) -> None:
    def cut_off(done: int, total: int) -> None:
        if done > 25:
            raise _PowerCut

    with pytest.raises(_PowerCut):
        seeding.seed_demo(referrals=20, seed=1, at=AT, progress=cut_off)
    for table in (User, Referral, Person, CaseEvent, ImportBatch):
        assert all_of(select(func.count()).select_from(table)) == [(0,)]
    assert seeding.seed_demo(referrals=2, seed=1, at=AT).referrals == 2
