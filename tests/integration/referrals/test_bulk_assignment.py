"""Many referrals handed over at once: each by itself, told one by one, and never to an account that may not."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select, update

from tests.factories import casework as make
from tests.factories.casework import HOUR, MONDAY
from tests.integration.onward_referrals.arrange import a_referral
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import InvalidInput, NotAllowed, NotFound, TransitionNotAllowed
from victim_gateway.models import AuditEntry, CaseEvent, Referral, ReferralAccess, Reminder, User
from victim_gateway.queries.referrals.workload import list_workloads, read_caseload
from victim_gateway.services.referrals import status
from victim_gateway.services.referrals.assignment import HandoverWhy
from victim_gateway.services.referrals.bulk_assignment import (
    MOST_AT_ONCE,
    ChosenReferral,
    hand_over_referrals,
    take_referrals,
)
from victim_gateway.services.reminders import reminder_pass
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import (
    HandoverReason,
    HeldReason,
    ReferralState,
    ReminderKind,
    Risk,
    Role,
)

LATER = MONDAY + HOUR
TODAY = times.london_date(MONDAY)
WHY = HandoverWhy(HandoverReason.LEAVING, "Moves to another town on Friday")


def _chosen(actor: Actor, *referral_ids: UUID) -> list[ChosenReferral]:
    return [ChosenReferral(each, make.referral(each, actor).version) for each in referral_ids]


def _holder(referral_id: UUID, actor: Actor) -> UUID | None:
    return make.referral(referral_id, actor).assigned_to_id


def _id(actor: Actor) -> UUID:
    assert actor.user_id is not None
    return actor.user_id


def test_a_whole_caseload_goes_to_several_in_turn_with_its_reason_and_a_repeat_does_nothing(
    caseworker: Actor, senior: Actor, owner: Owner, make_actor: MakeActor
) -> None:
    leaver, other = make_actor(Role.CASEWORKER, name="Lee Leaver"), make_actor(Role.CASEWORKER)
    referrals = [make.assigned(leaver) for _ in range(3)]
    held = make.assigned(leaver)
    status.hold_referral(Command(leaver, MONDAY), held, reason=HeldReason.NO_CONTACT_DETAILS)
    referrals.append(held)
    chosen, command = _chosen(senior, *referrals), Command(senior, LATER, submission_id=uuid4())
    targets = [_id(caseworker), _id(other)]
    done = hand_over_referrals(command, chosen, to_user_ids=targets, why=WHY)
    assert (done.given, done.refused) == (4, ())
    assert [_holder(each, senior) for each in referrals] == targets * 2
    assert make.referral(held, senior).state is ReferralState.HELD
    again = hand_over_referrals(command, chosen, to_user_ids=targets, why=WHY)
    assert (again.given, again.refused) == (4, ())
    with owner() as session:
        entries = session.scalars(
            select(CaseEvent)
            .where(CaseEvent.referral_id.in_(referrals), CaseEvent.event == "referral.assigned")
            .where(CaseEvent.reason_code == HandoverReason.LEAVING)
        ).all()
        assert len(entries) == 4
        assert {entry.details["from_name"] for entry in entries} == {"Lee Leaver"}
        # What was typed is sealed.
        assert all(entry.sealed and b"another town" not in entry.sealed for entry in entries)
        audited = session.scalar(
            select(func.count())
            .select_from(AuditEntry)
            .where(AuditEntry.action == "referral.assigned", AuditEntry.subject_id.in_(referrals))
            .where(AuditEntry.actor_id == senior.user_id)
        )
        assert audited == 4


def test_what_was_changed_meanwhile_stays_and_is_named_and_the_rest_changes_hands(
    caseworker: Actor, senior: Actor, make_actor: MakeActor
) -> None:
    leaver = make_actor(Role.CASEWORKER)
    moved, stale, closed, gone = (make.assigned(leaver) for _ in range(4))
    chosen = _chosen(senior, moved, stale, closed)
    status.assign_referral(Command(senior, MONDAY), stale, to_user_id=_id(senior))
    with transaction(Actor.worker("tests")) as session:
        ended = {"state": ReferralState.ENTERED_IN_ERROR, "next_action": "nothing", "waiting_on": "nobody"}
        session.execute(update(Referral).where(Referral.id == closed).values(ended))
    chosen.append(ChosenReferral(uuid4(), 1))
    done = hand_over_referrals(Command(senior, LATER), chosen, to_user_ids=[_id(caseworker)], why=WHY)
    assert done.given == 1
    assert [(each.referral_id, bool(each.reference)) for each in done.refused] == [
        (stale, True),
        (closed, True),
        (chosen[-1].referral_id, False),
    ]
    assert senior.name in done.refused[0].reason
    assert "closed" in done.refused[1].reason
    assert "not yours to see" in done.refused[2].reason
    assert [_holder(each, senior) for each in (moved, stale, gone)] == [
        caseworker.user_id,
        senior.user_id,
        leaver.user_id,
    ]


def test_taking_leaves_what_another_caseworker_has(
    caseworker: Actor, senior: Actor, make_actor: MakeActor
) -> None:
    free, theirs = make.recorded(senior), make.assigned(senior)
    held = make.recorded(senior, agreed=False)
    done = take_referrals(Command(caseworker, LATER), _chosen(senior, free, theirs, held))
    assert (done.given, [each.referral_id for each in done.refused]) == (1, [theirs, held])
    assert f"{senior.name} looks after this referral" in done.refused[0].reason
    assert "held" in done.refused[1].reason
    assert [_holder(each, senior) for each in (free, theirs)] == [caseworker.user_id, senior.user_id]


def test_a_restricted_referral_goes_only_to_those_who_may_see_it_and_others_are_not_told_which(
    caseworker: Actor, senior: Actor, owner: Owner, make_actor: MakeActor
) -> None:
    leaver, named, outsider = (make_actor(Role.CASEWORKER) for _ in range(3))
    open_to_all = make.assigned(leaver)
    secret = a_referral(leaver, at=MONDAY, restricted_to=senior.user_id)
    with owner() as session:
        session.add(ReferralAccess(referral_id=secret, user_id=named.user_id, granted_at=MONDAY))
    other_senior = make_actor(Role.SENIOR)
    with transaction(other_senior) as session:
        hidden = read_caseload(session, other_senior, _id(leaver), today=TODAY)
    assert ([row.referral_id for row in hidden.rows], hidden.has_hidden) == ([open_to_all], True)
    with transaction(senior) as session:
        seen = read_caseload(session, senior, _id(leaver), today=TODAY)
    assert ({row.referral_id for row in seen.rows}, seen.has_hidden) == ({open_to_all, secret}, False)
    refused = hand_over_referrals(
        Command(senior, LATER), _chosen(senior, secret), to_user_ids=[_id(outsider)], why=WHY
    )
    assert (refused.given, len(refused.refused)) == (0, 1)
    assert "may not see it" in refused.refused[0].reason
    with pytest.raises(TransitionNotAllowed, match="may not see it"):
        status.assign_referral(Command(senior, LATER), secret, to_user_id=_id(outsider))
    unseen = hand_over_referrals(
        Command(other_senior, LATER),
        [ChosenReferral(secret, 1)],
        to_user_ids=[_id(named)],
        why=WHY,
    )
    assert (unseen.given, unseen.refused[0].reference) == (0, None)
    assert "restricted" not in unseen.refused[0].reason
    # Of those it is shared out among, the one who may see it is given it.
    shared = hand_over_referrals(
        Command(senior, LATER),
        _chosen(senior, secret, open_to_all),
        to_user_ids=[_id(outsider), _id(named)],
        why=WHY,
    )
    assert (shared.given, _holder(secret, senior)) == (2, named.user_id)


def test_what_waits_for_the_leaver_goes_along(
    caseworker: Actor, senior: Actor, owner: Owner, make_actor: MakeActor
) -> None:
    leaver = make_actor(Role.CASEWORKER)
    referral_id = make.assigned(leaver)
    worker, due = Actor.worker("tests"), MONDAY + timedelta(days=10)
    reminder_pass.run_reminder_pass(actor=worker, at=due)
    with owner() as session:
        session.add(
            Reminder(
                kind=ReminderKind.NOTE_WRITTEN,
                dedupe_key="a note to the leaver",
                referral_id=referral_id,
                recipient_user_id=leaver.user_id,
                about="note",
                reference="SG-26-000001",
                created_at=MONDAY,
            )
        )
    hand_over_referrals(
        Command(senior, due), _chosen(senior, referral_id), to_user_ids=[_id(caseworker)], why=WHY
    )
    reminder_pass.run_reminder_pass(actor=worker, at=due + timedelta(minutes=1))
    with owner() as session:
        waiting = session.execute(
            select(Reminder.kind, Reminder.recipient_user_id).where(
                Reminder.referral_id == referral_id, Reminder.resolved_at.is_(None)
            )
        ).all()
    assert len(waiting) == 2
    assert {row.recipient_user_id for row in waiting} == {caseworker.user_id}


def test_nothing_is_handed_over_by_a_caseworker_too_many_at_once_or_to_an_account_that_can_have_none(
    caseworker: Actor, senior: Actor, manager: Actor, owner: Owner, make_actor: MakeActor
) -> None:
    gone, provider = make_actor(Role.CASEWORKER), make_actor(Role.PROVIDER)
    with owner() as session:
        session.execute(update(User).where(User.id == gone.user_id).values(disabled_at=MONDAY))
    chosen = _chosen(senior, make.recorded(senior))
    with pytest.raises(NotAllowed):
        hand_over_referrals(Command(caseworker, LATER), chosen, to_user_ids=[_id(senior)], why=WHY)
    for target in (gone, provider, manager):
        with pytest.raises(InvalidInput) as refused:
            hand_over_referrals(
                Command(senior, LATER), chosen, to_user_ids=[_id(caseworker), _id(target)], why=WHY
            )
        assert "to_users" in refused.value.fields
    for number in (0, MOST_AT_ONCE + 1):
        many = [ChosenReferral(uuid4(), 1) for _ in range(number)]
        with pytest.raises(InvalidInput, match="100 at most"):
            hand_over_referrals(Command(senior, LATER), many, to_user_ids=[_id(caseworker)], why=WHY)
        with pytest.raises(InvalidInput):
            take_referrals(Command(caseworker, LATER), many)
    assert _holder(chosen[0].referral_id, senior) is None


def test_workload_counts_what_is_open_and_names_accounts_that_left_referrals_behind(
    caseworker: Actor, senior: Actor, owner: Owner, make_actor: MakeActor
) -> None:
    leaver, manager = make_actor(Role.CASEWORKER), make_actor(Role.MANAGER)
    left, late, high = make.assigned(leaver), make.assigned(caseworker), make.assigned(caseworker)
    with owner() as session:
        session.get_one(Referral, late).next_due_on = TODAY - timedelta(days=1)
        session.get_one(Referral, high).risk = Risk.HIGH
        session.get_one(Referral, high).next_due_on = TODAY
        session.get_one(User, leaver.user_id).disabled_at = MONDAY
    with transaction(senior) as session:
        found = {each.user_id: each for each in list_workloads(session, TODAY)}
        with pytest.raises(NotFound):
            read_caseload(session, senior, _id(manager), today=TODAY)
        assert [row.referral_id for row in read_caseload(session, senior, _id(leaver), today=TODAY).rows] == [
            left
        ]
    own, theirs = found[_id(caseworker)], found[_id(leaver)]
    assert (own.open, own.high, own.overdue, own.is_assignable) == (2, 1, 1, True)
    assert (theirs.open, theirs.is_assignable) == (1, False)
    assert found[_id(senior)].open == 0
    assert manager.user_id not in found
