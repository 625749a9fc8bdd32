"""A provider sees, asks, accepts or declines; the Gateway answers and decides; each step leaves a trace."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from tests.integration.onward_referrals.arrange import (
    MORNING,
    a_provider,
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
from victim_gateway.errors import (
    AlreadyDone,
    InvalidInput,
    NotAllowed,
    NotFound,
    StaleVersion,
    TransitionNotAllowed,
)
from victim_gateway.models import Consent, EntitlementClock, Note, OnwardReferral, Task
from victim_gateway.services import onward_referrals
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import DeclineReason, NextAction, OnwardState, ReferralState, TaskKind

LATER = MORNING + timedelta(hours=3)
NEXT_DAY = MORNING + timedelta(days=1)


def test_seen_is_not_answered(caseworker: Actor, owner: Owner, make_actor: MakeActor) -> None:
    given = a_provider(owner, make_actor)
    onward_id = offered(caseworker, given)

    onward_referrals.acknowledge_offer(Command(given.provider, LATER), onward_id)

    onward = onward_row(owner, onward_id)
    assert (onward.state, onward.acknowledged_at, onward.answered_at) == (
        OnwardState.ACKNOWLEDGED,
        LATER,
        None,
    )
    assert _clock(owner, onward_id, "provider_response").status == "running"


def test_accepting_stops_one_clock_and_starts_the_next(
    caseworker: Actor, owner: Owner, make_actor: MakeActor
) -> None:
    given = a_provider(owner, make_actor)
    onward_id = offered(caseworker, given)

    onward_referrals.accept_onward_referral(
        Command(given.provider, LATER), onward_id, first_contact_planned_on=date(2026, 7, 20)
    )

    onward = onward_row(owner, onward_id)
    assert (onward.state, onward.answered_at) == (OnwardState.ACCEPTED, LATER)
    assert onward.acknowledged_at == LATER
    assert onward.first_contact_planned_on == date(2026, 7, 20)
    assert _clock(owner, onward_id, "provider_response").status == "met"
    first_contact = _clock(owner, onward_id, "provider_first_contact")
    assert (first_contact.status, first_contact.due_on) == ("running", date(2026, 7, 21))
    referral = referral_row(owner, onward_id)
    assert (referral.next_action, referral.next_due_on) == (NextAction.WAIT_FOR_PROVIDER, date(2026, 7, 21))


def test_accepting_late_is_counted_late(caseworker: Actor, owner: Owner, make_actor: MakeActor) -> None:
    given = a_provider(owner, make_actor)
    onward_id = offered(caseworker, given)

    onward_referrals.accept_onward_referral(Command(given.provider, MORNING + timedelta(days=6)), onward_id)

    assert _clock(owner, onward_id, "provider_response").status == "met_late"


@pytest.mark.parametrize("planned_on", [date(2026, 7, 13), date(2028, 1, 1), date(226, 7, 14)])
def test_an_impossible_day_for_the_first_contact_is_refused(
    caseworker: Actor, owner: Owner, make_actor: MakeActor, planned_on: date
) -> None:
    given = a_provider(owner, make_actor)
    onward_id = offered(caseworker, given)

    with pytest.raises(InvalidInput) as refusal:
        onward_referrals.accept_onward_referral(
            Command(given.provider, MORNING), onward_id, first_contact_planned_on=planned_on
        )
    assert "first_contact_planned_on" in refusal.value.fields


def test_declining_ends_the_access_and_brings_the_referral_back_to_us(
    caseworker: Actor, owner: Owner, make_actor: MakeActor
) -> None:
    given = a_provider(owner, make_actor)
    onward_id = offered(caseworker, given)

    onward_referrals.decline_onward_referral(
        Command(given.provider, LATER), onward_id, reason=DeclineReason.NO_CAPACITY, text="Full until May."
    )

    onward, referral = onward_row(owner, onward_id), referral_row(owner, onward_id)
    assert (onward.state, onward.decline_reason) == (OnwardState.DECLINED, DeclineReason.NO_CAPACITY)
    assert onward.provider_access_ended_at is not None
    assert onward.ended_at == LATER
    assert (referral.state, referral.next_action) == (ReferralState.TRIAGED, NextAction.PLAN_AFTER_DECLINE)
    assert _open_tasks(owner, onward_id) == [TaskKind.PROVIDER_DECLINED]
    assert _clock(owner, onward_id, "provider_response").status == "met"
    declined = next(e for e in events_of(owner, onward_id) if e.event == "onward_referral.declined")
    assert (declined.from_state, declined.to_state, declined.reason_code) == (
        "offered",
        "declined",
        "no_capacity",
    )
    assert _unsealed_text(caseworker, onward.key_id, declined.id, declined.sealed) == "Full until May."


@pytest.mark.parametrize("reason_text", ["", "   ", None, "x" * 5001])
def test_declining_needs_words_of_a_sensible_length(
    caseworker: Actor, owner: Owner, make_actor: MakeActor, reason_text: str | None
) -> None:
    given = a_provider(owner, make_actor)
    onward_id = offered(caseworker, given)

    with pytest.raises(InvalidInput) as refusal:
        onward_referrals.decline_onward_referral(
            Command(given.provider, LATER), onward_id, reason=DeclineReason.OTHER, text=reason_text
        )
    assert "reason_text" in refusal.value.fields
    assert onward_row(owner, onward_id).state is OnwardState.OFFERED


def test_confirming_a_decline_leaves_the_person_to_be_referred_on_elsewhere(
    caseworker: Actor, owner: Owner, make_actor: MakeActor
) -> None:
    onward_id = _declined(caseworker, owner, make_actor)

    onward_referrals.confirm_decline(Command(caseworker, NEXT_DAY), onward_id, text="Agreed by phone.")

    referral = referral_row(owner, onward_id)
    assert onward_row(owner, onward_id).decline_confirmed_at == NEXT_DAY
    assert (referral.state, referral.next_action) == (ReferralState.TRIAGED, NextAction.REFER_OR_CLOSE)
    assert _open_tasks(owner, onward_id) == []


def test_overturning_a_decline_offers_it_again_with_a_clock_of_its_own(
    caseworker: Actor, owner: Owner, make_actor: MakeActor
) -> None:
    onward_id = _declined(caseworker, owner, make_actor)

    # The same day: the answer to the first offer must not stop the clock of the second.
    onward_referrals.overturn_decline(
        Command(caseworker, LATER + timedelta(hours=1)), onward_id, text="We agreed a place for May."
    )

    onward, referral = onward_row(owner, onward_id), referral_row(owner, onward_id)
    assert (onward.state, onward.decline_reason) == (OnwardState.OFFERED, None)
    assert (onward.provider_access_ended_at, onward.ended_at) == (None, None)
    assert onward.answer_due_on == date(2026, 7, 16)
    assert (referral.state, referral.next_action) == (ReferralState.SUPPORTED, NextAction.WAIT_FOR_PROVIDER)
    clocks = _clocks(owner, onward_id, "provider_response")
    assert sorted((clock.subject, clock.status) for clock in clocks) == [
        (onward.reference, "met"),
        (f"{onward.reference}/2", "running"),
    ]


def test_a_decline_is_decided_once(caseworker: Actor, owner: Owner, make_actor: MakeActor) -> None:
    onward_id = _declined(caseworker, owner, make_actor)
    onward_referrals.confirm_decline(Command(caseworker, NEXT_DAY), onward_id)

    with pytest.raises(TransitionNotAllowed):
        onward_referrals.confirm_decline(Command(caseworker, NEXT_DAY), onward_id)
    with pytest.raises(TransitionNotAllowed):
        onward_referrals.overturn_decline(Command(caseworker, NEXT_DAY), onward_id, text="Try again.")


def test_a_decline_is_not_overturned_once_the_person_took_back_their_yes(
    caseworker: Actor, owner: Owner, make_actor: MakeActor
) -> None:
    onward_id = _declined(caseworker, owner, make_actor)
    consent_id = onward_row(owner, onward_id).consent_id
    with owner() as session:
        session.get_one(Consent, consent_id).withdrawn_at = NEXT_DAY

    with pytest.raises(InvalidInput, match="taken back their yes"):
        onward_referrals.overturn_decline(Command(caseworker, NEXT_DAY), onward_id, text="Try again.")


def test_a_question_goes_to_the_caseworker_and_the_answer_back(
    caseworker: Actor, owner: Owner, make_actor: MakeActor
) -> None:
    given = a_provider(owner, make_actor)
    onward_id = offered(caseworker, given)

    onward_referrals.request_information(Command(given.provider, LATER), onward_id, text="Has she a car?")
    assert onward_row(owner, onward_id).state is OnwardState.INFORMATION_REQUESTED
    assert referral_row(owner, onward_id).next_action is NextAction.ANSWER_PROVIDER
    assert _open_tasks(owner, onward_id) == [TaskKind.PROVIDER_ASKED]

    onward_referrals.answer_request(Command(caseworker, NEXT_DAY), onward_id, text="No, a bus pass.")
    assert onward_row(owner, onward_id).state is OnwardState.ACKNOWLEDGED
    assert referral_row(owner, onward_id).next_action is NextAction.WAIT_FOR_PROVIDER
    assert _open_tasks(owner, onward_id) == []
    for reader in (caseworker, given.provider):
        assert _messages(reader, onward_id) == ["Has she a car?", "No, a bus pass."]


def test_accepting_settles_an_open_question(caseworker: Actor, owner: Owner, make_actor: MakeActor) -> None:
    given = a_provider(owner, make_actor)
    onward_id = offered(caseworker, given)
    onward_referrals.request_information(Command(given.provider, LATER), onward_id, text="Has she a car?")

    onward_referrals.accept_onward_referral(Command(given.provider, NEXT_DAY), onward_id)

    assert _open_tasks(owner, onward_id) == []
    with pytest.raises(TransitionNotAllowed, match="no question"):
        onward_referrals.answer_request(Command(caseworker, NEXT_DAY), onward_id, text="No.")


def test_the_same_form_twice_accepts_once(caseworker: Actor, owner: Owner, make_actor: MakeActor) -> None:
    given, form = a_provider(owner, make_actor), uuid4()
    onward_id = offered(caseworker, given)
    onward_referrals.accept_onward_referral(Command(given.provider, LATER, submission_id=form), onward_id)

    with pytest.raises(AlreadyDone):
        onward_referrals.accept_onward_referral(Command(given.provider, LATER, submission_id=form), onward_id)
    assert len(events_of(owner, onward_id)) == 3


def test_a_stale_page_answers_nothing(caseworker: Actor, owner: Owner, make_actor: MakeActor) -> None:
    given = a_provider(owner, make_actor)
    onward_id = offered(caseworker, given)
    seen = onward_row(owner, onward_id).version
    onward_referrals.acknowledge_offer(Command(given.provider, LATER, version=seen), onward_id)

    with pytest.raises(StaleVersion):
        onward_referrals.accept_onward_referral(Command(given.provider, LATER, version=seen), onward_id)


def test_only_the_addressed_provider_answers(caseworker: Actor, owner: Owner, make_actor: MakeActor) -> None:
    given = a_provider(owner, make_actor)
    other = a_provider(owner, make_actor, "rj-hub")
    onward_id = offered(caseworker, given)

    with pytest.raises(NotFound) as theirs:
        onward_referrals.accept_onward_referral(Command(other.provider, LATER), onward_id)
    with pytest.raises(NotFound) as absent:
        onward_referrals.accept_onward_referral(Command(other.provider, LATER), uuid4())
    assert theirs.value.message == absent.value.message
    with pytest.raises(NotAllowed):
        onward_referrals.accept_onward_referral(Command(caseworker, LATER), onward_id)
    with pytest.raises(NotAllowed):
        onward_referrals.confirm_decline(Command(given.provider, LATER), onward_id)


def _declined(caseworker: Actor, owner: Owner, make_actor: MakeActor) -> UUID:
    given = a_provider(owner, make_actor)
    onward_id = offered(caseworker, given)
    onward_referrals.decline_onward_referral(
        Command(given.provider, LATER), onward_id, reason=DeclineReason.NO_CAPACITY, text="Full until May."
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


def _unsealed_text(reader: Actor, key_id: UUID, event_id: UUID, sealed: bytes | None) -> str:
    assert sealed is not None
    with transaction(reader) as session:
        return str(
            encrypted_rows.unseal_row(
                encrypted_rows.open_key(session, key_id), "case_event", event_id, sealed
            )["words"]
        )


def _messages(reader: Actor, onward_id: UUID) -> list[str]:
    with transaction(reader) as session:
        key = encrypted_rows.open_key(session, session.get_one(OnwardReferral, onward_id).key_id)
        notes = session.scalars(
            select(Note).where(Note.onward_referral_id == onward_id).order_by(Note.written_at)
        )
        return [encrypted_rows.unseal_row(key, "note", note.id, note.sealed)["body"] for note in notes]
