"""A provider's work on one person from the acceptance to the close, and who may see what of it.

On committed data, because what a provider may see is decided anew in each transaction.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError, ProgrammingError
from sqlalchemy.orm import Session

from tests.integration.onward_referrals.arrange import (
    MORNING,
    Given,
    a_provider,
    events_of,
    offered,
    onward_row,
)
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import (
    InvalidInput,
    NotFound,
    StaleVersion,
    TransitionNotAllowed,
    UnsafeContact,
)
from victim_gateway.models import Referral, ServiceAppointment, Task, User, WorkerAssignment
from victim_gateway.queries.onward_referrals.inbox import Inbox, InboxReader, provider_inbox
from victim_gateway.queries.onward_referrals.inbox_filters import EVERYTHING, InboxFilter
from victim_gateway.queries.onward_referrals.service_records import ServiceRecord, service_record
from victim_gateway.rules.provider_urgency import WaitingHarm
from victim_gateway.rules.service_records import AppointmentTimes
from victim_gateway.service_record_vocabulary import (
    AppointmentManner,
    AppointmentState,
    ContactManner,
    ServedNeedOutcome,
    WorkerChangeReason,
)
from victim_gateway.services import onward_referrals
from victim_gateway.services.onward_referrals import (
    AppointmentAnswers,
    ProviderAttempt,
    ServedNeedAnswer,
    WorkerChange,
)
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import AttemptOutcome, Role, ServiceOutcome, TaskKind, WithdrawReason

# The person may be rung on Mondays and Tuesdays from ten to two: MORNING is ten o'clock of a Tuesday in London.
ACCEPTED = MORNING + timedelta(hours=1)
NEXT_MONDAY = MORNING + timedelta(days=6, hours=1)
TABLES = ("onward_worker", "onward_appointment", "onward_progress_note", "onward_need")
MENTAL, SHELTER = "mental_and_physical_health", "shelter_and_accommodation"


@pytest.fixture
def gateway(committed_app: Flask, committed_make_actor: MakeActor) -> Actor:
    return committed_make_actor(Role.CASEWORKER)


@pytest.fixture
def new_era(committed_owner: Owner, committed_make_actor: MakeActor) -> Given:
    return a_provider(committed_owner, committed_make_actor)


@pytest.fixture
def colleague(new_era: Given, committed_make_actor: MakeActor) -> Actor:
    return committed_make_actor(Role.PROVIDER, organisation="new-era")


@pytest.fixture
def rj_hub(committed_owner: Owner, committed_make_actor: MakeActor) -> Given:
    return a_provider(committed_owner, committed_make_actor, "rj-hub")


def test_a_person_is_worked_with_from_the_acceptance_to_the_close(
    gateway: Actor, new_era: Given, colleague: Actor, rj_hub: Given, committed_owner: Owner
) -> None:
    provider, owner = new_era.provider, committed_owner
    onward_id = offered(gateway, new_era)
    me, them = user_of(provider), user_of(colleague)
    onward_referrals.accept_onward_referral(Command(provider, ACCEPTED), onward_id, worker_id=me)

    # One worker after another, each with who, when and why.
    version = onward_row(owner, onward_id).version
    change = WorkerChange(them, WorkerChangeReason.WORKLOAD, "I am full.")
    onward_referrals.give_to_worker(Command(provider, at(2), version=version), onward_id, change)
    with pytest.raises(StaleVersion):
        onward_referrals.give_to_worker(Command(provider, at(2), version=version), onward_id, change)
    with pytest.raises(TransitionNotAllowed):
        onward_referrals.give_to_worker(Command(provider, at(2)), onward_id, change)
    with pytest.raises(InvalidInput):
        onward_referrals.give_to_worker(
            Command(provider, at(2)), onward_id, WorkerChange(user_of(rj_hub.provider), change.reason)
        )
    record = record_of(provider, onward_id)
    assert [(each.worker_id, each.from_name, each.remarks) for each in record.workers] == [
        (them, provider.name, "I am full."),
        (me, None, None),
    ]

    # Attempts are held to what was shared of safe contact.
    attempt(provider, onward_id, at(1), AttemptOutcome.NO_ANSWER)
    with pytest.raises(InvalidInput, match="first contact"):
        attempt(provider, onward_id, at(1), AttemptOutcome.REACHED)
    with pytest.raises(UnsafeContact, match="Leaving a message"):
        attempt(provider, onward_id, at(1), AttemptOutcome.VOICEMAIL_LEFT)
    with pytest.raises(InvalidInput):
        attempt(provider, onward_id, at(1), AttemptOutcome.VOICEMAIL_LEFT, although_unsafe=True)
    assert not is_check_open(owner)
    attempt(
        provider,
        onward_id,
        at(1),
        AttemptOutcome.VOICEMAIL_LEFT,
        although_unsafe=True,
        unsafe_reason="Pressed the wrong button.",
    )
    assert is_check_open(owner)
    onward_referrals.record_provider_first_contact(
        Command(provider, at(2)), onward_id, contacted_at=at(2), text="Rang."
    )

    # Appointments: safe, without a clash unless it is meant, and attendance only once the time has come.
    with pytest.raises(UnsafeContact):
        make_appointment(provider, onward_id, NEXT_MONDAY + timedelta(hours=6), them)
    first = make_appointment(provider, onward_id, NEXT_MONDAY, them)
    with pytest.raises(InvalidInput, match="another appointment"):
        make_appointment(provider, onward_id, NEXT_MONDAY + timedelta(minutes=30), them)
    second = make_appointment(
        provider, onward_id, NEXT_MONDAY + timedelta(minutes=30), them, although_clash=True
    )
    cancel = AppointmentState.CANCELLED_BY_PERSON
    onward_referrals.cancel_appointment(Command(provider, at(3)), onward_id, second, state=cancel)
    with pytest.raises(TransitionNotAllowed):
        onward_referrals.cancel_appointment(Command(provider, at(3)), onward_id, second, state=cancel)
    with pytest.raises(TransitionNotAllowed):
        onward_referrals.record_attendance(Command(provider, at(3)), onward_id, first, attended=True)
    assert inbox_of(provider, at(3)).parts[2].entries[0].next_appointment(at(3)) is not None
    after = NEXT_MONDAY + timedelta(hours=2)
    assert inbox_of(provider, after).counts["attendance"] == 1
    onward_referrals.record_attendance(Command(provider, after), onward_id, first, attended=False)
    (endangered,) = inbox_of(provider, after).in_danger
    assert endangered.harms == (WaitingHarm.MISSED,)
    attempt(provider, onward_id, after, AttemptOutcome.REACHED)
    assert inbox_of(provider, after).in_danger == ()

    # Notes: the Gateway reads what was shared, and of appointments the facts.
    for said, is_shared in (("Sleeps badly.", False), ("Wants to move.", True)):
        onward_referrals.write_progress_note(
            Command(provider, after), onward_id, text=said, is_shared=is_shared
        )
    third = make_appointment(provider, onward_id, NEXT_MONDAY + timedelta(days=7), me, now=after)
    seen = record_of(gateway, onward_id, is_provider=False)
    assert [note.text for note in seen.notes] == ["Wants to move."]
    assert {each.place for each in seen.appointments} == {None}
    assert {each.remarks for each in seen.workers} == {None}
    assert record_of(provider, onward_id).appointments[0].place == "Room 2"
    with transaction(gateway) as session, pytest.raises(ProgrammingError, match="permission denied"):
        session.execute(text("SELECT sealed FROM onward_appointment"))
    timeline = "".join(str(event.details) for event in events_of(owner, onward_id))
    assert not {"Room 2", "Sleeps badly.", "I am full."} & set(timeline.split("'"))

    # Nobody else: another provider, another organisation's worker, a caseworker without access.
    assert counts_of(rj_hub.provider) == [0, 0, 0, 0]
    with pytest.raises(NotFound):
        onward_referrals.write_progress_note(Command(rj_hub.provider, after), onward_id, text="Who?")
    with transaction(provider) as session, pytest.raises(ProgrammingError, match="row-level security"):
        session.execute(foreign_assignment(onward_id, new_era, user_of(rj_hub.provider), me))
    with owner() as session, pytest.raises(IntegrityError, match="uq_onward_worker_one_live"):
        session.execute(foreign_assignment(onward_id, new_era, me, me))
        session.flush()

    # The close says what became of each need, cancels what was planned, and ends every sight of it.
    answers = {
        MENTAL: ServedNeedAnswer(ServedNeedOutcome.MET, 1),
        SHELTER: ServedNeedAnswer(ServedNeedOutcome.NOT_MET),
    }
    onward_referrals.record_need_outcomes(Command(provider, after), onward_id, {MENTAL: answers[MENTAL]})
    with pytest.raises(InvalidInput):
        onward_referrals.record_need_outcomes(
            Command(provider, after), onward_id, {"no_such_need": answers[MENTAL]}
        )
    with pytest.raises(InvalidInput, match="not of each need"):
        close(provider, onward_id, after, ServiceOutcome.NEEDS_MET, answers)
    assert counts_of(provider) == [2, 3, 2, 1]
    close(provider, onward_id, after, ServiceOutcome.PARTLY_MET, answers)
    assert counts_of(provider) == [0, 0, 0, 0]
    with owner() as session:
        assert session.get_one(ServiceAppointment, third).state is AppointmentState.CANCELLED_BY_END
        live = select(WorkerAssignment.id).where(WorkerAssignment.ended_at.is_(None))
        assert session.scalars(live).all() == []
    kept = record_of(gateway, onward_id, is_provider=False)
    assert {need.need: (need.outcome, need.step) for need in kept.needs.values()} == {
        MENTAL: (ServedNeedOutcome.MET, 1),
        SHELTER: (ServedNeedOutcome.NOT_MET, None),
    }
    with owner() as session:
        session.execute(update(Referral).values(restricted=True))
    assert counts_of(gateway) == [0, 0, 0, 0]


def test_all_that_a_worker_has_goes_to_others_when_the_worker_leaves(
    gateway: Actor, new_era: Given, colleague: Actor, rj_hub: Given, committed_make_actor: MakeActor,
    committed_owner: Owner,
) -> None:  # fmt: skip
    provider, third = new_era.provider, committed_make_actor(Role.PROVIDER, organisation="new-era")
    me, leaver, other = user_of(provider), user_of(colleague), user_of(third)
    given = []
    for _ in range(3):
        onward_id = offered(gateway, new_era)
        onward_referrals.accept_onward_referral(Command(provider, ACCEPTED), onward_id, worker_id=leaver)
        given.append(onward_id)
    planned = [
        make_appointment(provider, onward_id, NEXT_MONDAY, leaver, although_clash=True)
        for onward_id in (given[0], given[2])
    ]
    assert counts(inbox_of(provider, ACCEPTED), "mine", "unassigned", "worker_left") == [0, 0, 0]
    with committed_owner() as session:
        session.execute(update(User).where(User.id == leaver).values(disabled_at=ACCEPTED))

    left = inbox_of(provider, ACCEPTED)
    assert counts(left, "mine", "unassigned", "worker_left") == [0, 3, 3]
    assert {entry.harms for entry in left.in_danger} == {(WaitingHarm.WORKER_LEFT,)}
    assert [(load.worker.is_active, load.total) for load in left.loads] == [(False, 3)]
    reason = WorkerChangeReason.WORKER_LEAVES
    command = Command(provider, at(2), submission_id=uuid4())
    for wrong in ([], [leaver], [user_of(rj_hub.provider)]):
        with pytest.raises(InvalidInput):
            onward_referrals.hand_over_worker(command, leaver, wrong, reason)
    with pytest.raises(NotFound):
        onward_referrals.hand_over_worker(Command(rj_hub.provider, at(2)), leaver, [me], reason)

    done = onward_referrals.hand_over_worker(command, leaver, [me, other], reason)

    assert (done.given, done.refused, done.left) == (3, (), 0)
    # What was planned goes along, and where that clashes it is said.
    assert done.clashing == tuple(sorted(onward_row(committed_owner, given[n]).reference for n in (0, 2)))
    with committed_owner() as session:
        assert {session.get_one(ServiceAppointment, each).worker_id for each in planned} == {me}
    assert onward_referrals.hand_over_worker(command, leaver, [me, other], reason).given == 0
    spells = [record_of(provider, onward_id).workers for onward_id in given]
    assert [spell[0].worker_id for spell in spells] == [me, other, me]
    assert {(spell[0].from_name, spell[0].reason) for spell in spells} == {(colleague.name, reason)}
    now = inbox_of(provider, at(2))
    assert counts(now, "mine", "unassigned", "worker_left") == [2, 0, 0]
    mine = inbox_of(provider, at(2), InboxFilter(worker_id=other))
    assert [entry.id for entry in mine.parts[1].entries] == [given[1]]
    assert mine.parts[1].total == 1

    # What the Gateway takes back ends the worker too.
    onward_referrals.withdraw_onward_referral(
        Command(gateway, at(3)), given[0], reason=WithdrawReason.PERSON_SAID_NO, text="She said so."
    )
    assert counts(inbox_of(provider, at(3)), "mine") == [1]


def at(hours: int) -> datetime:
    return MORNING + timedelta(hours=hours)


def user_of(actor: Actor) -> UUID:
    assert actor.user_id is not None
    return actor.user_id


def record_of(actor: Actor, onward_id: UUID, *, is_provider: bool = True) -> ServiceRecord:
    with transaction(actor) as session:
        return service_record(session, onward_id, is_provider=is_provider)


def inbox_of(actor: Actor, now: datetime, chosen: InboxFilter = EVERYTHING) -> Inbox:
    with transaction(actor) as session:
        reader = InboxReader(actor.user_id, actor.organisation_id, now)
        return provider_inbox(session, reader, limit=20, chosen=chosen)


def counts(inbox: Inbox, *names: str) -> list[int]:
    return [inbox.counts[name] for name in names]


def attempt(
    actor: Actor,
    onward_id: UUID,
    attempted_at: datetime,
    outcome: AttemptOutcome,
    *,
    although_unsafe: bool = False,
    unsafe_reason: str | None = None,
) -> None:
    details = ProviderAttempt(
        attempted_at=attempted_at,
        manner=ContactManner.PHONE,
        outcome=outcome,
        although_unsafe=although_unsafe or attempted_at > at(24),
        unsafe_reason=unsafe_reason or ("She rang us." if attempted_at > at(24) else None),
    )
    onward_referrals.record_provider_attempt(Command(actor, max(attempted_at, at(2))), onward_id, details)


def make_appointment(
    actor: Actor,
    onward_id: UUID,
    starts_at: datetime,
    worker_id: UUID,
    *,
    although_clash: bool = False,
    now: datetime | None = None,
) -> UUID:
    answers = AppointmentAnswers(
        times=AppointmentTimes(starts_at, starts_at + timedelta(hours=1)),
        manner=AppointmentManner.PHONE,
        worker_id=worker_id,
        place="Room 2",
        although_clash=although_clash,
    )
    return onward_referrals.make_appointment(Command(actor, now or at(2)), onward_id, answers)


def close(
    actor: Actor,
    onward_id: UUID,
    now: datetime,
    outcome: ServiceOutcome,
    answers: dict[str, ServedNeedAnswer],
) -> None:
    onward_referrals.close_onward_referral(
        Command(actor, now),
        onward_id,
        outcome=outcome,
        text="It went well.",
        needs=answers,
        person_knows=False,
    )


def is_check_open(owner: Owner) -> bool:
    with owner() as session:
        open_tasks = select(Task.kind).where(Task.done_at.is_(None))
        return TaskKind.SAFE_CONTACT_CHECK in session.scalars(open_tasks).all()


def counts_of(actor: Actor) -> list[int]:
    with transaction(actor) as session:
        return [_count(session, table) for table in TABLES]


def _count(session: Session, table: str) -> int:
    return int(session.scalar(text(f"SELECT count(onward_referral_id) FROM {table}")) or 0)


def foreign_assignment(onward_id: UUID, given: Given, worker_id: UUID, by_id: UUID) -> object:
    return text(
        "INSERT INTO onward_worker (id, onward_referral_id, provider_id, worker_id, reason, given_at, given_by_id)"
        " VALUES (gen_random_uuid(), :onward, :provider, :worker, 'took_it_on', now(), :by)"
    ).bindparams(onward=onward_id, provider=given.provider.organisation_id, worker=worker_id, by=by_id)
