"""A provider's work page by page: worker, attempts, appointments, notes, needs, the close; and what we see of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from flask.testing import FlaskClient
from sqlalchemy import select, update

from tests.integration.onward_referrals.arrange import Given, a_provider, a_referral, offered, onward_row
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from tests.plumbing.moments import hours_ago
from tests.plumbing.pages import hidden_of, main_of, queries_of, send, text_of
from tests.plumbing.sign_in import sign_in
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.models import ServiceAppointment
from victim_gateway.rules.service_records import AppointmentTimes
from victim_gateway.service_record_vocabulary import AppointmentManner, WorkerChangeReason
from victim_gateway.services import onward_referrals
from victim_gateway.services.onward_referrals import AppointmentAnswers, WorkerChange
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import OnwardState, Risk, Role, SafeAnswer

ANY_TIME = {"channels": {"phone": "yes", "voicemail": "no"}, "number": "07700 900123"}
NEEDS = ("mental_and_physical_health", "shelter_and_accommodation")


def test_an_offer_is_answered_on_its_own_page_below_safe_contact_and_errors_stay_there(
    browser: FlaskClient, caseworker: Actor, owner: Owner, given: Given
) -> None:
    onward_id = offered(caseworker, given, at=hours_ago(3))
    address = f"/onward-referrals/{onward_id}"
    page = browser.get(address)
    text = text_of(page)
    order = [
        "Safe contact",
        "What happens next",
        "Accept: you take",
        "Ask the Gateway first",
        "Decline: you can",
    ]
    assert [text.index(part) for part in order] == sorted(text.index(part) for part in order)
    assert main_of(page).count("<details") == main_of(page).count('id="accept" open') + 2

    opened = dict(hidden_of(page))
    wrong = browser.post(f"{address}/decline", data={**opened, "reason_text": "Full."})
    assert wrong.status_code == 422
    assert 'id="decline" open' in wrong.text
    assert 'id="accept" open' not in wrong.text
    assert "Choose why you cannot take the person on" in text_of(wrong)
    assert "Wilma Ashdown" in wrong.text
    outsider = browser.post(f"{address}/accept", data={**opened, "worker": str(uuid4())})
    assert "Choose one of the answers" in text_of(outsider)
    done = browser.post(f"{address}/accept", data={**opened, "worker": str(given.provider.user_id)})
    assert done.headers["Location"] == address
    assert f"{given.provider.name} Nobody" in text_of(browser.get(address))
    # What was open meanwhile answers nothing any more, and keeps what was typed.
    late = browser.post(
        f"{address}/ask", data={**opened, "submission_id": str(uuid4()), "question": "Has she a car?"}
    )
    assert late.status_code == 409
    assert "Has she a car?" in text_of(late)


def test_work_is_recorded_page_by_page_and_the_gateway_reads_the_facts_and_what_was_shared(
    browser: FlaskClient,
    client: FlaskClient,
    caseworker: Actor,
    owner: Owner,
    given: Given,
    make_actor: MakeActor,
) -> None:
    onward_id = accepted(caseworker, given)
    address = f"/onward-referrals/{onward_id}"
    colleague = make_actor(Role.PROVIDER, organisation="new-era")
    worker = {"worker": str(colleague.user_id), "reason": "to_share_the_work", "reason_text": "I am away."}
    assert "Choose why" in text_of(send(browser, f"{address}/worker", {"worker": worker["worker"]}))
    assert send(browser, f"{address}/worker", worker).headers["Location"] == address

    assert "Reached" not in text_of(browser.get(f"{address}/attempts/new"))
    tried = {"manner": "phone_call", "result": "no_answer", **moment("attempted_on", "attempted_at")}
    assert (
        "can&#39;t be the result"
        in send(browser, f"{address}/attempts/new", {**tried, "manner": "letter"}).text
    )
    left = send(browser, f"{address}/attempts/new", {**tried, "result": "voicemail_left"})
    assert "Leaving a message is not known to be safe" in text_of(left)
    assert 'href="#although_unsafe"' in left.text
    send(browser, f"{address}/attempts/new", tried)
    send(browser, f"{address}/first-contact", moment("contacted_on", "contacted_at"))

    new = {"manner": "at_our_office", "worker": str(colleague.user_id), "minutes": "60", "place": "Room 2"}
    begins = times.now() + timedelta(days=3)
    wanted = {**new, **moment("on", "begins_at", begins)}
    assert "between 1 minute and 8 hours" in text_of(
        send(browser, f"{address}/appointments/new", {**wanted, "minutes": "0"})
    )
    assert send(browser, f"{address}/appointments/new", wanted).headers["Location"] == address
    clash = send(browser, f"{address}/appointments/new", wanted)
    assert "They have another appointment" in text_of(clash)
    assert 'name="although_clash"' in clash.text
    page = text_of(browser.get(address))
    assert page.index("Safe contact") < page.index("Next appointment") < page.index("What happens next")
    assert "Next appointment" in text_of(browser.get("/inbox/support"))

    one = appointment_of(owner)
    there = f"{address}/appointments/{one}"
    assert browser.get(f"{there}/attendance").status_code == 409
    changed = {**wanted, "manner": "by_phone", "place": "On her mobile"}
    assert send(browser, there, changed).headers["Location"] == address
    with owner() as session:
        past = times.now() - timedelta(hours=2)
        session.execute(update(ServiceAppointment).values(starts_at=past, ends_at=past + timedelta(hours=1)))
    assert "Record whether they came" in text_of(browser.get(address))
    assert "Nobody recorded whether they came" in text_of(browser.get("/inbox?due=attendance"))
    assert "Record first whether they came" in text_of(browser.get(f"{address}/close"))
    send(browser, f"{there}/attendance", {"came": "no"})
    assert "First: these people could come to harm by waiting" in text_of(browser.get("/inbox"))
    assert browser.get(f"{there}/cancel").status_code == 409
    for note in ({"note": "Sleeps badly."}, {"note": "Wants to move.", "is_shared": "y"}):
        send(browser, f"{address}/progress/new", note)
    answers = {f"outcome_{NEEDS[0]}": "met", f"step_{NEEDS[0]}": "1"}
    send(browser, f"{address}/needs", answers)
    own = text_of(browser.get(address))
    assert all(
        said in own for said in ("Sleeps badly.", "On her mobile", "I am away.", "Your organisation only")
    )

    # Our side: facts and what was shared, nothing else of what was typed.
    sign_in(client, owner, caseworker)
    for theirs in (f"{address}/overview", f"/referrals/{onward_row(owner, onward_id).referral_id}/timeline"):
        seen = text_of(client.get(theirs))
        assert not [
            said for said in ("Sleeps badly.", "On her mobile", "I am away.", "Room 2") if said in seen
        ]
        assert "No answer" in seen
        assert "come to an appointment" in seen
    overview = text_of(client.get(f"{address}/overview"))
    assert "Wants to move." in overview
    assert f"{colleague.name} works with the person. 1 attempt to contact them." in overview
    # Read by the button, not by opening the page; both sides see it.
    assert "Not read yet" in overview
    referral = f"/referrals/{onward_row(owner, onward_id).referral_id}"
    assert "Read the provider's progress note" in text_of(client.get(referral))
    page = client.get(f"{address}/overview")
    client.post(f"{address}/notes-read", data=dict(hidden_of(page)))
    assert "Not read yet" not in text_of(client.get(f"{address}/overview"))
    assert "Read the provider's progress note" not in text_of(client.get(referral))


def test_closing_is_looked_at_once_more_and_cancels_what_was_planned(
    browser: FlaskClient, client: FlaskClient, caseworker: Actor, owner: Owner, given: Given
) -> None:
    onward_id = accepted(caseworker, given, contacted=True)
    planned(given, onward_id)
    address = f"/onward-referrals/{onward_id}/close"
    answers = {
        "outcome": "needs_met",
        **{f"outcome_{need}": "met" for need in NEEDS},
        "outcome_text": "She sleeps.",
    }
    assert "Say what became of this need" in text_of(
        send(browser, address, {"outcome": "needs_met", "outcome_text": "She sleeps.", "step": "check"})
    )
    assert "Say whether they know" in text_of(send(browser, address, {**answers, "step": "check"}))
    answers["person_knows"] = "no"
    against = {**answers, f"outcome_{NEEDS[1]}": "not_met", "step": "check"}
    assert "but not of each need" in text_of(send(browser, address, against))

    preview = send(browser, address, {**answers, "step": "check"})

    assert preview.status_code == 200
    text = text_of(preview)
    assert "This is what the Gateway will read" in text
    assert "She sleeps." in text
    assert "These appointments are cancelled when you close" in text
    assert "a caseworker is asked to make sure" in text
    assert onward_row(owner, onward_id).state is OnwardState.IN_SERVICE
    again = browser.post(address, data={**dict(hidden_of(preview)), "step": "change"})
    assert again.status_code == 200
    assert "She sleeps." in again.text
    closed = browser.post(address, data={**dict(hidden_of(preview)), "step": "close"})
    assert closed.headers["Location"] == "/inbox"
    assert onward_row(owner, onward_id).state is OnwardState.CLOSED
    with owner() as session:
        states = session.scalars(select(ServiceAppointment.state)).all()
    assert [state.value for state in states] == ["cancelled_when_support_ended"]

    # The caseworker reads what will not take place, with whom, and how the person may learn it.
    sign_in(client, owner, caseworker)
    row = onward_row(owner, onward_id)
    work = text_of(client.get("/work"))
    assert "Make sure that they know: an appointment will not take place" in work
    task = text_of(client.get(f"/referrals/{row.referral_id}"))
    assert "An appointment will not take place: make sure that the person knows" in task
    assert f"at our office, with {given.provider.name}" in task
    assert "Safe for them now: phone" in task
    assert "Nothing was sent to them" in task


def test_the_inbox_puts_those_in_danger_first_and_every_number_leads_to_what_it_counts(
    browser: FlaskClient, caseworker: Actor, owner: Owner, given: Given, make_actor: MakeActor
) -> None:
    calm = offered(caseworker, given, at=hours_ago(50))
    high = offered(
        caseworker,
        given,
        referral_id=a_referral(caseworker, at=hours_ago(3), risk=Risk.HIGH),
        at=hours_ago(2),
    )
    mine, colleague = accepted(caseworker, given), make_actor(Role.PROVIDER, organisation="new-era")
    references = {each: onward_row(owner, each).reference for each in (calm, high, mine)}
    give(given.provider, mine, given.provider.user_id)

    page = browser.get("/inbox")
    text = text_of(page)
    assert text.index(references[high]) < text.index(references[calm])
    assert "High risk, and not reached" in text
    numbers = main_of(page).partition('class="vg-counts"')[2].partition("<section")[0]
    assert numbers.count("<li") == numbers.count("<a ")
    for query, shown in (
        ("worker=mine", [mine]),
        ("harm=high_risk", [high]),
        ("worker=unassigned", []),
        ("due=nonsense", [calm, high, mine]),
    ):
        listed = text_of(browser.get(f"/inbox?{query}"))
        assert [each for each in references if references[each] in listed] == shown, query
    assert "Nothing here fits what you chose" in text_of(
        browser.get("/inbox/contact?worker=unassigned&name=x")
    )

    # All of one worker's, when the worker leaves.
    away = f"/inbox/workers/{given.provider.user_id}"
    assert "Choose at least one colleague" in text_of(send(browser, away, {"reason": "their_worker_leaves"}))
    given_to = send(browser, away, {"to_workers": str(colleague.user_id), "reason": "their_worker_leaves"})
    assert given_to.headers["Location"] == "/inbox"
    assert "They have no referrals" in text_of(browser.get(away))
    outsider = a_provider(owner, make_actor, "rj-hub").provider
    assert browser.get(f"/inbox/workers/{outsider.user_id}").status_code == 404


def test_work_on_another_providers_referral_is_as_absent_as_on_none(
    browser: FlaskClient, caseworker: Actor, owner: Owner, given: Given, make_actor: MakeActor
) -> None:
    other = a_provider(owner, make_actor, "rj-hub")
    theirs, own = accepted(caseworker, other, contacted=True), accepted(caseworker, given, contacted=True)
    their_appointment = planned(other, theirs)
    token = dict(hidden_of(browser.get(f"/onward-referrals/{own}/worker")))
    pages = ("worker", "attempts/new", "appointments/new", "progress/new", "needs", "close")
    of_one = ("", "/cancel", "/attendance")
    for path in (
        *(f"{theirs}/{page}" for page in pages),
        *(f"{theirs}/appointments/{their_appointment}{page}" for page in of_one),
        # One's own referral with an appointment of another's.
        *(f"{own}/appointments/{their_appointment}{page}" for page in of_one),
    ):
        absent = path.replace(str(theirs), str(uuid4())).replace(str(their_appointment), str(uuid4()))
        for method, sent in (("GET", None), ("POST", token)):
            answers = [
                browser.open(f"/onward-referrals/{each}", method=method, data=sent) for each in (path, absent)
            ]
            assert answers[0].status_code == answers[1].status_code, path
            assert answers[0].status_code in (404, 422), path
            assert str(theirs) not in answers[0].text.replace(path, "")


def test_the_page_of_an_accepted_referral_runs_no_more_queries_with_more_on_it(
    browser: FlaskClient, caseworker: Actor, given: Given
) -> None:
    onward_id = accepted(caseworker, given, contacted=True)
    address = f"/onward-referrals/{onward_id}"
    few = queries_of(browser, address)
    for day in range(3):
        planned(given, onward_id, days=day + 1)
        onward_referrals.write_progress_note(Command(given.provider, times.now()), onward_id, text="Well.")
    assert queries_of(browser, address) == few


def accepted(caseworker: Actor, given: Given, *, contacted: bool = False) -> UUID:
    """One that was accepted an hour ago, of a person who may be rung at any time."""
    referral_id = a_referral(caseworker, at=hours_ago(4), plan=ANY_TIME, safe=SafeAnswer.YES)
    onward_id = offered(caseworker, given, referral_id=referral_id, at=hours_ago(3))
    onward_referrals.accept_onward_referral(
        Command(given.provider, times.now() - timedelta(minutes=1)), onward_id
    )
    if contacted:
        now = times.now()
        onward_referrals.record_provider_first_contact(
            Command(given.provider, now), onward_id, contacted_at=now
        )
    return onward_id


def give(actor: Actor, onward_id: UUID, worker_id: UUID | None) -> None:
    change = WorkerChange(worker_id, WorkerChangeReason.TOOK_IT_ON)
    onward_referrals.give_to_worker(Command(actor, times.now()), onward_id, change)


def planned(given: Given, onward_id: UUID, *, days: int = 2) -> UUID:
    begins, worker_id = times.now() + timedelta(days=days), given.provider.user_id
    assert worker_id is not None
    answers = AppointmentAnswers(
        times=AppointmentTimes(begins, begins + timedelta(hours=1)),
        manner=AppointmentManner.OFFICE,
        worker_id=worker_id,
    )
    return onward_referrals.make_appointment(Command(given.provider, times.now()), onward_id, answers)


def appointment_of(owner: Owner) -> UUID:
    with owner() as session:
        return session.scalars(select(ServiceAppointment.id)).one()


def moment(day: str, clock: str, when: datetime | None = None) -> dict[str, Any]:
    """A day and a time as they are typed."""
    wall = (when or times.now()).astimezone(times.LONDON)
    parts = {"day": wall.day, "month": wall.month, "year": wall.year}
    return {**{f"{day}-{part}": value for part, value in parts.items()}, clock: f"{wall:%I:%M%p}"}
