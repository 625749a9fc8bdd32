"""What an assessment sets off: the queue's order, a senior's review, MARAC and its repeat, children."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from tests.factories import casework as make
from tests.factories.casework import DAY, HOUR, MONDAY
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.database import encrypted_rows
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import (
    InvalidInput,
    NotAllowed,
    NotFound,
    StaleVersion,
    TransitionNotAllowed,
)
from victim_gateway.models import (
    AssessmentReview,
    MaracDecision,
    Person,
    Referral,
    Task,
    TriageAssessment,
)
from victim_gateway.queries.onward_referrals.handover import gather_handover_source
from victim_gateway.queries.referrals.header import referral_header
from victim_gateway.queries.referrals.marac import marac_records
from victim_gateway.queries.referrals.review_list import reviews_waiting
from victim_gateway.queries.referrals.work_queue import QueueFilters, work_queue_page
from victim_gateway.rules.alerts import AlertKind
from victim_gateway.rules.marac import MaracOutcome, MaracReason
from victim_gateway.rules.triage_questions import HouseholdAnswers
from victim_gateway.services.referrals.assessment_reviews import ReviewAnswer, review_assessment
from victim_gateway.services.referrals.corrections import correct_details
from victim_gateway.services.referrals.marac import (
    MaracAnswer,
    MaracResult,
    decide_marac,
    record_marac_outcome,
    take_back_marac,
)
from victim_gateway.services.referrals.triage import DashAnswer
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import NextAction, Risk, Role, TaskKind

TODAY = MONDAY.date()
JUDGED = {"risk": Risk.HIGH, "risk_grounds": ("professional_judgement",), "risk_reason": "Frightened"}


def dash(score: int, on: date = TODAY) -> DashAnswer:
    return DashAnswer(score=score, on=on, by="gateway")


def open_kinds(referral_id: UUID, actor: Actor) -> dict[TaskKind, date | None]:
    with transaction(actor) as session:
        rows = session.execute(
            select(Task.kind, Task.due_on).where(Task.referral_id == referral_id, Task.done_at.is_(None))
        )
        return {row.kind: row.due_on for row in rows}


def grade(owner: Owner, referral_id: UUID, officer_grade: str) -> None:
    """What the officer graded, as the feed writes it."""
    with owner() as session:
        session.get_one(Referral, referral_id).officer_grade = officer_grade


def decide(actor: Actor, referral_id: UUID, **said: Any) -> UUID:
    answer: dict[str, Any] = {"is_referred": True, "decided_on": TODAY, "reasons": (MaracReason.SCORE,)}
    version = make.referral(referral_id, actor).version
    return decide_marac(
        Command(actor, MONDAY + DAY, version=version), referral_id, MaracAnswer(**(answer | said))
    )


def test_the_score_makes_the_risk_and_with_it_the_order_of_the_queue_and_a_review_is_due(
    caseworker: Actor,
) -> None:
    calm = make.in_contact(caseworker)
    make.assess(calm, caseworker, at=MONDAY + HOUR, dash=dash(9))
    worse = make.in_contact(caseworker)
    make.assess(worse, caseworker, at=MONDAY + HOUR, risk=Risk.HIGH, risk_grounds=(), dash=dash(14))
    with transaction(caseworker) as session:
        page = work_queue_page(session, caseworker, "mine", QueueFilters(), today=TODAY)
        kept = session.scalars(select(TriageAssessment).where(TriageAssessment.referral_id == worse)).one()
    assert [row.referral_id for row in page.rows] == [worse, calm]
    with transaction(caseworker) as session:
        assert gather_handover_source(session, worse, on=TODAY).risk_grounds == ()
    assert (kept.risk_grounds, kept.least_risk, kept.review_causes) == (["dash_score"], "high", ["high_risk"])
    assert open_kinds(worse, caseworker) == {
        TaskKind.HIGH_RISK_REVIEW: TODAY + DAY,
        TaskKind.MARAC_DECISION: TODAY + DAY,
    }
    assert open_kinds(calm, caseworker) == {}
    assert make.referral(worse, caseworker).next_action is NextAction.DO_TASK


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"risk": Risk.STANDARD, "dash": dash(40)}, "dash_score"),
        ({"risk": Risk.STANDARD, "dash": dash(5, TODAY + 2 * DAY)}, "dash_on"),
        ({"risk": Risk.STANDARD, "dash": DashAnswer(score=5, on=TODAY, by="them")}, "dash_by"),
        ({"risk": Risk.STANDARD, "incidents": -1}, "incidents"),
        ({"risk": Risk.MEDIUM, "dash": dash(14)}, "risk"),
        ({"risk": Risk.STANDARD, "wanted": ("a_pony",)}, "wanted"),
        ({"household": HouseholdAnswers(children="yes", ages=(18,))}, "ages"),
        ({**JUDGED, "risk_reason": " "}, "risk_reason"),
    ],
)
def test_an_impossible_answer_is_refused_at_its_field(
    caseworker: Actor, said: dict[str, Any], field: str
) -> None:
    referral_id = make.in_contact(caseworker)
    with pytest.raises(InvalidInput) as refused:
        make.assess(referral_id, caseworker, at=MONDAY + HOUR, **said)
    assert field in refused.value.fields


def test_below_the_officers_grade_needs_a_reason_and_counts_only_once_a_senior_agrees(
    caseworker: Actor, make_actor: MakeActor, owner: Owner
) -> None:
    referral_id, senior = make.in_contact(caseworker), make_actor(Role.SENIOR)
    grade(owner, referral_id, "high")
    with pytest.raises(InvalidInput) as refused:
        make.assess(referral_id, caseworker, at=MONDAY + HOUR, risk=Risk.MEDIUM)
    assert "below_officer_reason" in refused.value.fields
    make.assess(referral_id, caseworker, at=MONDAY + HOUR, risk=Risk.MEDIUM, below_officer_reason="Moved")
    assert make.referral(referral_id, caseworker).risk is Risk.HIGH
    review_assessment(Command(senior, MONDAY + DAY, version=1), referral_id, ReviewAnswer(True))
    assert make.referral(referral_id, caseworker).risk is Risk.MEDIUM
    # What a senior agreed to is not asked again; less than it is.
    make.assess(referral_id, caseworker, at=MONDAY + 2 * DAY, risk=Risk.MEDIUM, below_officer_reason="Moved")
    assert make.referral(referral_id, caseworker).risk is Risk.MEDIUM
    assert TaskKind.HIGH_RISK_REVIEW not in open_kinds(referral_id, caseworker)
    make.assess(referral_id, caseworker, at=MONDAY + 3 * DAY, risk=Risk.STANDARD, below_officer_reason="Safe")
    assert make.referral(referral_id, caseworker).risk is Risk.HIGH
    assert TaskKind.HIGH_RISK_REVIEW in open_kinds(referral_id, caseworker)


def test_a_corrected_grade_above_ours_counts_and_asks_to_assess_again_whatever_was_agreed(
    caseworker: Actor, make_actor: MakeActor, owner: Owner
) -> None:
    referral_id, senior = make.in_contact(caseworker), make_actor(Role.SENIOR)
    grade(owner, referral_id, "medium")
    lower = {"risk": Risk.STANDARD, "below_officer_reason": "Moved"}
    make.assess(referral_id, caseworker, at=MONDAY + HOUR, **lower)
    review_assessment(Command(senior, MONDAY + 2 * HOUR, version=1), referral_id, ReviewAnswer(True))
    assert make.referral(referral_id, caseworker).risk is Risk.STANDARD

    def correct(hours: int) -> None:
        correct_details(
            Command(senior, MONDAY + hours * HOUR),
            referral_id,
            {"risk_assessment": "high"},
            reason="They rang",
        )

    correct(3)
    assert make.referral(referral_id, caseworker).risk is Risk.HIGH
    assert set(open_kinds(referral_id, caseworker)) == {TaskKind.ASSESS_AGAIN}
    # The agreement was to medium: against high it is asked again, and until then high counts.
    make.assess(referral_id, caseworker, at=MONDAY + 4 * HOUR, **lower)
    assert make.referral(referral_id, caseworker).risk is Risk.HIGH
    assert set(open_kinds(referral_id, caseworker)) == {TaskKind.HIGH_RISK_REVIEW}
    correct_details(
        Command(senior, MONDAY + 5 * HOUR), referral_id, {"risk_assessment": "medium"}, reason="They erred"
    )
    correct(6)
    with pytest.raises(TransitionNotAllowed, match="became higher after this assessment"):
        review_assessment(Command(senior, MONDAY + 7 * HOUR, version=2), referral_id, ReviewAnswer(True))
    assert make.referral(referral_id, caseworker).risk is Risk.HIGH


def test_a_review_is_answered_once_by_a_senior_who_did_not_write_it(
    caseworker: Actor, make_actor: MakeActor
) -> None:
    author, other = make_actor(Role.SENIOR), make_actor(Role.SENIOR)
    referral_id = make.in_contact(author)
    make.assess(referral_id, author, at=MONDAY + HOUR, **JUDGED)
    agree = ReviewAnswer(True)
    with pytest.raises(NotAllowed, match="You made this assessment yourself"):
        review_assessment(Command(author, MONDAY + DAY, version=1), referral_id, agree)
    with pytest.raises(NotAllowed):
        review_assessment(Command(caseworker, MONDAY + DAY, version=1), referral_id, agree)
    with pytest.raises(StaleVersion):
        review_assessment(Command(other, MONDAY + DAY, version=0), referral_id, agree)
    with pytest.raises(InvalidInput) as refused:
        review_assessment(Command(other, MONDAY + DAY, version=1), referral_id, ReviewAnswer(False, " "))
    assert refused.value.fields == {"comment": "Say what has to be looked at again"}
    with transaction(other) as session:
        waiting, has_more = reviews_waiting(session, other)
    assert [(row.referral_id, row.causes, row.is_own) for row in waiting] == [
        (referral_id, ("high_risk",), False)
    ]
    assert not has_more
    sent_back = ReviewAnswer(False, "Ask about the children")
    review_assessment(Command(other, MONDAY + DAY, version=1), referral_id, sent_back)
    assert set(open_kinds(referral_id, author)) == {TaskKind.ASSESS_AGAIN}
    assert make.referral(referral_id, author).next_action is NextAction.DO_TASK
    with pytest.raises(TransitionNotAllowed):
        review_assessment(Command(other, MONDAY + DAY, version=1), referral_id, agree)
    make.assess(referral_id, author, at=MONDAY + 2 * DAY, **JUDGED)
    assert set(open_kinds(referral_id, author)) == {TaskKind.HIGH_RISK_REVIEW}


def test_a_high_risk_is_lowered_and_marac_no_longer_asked_only_once_a_senior_agrees(
    caseworker: Actor, make_actor: MakeActor
) -> None:
    referral_id, senior = (
        make.in_contact(caseworker, flags=frozenset({"domestic_abuse"})),
        make_actor(Role.SENIOR),
    )
    make.assess(referral_id, caseworker, at=MONDAY + HOUR, **JUDGED)

    def lower(hours: int, risk: Risk = Risk.STANDARD) -> None:
        make.assess(referral_id, caseworker, at=MONDAY + hours * HOUR, risk=risk)
        assert make.referral(referral_id, caseworker).risk is Risk.HIGH
        assert set(open_kinds(referral_id, caseworker)) == {
            TaskKind.HIGH_RISK_REVIEW,
            TaskKind.MARAC_DECISION,
        }

    def review(version: int, hours: int, answer: ReviewAnswer) -> None:
        review_assessment(Command(senior, MONDAY + hours * HOUR, version=version), referral_id, answer)

    # Before a senior looked, after one sent it back, and after one agreed that it is high.
    lower(2)
    review(2, 3, ReviewAnswer(False, "It is not safe yet"))
    assert make.referral(referral_id, caseworker).risk is Risk.HIGH
    lower(4)
    review(3, 5, ReviewAnswer(False, "Still not"))
    make.assess(referral_id, caseworker, at=MONDAY + 6 * HOUR, **JUDGED)
    review(4, 7, ReviewAnswer(True))
    lower(8, Risk.MEDIUM)
    review(5, 9, ReviewAnswer(True))
    assert make.referral(referral_id, caseworker).risk is Risk.MEDIUM
    assert open_kinds(referral_id, caseworker) == {}


def test_the_database_itself_refuses_a_review_of_ones_own_and_any_change_of_one(
    make_actor: MakeActor,
) -> None:
    author, other = make_actor(Role.SENIOR), make_actor(Role.SENIOR)
    referral_id = make.in_contact(author)
    assessment_id = make.assess(referral_id, author, at=MONDAY + HOUR, **JUDGED)

    def add(actor: Actor, by_id: UUID | None) -> None:
        with transaction(actor) as session:
            session.add(
                AssessmentReview(
                    id=uuid4(),
                    assessment_id=assessment_id,
                    referral_id=referral_id,
                    reviewed_at=MONDAY + DAY,
                    by_id=by_id,
                    agreed=True,
                    sealed=None,
                )
            )

    for actor, by_id in ((author, author.user_id), (author, other.user_id), (other, author.user_id)):
        with pytest.raises(DBAPIError):
            add(actor, by_id)
    add(other, other.user_id)
    with pytest.raises(DBAPIError), transaction(other) as session:
        session.scalars(select(AssessmentReview)).one().agreed = False


def test_marac_is_decided_once_heard_and_a_new_incident_within_a_year_is_proposed_as_a_repeat(
    caseworker: Actor, senior: Actor
) -> None:
    referral_id = make.in_contact(caseworker, flags=frozenset({"domestic_abuse"}))
    make.assess(referral_id, caseworker, at=MONDAY + HOUR, **JUDGED)
    assert TaskKind.MARAC_DECISION in open_kinds(referral_id, caseworker)
    assert make.referral(referral_id, caseworker).next_action is NextAction.DO_TASK
    for said, field in (
        ({"reasons": ()}, "reasons"),
        ({"decided_on": TODAY + 5 * DAY}, "decided_on"),
        ({"meeting_on": TODAY - DAY}, "meeting_on"),
        ({"is_referred": False}, "text"),
        ({"text": "x" * 5001}, "text"),
    ):
        with pytest.raises(InvalidInput) as refused:
            decide(caseworker, referral_id, **said)
        assert field in refused.value.fields
    decision_id = decide(caseworker, referral_id, text="They know of it.", meeting_on=TODAY + 9 * DAY)
    assert TaskKind.MARAC_DECISION not in open_kinds(referral_id, caseworker)
    with pytest.raises(TransitionNotAllowed, match="referred to MARAC already"):
        decide(caseworker, referral_id)
    heard = MaracResult(outcome=MaracOutcome.HEARD, meeting_on=TODAY + 9 * DAY, actions="Alarm fitted")
    at = MONDAY + 10 * DAY
    with pytest.raises(NotFound):
        record_marac_outcome(Command(caseworker, at, version=1), referral_id, uuid4(), heard)
    with pytest.raises(InvalidInput):
        record_marac_outcome(Command(caseworker, MONDAY + DAY, version=1), referral_id, decision_id, heard)
    record_marac_outcome(Command(caseworker, at, version=1), referral_id, decision_id, heard)
    with pytest.raises(StaleVersion):
        record_marac_outcome(Command(caseworker, at, version=1), referral_id, decision_id, heard)

    later = MONDAY + 30 * DAY
    person_id = make.referral(referral_id, caseworker).person_id
    again = make.assigned(caseworker, at=later, person={}, person_id=person_id, reported_at=later)
    with transaction(caseworker) as session:
        alerts = referral_header(session, again, at=MONDAY + 31 * DAY, page="overview").alerts
        sealed = session.scalars(select(MaracDecision)).one()
        referral = session.get_one(Referral, referral_id)
        key = encrypted_rows.open_key(session, session.get_one(Person, referral.person_id).key_id)
        source = gather_handover_source(session, referral_id, on=TODAY)
    assert [alert.detail for alert in alerts if alert.kind is AlertKind.MARAC] == [
        "heard 11 Mar 2026, may be a repeat"
    ]
    assert b"Alarm" not in (sealed.sealed_outcome or b"")
    assert encrypted_rows.unseal_row(
        key, "marac_decision.outcome", sealed.id, sealed.sealed_outcome or b""
    ) == {"words": "Alarm fitted"}
    assert "marac" not in repr(source).lower()
    # One that was not accepted later does not hide that meeting.
    later_id = decide(caseworker, referral_id, decided_on=TODAY + DAY)
    refused_it = MaracResult(outcome=MaracOutcome.NOT_ACCEPTED, meeting_on=None)
    record_marac_outcome(Command(caseworker, later, version=1), referral_id, later_id, refused_it)
    with transaction(caseworker) as session:
        alerts = referral_header(session, again, at=MONDAY + 31 * DAY, page="overview").alerts
    assert any(alert.kind is AlertKind.MARAC for alert in alerts)
    version = make.referral(again, caseworker).version
    answer = MaracAnswer(is_referred=True, decided_on=TODAY + 30 * DAY, reasons=(MaracReason.ESCALATION,))
    command = Command(caseworker, MONDAY + 31 * DAY, version=version)
    with pytest.raises(InvalidInput) as refused:
        decide_marac(command, again, answer)
    assert refused.value.fields == {"is_repeat": "Choose whether this is a repeat"}
    # Heard of another person, typed here: taken back by a senior it counts nowhere, and the question is open again.
    record_wrong = {"reason": "It was another person's meeting."}
    for number, each in ((2, decision_id), (2, later_id)):
        taken = Command(caseworker, later, version=number)
        with pytest.raises(InvalidInput, match="only a senior caseworker"):
            take_back_marac(taken, referral_id, each, **record_wrong)
        with pytest.raises(InvalidInput):
            take_back_marac(Command(senior, later, version=number), referral_id, each, reason=" ")
        take_back_marac(Command(senior, later, version=number), referral_id, each, **record_wrong)
        with pytest.raises(TransitionNotAllowed, match="taken back already"):
            take_back_marac(Command(senior, later, version=number + 1), referral_id, each, **record_wrong)
    with transaction(caseworker) as session:
        header = referral_header(session, again, at=MONDAY + 31 * DAY, page="overview")
        records = marac_records(session, person_id, key)
    assert not any(alert.kind is AlertKind.MARAC for alert in header.alerts)
    assert not header.is_marac_repeat
    assert {record.taken_back_because for record in records} == {"It was another person's meeting."}
    assert TaskKind.MARAC_DECISION in open_kinds(referral_id, caseworker)


def test_marac_is_asked_anew_when_the_risk_is_high_again_and_when_abuse_is_recorded_after_it(
    caseworker: Actor, make_actor: MakeActor
) -> None:
    referral_id, senior = (
        make.in_contact(caseworker, flags=frozenset({"domestic_abuse"})),
        make_actor(Role.SENIOR),
    )
    make.assess(referral_id, caseworker, at=MONDAY + HOUR, **JUDGED)
    decide(caseworker, referral_id, is_referred=False, reasons=(), text="They said no")
    # High as before: it was decided.
    make.assess(referral_id, caseworker, at=MONDAY + 2 * DAY, **JUDGED)
    assert TaskKind.MARAC_DECISION not in open_kinds(referral_id, caseworker)
    make.assess(referral_id, caseworker, at=MONDAY + 3 * DAY)
    review_assessment(Command(senior, MONDAY + 4 * DAY, version=3), referral_id, ReviewAnswer(True))
    assert open_kinds(referral_id, caseworker) == {}
    make.assess(referral_id, caseworker, at=MONDAY + 5 * DAY, **JUDGED)
    assert TaskKind.MARAC_DECISION in open_kinds(referral_id, caseworker)

    other = make.in_contact(caseworker)
    make.assess(other, caseworker, at=MONDAY + HOUR, **JUDGED)
    assert TaskKind.MARAC_DECISION not in open_kinds(other, caseworker)
    correct_details(
        Command(caseworker, MONDAY + 2 * HOUR), other, {"domestic_abuse": True}, reason="They told us"
    )
    assert TaskKind.MARAC_DECISION in open_kinds(other, caseworker)


@pytest.mark.parametrize("role", [Role.MANAGER, Role.ADMIN, Role.AUDITOR, Role.PROVIDER])
def test_nobody_but_caseworkers_reads_reviews_and_decisions_about_marac(
    make_actor: MakeActor, role: Role
) -> None:
    actor = make_actor(role, organisation="new-era") if role is Role.PROVIDER else make_actor(role)
    for table in (AssessmentReview, MaracDecision):
        with pytest.raises(DBAPIError), transaction(actor) as session:
            session.scalars(select(table)).all()


def test_children_communication_and_wants_are_sealed_or_coded_and_set_off_what_is_needed(
    caseworker: Actor,
) -> None:
    referral_id = make.in_contact(caseworker)
    said = HouseholdAnswers(
        children="yes",
        number_of_children=2,
        ages=(3, 7),
        children_with="With grandmother",
        safeguarding="needed",
        communication=("interpreter", "carer"),
        language="Polish",
    )
    make.assess(referral_id, caseworker, at=MONDAY + HOUR, household=said, wanted=("money", "feel_safer"))
    assert open_kinds(referral_id, caseworker) == {TaskKind.CHILD_SAFEGUARDING: TODAY}
    with transaction(caseworker) as session:
        kept = session.scalars(select(TriageAssessment)).one()
        source = gather_handover_source(session, referral_id, on=TODAY)
    assert kept.wanted == ["feel_safer", "money"]
    assert b"grandmother" not in (kept.sealed or b"")
    assert (source.language, source.interpreter_needed) == ("Polish", True)
    assert source.communication_needs == "A carer or supporter with them"
    assert make.referral(referral_id, caseworker).interpreter_needed
    made = HouseholdAnswers(children="yes", number_of_children=2, safeguarding="made")
    make.assess(referral_id, caseworker, at=MONDAY + timedelta(hours=3), household=made)
    assert open_kinds(referral_id, caseworker) == {}
