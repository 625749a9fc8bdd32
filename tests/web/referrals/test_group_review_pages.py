"""The pages of a group review: opened, gone through in order, decided, stale for the second, and closed."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import UUID

from flask.testing import FlaskClient

from tests.factories import casework as make
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from tests.plumbing.pages import address_beside, hidden_of, main_of, send, text_of, title_of
from tests.plumbing.sign_in import sign_in
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.compliance.calendar import england_and_wales, next_working_day
from victim_gateway.vocabulary import Risk, Role


def test_a_senior_leads_a_meeting_through_its_agenda(
    client: FlaskClient, owner: Owner, caseworker: Actor, senior: Actor, make_actor: MakeActor
) -> None:
    then, today = times.now() - timedelta(days=30), times.london_date(times.now())
    one, two = (make.assessed(caseworker, at=then, risk=Risk.HIGH) for _ in range(2))
    sign_in(client, owner, senior)
    home = client.get("/group-reviews")
    assert "2 referrals are proposed" in text_of(home)
    assert "Testcase" not in main_of(home)
    day = {"meets_on-day": "", "meets_on-month": "", "meets_on-year": ""}
    assert "Enter the day of the meeting" in text_of(send(client, "/group-reviews", day))
    made = send(
        client, "/group-reviews", {"attendees": [str(caseworker.user_id)], **_typed("meets_on", today)}
    )
    assert made.status_code == 302
    agenda = client.get(made.location)
    assert "Testcase" not in main_of(agenda)
    assert title_of(agenda).startswith("Group review on")
    first, second = re.findall(r'href="(/referrals/[^"]+/group-review/[^"]+)">SG', main_of(agenda))
    assert {one, two} == {_referral_of(first), _referral_of(second)}
    page = client.get(first)
    assert "Number 1 of 2" in text_of(page)
    assert address_beside(page, "next") == second
    assert send(client, first, {"reason": "He knows."}).status_code == 422
    stale = dict(hidden_of(client.get(first)))
    due_on = next_working_day(today, england_and_wales())
    said = {"decision": "marac", "reason": "He knows the address", "next_step": "Ring her sister"}
    decided = send(client, first, {**said, **_typed("due_on", due_on)})
    assert (decided.status_code, decided.location) == (302, second)
    late = {**stale, **said, "decision": "close", **_typed("due_on", due_on)}
    late["submission_id"] = dict(hidden_of(client.get(first)))["submission_id"]
    refused = client.post(first, data=late)
    assert refused.status_code == 409
    assert "Refer to MARAC" in text_of(refused)
    overview = client.get(f"/referrals/{_referral_of(first)}")
    assert "Do what the group review decided" in text_of(overview)
    assert first in overview.get_data(as_text=True)
    timeline = text_of(client.get(f"/referrals/{_referral_of(first)}/timeline"))
    assert "A group review decided what is done next" in timeline
    assert "Ring her sister" not in timeline
    # Resumed where it stopped, then ended.
    resumed = client.get(made.location)
    assert "1 of 2 decided" in text_of(resumed)
    assert f'href="{second}"' in main_of(resumed)
    token = dict(hidden_of(resumed))
    assert client.post(f"{made.location}/close", data=token).status_code == 302
    assert "Closed: it can only be read" in text_of(client.get(made.location))
    assert "What does the meeting decide" not in text_of(client.get(second))

    # A caseworker who was there reads it; one who was not, and other roles, find nothing.
    sign_in(client, owner, caseworker)
    assert "1 of 2 decided" in text_of(client.get(made.location))
    assert "The next meeting" not in text_of(client.get("/group-reviews"))
    sign_in(client, owner, make_actor(Role.CASEWORKER))
    assert client.get(made.location).status_code == 404
    for role in (Role.MANAGER, Role.ADMIN):
        sign_in(client, owner, make_actor(role))
        assert client.get(made.location).status_code == 403


def _typed(name: str, day: object) -> dict[str, str]:
    year, month, number = str(day).split("-")
    return {f"{name}-day": number, f"{name}-month": month, f"{name}-year": year}


def _referral_of(address: str) -> UUID:
    return UUID(address.split("/")[2])
