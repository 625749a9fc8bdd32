"""The rights conversation in one go, a promise kept back for safety, the sheet, complaints."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from tests.factories import casework as make
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from tests.plumbing.pages import hidden_of, main_of, send, text_of, title_of
from tests.plumbing.sign_in import sign_in
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.errors import NotAllowed, NotFound, TransitionNotAllowed
from victim_gateway.models import Complaint, EntitlementClock, Referral, User, Withholding
from victim_gateway.services.referrals import complaints, withholdings
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import Role


def day_of(field: str, days_ago: int = 0) -> dict[str, Any]:
    day = times.london_date(times.now() - timedelta(days=days_ago))
    return {f"{field}-{part}": getattr(day, part) for part in ("day", "month", "year")}


def reported(caseworker: Actor, days_ago: int = 30, **changes: Any) -> UUID:
    """A referral of a crime that was reported to the police."""
    at = times.now() - timedelta(days=days_ago)
    return make.assigned(caseworker, at=at, reported_at=at - timedelta(hours=2), **changes)


def test_one_page_asks_what_applies_and_records_every_answer_in_one_go(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    referral_id = reported(caseworker)
    page = f"/referrals/{referral_id}/rights/conversation"
    clock = {
        name: make.clock(referral_id, name, caseworker).id.hex
        for name in ("written_acknowledgement", "vps_opportunity_offered", "rights_information_given")
    }
    opened = caseworker_browser.get(page)
    assert "Say this first" in text_of(opened)
    assert "something in writing from the police" in text_of(opened)
    assert "somebody was arrested" not in text_of(opened)

    def sent(**answers: Any) -> Any:
        return send(caseworker_browser, page, answers)

    assert "Answer at least one question" in text_of(sent())
    acknowledged = clock["written_acknowledgement"]
    without_day = sent(**{f"answer_{acknowledged}": "yes"})
    assert without_day.status_code in (400, 422)
    assert f'href="#told_on_{acknowledged}-day"' in main_of(without_day)
    early = sent(**{f"answer_{acknowledged}": "yes", **day_of(f"told_on_{acknowledged}", 60)})
    assert "on or after" in text_of(early)
    assert sent(**{f"answer_{acknowledged}": "sure"}).status_code == 422
    saved = sent(
        **{
            f"answer_{acknowledged}": "yes",
            **day_of(f"told_on_{acknowledged}", 2),
            f"answer_{clock['vps_opportunity_offered']}": "no",
            f"answer_{clock['rights_information_given']}": "not_sure",
            "said": "Nobody rang me back.",
        }
    )
    assert saved.status_code == 302
    assert make.clock(referral_id, "written_acknowledgement", caseworker).status == "met"
    assert make.clock(referral_id, "vps_opportunity_offered", caseworker).stopped_at is None
    late = caseworker_browser.post(
        page,
        data={
            **dict(hidden_of(caseworker_browser.get(page))),
            f"answer_{acknowledged}": "no",
            f"answer_{clock['vps_opportunity_offered']}": "no",
        },
    )
    assert (late.status_code, "A promise has changed since" in text_of(late)) == (409, True)
    again = text_of(caseworker_browser.get(page))
    assert "they said: no" in again and "they said: they are not sure" in again
    assert "Done already: " in again
    assert "Nobody rang me back." in text_of(caseworker_browser.get(f"/referrals/{referral_id}/timeline"))


def test_a_sheet_is_given_only_where_it_is_safe_and_says_nothing_of_the_case(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    referral_id = reported(caseworker, days_ago=2)
    page = f"/referrals/{referral_id}/rights/sheet"
    assert "Choose how they get it" in text_of(send(caseworker_browser, page, {}))
    posted = send(caseworker_browser, page, {"delivery": "by_post", "is_safe_at_home": "y"})
    assert posted.status_code != 302
    assert "It can't be posted. This way of contact is not recorded as safe." in text_of(posted)
    unasked = send(caseworker_browser, page, {"delivery": "by_hand"})
    assert "Ask whether the sheet is safe where they live" in text_of(unasked)
    given = send(caseworker_browser, page, {"delivery": "by_hand", "is_safe_at_home": "y"})
    sheet = caseworker_browser.get(given.headers["Location"])
    head = make.referral(referral_id, caseworker)
    printed = sheet.text[sheet.text.index('<article class="vg-sheet">') :].partition("</article>")[0]
    assert "In danger now: ring 999" in printed and "0330 0881 339" in printed
    for secret in (head.reference, "Testcase", "Burglary", str(referral_id)):
        assert secret not in printed
    assert title_of(sheet) == "Your rights"
    asked = {"delivery": "by_hand", "is_safe_at_home": "y", "with_reference": "y"}
    assert head.reference in text_of(
        caseworker_browser.get(send(caseworker_browser, page, asked).headers["Location"])
    )
    assert "Rights sheet printed to be given" in text_of(
        caseworker_browser.get(f"/referrals/{referral_id}/timeline")
    )
    another = reported(caseworker, days_ago=2)
    assert (
        caseworker_browser.get(given.headers["Location"].replace(str(referral_id), str(another))).status_code
        == 404
    )
    abused = reported(caseworker, days_ago=2, flags=frozenset({"domestic_abuse"}))
    refused = send(caseworker_browser, f"/referrals/{abused}/rights/sheet", asked)
    assert "After domestic abuse nothing about the case" in text_of(refused)


def test_a_promise_is_kept_back_once_another_senior_says_yes_and_is_looked_at_again(
    caseworker_browser: FlaskClient,
    caseworker: Actor,
    make_actor: MakeActor,
    owner: Owner,
    worker_actor: Actor,
) -> None:
    referral_id = reported(caseworker)
    clock = make.clock(referral_id, "vps_opportunity_offered", caseworker)
    rights, talk = f"/referrals/{referral_id}/rights", f"/referrals/{referral_id}/rights/conversation"
    page = f"{rights}/{clock.id}/keep-back"
    soon = day_of("review_on", -14)
    assert "Enter why it is not safe" in text_of(send(caseworker_browser, page, soon))
    for days_ago, said in ((0, "after today"), (-200, "within 92 days"), (3, "today or in the future")):
        wrong = send(caseworker_browser, page, {"reason": "He reads it", **day_of("review_on", days_ago)})
        assert said in text_of(wrong), days_ago
    assert send(caseworker_browser, page, {"reason": "He reads it", **soon}).status_code == 302
    again = send(caseworker_browser, page, {"reason": "He reads it", **soon})
    assert "kept back already" in text_of(again)
    opened = text_of(caseworker_browser.get(talk))
    assert "Do not mention these now" in opened and "Did the police offer you to make" not in opened
    assert make.clock(referral_id, "vps_opportunity_offered", caseworker).status == "running"
    with owner() as session:
        withholding = session.scalars(select(Withholding)).one()
        assert b"He reads it" not in withholding.sealed
    decide, review = (f"{rights}/kept-back/{withholding.id}/{step}" for step in ("decide", "review"))
    assert caseworker_browser.get(decide).status_code == 403

    senior = make_actor(Role.SENIOR)
    sign_in(caseworker_browser, owner, senior)
    assert "Enter why you decide so" in text_of(send(caseworker_browser, decide, {"decision": "yes"}))
    assert send(caseworker_browser, decide, {"decision": "yes", "reason": "So it is"}).status_code == 302
    assert caseworker_browser.get(decide).status_code == 200
    stopped = make.clock(referral_id, "vps_opportunity_offered", caseworker)
    assert stopped.status == "withheld_for_safety"
    shown = text_of(caseworker_browser.get(rights))
    assert "He reads it" in shown and "it has been withheld since" in shown

    now = times.now()
    assert withholdings.open_due_reviews(Command(worker_actor, now)) == 0
    assert withholdings.open_due_reviews(Command(worker_actor, now + timedelta(days=14))) == 1
    assert withholdings.open_due_reviews(Command(worker_actor, now + timedelta(days=14))) == 0
    assert "Look again at a promise" in text_of(caseworker_browser.get(f"/referrals/{referral_id}"))
    assert "Enter when we look again" in text_of(
        send(caseworker_browser, review, {"decision": "no", "reason": "Not yet"})
    )
    later = day_of("review_on", -30)
    assert (
        send(caseworker_browser, review, {"decision": "no", "reason": "Not yet", **later}).status_code == 302
    )
    assert send(caseworker_browser, review, {"decision": "yes", "reason": "He left"}).status_code == 302
    assert make.clock(referral_id, "vps_opportunity_offered", caseworker).status == "running"
    assert caseworker_browser.get(review).status_code == 404
    assert "Did the police offer you to make" in text_of(caseworker_browser.get(talk))


def test_a_senior_does_not_decide_about_what_they_asked_for(make_actor: MakeActor, owner: Owner) -> None:
    senior = make_actor(Role.SENIOR)
    referral_id = reported(senior)
    clock = make.clock(referral_id, "vps_opportunity_offered", senior)
    command = Command(senior, times.now())
    review_on = times.london_date(times.now()) + timedelta(days=7)
    withholding_id = withholdings.ask_withholding(
        command, referral_id, clock_id=clock.id, reason="He reads it", review_on=review_on
    )
    for actor, refusal in ((senior, TransitionNotAllowed), (make_actor(Role.CASEWORKER), NotAllowed)):
        with pytest.raises(refusal):
            withholdings.decide_withholding(
                Command(actor, times.now()),
                referral_id,
                withholding_id=withholding_id,
                agreed=True,
                reason="Yes",
            )
    with pytest.raises(NotFound):
        withholdings.decide_withholding(
            Command(make_actor(Role.SENIOR), times.now()),
            reported(senior),
            withholding_id=withholding_id,
            agreed=True,
            reason="Yes",
        )


def test_a_complaint_runs_by_the_codes_clocks_until_the_person_knows_what_comes_next(
    caseworker_browser: FlaskClient,
    caseworker: Actor,
    make_actor: MakeActor,
    owner: Owner,
    worker_actor: Actor,
) -> None:
    referral_id = reported(caseworker)
    rights = f"/referrals/{referral_id}/rights"
    about_police = {"received_from": "person", "about": "police", "summary": "Nobody rang me."}
    empty = text_of(send(caseworker_browser, f"{rights}/complaints/new", {}))
    for said in ("Enter the day it was received", "Choose who it is about", "Enter what the complaint"):
        assert said in empty
    tomorrow = {**about_police, **day_of("received_on", -1)}
    assert "today or in the past" in text_of(send(caseworker_browser, f"{rights}/complaints/new", tomorrow))
    nameless = {**about_police, "about": "provider", **day_of("received_on", 5)}
    assert "Choose the provider" in text_of(send(caseworker_browser, f"{rights}/complaints/new", nameless))
    typed = {**about_police, **day_of("received_on", 5)}
    page = send(caseworker_browser, f"{rights}/complaints/new", typed).headers["Location"]
    assert "Nobody rang me." in text_of(caseworker_browser.get(page))
    assert make.clock(referral_id, "complaint_acknowledged", caseworker).status == "running"
    with owner() as session:
        assert b"Nobody rang" not in session.scalars(select(Complaint)).one().sealed

    now = times.now()
    assert complaints.open_due_complaints(Command(worker_actor, now - timedelta(days=5))) == 0
    assert complaints.open_due_complaints(Command(worker_actor, now + timedelta(days=20))) == 1
    assert complaints.open_due_complaints(Command(worker_actor, now + timedelta(days=20))) == 0
    assert "A complaint is due" in text_of(caseworker_browser.get(f"/referrals/{referral_id}"))

    early = {**day_of("on", 9), "grade": "partner_statement"}
    assert "the step before" in text_of(send(caseworker_browser, f"{page}/acknowledge", early))
    ours = {**day_of("on", 2), "grade": "system_record"}
    assert "this complaint is not about us" in text_of(send(caseworker_browser, f"{page}/acknowledge", ours))
    heard = {**day_of("on", 2), "grade": "victim_report"}
    assert send(caseworker_browser, f"{page}/acknowledge", heard).status_code == 302
    assert "has changed since" in text_of(send(caseworker_browser, f"{page}/acknowledge", heard))
    assert make.clock(referral_id, "complaint_acknowledged", caseworker).status == "met"
    answer = {**day_of("on", 1), "grade": "partner_statement", "outcome": "upheld", "text": "They are sorry."}
    assert send(caseworker_browser, f"{page}/answer", answer).status_code == 302
    assert "Parliamentary and Health Service Ombudsman" in text_of(caseworker_browser.get(page))
    assert send(caseworker_browser, f"{page}/next-step", day_of("on")).status_code == 302
    assert "A complaint is due" not in text_of(caseworker_browser.get(f"/referrals/{referral_id}"))

    about_us = {**typed, "about": "gateway", "summary": "My caseworker was rude."}
    own = send(caseworker_browser, f"{rights}/complaints/new", about_us).headers["Location"]
    assert "rude" not in text_of(caseworker_browser.get(own))
    assert caseworker_browser.get(f"{own}/answer").status_code == 403
    assert caseworker_browser.get("/complaints").status_code == 403
    with pytest.raises(NotAllowed):
        complaints.close_complaint(
            Command(caseworker, now), referral_id, complaint_id=UUID(own.rpartition("/")[2]), on=now.date()
        )
    senior = make_actor(Role.SENIOR)
    sign_in(caseworker_browser, owner, senior)
    listed = text_of(caseworker_browser.get("/complaints"))
    assert "complaint 2" in listed and "complaint 1" not in listed and "Testcase" not in listed
    assert "rude" in text_of(caseworker_browser.get(own))
    # Of a referral of her own another senior caseworker answers; where there is none, it is on record that she did.
    other = make_actor(Role.SENIOR, name="Ola Other")
    with owner() as session:
        session.execute(
            update(Referral).where(Referral.id == referral_id).values(assigned_to_id=senior.user_id)
        )
    shown = text_of(caseworker_browser.get(own))
    assert "another senior caseworker has to see to it: Ola Other" in shown and "takes it back" not in shown
    refused = send(caseworker_browser, f"{own}/withdraw", day_of("on"))
    assert "about a referral of your own" in text_of(refused)
    with owner() as session:
        session.execute(update(User).where(User.id == other.user_id).values(disabled_at=now))
    assert "There is no other senior caseworker" in text_of(caseworker_browser.get(own))
    assert send(caseworker_browser, f"{own}/withdraw", day_of("on")).status_code == 302
    last = text_of(caseworker_browser.get(f"/referrals/{referral_id}/timeline"))
    assert "By who has the referral: there was no other senior caseworker" in last
    assert "No complaint is open" in text_of(caseworker_browser.get("/complaints"))
    with owner() as session:
        clocks = session.scalars(
            select(EntitlementClock.status).where(
                EntitlementClock.entitlement_id == "complaint_acknowledged",
                EntitlementClock.referral_id == referral_id,
            )
        )
        assert sorted(clocks) == ["declined", "met"]
