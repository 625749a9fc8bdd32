"""Trying to reach a person: only in ways that are safe, and what follows from each try."""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from tests.factories import casework as make
from tests.factories.casework import DAY, HOUR, MONDAY
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.database import encrypted_rows
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import (
    InvalidInput,
    StaleVersion,
    UnsafeContact,
)
from victim_gateway.models import (
    CaseFacts,
    Person,
    ProviderNotice,
    SafeContactPlan,
)
from victim_gateway.services.referrals import corrections
from victim_gateway.services.referrals.safe_contact import SafeContactAnswer
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import (
    AttemptOutcome,
    NextAction,
    NoticeKind,
    ReferralState,
    SafeAnswer,
    TaskKind,
)

OWNED_UP = {"although_unsafe": True, "unsafe_reason": "I rang before I had read it"}


def notices_of(owner: Owner, onward_id: UUID) -> list[NoticeKind]:
    """What the provider was told of an onward referral, in order."""
    with owner() as session:
        notices = select(ProviderNotice).where(ProviderNotice.onward_referral_id == onward_id)
        return [notice.kind for notice in session.scalars(notices.order_by(ProviderNotice.created_at))]


def test_reaching_the_person_stops_the_areas_first_clock_and_starts_the_next(caseworker: Actor) -> None:
    referral_id = make.in_contact(caseworker)
    assert make.clock(referral_id, "first_contact_attempted", caseworker).status == "met"
    assert make.clock(referral_id, "triage_assessment_completed", caseworker).due_on == date(2026, 3, 9)
    referral = make.referral(referral_id, caseworker)
    assert (referral.state, referral.next_action, referral.next_due_on) == (
        ReferralState.IN_CONTACT,
        NextAction.ASSESS,
        # The step's own day at a risk that nobody has assessed, which is earlier than the standard's.
        date(2026, 3, 5),
    )


def test_a_try_without_an_answer_stops_the_clock_but_not_the_work(caseworker: Actor) -> None:
    referral_id = make.assigned(caseworker)
    make.log_attempt(referral_id, caseworker, at=MONDAY + HOUR, outcome=AttemptOutcome.NO_ANSWER)
    assert make.clock(referral_id, "first_contact_attempted", caseworker).status == "met"
    assert make.referral(referral_id, caseworker).next_action is NextAction.MAKE_CONTACT


def test_stopping_because_it_was_not_safe_is_no_try(caseworker: Actor) -> None:
    referral_id = make.assigned(caseworker)
    make.log_attempt(referral_id, caseworker, at=MONDAY + HOUR, outcome=AttemptOutcome.UNSAFE_STOPPED)
    assert make.clock(referral_id, "first_contact_attempted", caseworker).status == "running"


def test_trying_a_referral_that_nobody_had_takes_it_on(caseworker: Actor) -> None:
    referral_id = make.recorded(caseworker)
    make.log_attempt(referral_id, caseworker, at=MONDAY + HOUR, outcome=AttemptOutcome.NO_ANSWER)
    assert make.referral(referral_id, caseworker).assigned_to_id == caseworker.user_id


def test_reaching_the_person_of_an_unassigned_referral_takes_both_steps(caseworker: Actor) -> None:
    referral_id = make.recorded(caseworker)
    make.log_attempt(referral_id, caseworker, at=MONDAY + HOUR)
    referral = make.referral(referral_id, caseworker)
    assert (referral.state, referral.assigned_to_id) == (ReferralState.IN_CONTACT, caseworker.user_id)


@pytest.mark.parametrize(
    ("plan", "outcome"),
    [
        (SafeContactAnswer(SafeAnswer.UNKNOWN), AttemptOutcome.NO_ANSWER),
        (SafeContactAnswer(SafeAnswer.NO), AttemptOutcome.NO_ANSWER),
        (SafeContactAnswer(SafeAnswer.YES, {"email": SafeAnswer.YES}), AttemptOutcome.NO_ANSWER),
        (SafeContactAnswer(SafeAnswer.YES, {"phone": SafeAnswer.YES}), AttemptOutcome.VOICEMAIL_LEFT),
        (
            SafeContactAnswer(
                SafeAnswer.YES,
                {"phone": SafeAnswer.NO, "voicemail": SafeAnswer.YES, "post": SafeAnswer.YES},
            ),
            AttemptOutcome.VOICEMAIL_LEFT,
        ),
    ],
)
def test_a_way_that_is_not_safe_is_recorded_only_when_owned_up_to_and_then_checked(
    caseworker: Actor, plan: SafeContactAnswer, outcome: AttemptOutcome
) -> None:
    referral_id = make.assigned(caseworker, safe_contact=plan)
    with pytest.raises(UnsafeContact):
        make.log_attempt(referral_id, caseworker, at=MONDAY + HOUR, outcome=outcome)
    with pytest.raises(InvalidInput, match="Say how it came about"):
        make.log_attempt(
            referral_id, caseworker, at=MONDAY + HOUR, outcome=outcome, **{**OWNED_UP, "unsafe_reason": " "}
        )
    make.log_attempt(referral_id, caseworker, at=MONDAY + HOUR, outcome=outcome, **OWNED_UP)
    assert TaskKind.SAFE_CONTACT_CHECK in make.open_tasks(referral_id, caseworker)
    assert make.referral(referral_id, caseworker).next_action is NextAction.FIND_SAFE_CONTACT


def test_a_back_dated_try_is_judged_by_what_was_known_then(caseworker: Actor) -> None:
    referral_id = make.assigned(caseworker, safe_contact=SafeContactAnswer(SafeAnswer.NO))
    make.record_plan(referral_id, caseworker, make.safe_to_phone(), at=MONDAY + 2 * HOUR)
    make.record_plan(referral_id, caseworker, SafeContactAnswer(SafeAnswer.NO), at=MONDAY + 4 * HOUR)
    with pytest.raises(UnsafeContact, match="contact is not safe"):
        make.log_attempt(referral_id, caseworker, at=MONDAY + 5 * HOUR, attempted_at=MONDAY + HOUR)
    make.log_attempt(referral_id, caseworker, at=MONDAY + 5 * HOUR, attempted_at=MONDAY + 3 * HOUR)
    assert make.open_tasks(referral_id, caseworker) == []


def test_safe_contact_that_was_checked_long_ago_counts_as_not_known(caseworker: Actor) -> None:
    referral_id = make.assigned(caseworker)
    with pytest.raises(UnsafeContact, match="more than 28 days ago"):
        make.log_attempt(referral_id, caseworker, at=MONDAY + 29 * DAY)


def test_somebody_else_answering_makes_the_number_unsafe_until_asked(caseworker: Actor) -> None:
    referral_id = make.assigned(caseworker)
    make.log_attempt(referral_id, caseworker, at=MONDAY + HOUR, outcome=AttemptOutcome.SOMEONE_ELSE_ANSWERED)
    with transaction(caseworker) as session:
        plan = session.scalars(select(SafeContactPlan).where(SafeContactPlan.superseded_at.is_(None))).one()
    assert (plan.version, plan.safe, plan.safe_channels) == (2, SafeAnswer.UNKNOWN, [])
    assert make.open_tasks(referral_id, caseworker) == [TaskKind.SAFE_CONTACT_CHECK]


@pytest.mark.parametrize(
    "unsafe",
    [
        {"outcome": AttemptOutcome.UNSAFE_STOPPED},
        {"outcome": AttemptOutcome.NO_ANSWER, "at": MONDAY + 3 * DAY + 11 * HOUR, **OWNED_UP},
    ],
    ids=["stopped", "at the wrong hour"],
)
def test_an_unsafe_try_takes_the_number_from_everyone_and_holds_up_the_persons_other_referrals(
    caseworker: Actor, owner: Owner, unsafe: dict[str, Any]
) -> None:
    by_day = make.safe_to_phone(from_time=time(9), until_time=time(17))
    first = make.assessed(caseworker, safe_contact=by_day)
    onward_id = make.offered(caseworker, owner, first)
    person_id = make.referral(first, caseworker).person_id
    second = make.assigned(caseworker, at=MONDAY + 2 * DAY, person_id=person_id, safe_contact=by_day)
    assert make.referral(second, caseworker).next_action is NextAction.MAKE_CONTACT

    make.log_attempt(first, caseworker, **{"at": MONDAY + 3 * DAY, **unsafe})

    with transaction(caseworker) as session:
        plan = session.scalars(select(SafeContactPlan).where(SafeContactPlan.superseded_at.is_(None))).one()
    assert (plan.safe, plan.safe_channels) == (SafeAnswer.UNKNOWN, [])
    assert notices_of(owner, onward_id)[-1] is NoticeKind.SAFE_CONTACT_CHANGED
    assert make.open_tasks(first, caseworker) == [TaskKind.SAFE_CONTACT_CHECK]
    for referral_id in (first, second):
        assert make.referral(referral_id, caseworker).next_action is NextAction.FIND_SAFE_CONTACT
    make.record_plan(second, caseworker, by_day, at=MONDAY + 4 * DAY)
    assert make.referral(second, caseworker).next_action is NextAction.MAKE_CONTACT


def test_an_attempt_page_older_than_the_plan_is_refused(caseworker: Actor) -> None:
    referral_id = make.assigned(caseworker)
    make.record_plan(referral_id, caseworker, SafeContactAnswer(SafeAnswer.NO))
    with pytest.raises(StaleVersion):
        make.log_attempt(referral_id, caseworker, at=MONDAY + HOUR, version=1)


@pytest.mark.parametrize("away", [HOUR, -DAY])
def test_a_try_is_after_the_referral_and_not_in_the_future(caseworker: Actor, away: timedelta) -> None:
    referral_id = make.assigned(caseworker)
    with pytest.raises(InvalidInput):
        make.log_attempt(referral_id, caseworker, at=MONDAY, attempted_at=MONDAY + away)


def test_a_try_in_the_very_minute_of_the_referral_is_not_before_it(caseworker: Actor) -> None:
    referral_id = make.assigned(caseworker, at=MONDAY + timedelta(seconds=40))
    make.log_attempt(referral_id, caseworker, at=MONDAY + timedelta(seconds=50), attempted_at=MONDAY)
    assert make.clock(referral_id, "first_contact_attempted", caseworker).status == "met"


def test_a_new_plan_replaces_the_one_before_and_ends_the_check(caseworker: Actor) -> None:
    referral_id = make.assigned(caseworker)
    make.log_attempt(referral_id, caseworker, at=MONDAY + HOUR, outcome=AttemptOutcome.WRONG_NUMBER)
    make.record_plan(referral_id, caseworker, make.safe_to_phone(number="07700 900888"), at=MONDAY + 2 * HOUR)
    assert make.open_tasks(referral_id, caseworker) == []
    assert make.referral(referral_id, caseworker).next_action is NextAction.MAKE_CONTACT


def test_an_old_form_can_not_turn_unsafe_back_to_safe(caseworker: Actor) -> None:
    referral_id = make.assigned(caseworker)
    make.record_plan(referral_id, caseworker, SafeContactAnswer(SafeAnswer.NO))
    with pytest.raises(StaleVersion):
        make.record_plan(referral_id, caseworker, make.safe_to_phone(), version=1)


def test_a_number_that_is_not_typed_again_is_kept(caseworker: Actor) -> None:
    referral_id = make.assigned(
        caseworker, safe_contact=make.safe_to_phone(number="07700 900111", code_word="fig")
    )
    make.record_plan(referral_id, caseworker, make.safe_to_phone(remarks="Mornings"))
    with transaction(caseworker) as session:
        plan = session.scalars(select(SafeContactPlan).where(SafeContactPlan.superseded_at.is_(None))).one()
        key = encrypted_rows.open_key(session, session.get_one(Person, plan.person_id).key_id)
        opened = encrypted_rows.unseal_row(key, "safe_contact_plan", plan.id, plan.sealed)
    assert (opened["number"], opened["code_word"], opened["words"]) == ("07700 900111", "fig", "Mornings")


def test_a_corrected_number_starts_as_not_known_to_be_safe(caseworker: Actor) -> None:
    referral_id = make.assigned(caseworker)
    changed = corrections.correct_details(
        Command(caseworker, MONDAY + HOUR, version=make.referral(referral_id, caseworker).version),
        referral_id,
        {"phone": "07700 900654"},
    )
    assert changed == ("phone",)
    with transaction(caseworker) as session:
        plan = session.scalars(select(SafeContactPlan).where(SafeContactPlan.superseded_at.is_(None))).one()
        person = session.scalars(select(Person)).one()
    assert plan.safe_channels == []
    assert person.corrected_fields == ["phone"]
    assert make.open_tasks(referral_id, caseworker) == [TaskKind.SAFE_CONTACT_CHECK]


def test_a_corrected_birth_date_is_a_fact_from_now_on(caseworker: Actor) -> None:
    referral_id = make.assigned(caseworker)
    corrections.correct_details(
        Command(caseworker, MONDAY + HOUR, version=make.referral(referral_id, caseworker).version),
        referral_id,
        {"date_of_birth": "2012-01-01"},
    )
    with transaction(caseworker) as session:
        known = session.scalars(select(CaseFacts.under_18).order_by(CaseFacts.sequence)).all()
    assert known == [False, True]
