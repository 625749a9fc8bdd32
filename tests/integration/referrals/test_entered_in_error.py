"""A referral that should never have been here, and one that is reopened: past figures stay as they were known."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select

from tests.factories import casework as make
from tests.factories.casework import DAY, HOUR, MONDAY
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import InvalidInput, NotAllowed, TransitionNotAllowed
from victim_gateway.models import EntitlementClock, OnwardReferral, ProviderNotice, Task
from victim_gateway.queries.compliance.service_figures import service_figures
from victim_gateway.services.compliance import report
from victim_gateway.services.compliance.report import ReportRequest
from victim_gateway.services.referrals import corrections, entered_in_error, status
from victim_gateway.services.referrals.complaints import NewComplaint, record_complaint
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import (
    CloseOutcome,
    ComplaintSubject,
    NextAction,
    NoticeKind,
    OnwardState,
    ReferralState,
    Role,
    TaskKind,
)

REPORTED = datetime(2026, 2, 2, 10, tzinfo=UTC)
LATER = MONDAY + 10 * DAY


@pytest.fixture
def senior(make_actor: MakeActor) -> Actor:
    return make_actor(Role.SENIOR)


def figures(as_at: datetime) -> list[dict[str, object]]:
    found = report.make_report(
        ReportRequest(date(2026, 1, 1), LATER.date(), as_at=as_at, unsuppressed=True),
        actor=Actor.worker("tests"),
        form="csv",
    )
    return [asdict(row) for row in found.rows]


def closed_in_march(actor: Actor) -> tuple[tuple[CloseOutcome | None, int], ...]:
    with transaction(actor) as session:
        return service_figures(session, date(2026, 3, 1), date(2026, 3, 31)).outcomes


def test_it_ends_everything_from_now_on_and_nothing_of_the_past(
    owner: Owner, caseworker: Actor, senior: Actor, make_actor: MakeActor
) -> None:
    referral_id = make.assessed(caseworker, reported_at=REPORTED)
    onward_id = make.offered(caseworker, owner, referral_id)
    before = figures(MONDAY + 2 * DAY)
    assert before
    entered_in_error.enter_in_error(Command(senior, LATER), referral_id, text="The wrong person")

    referral = make.referral(referral_id, senior)
    assert (referral.state, referral.next_action) == (
        ReferralState.ENTERED_IN_ERROR,
        NextAction.NOTHING,
    )
    with owner() as session:
        onward = session.get_one(OnwardReferral, onward_id)
        assert onward.state is OnwardState.WITHDRAWN
        kinds = session.scalars(select(ProviderNotice.kind).order_by(ProviderNotice.created_at)).all()
        assert kinds == [NoticeKind.NEW_OFFER, NoticeKind.WITHDRAWN]
        assert session.scalars(select(Task).where(Task.done_at.is_(None))).all() == []
        assert session.scalars(select(EntitlementClock)).all() == []
    assert figures(MONDAY + 2 * DAY) == before
    with pytest.raises(TransitionNotAllowed):
        corrections.correct_details(Command(senior, LATER + HOUR), referral_id, {"reported_at": "2026-02-03"})
    # A complaint about it is followed all the same, and opens no clock again.
    today = times.london_date(LATER)
    said = NewComplaint(
        received_on=today, received_from="person", about=ComplaintSubject.POLICE, summary="Wrong person"
    )
    recorded = Command(caseworker, LATER + HOUR, version=make.referral(referral_id, senior).version)
    record_complaint(recorded, referral_id, said)
    assert figures(LATER + 2 * HOUR) == []
    manager = make_actor(Role.MANAGER)
    with transaction(manager) as session:
        found = service_figures(session, date(2026, 3, 1), date(2026, 3, 31))
    assert (found.received, found.providers) == (0, ())


def test_only_a_senior_with_a_reason_marks_an_open_referral(caseworker: Actor, senior: Actor) -> None:
    referral_id = make.assessed(caseworker)
    with pytest.raises(NotAllowed):
        entered_in_error.enter_in_error(Command(caseworker, LATER), referral_id, text="A test")
    with pytest.raises(InvalidInput):
        entered_in_error.enter_in_error(Command(senior, LATER), referral_id, text=" ")
    status.close_referral(Command(caseworker, LATER), referral_id, outcome=CloseOutcome.NEEDS_MET)
    with pytest.raises(TransitionNotAllowed):
        entered_in_error.enter_in_error(Command(senior, LATER), referral_id, text="A test")


def test_the_check_of_safe_contact_moves_to_the_persons_other_referral(
    caseworker: Actor, senior: Actor
) -> None:
    person = make.person_document()
    first = make.assigned(caseworker, person=person)
    person_id = make.referral(first, caseworker).person_id
    second = make.assigned(caseworker, at=MONDAY + HOUR, person_id=person_id)
    correction = Command(caseworker, MONDAY + 2 * HOUR)
    corrections.correct_details(correction, first, {"email": "robin@example.org"})
    assert TaskKind.SAFE_CONTACT_CHECK in make.open_tasks(first, caseworker)
    # The check is of the person, so it puts off the call on their other referral too.
    assert make.referral(second, caseworker).next_action is NextAction.FIND_SAFE_CONTACT
    entered_in_error.enter_in_error(Command(senior, LATER), first, text="The same thing twice")
    assert make.open_tasks(first, caseworker) == []
    assert TaskKind.SAFE_CONTACT_CHECK in make.open_tasks(second, caseworker)
    assert make.referral(second, caseworker).next_action is NextAction.FIND_SAFE_CONTACT


def test_reopening_keeps_past_figures_as_they_were_known(caseworker: Actor, make_actor: MakeActor) -> None:
    manager = make_actor(Role.MANAGER)
    referral_id = make.assessed(caseworker, reported_at=REPORTED)
    status.close_referral(Command(caseworker, MONDAY + DAY), referral_id, outcome=CloseOutcome.NEEDS_MET)
    moments = (MONDAY + 2 * HOUR, MONDAY + 2 * DAY)
    before, closed = [figures(moment) for moment in moments], closed_in_march(manager)
    assert closed == ((CloseOutcome.NEEDS_MET, 1),)
    status.reopen_referral(Command(caseworker, MONDAY + 40 * DAY), referral_id, text="They rang again")
    assert [figures(moment) for moment in moments] == before
    assert closed_in_march(manager) == closed
