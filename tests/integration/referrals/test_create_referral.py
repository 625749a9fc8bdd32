"""Recording a referral by hand: the person, the hold, the clocks, and nothing done twice."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from tests.factories import casework as make
from tests.factories.casework import MONDAY
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.database import encrypted_rows
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import AlreadyDone, InvalidInput
from victim_gateway.models import (
    AuditEntry,
    CaseEvent,
    CaseFacts,
    Consent,
    EntitlementClock,
    Person,
    Referral,
    SafeContactPlan,
)
from victim_gateway.queries.referrals.rights import explained_clocks
from victim_gateway.services.referrals import corrections, create_referral
from victim_gateway.services.referrals.safe_contact import SafeContactAnswer
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import (
    HeldReason,
    NextAction,
    ReferralSource,
    ReferralState,
    SafeAnswer,
    WaitingOn,
)


def test_a_self_referral_is_received_with_its_clock_and_waits_for_a_caseworker(caseworker: Actor) -> None:
    referral_id = make.recorded(caseworker)
    with transaction(caseworker) as session:
        referral = session.get_one(Referral, referral_id)
        clock = session.scalars(
            select(EntitlementClock).where(EntitlementClock.referral_id == referral_id)
        ).one()
    assert referral.state is ReferralState.RECEIVED
    assert (referral.next_action, referral.waiting_on) == (NextAction.ASSIGN, WaitingOn.GATEWAY)
    assert (clock.edition, clock.entitlement_id) == ("local", "first_contact_attempted")
    assert referral.next_due_on == clock.due_on
    assert referral.next_since == MONDAY


def test_what_was_typed_about_a_person_is_sealed_and_opens_again(caseworker: Actor) -> None:
    referral_id = make.recorded(caseworker, person=make.person_document(given_name="Zoë"))
    with transaction(caseworker) as session:
        person = session.get_one(Person, session.get_one(Referral, referral_id).person_id)
        opened = encrypted_rows.unseal_row(
            encrypted_rows.open_key(session, person.key_id), "person", person.id, person.sealed
        )
    assert opened["given_name"] == "Zoë"
    assert "Zoë".encode() not in person.sealed


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ({"agreed": False}, HeldReason.CONSENT_REFUSED),
        ({"agreed": None, "flags": frozenset({"domestic_abuse"})}, HeldReason.EXPLICIT_CONSENT_NEEDED),
        ({"agreed": None, "victim_type": "bereaved_relative"}, HeldReason.EXPLICIT_CONSENT_NEEDED),
        (
            {
                "person": {"given_name": "No", "family_name": "Address"},
                "safe_contact": SafeContactAnswer(SafeAnswer.UNKNOWN),
            },
            HeldReason.NO_CONTACT_DETAILS,
        ),
    ],
)
def test_a_referral_that_nobody_may_act_on_is_held(
    caseworker: Actor, typed: dict, reason: HeldReason
) -> None:  # type: ignore[type-arg]
    referral = make.referral(make.recorded(caseworker, **typed), caseworker)
    assert (referral.state, referral.held_reason) == (ReferralState.HELD, reason)
    assert referral.next_action is NextAction.RESOLVE_HOLD


def test_a_crime_reported_to_the_police_opens_the_codes_clocks_on_the_persons_word(caseworker: Actor) -> None:
    referral_id = make.recorded(caseworker, reported_at=MONDAY - timedelta(days=1))
    with transaction(caseworker) as session:
        event = session.scalars(
            select(CaseEvent).where(CaseEvent.referral_id == referral_id, CaseEvent.kind == "code")
        ).one()
        editions = set(
            session.scalars(
                select(EntitlementClock.edition).where(EntitlementClock.referral_id == referral_id)
            )
        )
    assert (event.event, event.source, event.grade) == ("reported_to_police", "victim", "victim_report")
    assert editions == {"local", "2020"}


def test_a_business_has_the_standard_for_businesses_too(caseworker: Actor) -> None:
    person = {
        "organisation_name": "Corner Shop Ltd",
        "organisation_contact": "The owner",
        "phone": "01785 000111",
    }
    referral_id = make.recorded(caseworker, victim_type="business", person=person)
    with transaction(caseworker) as session:
        names = set(
            session.scalars(
                select(EntitlementClock.entitlement_id).where(EntitlementClock.referral_id == referral_id)
            )
        )
        facts = session.scalars(select(CaseFacts).where(CaseFacts.referral_id == referral_id)).one()
    assert names == {"first_contact_attempted", "business_first_contact"}
    assert (facts.victim_basis, facts.conditions) == ("business_contact", {"named_contact": True})


@pytest.mark.parametrize(("days_ago", "status"), [(0, "running"), (3, "running"), (7, "overdue")])
def test_the_clock_of_a_business_starts_at_the_report_and_says_where_that_reached_us_late(
    caseworker: Actor, days_ago: int, status: str
) -> None:
    """Reported on the Friday it is due on this Monday; a week ago it is due at once."""
    person = {"organisation_name": "Corner Shop Ltd", "organisation_contact": "Jo", "phone": "01785 000111"}
    reported_at = make.MONDAY - timedelta(days=days_ago)
    referral_id = make.recorded(caseworker, victim_type="business", person=person, reported_at=reported_at)
    with transaction(caseworker) as session:
        (clock,) = [
            each
            for each in explained_clocks(session, referral_id, at=make.MONDAY)
            if each.is_local and "business" in each.name.lower()
        ]
        next_due_on = session.get_one(Referral, referral_id).next_due_on
    assert (clock.status, clock.started_at) == (status, reported_at)
    assert next_due_on == clock.due_on
    assert ("so it was due at once" in clock.because) is (status == "overdue")


def test_flags_become_enhanced_rights_and_a_young_age_is_a_fact(caseworker: Actor) -> None:
    referral_id = make.recorded(
        caseworker,
        person=make.person_document(date_of_birth="2009-03-03"),
        flags=frozenset({"vulnerable", "serious_crime"}),
    )
    with transaction(caseworker) as session:
        facts = session.scalars(select(CaseFacts).where(CaseFacts.referral_id == referral_id)).one()
    assert {period["category"] for period in facts.enhanced} == {
        "vulnerable_or_intimidated",
        "most_serious_crime",
    }
    assert (facts.under_17, facts.under_18) == (True, True)


def test_a_person_known_before_is_not_made_twice_and_gains_only_what_was_missing(caseworker: Actor) -> None:
    known = make.person_document(email=None)
    first = make.referral(make.recorded(caseworker, person=known), caseworker)
    typed = {"given_name": "Somebody Else", "email": "new@example.org"}
    second = make.referral(
        make.recorded(
            caseworker,
            person_id=first.person_id,
            person=typed,
            safe_contact=SafeContactAnswer(SafeAnswer.UNKNOWN),
        ),
        caseworker,
    )
    with transaction(caseworker) as session:
        person = session.get_one(Person, first.person_id)
        opened = encrypted_rows.unseal_row(
            encrypted_rows.open_key(session, person.key_id), "person", person.id, person.sealed
        )
        plans = session.scalars(select(SafeContactPlan).where(SafeContactPlan.person_id == person.id)).all()
    assert second.person_id == first.person_id
    assert (opened["given_name"], opened["email"]) == (known["given_name"], "new@example.org")
    assert [plan.safe for plan in plans] == [SafeAnswer.YES]


def test_the_same_form_sent_twice_records_one_referral(caseworker: Actor, owner: Owner) -> None:
    new, submission_id = make.new_referral(), uuid4()
    create_referral.record_referral(Command(caseworker, MONDAY, submission_id=submission_id), new)
    with pytest.raises(AlreadyDone):
        create_referral.record_referral(Command(caseworker, MONDAY, submission_id=submission_id), new)
    with owner() as session:
        assert session.scalar(select(func.count()).select_from(Referral)) == 1


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"source": ReferralSource.AGENCY}, "source_organisation"),
        ({"person": {"phone": "07700 900999"}}, "family_name"),
        ({"reported_at": MONDAY + timedelta(days=1)}, "reported_on"),
        (
            {"occurred_at": MONDAY - timedelta(days=1), "reported_at": MONDAY - timedelta(days=2)},
            "reported_on",
        ),
        ({"person": {"family_name": "Early", "date_of_birth": "2027-01-01"}}, "date_of_birth"),
        ({"safe_contact": SafeContactAnswer(SafeAnswer.YES)}, "channel_phone"),
    ],
)
def test_what_can_not_be_is_refused_at_its_field_and_leaves_nothing(
    caseworker: Actor,
    owner: Owner,
    typed: dict,
    field: str,  # type: ignore[type-arg]
) -> None:
    with pytest.raises(InvalidInput) as refused:
        make.recorded(caseworker, **typed)
    assert field in refused.value.fields
    with owner() as session:
        assert session.scalar(select(func.count()).select_from(Person)) == 0


def test_recording_is_audited_and_says_nothing_about_the_person(caseworker: Actor, owner: Owner) -> None:
    referral_id = make.recorded(caseworker)
    with owner() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "referral.recorded")).one()
    assert entry.subject_id == referral_id
    assert "Testcase" not in entry.entry


def test_the_answer_about_contact_is_kept_as_consent(caseworker: Actor) -> None:
    referral = make.referral(make.recorded(caseworker), caseworker)
    with transaction(caseworker) as session:
        consent = session.scalars(select(Consent).where(Consent.person_id == referral.person_id)).one()
    assert (consent.purpose, consent.agreed, consent.how) == ("contact", True, "spoken")


def test_a_witness_of_a_homicide_has_our_standards_and_no_clock_of_the_code_whatever_is_corrected(
    senior: Actor,
) -> None:
    referral_id = make.recorded(
        senior, offence="Murder", victim_type="witness", reported_at=MONDAY - timedelta(days=1)
    )
    for number, recorded_as in enumerate(("asb", "crime"), start=1):
        corrections.correct_details(
            Command(senior, MONDAY + timedelta(minutes=number)),
            referral_id,
            {"recorded_as": recorded_as},
            reason="The force says so.",
        )
        with transaction(senior) as session:
            clocks = explained_clocks(session, referral_id, at=MONDAY + timedelta(hours=1))
        assert {clock.edition for clock in clocks} == {"local"}
