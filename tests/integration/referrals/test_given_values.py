"""Values that could not be read: used or left empty by a person, each once, with everything that follows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select

from tests.factories import casework as make
from tests.factories.sealed_documents import feed_conflict, seal_documents, sealed_documents
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.errors import InvalidInput, TransitionNotAllowed
from victim_gateway.models import AuditEntry, CaseFacts
from victim_gateway.services.referrals import consents, corrections, given_values, tasks, used_values
from victim_gateway.services.referrals.consents import ConsentAnswer
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import (
    ConsentHow,
    ConsentPurpose,
    HeldReason,
    ReferralState,
    Role,
    TaskKind,
)

LATER = make.MONDAY + timedelta(hours=2)


@pytest.fixture
def caseworker(app: Flask, make_actor: MakeActor) -> Actor:
    return make_actor(Role.CASEWORKER)


def unread(caseworker: Actor, **given: str) -> UUID:
    """A referral of which these columns could not be read."""
    referral_id = make.assigned(caseworker)
    seal_documents(referral_id, referral={"as_given": given})
    return referral_id


def use(referral_id: UUID, caseworker: Actor, column: str, value: Any, reason: str | None = None) -> None:
    used_values.use_feed_value(Command(caseworker, LATER), referral_id, column, value, reason=reason)


def as_given(referral_id: UUID) -> dict[str, str]:
    given: dict[str, str] = sealed_documents(referral_id)[1].get("as_given", {})
    return given


def test_using_a_value_records_it_and_takes_only_it_out(caseworker: Actor, owner: Owner) -> None:
    referral_id = unread(caseworker, date_of_birth="31/02/1990", sex="?")
    use(referral_id, caseworker, "date_of_birth", "1990-02-28")

    assert sealed_documents(referral_id)[0]["date_of_birth"] == "1990-02-28"
    assert as_given(referral_id) == {"sex": "?"}
    assert make.events_of(referral_id, caseworker, "story")[-1] == "referral.corrected"
    with owner() as session:
        actions = session.scalars(select(AuditEntry.action).where(AuditEntry.subject_id == referral_id)).all()
    assert "referral.corrected" in actions


def test_a_value_that_is_recorded_already_is_settled_all_the_same(caseworker: Actor) -> None:
    referral_id = unread(caseworker, vulnerable="perhaps")
    use(referral_id, caseworker, "vulnerable", False, "The officer says no")
    assert as_given(referral_id) == {}
    assert make.referral(referral_id, caseworker).vulnerable is False
    assert make.events_of(referral_id, caseworker, "story")[-1] == "referral.corrected"


def test_a_protective_answer_is_not_changed_without_a_reason(caseworker: Actor) -> None:
    referral_id = unread(caseworker, risk_assessment="severe")
    with pytest.raises(InvalidInput) as refused:
        use(referral_id, caseworker, "risk_assessment", "high")
    assert "reason" in refused.value.fields
    assert as_given(referral_id) == {"risk_assessment": "severe"}


def test_a_settled_value_is_not_settled_twice(caseworker: Actor) -> None:
    referral_id = unread(caseworker, sex="?")
    use(referral_id, caseworker, "sex", "F")
    with pytest.raises(TransitionNotAllowed):
        use(referral_id, caseworker, "sex", "M")
    with pytest.raises(TransitionNotAllowed):
        given_values.dismiss_given_value(Command(caseworker, LATER), referral_id, "sex", reason="Not needed")
    assert sealed_documents(referral_id)[0]["sex"] == "F"


def test_leaving_a_value_empty_keeps_what_is_recorded_and_needs_a_reason(caseworker: Actor) -> None:
    referral_id = unread(caseworker, date_of_birth="31/02/1990")
    born = sealed_documents(referral_id)[0]["date_of_birth"]
    with pytest.raises(InvalidInput):
        given_values.dismiss_given_value(Command(caseworker, LATER), referral_id, "date_of_birth", reason=" ")
    given_values.dismiss_given_value(
        Command(caseworker, LATER), referral_id, "date_of_birth", reason="The person told us"
    )
    assert sealed_documents(referral_id)[0]["date_of_birth"] == born
    assert as_given(referral_id) == {}
    assert make.events_of(referral_id, caseworker, "story")[-1] == "referral.value_left_empty"


def test_the_task_ends_with_its_last_column(caseworker: Actor) -> None:
    referral_id = unread(caseworker, sex="?", vulnerable="perhaps")
    feed_conflict(referral_id, "sex", "vulnerable", at=make.MONDAY)
    use(referral_id, caseworker, "sex", "F")
    assert TaskKind.FEED_CONFLICT in make.open_tasks(referral_id, caseworker)
    given_values.dismiss_given_value(Command(caseworker, LATER), referral_id, "vulnerable", reason="No")
    assert TaskKind.FEED_CONFLICT not in make.open_tasks(referral_id, caseworker)


def test_a_protective_answer_is_not_settled_by_ticking_its_task_off(caseworker: Actor) -> None:
    referral_id = unread(caseworker, domestic_abuse="see notes")
    task_id = feed_conflict(referral_id, "domestic_abuse", at=make.MONDAY)
    with pytest.raises(TransitionNotAllowed, match="could not be read"):
        tasks.tick_off_task(Command(caseworker, LATER), referral_id, task_id=task_id)
    assert TaskKind.FEED_CONFLICT in make.open_tasks(referral_id, caseworker)


def test_an_ordinary_correction_settles_what_it_changes_and_nothing_else(caseworker: Actor) -> None:
    referral_id = unread(caseworker, date_of_birth="31/02/1990", domestic_abuse="see notes")
    corrections.correct_details(Command(caseworker, LATER), referral_id, {"date_of_birth": "1990-02-27"})
    assert as_given(referral_id) == {"domestic_abuse": "see notes"}


def test_keeping_our_value_changes_nothing_but_the_task(caseworker: Actor) -> None:
    referral_id = make.assigned(caseworker)
    feed_conflict(referral_id, "district", at=make.MONDAY)
    before = sealed_documents(referral_id)
    given_values.keep_recorded_value(Command(caseworker, LATER), referral_id, "district", reason=None)
    assert TaskKind.FEED_CONFLICT not in make.open_tasks(referral_id, caseworker)
    assert (sealed_documents(referral_id), make.referral(referral_id, caseworker).district) == (
        before,
        "Stafford",
    )


def test_a_column_that_nobody_asks_about_is_not_used(caseworker: Actor) -> None:
    referral_id = make.assigned(caseworker)
    with pytest.raises(TransitionNotAllowed):
        use(referral_id, caseworker, "district", "Lichfield")


def test_recording_safe_contact_settles_the_answer_that_could_not_be_read(caseworker: Actor) -> None:
    referral_id = unread(caseworker, safe_to_contact="after six", sex="?")
    make.record_plan(referral_id, caseworker, make.safe_to_phone())
    assert as_given(referral_id) == {"sex": "?"}


def test_recording_consent_to_contact_settles_the_answer_that_could_not_be_read(caseworker: Actor) -> None:
    referral_id = unread(caseworker, consent_to_referral="maybe")
    sharing = ConsentAnswer(
        purpose=ConsentPurpose.SURVEY, agreed=True, how=ConsentHow.SPOKEN, given_at=make.MONDAY
    )
    consents.record_consent(Command(caseworker, LATER), referral_id, sharing)
    assert as_given(referral_id) == {"consent_to_referral": "maybe"}
    answer = ConsentAnswer(
        purpose=ConsentPurpose.CONTACT, agreed=True, how=ConsentHow.SPOKEN, given_at=make.MONDAY
    )
    consents.record_consent(Command(caseworker, LATER), referral_id, answer)
    assert as_given(referral_id) == {}


def test_domestic_abuse_that_is_learned_later_holds_a_referral_whose_person_was_not_asked(
    caseworker: Actor,
) -> None:
    referral_id = make.assigned(caseworker, agreed=None)
    seal_documents(referral_id, referral={"as_given": {"domestic_abuse": "see notes"}})
    use(referral_id, caseworker, "domestic_abuse", True, "The officer says yes")
    referral = make.referral(referral_id, caseworker)
    assert (referral.state, referral.held_reason) == (
        ReferralState.HELD,
        HeldReason.EXPLICIT_CONSENT_NEEDED,
    )


def test_an_answer_that_opens_enhanced_rights_becomes_a_fact(caseworker: Actor, owner: Owner) -> None:
    referral_id = unread(caseworker, intimidated="tbd")
    use(referral_id, caseworker, "intimidated", True, "The person says so")
    with owner() as session:
        facts = session.scalars(
            select(CaseFacts)
            .where(CaseFacts.referral_id == referral_id)
            .order_by(CaseFacts.recorded_at, CaseFacts.sequence)
        ).all()
    assert [period["category"] for period in facts[-1].enhanced] == ["vulnerable_or_intimidated"]
    assert facts[-1].enhanced[0]["from"] == "2026-03-02"


def test_what_is_recorded_as_no_crime_opens_no_clocks_of_the_code(
    caseworker: Actor, owner: Owner, make_actor: MakeActor
) -> None:
    referral_id = unread(caseworker, recorded_as="ASB?")
    with pytest.raises(InvalidInput, match="only a senior"):
        use(referral_id, caseworker, "recorded_as", "asb", "The officer says so")
    use(referral_id, make_actor(Role.SENIOR), "recorded_as", "asb", "The officer says so")
    with owner() as session:
        facts = session.scalars(
            select(CaseFacts.opens_code_clocks)
            .where(CaseFacts.referral_id == referral_id)
            .order_by(CaseFacts.recorded_at, CaseFacts.sequence)
        ).all()
    assert list(facts) == [True, False]


def test_no_is_an_answer_that_is_kept(caseworker: Actor) -> None:
    referral_id = make.assigned(caseworker)
    changed = corrections.correct_details(
        Command(caseworker, LATER), referral_id, {"children_present": False}
    )
    assert changed == ("children_present",)
    assert sealed_documents(referral_id)[1]["children_present"] is False
    again = corrections.correct_details(Command(caseworker, LATER), referral_id, {"children_present": False})
    assert again == ()


def test_the_day_of_a_grade_given_again_keeps_its_time(caseworker: Actor) -> None:
    referral_id = make.assigned(caseworker)
    graded_at = "2026-07-01T23:30:00+00:00"
    seal_documents(referral_id, referral={"risk_assessed_at": graded_at})
    changes = {"risk_assessed_at": "2026-07-02"}
    assert corrections.correct_details(Command(caseworker, LATER), referral_id, changes) == ()
    assert sealed_documents(referral_id)[1]["risk_assessed_at"] == graded_at


def test_a_second_phone_that_is_corrected_leaves_the_plan_as_it_is(caseworker: Actor) -> None:
    referral_id = make.assigned(caseworker)
    version = make.plan_version(referral_id, caseworker)
    corrections.correct_details(Command(caseworker, LATER), referral_id, {"phone_2": "07700 900123"})
    assert make.plan_version(referral_id, caseworker) == version
