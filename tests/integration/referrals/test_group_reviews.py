"""A group review from its agenda to its end, as each kind of account may and may not see it."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError

from tests.factories import casework as make
from tests.factories.casework import MONDAY
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import (
    AlreadyDone,
    InvalidInput,
    NotAllowed,
    NotFound,
    StaleVersion,
    TransitionNotAllowed,
)
from victim_gateway.models import AuditEntry, CaseEvent, Referral, ReferralAccess, ReviewItem, Task
from victim_gateway.queries.referrals.group_reviews import (
    MeetingPage,
    OpenedReview,
    meeting_page,
    opened_review,
    proposed_agenda,
    review_meetings,
)
from victim_gateway.queries.referrals.header import referral_header
from victim_gateway.rules.group_review import AgendaCause, ReviewDecision
from victim_gateway.services.referrals import status
from victim_gateway.services.referrals.group_reviews import (
    GroupReviewAnswer,
    close_review_meeting,
    decide_group_review,
    open_review_meeting,
)
from victim_gateway.services.referrals.tasks import tick_off_task
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import Risk, Role, TaskKind

# A Monday, three weeks after the referrals came.
LATER = MONDAY + timedelta(days=21)
TODAY = LATER.date()


def answer(decision: ReviewDecision = ReviewDecision.MARAC, due_on: date | None = TODAY) -> GroupReviewAnswer:
    return GroupReviewAnswer(
        decision=decision, reason="He knows the address.", next_step="Ring her sister.", due_on=due_on
    )


def meeting(actor: Actor, meeting_id: UUID) -> MeetingPage:
    with transaction(actor) as session:
        return meeting_page(session, meeting_id)


def proposed(actor: Actor) -> dict[UUID, tuple[AgendaCause, ...]]:
    with transaction(actor) as session:
        return {each.referral_id: each.causes for each in proposed_agenda(session, TODAY)}


def opened(actor: Actor, referral_id: UUID, item_id: UUID) -> OpenedReview:
    with transaction(actor) as session:
        head = referral_header(session, referral_id, at=LATER, page="test")
        return opened_review(session, referral_id, item_id, head.key)


def test_a_meeting_goes_through_its_agenda_decides_and_leaves_the_rest_to_the_next(
    caseworker: Actor, senior: Actor, owner: Owner, make_actor: MakeActor
) -> None:
    other_senior, absent = make_actor(Role.SENIOR), make_actor(Role.CASEWORKER)
    high = make.assessed(caseworker, risk=Risk.HIGH)
    stuck = make.assigned(caseworker)
    fresh = make.assigned(caseworker, at=LATER)
    secret, unseen = make.assigned(caseworker), make.assigned(caseworker)
    with owner() as session:
        session.execute(update(Referral).where(Referral.id.in_([secret, unseen])).values(restricted=True))
        session.add(ReferralAccess(referral_id=secret, user_id=senior.user_id, granted_at=MONDAY))

    found = proposed(senior)
    assert list(found)[0] == high
    assert AgendaCause.HIGH_RISK in found[high]
    assert found[stuck] == found[secret] == (AgendaCause.STEP_OVERDUE,)
    assert fresh not in found
    assert unseen not in found
    assert secret not in proposed(other_senior)

    command = Command(senior, LATER)
    with pytest.raises(NotAllowed):
        open_review_meeting(Command(caseworker, LATER), meets_on=TODAY, attendee_ids=[])
    for day in (TODAY - timedelta(days=1), TODAY + timedelta(days=61)):
        with pytest.raises(InvalidInput):
            open_review_meeting(command, meets_on=day, attendee_ids=[])
    with pytest.raises(InvalidInput):
        open_review_meeting(
            command, meets_on=TODAY, attendee_ids=[make_actor(Role.MANAGER).user_id or uuid4()]
        )
    form = Command(senior, LATER, submission_id=uuid4())
    assert caseworker.user_id is not None
    meeting_id = open_review_meeting(form, meets_on=TODAY, attendee_ids=[caseworker.user_id])
    with pytest.raises(AlreadyDone):
        open_review_meeting(form, meets_on=TODAY, attendee_ids=[])
    # What stands on an open agenda is proposed to no other meeting, and with nothing left there is none to open.
    assert proposed(senior) == {}
    with pytest.raises(TransitionNotAllowed):
        open_review_meeting(command, meets_on=TODAY, attendee_ids=[])

    agenda = meeting(senior, meeting_id).agenda
    items = {row.referral_id: row.item_id for row in agenda}
    assert [row.referral_id for row in agenda] == list(found)
    for reader in (caseworker, other_senior):
        shown = meeting(reader, meeting_id)
        assert {row.referral_id for row in shown.agenda} == {high, stuck}
        assert shown.hidden == 1
    with pytest.raises(NotFound):
        meeting(absent, meeting_id)
    with transaction(absent) as session:
        assert review_meetings(session) == ((), False)
    for role in (Role.MANAGER, Role.ADMIN, Role.PROVIDER):
        for table in ("review_meeting", "review_attendee", "review_item"):
            with pytest.raises(DBAPIError), transaction(make_actor(role)) as session:
                session.execute(
                    text(f"SELECT id FROM {table}" if "attendee" not in table else f"TABLE {table}")
                )

    item_id, seen = items[high], Command(senior, LATER, version=1)
    with pytest.raises(NotAllowed):
        decide_group_review(Command(caseworker, LATER, version=1), high, item_id, answer())
    with pytest.raises(NotFound):
        decide_group_review(seen, stuck, item_id, answer())
    with pytest.raises(NotFound):
        decide_group_review(Command(other_senior, LATER, version=1), secret, items[secret], answer())
    with pytest.raises(InvalidInput):
        decide_group_review(seen, high, item_id, answer(due_on=TODAY - timedelta(days=1)))
    due_on = TODAY + timedelta(days=2)
    decide_group_review(seen, high, item_id, answer(due_on=due_on))
    with pytest.raises(StaleVersion):
        decide_group_review(Command(other_senior, LATER, version=1), high, item_id, answer())
    second = Command(other_senior, LATER + timedelta(minutes=1), version=2)
    decide_group_review(second, high, item_id, answer(ReviewDecision.CHANGE_PLAN, due_on))

    # A caseworker of the referral reads what was decided; its place on the agenda is for those who are there.
    read = opened(absent, high, item_id)
    assert (read.reason, read.next_step, read.of) == ("He knows the address.", "Ring her sister.", 0)
    there = opened(caseworker, high, item_id)
    assert (there.item.decision, there.place, there.of) == ("change_plan", 1, 2)
    assert there.following is not None
    following = meeting(senior, meeting_id).next_undecided
    assert following is not None
    assert following.referral_id != high
    with transaction(caseworker) as session:
        chosen = select(Task).where(
            Task.referral_id == high, Task.kind == TaskKind.GROUP_REVIEW_STEP, Task.done_at.is_(None)
        )
        task = session.scalars(chosen).one()
        events = session.scalars(
            select(CaseEvent)
            .where(CaseEvent.referral_id == high, CaseEvent.event.like("group_review.%"))
            .order_by(CaseEvent.sequence)
        ).all()
    assert (task.due_on, task.details) == (due_on, {"item_id": str(item_id)})
    assert [event.event for event in events] == ["group_review.decided", "group_review.changed"]
    assert all(event.sealed is None for event in events)

    with pytest.raises(NotAllowed):
        close_review_meeting(Command(caseworker, LATER), meeting_id)
    close_review_meeting(command, meeting_id)
    for late in (
        lambda: close_review_meeting(command, meeting_id),
        lambda: decide_group_review(seen, stuck, items[stuck], answer()),
    ):
        with pytest.raises(TransitionNotAllowed):
            late()
    with transaction(senior) as session:
        # Below the program too: a closed meeting has no row that could be written.
        changed = session.execute(
            update(ReviewItem).where(ReviewItem.id == items[stuck]).values(decided_by_id=senior.user_id)
        )
        assert changed.rowcount == 0  # type: ignore[attr-defined]

    # What was not decided is carried over; what was, only when its next step is not done by its day.
    carried = proposed(senior)
    assert set(carried) == {stuck, secret}
    assert AgendaCause.CARRIED_OVER in carried[stuck]
    tick_off_task(Command(caseworker, LATER), high, task_id=task.id)
    status.take_referral(Command(caseworker, LATER), make.recorded(caseworker, at=LATER))
    assert high in proposed(senior)
    again = open_review_meeting(Command(senior, LATER), meets_on=TODAY, attendee_ids=[])
    assert meeting(senior, again).meeting.opened_by_id == senior.user_id
    with owner() as session:
        audited = set(
            session.scalars(select(AuditEntry.action).where(AuditEntry.action.like("group_review%")))
        )
    assert audited >= {
        "group_review.opened",
        "group_review.viewed",
        "group_review.decided",
        "group_review.changed",
        "group_review.closed",
        "group_reviews.listed",
    }
