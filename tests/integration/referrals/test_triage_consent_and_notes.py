"""Triage assessments, consent and providers, notes, and what the person says they were told."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from tests.factories import casework as make
from tests.factories.casework import DAY, HOUR, MONDAY
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import (
    InvalidInput,
    TransitionNotAllowed,
)
from victim_gateway.models import (
    CaseEvent,
    CaseFacts,
    OnwardReferral,
    Reminder,
)
from victim_gateway.services.referrals import consents, notes, victim_reports
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import (
    ConsentHow,
    ConsentPurpose,
    HeldReason,
    NextAction,
    OnwardState,
    ReferralState,
    Risk,
    Role,
)


def test_the_first_assessment_and_the_next_are_different_events_of_the_code(caseworker: Actor) -> None:
    referral_id = make.assessed(caseworker)
    make.assess(referral_id, caseworker, at=MONDAY + DAY, risk=Risk.MEDIUM)
    assert make.events_of(referral_id, caseworker, "code") == [
        "needs_assessment_completed",
        "needs_reassessment_completed",
    ]
    assert make.referral(referral_id, caseworker).risk is Risk.MEDIUM


def test_enhanced_rights_hold_from_the_day_of_the_assessment(caseworker: Actor) -> None:
    referral_id = make.in_contact(caseworker)
    make.assess(referral_id, caseworker, at=MONDAY + DAY, enhanced_categories=("persistently_targeted",))
    with transaction(caseworker) as session:
        latest = session.scalars(select(CaseFacts).order_by(CaseFacts.sequence.desc())).first()
    assert latest is not None
    assert latest.enhanced == [{"category": "persistently_targeted", "from": "2026-03-03", "to": None}]


def test_nobody_is_assessed_before_they_were_reached(caseworker: Actor) -> None:
    referral_id = make.assigned(caseworker)
    with pytest.raises(TransitionNotAllowed, match="Speak to the person first"):
        make.assess(referral_id, caseworker, at=MONDAY + HOUR)


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"risk": Risk.MEDIUM, "risk_grounds": ("repeat",)}, "risk"),
        ({"risk": Risk.HIGH, "risk_grounds": ()}, "risk_grounds"),
        ({"risk": Risk.UNKNOWN}, "risk"),
        ({"needs": {}}, "need_finance_and_benefits"),
        ({"needs": {"finance_and_benefits": 9}}, "need_finance_and_benefits"),
    ],
)
def test_an_assessment_that_contradicts_itself_is_refused_where_it_does(
    caseworker: Actor, said: dict[str, Any], field: str
) -> None:
    referral_id = make.in_contact(caseworker)
    with pytest.raises(InvalidInput) as refused:
        make.assess(referral_id, caseworker, at=MONDAY + HOUR, **said)
    assert field in refused.value.fields


def test_taking_back_consent_to_share_ends_the_providers_access_at_once(
    caseworker: Actor, owner: Owner
) -> None:
    referral_id = make.assessed(caseworker)
    onward_id = make.offered(caseworker, owner, referral_id)
    with transaction(caseworker) as session:
        consent_id = session.get_one(OnwardReferral, onward_id).consent_id
    consents.withdraw_consent(Command(caseworker, MONDAY + 2 * DAY), consent_id)
    with transaction(caseworker) as session:
        onward = session.get_one(OnwardReferral, onward_id)
    assert onward.state is OnwardState.WITHDRAWN
    assert onward.provider_access_ended_at is not None
    assert make.referral(referral_id, caseworker).next_action is NextAction.REFER_OR_CLOSE
    with pytest.raises(TransitionNotAllowed):
        consents.withdraw_consent(Command(caseworker, MONDAY + 2 * DAY), consent_id)


def test_a_no_to_contact_holds_a_referral_that_nobody_assessed(caseworker: Actor) -> None:
    referral_id = make.assigned(caseworker)
    consents.record_consent(
        Command(caseworker, MONDAY + HOUR),
        referral_id,
        consents.ConsentAnswer(
            purpose=ConsentPurpose.CONTACT, agreed=False, how=ConsentHow.SPOKEN, given_at=MONDAY + HOUR
        ),
    )
    referral = make.referral(referral_id, caseworker)
    assert (referral.state, referral.held_reason) == (ReferralState.HELD, HeldReason.CONSENT_REFUSED)


def test_a_yes_of_a_day_before_a_no_is_refused_however_late_it_is_recorded(
    caseworker: Actor, owner: Owner
) -> None:
    referral_id = make.assessed(caseworker)
    provider_id, _ = make.provider(owner)

    def answer(agreed: bool, days: int, recorded: int) -> None:
        said = consents.ConsentAnswer(
            purpose=ConsentPurpose.SHARE_WITH_PROVIDER,
            agreed=agreed,
            how=ConsentHow.IN_PERSON,
            given_at=MONDAY + days * DAY,
            recipient_organisation_id=provider_id,
        )
        consents.record_consent(Command(caseworker, MONDAY + recorded * DAY), referral_id, said)

    answer(False, days=3, recorded=3)
    with pytest.raises(InvalidInput, match="They said no after that"):
        answer(True, days=2, recorded=4)
    answer(True, days=4, recorded=4)
    # That no is answered by now: a yes of any day finds a yes that stands.
    answer(True, days=2, recorded=5)


def test_consent_to_share_names_its_provider(caseworker: Actor) -> None:
    referral_id = make.assessed(caseworker)
    with pytest.raises(InvalidInput) as refused:
        consents.record_consent(
            Command(caseworker, MONDAY + HOUR),
            referral_id,
            consents.ConsentAnswer(
                purpose=ConsentPurpose.SHARE_WITH_PROVIDER,
                agreed=True,
                how=ConsentHow.SPOKEN,
                given_at=MONDAY,
            ),
        )
    assert "recipient" in refused.value.fields


def test_a_shared_note_tells_the_provider_and_their_answer_tells_the_caseworker(
    caseworker: Actor, owner: Owner, make_actor: MakeActor
) -> None:
    referral_id = make.assessed(caseworker)
    onward_id = make.offered(caseworker, owner, referral_id)
    helper = make_actor(Role.PROVIDER, organisation="new-era")
    notes.write_note(
        Command(caseworker, MONDAY + DAY),
        referral_id,
        notes.NewNote(subject="Hi", body="Please ring"),
        onward_referral_id=onward_id,
    )
    notes.write_provider_note(
        Command(helper, MONDAY + DAY), onward_id, notes.NewNote(subject="Re: Hi", body="We did")
    )
    with owner() as session:
        recipients = session.execute(
            select(Reminder.recipient_organisation_id, Reminder.recipient_user_id).order_by(
                Reminder.created_at
            )
        ).all()
    assert (helper.organisation_id, None) in recipients
    assert (None, caseworker.user_id) in recipients


def test_what_the_person_says_stops_a_clock_as_their_word(caseworker: Actor) -> None:
    referral_id = make.recorded(caseworker, reported_at=MONDAY - DAY)
    clock_id = make.clock(referral_id, "written_acknowledgement", caseworker).id
    victim_reports.record_victim_was_told(
        Command(caseworker, MONDAY + HOUR), referral_id, clock_id=clock_id, told_on=MONDAY.date()
    )
    stopped = make.clock(referral_id, "written_acknowledgement", caseworker)
    with transaction(caseworker) as session:
        event = session.get_one(CaseEvent, stopped.stop_event_id)
    assert (stopped.status, event.grade, event.source) == ("met", "victim_report", "victim")
    with pytest.raises(TransitionNotAllowed):
        victim_reports.record_victim_was_told(
            Command(caseworker, MONDAY + HOUR), referral_id, clock_id=clock_id, told_on=MONDAY.date()
        )
