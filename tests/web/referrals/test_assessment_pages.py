"""The pages of a triage assessment: the rules told before sending, wrong answers, the review, MARAC."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import func, select

from tests.factories import casework as make
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from tests.plumbing.pages import send, text_of, title_of
from tests.plumbing.sign_in import sign_in
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.database.current import current_settings
from victim_gateway.database.transaction import transaction
from victim_gateway.models import AuditEntry, Referral, TriageAssessment
from victim_gateway.queries.onward_referrals.handover import gather_handover_source
from victim_gateway.services.referrals.corrections import correct_details
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import Risk, Role


def at_recently() -> datetime:
    return times.now() - timedelta(hours=2)


def day_parts(name: str, day: date) -> dict[str, str]:
    return {f"{name}-{part}": str(getattr(day, part)) for part in ("day", "month", "year")}


def answers(**overrides: Any) -> dict[str, Any]:
    return {
        **{f"need_{key}": "1" for key, _ in current_settings().area.needs.areas},
        "risk": "standard",
        "wants_restorative_justice": "no",
        **day_parts("assessed_on", times.london_date(times.now())),
        **overrides,
    }


def test_the_rules_and_the_reasons_stand_beside_the_questions_before_anything_is_sent(
    caseworker_browser: FlaskClient, caseworker: Actor, owner: Owner
) -> None:
    referral_id = make.in_contact(caseworker, at=at_recently())
    with owner() as session:
        session.get_one(Referral, referral_id).officer_grade = "high"
    page = caseworker_browser.get(f"/referrals/{referral_id}/assessment/new")
    shown = text_of(page)
    for phrase in (
        "it has happened again",
        "the DASH score is 14 or more",
        "there were 3 or more incidents in the last 12 months",
        "never lower it",
        "The officer's grade is high",
        "A senior caseworker reads it",
        "Children who see or hear domestic abuse are victims of it themselves",
        "Giving evidence as a witness",
    ):
        assert phrase in shown
    assert "Security of the premises" not in shown
    assert 'data-risk-rules="[{' in page.get_data(as_text=True)


def test_a_grade_that_became_higher_than_ours_is_said_until_it_is_answered(
    caseworker_browser: FlaskClient, caseworker: Actor, owner: Owner
) -> None:
    referral_id = make.in_contact(caseworker, at=at_recently())
    address, warning = f"/referrals/{referral_id}/assessment", "The officer's grade is higher than ours now"
    assert send(caseworker_browser, f"{address}/new", answers()).status_code == 302
    assert warning not in text_of(caseworker_browser.get(address))
    with owner() as session:
        session.get_one(Referral, referral_id).officer_grade = "medium"
    assert warning in text_of(caseworker_browser.get(address))
    refused = send(caseworker_browser, f"{address}/new", answers())
    assert "Say why the risk is lower than the officer's grade, medium" in text_of(refused)
    lower = answers(below_officer_reason="They moved")
    assert send(caseworker_browser, f"{address}/new", lower).status_code == 302
    shown = text_of(caseworker_browser.get(address))
    assert warning not in shown
    assert "the referral keeps the officer's grade: medium risk" in shown


TOMORROW = times.london_date(times.now()) + timedelta(days=1)


WRONG_ANSWERS: tuple[tuple[dict[str, Any], str], ...] = (
    ({"dash_score": "40"}, "Enter a DASH score from 0 to 24"),
    ({"dash_score": "lots"}, "Enter a whole number, like 3"),
    ({"dash_score": "99999999999999999999"}, "Enter a DASH score from 0 to 24"),
    ({"dash_score": "5", "dash_by": "gateway"}, "Enter the day of the DASH"),
    ({"dash_score": "5", **day_parts("dash_on", date(2026, 3, 1))}, "Choose who did the DASH"),
    ({"dash_score": "5", "dash_by": "them"}, "Choose who did the DASH"),
    (
        {"dash_score": "5", "dash_by": "police", **day_parts("dash_on", TOMORROW)},
        "The day of the DASH must be today or in the past",
    ),
    (day_parts("dash_on", date(2026, 3, 1)), "Enter the score, or take out the day of the DASH"),
    (
        {"dash_ticked": ["1", "2"], "dash_score": "5", "dash_by": "police"},
        "Enter 2, as many as you ticked, or take out the ticks",
    ),
    ({"incidents": "-3"}, "Enter a number of incidents from 0 to 999"),
    ({"incidents": "3"}, "Choose at least high risk, because there were 3 or more incidents"),
    ({"children": "yes", "ages": "19"}, "somebody of 19 is no child"),
    ({"children": "yes", "ages": "three"}, "Enter ages as numbers with commas"),
    ({"children": "yes"}, "Enter how many children there are"),
    ({"communication": "interpreter"}, "Enter the language of the interpreter"),
    ({"wanted": "a_pony"}, "Choose from the answers"),
    ({"risk": "high", "risk_grounds": "professional_judgement"}, "Say why your judgement raises"),
    ({"risk_reason": "x" * 5001}, "Shorten this to 5,000 characters"),
)


def test_a_wrong_answer_is_told_at_its_field_and_nothing_is_saved(
    caseworker_browser: FlaskClient, caseworker: Actor, owner: Owner
) -> None:
    referral_id = make.in_contact(caseworker, at=at_recently())
    for typed, message in WRONG_ANSWERS:
        page = send(caseworker_browser, f"/referrals/{referral_id}/assessment/new", answers(**typed))
        assert page.status_code == 422, typed
        assert message in text_of(page)
        with owner() as session:
            assert session.scalar(select(func.count()).select_from(TriageAssessment)) == 0, typed


def test_ticked_indicators_are_counted_and_only_their_number_is_kept(
    caseworker_browser: FlaskClient, caseworker: Actor, owner: Owner
) -> None:
    referral_id = make.in_contact(caseworker, at=at_recently())
    ticked = answers(
        dash_ticked=[str(number) for number in range(1, 16)],
        dash_by="gateway",
        risk="high",
        children="yes",
        ages="3, 7",
        safeguarding="needed",
        wanted=["feel_safer"],
        **day_parts("dash_on", times.london_date(times.now())),
    )
    done = send(caseworker_browser, f"/referrals/{referral_id}/assessment/new", ticked)
    assert done.status_code == 302
    shown = text_of(caseworker_browser.get(done.location))
    for phrase in (
        "15 of 24",
        "by us",
        "The DASH score",
        "2, aged 3, 7",
        "To feel safer at home or outside",
        "A senior caseworker has not reviewed this yet",
        "Make the safeguarding referral for the children",
        "You can refer on meanwhile",
    ):
        assert phrase in shown
    overview = text_of(caseworker_browser.get(f"/referrals/{referral_id}"))
    assert "A senior caseworker reviews the assessment" in overview
    assert "Make a safeguarding referral for the children" in overview
    again = answers(risk="high", risk_grounds="repeat", need_finance_and_benefits="3")
    assert send(caseworker_browser, f"/referrals/{referral_id}/assessment/new", again).status_code == 302
    changed = text_of(caseworker_browser.get(f"/referrals/{referral_id}/assessment"))
    assert "What changed since version 1" in changed
    assert "Finance and benefits: Urgent need ; it was Some need" in changed.replace("need;", "need ;")
    with owner() as session:
        kept = session.scalars(select(TriageAssessment).order_by(TriageAssessment.version)).first()
    assert kept is not None
    assert (kept.dash_score, kept.risk_grounds) == (15, ["dash_score"])


def test_a_review_that_waits_says_why_and_who_can_do_it_whoever_asked_for_it(
    caseworker_browser: FlaskClient, caseworker: Actor, make_actor: MakeActor, owner: Owner
) -> None:
    referral_id = make.in_contact(caseworker, at=at_recently())
    address, at = f"/referrals/{referral_id}/assessment", times.now() - timedelta(minutes=30)
    with owner() as session:
        session.get_one(Referral, referral_id).officer_grade = "medium"
    make.assess(referral_id, caseworker, at=at, below_officer_reason="They moved")
    # The second version has no cause of its own, and the review of the first is open all the same.
    make.assess(referral_id, caseworker, at=at, risk=Risk.MEDIUM)
    shown = text_of(caseworker_browser.get(address))
    assert "A senior caseworker has not reviewed this yet" in shown
    assert "version 1 asked for it: in it the risk is lower than the officer's grade" in shown
    assert "You made this assessment, so you can't review it, and there is no other senior" in shown
    assert "Ask an administrator to give a colleague" in shown
    senior_actor = make_actor(Role.SENIOR)
    shown = text_of(caseworker_browser.get(address))
    assert f"{senior_actor.name} can review it" in shown
    senior = caseworker_browser.application.test_client()
    sign_in(senior, owner, senior_actor)
    assert "Review the assessment" in text_of(senior.get(address))
    # The language that was said last is asked about next, and a need for an interpreter stays.
    said = answers(risk="medium", communication="interpreter", interpreter_language="Polish")
    assert send(caseworker_browser, f"{address}/new", said).status_code == 302
    correct_details(
        Command(caseworker, times.now()), referral_id, {"language": "Ukrainian"}, reason="She told us"
    )
    form = caseworker_browser.get(f"{address}/new").get_data(as_text=True)
    assert 'value="Ukrainian"' in form
    assert 'value="Polish"' not in form
    with transaction(caseworker) as session:
        given = gather_handover_source(session, referral_id, on=times.london_date(times.now()))
    assert (given.language, given.interpreter_needed) == ("Ukrainian", True)


def test_a_senior_sends_it_back_with_a_comment_and_a_colleague_can_not(
    caseworker_browser: FlaskClient, caseworker: Actor, make_actor: MakeActor, owner: Owner
) -> None:
    referral_id = make.in_contact(caseworker, at=at_recently())
    make.assess(referral_id, caseworker, at=times.now() - timedelta(minutes=30), risk=Risk.HIGH)
    address = f"/referrals/{referral_id}/assessment/review"
    assert caseworker_browser.get(address).status_code == 403
    assert caseworker_browser.get("/work/reviews").status_code == 403
    senior = caseworker_browser.application.test_client()
    sign_in(senior, owner, make_actor(Role.SENIOR))
    reference = make.referral(referral_id, caseworker).reference
    listed = senior.get("/work/reviews")
    assert reference in text_of(listed)
    assert "Robin" not in text_of(listed)
    assert reference in title_of(senior.get(address))
    assert "Choose whether you agree" in text_of(send(senior, address, {}))
    assert "Say what has to be looked at again" in text_of(send(senior, address, {"answer": "send_back"}))
    done = send(senior, address, {"answer": "send_back", "comment": "Ask about the <b>children</b>"})
    assert done.status_code == 302
    assert "Ask about the &lt;b&gt;children" in senior.get(done.location).get_data(as_text=True)
    assert "Nothing to review here" in text_of(senior.get(address))
    form = text_of(caseworker_browser.get(f"/referrals/{referral_id}/assessment/new"))
    assert "A senior caseworker sent this back" in form
    with owner() as session:
        audited = set(session.scalars(select(AuditEntry.action)))
    assert {"triage.sent_back", "reviews.viewed", "referral.viewed"} <= audited


def test_marac_is_decided_on_its_page_and_stands_on_every_page_of_the_person(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    referral_id = make.in_contact(caseworker, at=at_recently(), flags=frozenset({"domestic_abuse"}))
    make.assess(referral_id, caseworker, at=times.now() - timedelta(minutes=30), risk=Risk.HIGH)
    address, today = f"/referrals/{referral_id}/marac", times.london_date(times.now())
    overview = caseworker_browser.get(f"/referrals/{referral_id}")
    assert "Decide whether to refer to MARAC" in text_of(overview)
    for typed, message in (
        ({}, "Choose whether you refer them"),
        ({"is_referred": "yes", **day_parts("decided_on", today)}, "Choose why you refer them"),
        ({"is_referred": "no", **day_parts("decided_on", today)}, "Say why you do not refer them"),
        ({"is_referred": "yes", "reasons": "score"}, "Enter the day you decided"),
    ):
        page = send(caseworker_browser, address, typed)
        assert (page.status_code, message in text_of(page)) == (422, True)
    said = {"is_referred": "yes", "reasons": ["score", "judgement"], **day_parts("decided_on", today)}
    assert send(caseworker_browser, address, said).status_code == 302
    shown = caseworker_browser.get(address)
    assert "Referred to MARAC" in text_of(shown)
    assert "MARAC: referred" in text_of(caseworker_browser.get(f"/referrals/{referral_id}/notes"))
    outcome = shown.get_data(as_text=True).partition(f'href="{address}/')[2].partition('"')[0]
    early = {"outcome": "heard", **day_parts("meeting_on", TOMORROW)}
    assert send(caseworker_browser, f"{address}/{outcome}", early).status_code == 422
    heard = {"outcome": "heard", "actions": "Alarm fitted", **day_parts("meeting_on", today)}
    assert send(caseworker_browser, f"{address}/{outcome}", heard).status_code == 302
    assert "Alarm fitted" in text_of(caseworker_browser.get(address))
    assert "Nothing is open here" in text_of(caseworker_browser.get(f"{address}/{outcome}"))
    timeline = text_of(caseworker_browser.get(f"/referrals/{referral_id}/timeline"))
    assert "Why: Professional judgement; The DASH score" in timeline
    assert "It was heard at the meeting" in timeline
    assert "MARAC: heard" in text_of(caseworker_browser.get(f"/referrals/{referral_id}"))
