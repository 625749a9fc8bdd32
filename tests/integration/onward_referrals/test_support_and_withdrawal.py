"""First contact, outcome, withdrawal, expiry: how an onward referral goes on and how it ends."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from tests.integration.onward_referrals.arrange import (
    MORNING,
    WINTER,
    Given,
    a_provider,
    a_referral,
    events_of,
    offered,
    onward_row,
    referral_row,
)
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.database import encrypted_rows
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import InvalidInput, TransitionNotAllowed
from victim_gateway.models import EntitlementClock, Person, SafeContactPlan, Task
from victim_gateway.queries.onward_referrals.handover import SAFE_CONTACT
from victim_gateway.services import onward_referrals
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import (
    DeclineReason,
    NextAction,
    OnwardState,
    ReferralState,
    SafeAnswer,
    ServiceOutcome,
    TaskKind,
    WithdrawReason,
)

LATER = MORNING + timedelta(hours=3)
NEXT_DAY = MORNING + timedelta(days=1)


@pytest.fixture
def given(owner: Owner, make_actor: MakeActor) -> Given:
    return a_provider(owner, make_actor)


def test_the_first_contact_begins_the_support_and_stops_the_clock(
    caseworker: Actor, owner: Owner, given: Given
) -> None:
    onward_id = _accepted(caseworker, given)

    onward_referrals.record_provider_first_contact(
        Command(given.provider, NEXT_DAY), onward_id, contacted_at=LATER
    )

    onward = onward_row(owner, onward_id)
    assert (onward.state, onward.first_contact_at) == (OnwardState.IN_SERVICE, LATER)
    assert _clock(owner, onward_id, "provider_first_contact").status == "met"
    last = events_of(owner, onward_id)[-1]
    assert (last.event, last.occurred_at, last.recorded_at) == (
        "provider_first_contact_made",
        LATER,
        NEXT_DAY,
    )


@pytest.mark.parametrize(
    ("contacted_at", "message"),
    [
        (NEXT_DAY + timedelta(minutes=1), "in the past"),
        (MORNING - timedelta(days=1), "on or after 14 July 2026"),
    ],
)
def test_a_first_contact_at_an_impossible_time_is_refused(
    caseworker: Actor, owner: Owner, given: Given, contacted_at: datetime, message: str
) -> None:
    onward_id = _accepted(caseworker, given)

    with pytest.raises(InvalidInput, match=message):
        onward_referrals.record_provider_first_contact(
            Command(given.provider, NEXT_DAY), onward_id, contacted_at=contacted_at
        )
    assert onward_row(owner, onward_id).state is OnwardState.ACCEPTED


def test_closing_with_an_outcome_ends_the_access_and_asks_us_to_review(
    caseworker: Actor, owner: Owner, given: Given
) -> None:
    onward_id = _in_service(caseworker, given)

    onward_referrals.close_onward_referral(
        Command(given.provider, NEXT_DAY), onward_id, outcome=ServiceOutcome.NEEDS_MET
    )

    onward, referral = onward_row(owner, onward_id), referral_row(owner, onward_id)
    assert (onward.state, onward.outcome) == (OnwardState.CLOSED, ServiceOutcome.NEEDS_MET)
    assert onward.provider_access_ended_at is not None
    assert (referral.state, referral.next_action) == (ReferralState.SUPPORTED, NextAction.REVIEW_SUPPORT)
    assert _open_tasks(owner, onward_id) == [TaskKind.SERVICE_ENDED]


def test_support_that_never_began_ends_early_and_can_not_have_met_a_need(
    caseworker: Actor, owner: Owner, given: Given
) -> None:
    onward_id = _accepted(caseworker, given)
    with pytest.raises(InvalidInput) as refusal:
        onward_referrals.close_onward_referral(
            Command(given.provider, LATER), onward_id, outcome=ServiceOutcome.NEEDS_MET
        )
    assert "outcome" in refusal.value.fields

    onward_referrals.close_onward_referral(
        Command(given.provider, LATER), onward_id, outcome=ServiceOutcome.DISENGAGED, text="No answer."
    )

    assert onward_row(owner, onward_id).state is OnwardState.ENDED_EARLY
    # Nobody owes the first contact any more, and it was not late yet.
    assert _clocks(owner, onward_id, "provider_first_contact") == []


@pytest.mark.parametrize("outcome", [ServiceOutcome.NOT_MET, ServiceOutcome.DISENGAGED, ServiceOutcome.OTHER])
def test_some_outcomes_need_words(caseworker: Actor, given: Given, outcome: ServiceOutcome) -> None:
    onward_id = _in_service(caseworker, given)

    with pytest.raises(InvalidInput) as refusal:
        onward_referrals.close_onward_referral(Command(given.provider, NEXT_DAY), onward_id, outcome=outcome)
    assert "outcome_text" in refusal.value.fields


def test_an_unanswered_offer_is_withdrawn_and_its_clock_with_it(
    caseworker: Actor, owner: Owner, given: Given
) -> None:
    onward_id = offered(caseworker, given)

    onward_referrals.withdraw_onward_referral(
        Command(caseworker, LATER), onward_id, reason=WithdrawReason.SENT_BY_MISTAKE
    )

    onward, referral = onward_row(owner, onward_id), referral_row(owner, onward_id)
    assert onward.state is OnwardState.WITHDRAWN
    assert onward.provider_access_ended_at is not None
    assert referral.state is ReferralState.TRIAGED
    assert _clocks(owner, onward_id, "provider_response") == []


def test_an_answer_that_was_late_already_stays_counted_late_after_a_withdrawal(
    caseworker: Actor, owner: Owner, given: Given
) -> None:
    onward_id = offered(caseworker, given)

    onward_referrals.withdraw_onward_referral(
        Command(caseworker, MORNING + timedelta(days=7)), onward_id, reason=WithdrawReason.NO_ANSWER
    )

    assert _clock(owner, onward_id, "provider_response").status == "overdue"


def test_other_reasons_hold_once_the_provider_has_accepted(
    caseworker: Actor, owner: Owner, given: Given
) -> None:
    onward_id = _accepted(caseworker, given)

    with pytest.raises(InvalidInput) as wrong_reason:
        onward_referrals.withdraw_onward_referral(
            Command(caseworker, LATER), onward_id, reason=WithdrawReason.NO_ANSWER, text="Nobody answered."
        )
    assert "reason" in wrong_reason.value.fields
    with pytest.raises(InvalidInput) as without_text:
        onward_referrals.withdraw_onward_referral(
            Command(caseworker, LATER), onward_id, reason=WithdrawReason.MOVED_AWAY
        )
    assert "reason_text" in without_text.value.fields

    onward_referrals.withdraw_onward_referral(
        Command(caseworker, LATER), onward_id, reason=WithdrawReason.MOVED_AWAY, text="Moved to Leeds."
    )
    assert onward_row(owner, onward_id).state is OnwardState.WITHDRAWN


def test_what_has_ended_can_not_be_withdrawn(caseworker: Actor, given: Given) -> None:
    onward_id = offered(caseworker, given)
    onward_referrals.decline_onward_referral(
        Command(given.provider, LATER), onward_id, reason=DeclineReason.NO_CAPACITY, text="Full."
    )

    with pytest.raises(TransitionNotAllowed):
        onward_referrals.withdraw_onward_referral(
            Command(caseworker, LATER), onward_id, reason=WithdrawReason.OTHER, text="x"
        )


@pytest.mark.parametrize(
    ("offered_at", "last_day"),
    [
        (MORNING, date(2026, 7, 21)),
        # Over Christmas: five working days from Wednesday 23 December reach into the new year.
        (datetime(2026, 12, 23, 23, 30, tzinfo=UTC), date(2027, 1, 4)),
        (WINTER, date(2026, 12, 1)),
    ],
)
def test_an_offer_expires_after_the_areas_number_of_working_days(
    caseworker: Actor, owner: Owner, given: Given, worker_actor: Actor, offered_at: datetime, last_day: date
) -> None:
    onward_id = offered(caseworker, given, at=offered_at)
    evening = datetime(last_day.year, last_day.month, last_day.day, 22, 30, tzinfo=UTC)

    assert onward_referrals.expire_unanswered_offers(Command(worker_actor, evening)) == 0
    assert onward_referrals.expire_unanswered_offers(Command(worker_actor, evening + timedelta(hours=2))) == 1

    onward, referral = onward_row(owner, onward_id), referral_row(owner, onward_id)
    assert onward.state is OnwardState.EXPIRED
    assert onward.provider_access_ended_at is not None
    assert (referral.state, referral.next_action) == (ReferralState.TRIAGED, NextAction.PLAN_AFTER_DECLINE)
    assert _clock(owner, onward_id, "provider_response").status == "overdue"
    assert onward_referrals.expire_unanswered_offers(Command(worker_actor, evening + timedelta(days=2))) == 0


def test_an_offer_that_waits_for_our_answer_does_not_expire(
    caseworker: Actor, owner: Owner, given: Given, worker_actor: Actor
) -> None:
    onward_id = offered(caseworker, given)
    onward_referrals.request_information(Command(given.provider, LATER), onward_id, text="Has she a car?")

    ended = onward_referrals.expire_unanswered_offers(Command(worker_actor, MORNING + timedelta(days=60)))

    assert (ended, onward_row(owner, onward_id).state) == (0, OnwardState.INFORMATION_REQUESTED)

    # We answered late: the provider's time runs anew from our answer.
    answered = MORNING + timedelta(days=60)
    onward_referrals.answer_request(Command(caseworker, answered), onward_id, text="No, a bus pass.")
    expire = onward_referrals.expire_unanswered_offers
    assert expire(Command(worker_actor, answered + timedelta(days=1))) == 0
    with pytest.raises(TransitionNotAllowed):
        onward_referrals.expire_offer(Command(worker_actor, answered + timedelta(days=1)), onward_id)
    assert expire(Command(worker_actor, answered + timedelta(days=60))) == 1


def test_a_new_safe_contact_plan_reaches_live_providers_and_leaves_the_rest_of_the_handover(
    caseworker: Actor, owner: Owner, given: Given
) -> None:
    onward_id = offered(caseworker, given)
    before = onward_row(owner, onward_id)

    _replace_plan(caseworker, before.person_id, {"channels": {"email": "yes"}, "email": "new@example.com"})

    after = onward_row(owner, onward_id)
    assert after.handover_sealed == before.handover_sealed
    with transaction(given.provider) as session:
        key = encrypted_rows.open_key(session, after.key_id)
        safe = encrypted_rows.unseal_row(key, SAFE_CONTACT, onward_id, after.safe_contact_sealed)
    assert safe["email"] == "new@example.com"
    assert "number" not in safe
    assert events_of(owner, onward_id)[-1].event == "onward_referral.safe_contact_changed"


def test_an_ended_onward_referral_learns_no_new_number(caseworker: Actor, owner: Owner, given: Given) -> None:
    onward_id = offered(caseworker, given)
    onward_referrals.withdraw_onward_referral(
        Command(caseworker, LATER), onward_id, reason=WithdrawReason.PERSON_SAID_NO
    )
    before = onward_row(owner, onward_id)

    _replace_plan(caseworker, before.person_id, {"channels": {"email": "yes"}, "email": "new@example.com"})

    assert onward_row(owner, onward_id).safe_contact_sealed == before.safe_contact_sealed


def test_with_one_provider_gone_the_other_still_supports(
    caseworker: Actor, owner: Owner, make_actor: MakeActor
) -> None:
    first, second = a_provider(owner, make_actor, "new-era"), a_provider(owner, make_actor, "rj-hub")
    referral_id = a_referral(caseworker)
    one = offered(caseworker, first, referral_id=referral_id)
    offered(caseworker, second, referral_id=referral_id)

    onward_referrals.withdraw_onward_referral(
        Command(caseworker, LATER), one, reason=WithdrawReason.PERSON_SAID_NO
    )

    assert referral_row(owner, one).state is ReferralState.SUPPORTED


def _accepted(caseworker: Actor, given: Given) -> UUID:
    onward_id = offered(caseworker, given)
    onward_referrals.accept_onward_referral(Command(given.provider, MORNING + timedelta(hours=1)), onward_id)
    return onward_id


def _in_service(caseworker: Actor, given: Given) -> UUID:
    onward_id = _accepted(caseworker, given)
    onward_referrals.record_provider_first_contact(
        Command(given.provider, LATER), onward_id, contacted_at=LATER
    )
    return onward_id


def _clocks(owner: Owner, onward_id: UUID, entitlement_id: str) -> list[EntitlementClock]:
    referral_id = onward_row(owner, onward_id).referral_id
    with owner() as session:
        return list(
            session.scalars(
                select(EntitlementClock).where(
                    EntitlementClock.referral_id == referral_id,
                    EntitlementClock.entitlement_id == entitlement_id,
                )
            )
        )


def _clock(owner: Owner, onward_id: UUID, entitlement_id: str) -> EntitlementClock:
    (clock,) = _clocks(owner, onward_id, entitlement_id)
    return clock


def _open_tasks(owner: Owner, onward_id: UUID) -> list[TaskKind]:
    with owner() as session:
        mine = select(Task.kind).where(Task.onward_referral_id == onward_id, Task.done_at.is_(None))
        return list(session.scalars(mine))


def _replace_plan(caseworker: Actor, person_id: UUID, said: dict[str, object]) -> None:
    with transaction(caseworker) as session:
        replaced = session.scalars(
            select(SafeContactPlan).where(SafeContactPlan.person_id == person_id)
        ).one()
        replaced.superseded_at = NEXT_DAY
        session.flush()
        key = encrypted_rows.open_key(session, session.get_one(Person, person_id).key_id)
        plan = SafeContactPlan(
            person_id=person_id,
            version=2,
            safe=SafeAnswer.YES,
            stated_by="person",
            checked_at=NEXT_DAY,
            recorded_at=NEXT_DAY,
            sealed=b"",
        )
        session.add(plan)
        plan.id = UUID(int=2)
        plan.sealed = encrypted_rows.seal_row(key, "safe_contact_plan", plan.id, said)
        session.flush()
        onward_referrals.refresh_handover_safe_contact(session, person_id, at=NEXT_DAY)


def test_an_ended_providers_lateness_does_not_set_the_date_for_another(
    caseworker: Actor, owner: Owner, make_actor: MakeActor
) -> None:
    late, new = a_provider(owner, make_actor, "new-era"), a_provider(owner, make_actor, "rj-hub")
    referral_id = a_referral(caseworker)
    one = offered(caseworker, late, referral_id=referral_id)
    week_later = MORNING + timedelta(days=7)

    onward_referrals.withdraw_onward_referral(
        Command(caseworker, week_later), one, reason=WithdrawReason.NO_ANSWER
    )
    two = offered(caseworker, new, referral_id=referral_id, at=week_later)

    assert referral_row(owner, two).next_due_on == onward_row(owner, two).answer_due_on == date(2026, 7, 23)


def test_past_the_end_of_the_calendar_no_offer_expires_by_a_guess(
    caseworker: Actor, given: Given, worker_actor: Actor
) -> None:
    offered(caseworker, given, at=datetime(2027, 12, 28, 9, 0, tzinfo=UTC))

    ended = onward_referrals.expire_unanswered_offers(Command(worker_actor, datetime(2028, 3, 1, tzinfo=UTC)))

    assert ended == 0


def test_a_reopened_referral_that_was_assessed_can_be_referred_on_again(
    caseworker: Actor, owner: Owner, given: Given
) -> None:
    onward_id = offered(caseworker, given, referral_id=a_referral(caseworker, state=ReferralState.REOPENED))

    assert referral_row(owner, onward_id).state is ReferralState.SUPPORTED
