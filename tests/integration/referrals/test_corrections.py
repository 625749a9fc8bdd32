"""Corrections of the crime: dates move clocks from now on, loosening asks, the timeline says from and to."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import select

from tests.factories import casework as make
from tests.factories.casework import DAY, HOUR, MONDAY
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.database import encrypted_rows
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import InvalidInput
from victim_gateway.models import CaseEvent, CaseFacts, EntitlementClock, Person, Referral
from victim_gateway.services.compliance import report
from victim_gateway.services.compliance.report import ReportRequest
from victim_gateway.services.referrals import corrections
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import Harm, HeldReason, Role

REPORTED = datetime(2026, 2, 2, 10, tzinfo=UTC)


def correct(
    actor: Actor, referral_id: UUID, at: datetime, reason: str | None = None, **changes: object
) -> None:
    corrections.correct_details(Command(actor, at), referral_id, changes, reason=reason)


def corrected_event(owner: Owner, referral_id: UUID) -> CaseEvent:
    with owner() as session:
        chosen = select(CaseEvent).where(
            CaseEvent.referral_id == referral_id, CaseEvent.event == "referral.corrected"
        )
        return session.scalars(chosen.order_by(CaseEvent.sequence.desc())).first()  # type: ignore[return-value]


def figures(as_at: datetime) -> list[tuple[object, ...]]:
    found = report.make_report(
        ReportRequest(REPORTED.date(), MONDAY.date(), as_at=as_at, unsuppressed=True),
        actor=Actor.worker("tests"),
        form="csv",
    )
    return [(row.entitlement_id, row.clocks_started, row.running, row.unknown) for row in found.rows]


def test_a_corrected_report_moves_its_clocks_and_no_figure_of_the_past(
    owner: Owner, caseworker: Actor
) -> None:
    referral_id = make.recorded(caseworker, reported_at=REPORTED)
    before = figures(MONDAY + HOUR)
    assert before
    with pytest.raises(InvalidInput, match="Enter why"):
        correct(caseworker, referral_id, MONDAY + DAY, reported_at="2026-02-05")
    correct(
        caseworker, referral_id, MONDAY + DAY, "Misread", reported_at="2026-02-05", occurred_from="2026-02-04"
    )
    with owner() as session:
        own = EntitlementClock.referral_id == referral_id
        started = session.scalars(
            select(EntitlementClock.started_on)
            .join(CaseEvent, CaseEvent.id == EntitlementClock.start_event_id)
            .where(own, CaseEvent.event == "reported_to_police")
        ).all()
        assert {f"{day}" for day in started} == {"2026-02-05"}
        assert session.get_one(Referral, referral_id).corrected_fields == ["occurred_from", "reported_at"]
    assert figures(MONDAY + HOUR) == before
    event = corrected_event(owner, referral_id)
    assert event.details["before"] == {"occurred_from": None, "reported_at": "2026-02-02"}
    assert event.details["after"] == {"occurred_from": "2026-02-04", "reported_at": "2026-02-05"}


@pytest.mark.parametrize(
    ("corrected", "started"), [("2026-02-05", "2026-02-05"), (None, f"{MONDAY.date()}")], ids=["day", "none"]
)
def test_the_clock_of_a_business_moves_with_its_report(
    owner: Owner, caseworker: Actor, corrected: str | None, started: str
) -> None:
    business = {"organisation_name": "Corner Shop"}
    referral_id = make.recorded(
        caseworker, victim_type="business", person=business, reported_at=REPORTED, offence="Burglary"
    )
    correct(caseworker, referral_id, MONDAY + DAY, "Misread", reported_at=corrected)
    with owner() as session:
        days = session.scalars(
            select(EntitlementClock.started_on)
            .join(CaseEvent, CaseEvent.id == EntitlementClock.start_event_id)
            .where(CaseEvent.event == "business_referral_received")
        ).all()
    assert {f"{day}" for day in days} == {started}


def test_dates_that_can_not_be_are_refused(caseworker: Actor) -> None:
    referral_id = make.recorded(caseworker, reported_at=REPORTED)
    for wrong in ({"reported_at": "2026-03-09"}, {"occurred_from": "2026-02-10"}):
        with pytest.raises(InvalidInput):
            correct(caseworker, referral_id, MONDAY + DAY, **wrong)


def test_what_is_no_crime_any_more_closes_the_codes_clocks_from_now_on(
    owner: Owner, caseworker: Actor, make_actor: MakeActor
) -> None:
    referral_id = make.recorded(caseworker, reported_at=REPORTED)
    before = figures(MONDAY + HOUR)
    with pytest.raises(InvalidInput, match="only a senior"):
        correct(caseworker, referral_id, MONDAY + DAY, "The force says so", recorded_as="non_crime")
    senior = make_actor(Role.SENIOR)
    with pytest.raises(InvalidInput, match="Enter why"):
        correct(senior, referral_id, MONDAY + DAY, recorded_as="non_crime")
    correct(senior, referral_id, MONDAY + DAY, "The force says so", recorded_as="non_crime")
    with owner() as session:
        own = select(EntitlementClock.edition).where(EntitlementClock.referral_id == referral_id)
        assert set(session.scalars(own)) == {"local"}
    assert figures(MONDAY + HOUR) == before


def test_a_victim_recorded_as_a_witness_gets_the_codes_clocks_by_a_correction_and_keeps_them(
    owner: Owner, caseworker: Actor, make_actor: MakeActor
) -> None:
    referral_id = make.recorded(caseworker, reported_at=REPORTED, victim_type="witness")
    relative = make.recorded(caseworker, reported_at=REPORTED, victim_type="friend", agreed=None, take=True)
    before = figures(MONDAY + HOUR)

    def editions() -> set[str]:
        with owner() as session:
            own = select(EntitlementClock.edition).where(EntitlementClock.referral_id == referral_id)
            return set(session.scalars(own))

    assert editions() == {"local"}
    with pytest.raises(InvalidInput, match="Enter why"):
        correct(caseworker, referral_id, MONDAY + DAY, victim_type="person")
    with pytest.raises(InvalidInput, match="Choose who was harmed"):
        correct(caseworker, referral_id, MONDAY + DAY, "It is a shop", victim_type="business")

    correct(caseworker, referral_id, MONDAY + DAY, "It was done to them", victim_type="person")

    assert editions() > {"local"}
    assert make.clock(referral_id, "written_acknowledgement", caseworker).status
    assert figures(MONDAY + HOUR) == before
    assert corrected_event(owner, referral_id).details["after"] == {"victim_type": "person"}
    with owner() as session:
        latest = select(CaseFacts).where(CaseFacts.referral_id == referral_id)
        facts = session.scalars(latest.order_by(CaseFacts.sequence.desc())).first()
        assert facts is not None
        assert (facts.victim_basis, facts.opens_code_clocks) == ("direct", True)
    # No role may correct it downwards again.
    senior = make_actor(Role.SENIOR)
    with pytest.raises(InvalidInput, match="no correction takes those away"):
        correct(senior, referral_id, MONDAY + 2 * DAY, "Saw it only", victim_type="witness")
    # A bereaved relative was not asked yet: contact waits for their own yes.
    correct(caseworker, relative, MONDAY + DAY, "The mother", victim_type="bereaved_relative")
    assert HeldReason.EXPLICIT_CONSENT_NEEDED in make.referral(relative, caseworker).standing_reasons


def test_the_mark_of_domestic_abuse_is_taken_off_by_a_senior_only(
    owner: Owner, caseworker: Actor, make_actor: MakeActor
) -> None:
    referral_id = make.recorded(caseworker, flags=frozenset({"domestic_abuse"}))
    senior = make_actor(Role.SENIOR)
    with pytest.raises(InvalidInput, match="only a senior"):
        correct(caseworker, referral_id, MONDAY + HOUR, "A mistake", domestic_abuse=False)
    with pytest.raises(InvalidInput, match="Enter why"):
        correct(senior, referral_id, MONDAY + HOUR, domestic_abuse=False)
    correct(senior, referral_id, MONDAY + HOUR, "It was the neighbour", domestic_abuse=False)
    assert not make.referral(referral_id, caseworker).domestic_abuse
    event = corrected_event(owner, referral_id)
    assert (event.details["before"], event.details["after"]) == (
        {"domestic_abuse": True},
        {"domestic_abuse": False},
    )


def test_a_name_is_only_named_on_the_timeline_and_a_wrong_number_is_kept_nowhere(
    owner: Owner, caseworker: Actor
) -> None:
    referral_id = make.recorded(caseworker)
    correct(caseworker, referral_id, MONDAY + HOUR, "Misheard", given_name="Robyn", phone="07700 900999")
    event = corrected_event(owner, referral_id)
    assert event.details == {"fields": ["given_name", "phone"]}
    with owner() as session:
        key_id = session.get_one(Person, session.get_one(Referral, referral_id).person_id).key_id
    with transaction(caseworker) as session:
        key = encrypted_rows.open_key(session, key_id)
        opened = encrypted_rows.unseal_row(key, "case_event", event.id, event.sealed or b"")
    assert opened["words"] == "Misheard"
    assert opened["values"].keys() == {"given_name"}
    assert opened["values"]["given_name"]["after"] == "Robyn"


def test_a_hate_crime_that_was_none_is_cleared_with_its_tick_and_a_reason(caseworker: Actor) -> None:
    ticked = frozenset({Harm.HATE_CRIME, Harm.VIOLENCE})
    referral_id = make.recorded(caseworker, harms=ticked, offence="Assault", hate_strand="race")
    with pytest.raises(InvalidInput, match="take the tick off"):
        correct(
            caseworker,
            referral_id,
            MONDAY + HOUR,
            "It was none",
            chosen_harms=["hate_crime"],
            hate_strand=None,
        )
    cleared = {"chosen_harms": ["violence"], "hate_strand": None}
    with pytest.raises(InvalidInput, match="Enter why"):
        correct(caseworker, referral_id, MONDAY + HOUR, **cleared)
    correct(caseworker, referral_id, MONDAY + HOUR, "It was none", **cleared)
    referral = make.referral(referral_id, caseworker)
    assert (referral.hate_strand, referral.harms) == (None, (Harm.VIOLENCE,))
