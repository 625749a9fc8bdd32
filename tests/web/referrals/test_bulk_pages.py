"""Referrals taken and given from the lists, and a caseload handed over, as a browser sends it."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from tests.factories import casework as make
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from tests.plumbing.pages import hidden_of, text_of, title_of
from tests.plumbing.sign_in import sign_in
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.models import AuditEntry, Referral
from victim_gateway.services.referrals import status
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import Role

AT = times.now() - timedelta(hours=2)


@pytest.fixture
def senior_browser(client: FlaskClient, owner: Owner, senior: Actor) -> FlaskClient:
    sign_in(client, owner, senior)
    return client


def _boxes(page: Any) -> list[str]:
    return re.findall(r'type="checkbox" name="rows" value="([^"]+)"', page.get_data(as_text=True))


def _form(page: Any, **answers: Any) -> dict[str, Any]:
    return {**dict(hidden_of(page)), **answers}


def _holders(owner: Owner, *referral_ids: UUID) -> list[UUID | None]:
    with owner() as session:
        return [session.get_one(Referral, each).assigned_to_id for each in referral_ids]


def test_one_is_taken_by_the_button_in_its_row_and_several_by_their_boxes_with_the_filter_kept(
    caseworker_browser: FlaskClient, caseworker: Actor, owner: Owner
) -> None:
    first, second, third = (make.recorded(caseworker, at=AT) for _ in range(3))
    page = caseworker_browser.get("/work/unassigned?district=Stafford")
    boxes = {UUID(box.partition(".")[0]): box for box in _boxes(page)}
    assert boxes.keys() == {first, second, third}
    assert "Give those ticked" not in text_of(page)
    taken = caseworker_browser.post("/work/take", data=_form(page, one=boxes[first], rows=boxes[second]))
    assert (taken.status_code, taken.headers["Location"]) == (302, "/work/unassigned?district=Stafford")
    assert _holders(owner, first, second, third) == [caseworker.user_id, None, None]
    form = _form(page, rows=[boxes[second], boxes[third], boxes[third]])
    for _ in range(2):
        assert caseworker_browser.post("/work/take", data=form).status_code == 302
    assert _holders(owner, second, third) == [caseworker.user_id] * 2
    # Sent twice, done once.
    with owner() as session:
        assert session.get_one(Referral, third).version == int(boxes[third].partition(".")[2]) + 1


def test_what_was_ticked_wrongly_changes_nothing_and_says_what_to_do(
    caseworker_browser: FlaskClient, caseworker: Actor, senior: Actor, owner: Owner
) -> None:
    free = make.recorded(caseworker, at=AT)
    page = caseworker_browser.get("/work/team")
    for rows, said in (
        ([], "Tick at least one referral"),
        ([f"{uuid4()}.1" for _ in range(101)], "Tick 100 referrals or fewer at once: you ticked 101"),
        (["not-a-referral"], "This page is out of date"),
    ):
        refused = caseworker_browser.post("/work/take", data=_form(page, rows=rows))
        assert refused.status_code == 422
        assert said in text_of(refused)
        assert title_of(refused).startswith("Error: ")
    elsewhere = caseworker_browser.post("/work/take", data=_form(page, back="https://elsewhere.example/"))
    assert "elsewhere" not in elsewhere.text
    status.take_referral(Command(senior, AT), free)
    stale = caseworker_browser.post("/work/take", data=_form(page, rows=_boxes(page)))
    assert stale.status_code == 409
    assert "Nothing was taken, 1 was not" in text_of(stale)
    assert f"{senior.name} changed this referral" in text_of(stale)
    assert _holders(owner, free) == [senior.user_id]
    for address in ("/work/give", "/work/caseloads", f"/work/caseloads/{senior.user_id}"):
        assert caseworker_browser.post(address, data=_form(page, rows=_boxes(page))).status_code in (403, 405)
    assert caseworker_browser.get("/work/caseloads").status_code == 403


def test_a_senior_gives_what_is_ticked_with_the_workload_beside_each_name(
    senior_browser: FlaskClient, senior: Actor, caseworker: Actor, owner: Owner, make_actor: MakeActor
) -> None:
    theirs, free = make.assigned(caseworker, at=AT), make.recorded(senior, at=AT)
    target = make_actor(Role.CASEWORKER, name="Tam Target")
    page = senior_browser.get("/work/team")
    chosen = {"rows": _boxes(page)}
    assert senior_browser.post("/work/give", data=_form(page, step="choose")).status_code == 422
    asked = senior_browser.post("/work/give", data=_form(page, step="choose", **chosen))
    assert asked.status_code == 200
    assert "Give 2 referrals to a caseworker" in text_of(asked)
    assert "1 open, 0 at high risk, 0 overdue" in text_of(asked)
    assert "There is a problem" not in text_of(asked)
    empty = senior_browser.post("/work/give", data=_form(asked, **chosen))
    assert empty.status_code == 422
    assert "Choose at least one caseworker" in text_of(empty)
    answers = {"to_users": str(target.user_id), "reason": "other_reason", **chosen}
    unexplained = senior_browser.post("/work/give", data=_form(empty, **answers))
    assert "Enter why they change hands" in text_of(unexplained)
    answers["reason"] = "workload"
    given = senior_browser.post("/work/give", data=_form(unexplained, **answers))
    assert (given.status_code, given.headers["Location"]) == (302, "/work/team")
    assert "2 referrals handed over" in text_of(senior_browser.get("/work/team"))
    assert _holders(owner, theirs, free) == [target.user_id] * 2
    line = text_of(senior_browser.get(f"/referrals/{theirs}/timeline"))
    assert "To share the work more evenly" in line
    assert f"From {caseworker.name}" in line


def test_a_leavers_caseload_is_handed_over_whole_and_shows_nobodys_name(
    senior_browser: FlaskClient, senior: Actor, caseworker: Actor, owner: Owner, make_actor: MakeActor
) -> None:
    leaver = make_actor(Role.CASEWORKER, name="Lee Leaver")
    referrals = [make.assigned(leaver, at=AT) for _ in range(3)]
    address = f"/work/caseloads/{leaver.user_id}"
    assert "Lee Leaver" in text_of(senior_browser.get("/work/caseloads"))
    page = senior_browser.get(address)
    assert "Testcase" not in page.text
    assert "Lee" not in title_of(page)
    shown = [value for name, value in hidden_of(page) if name == "shown"]
    assert len(shown) == len(_boxes(page)) == 3
    answers = {"shown": shown, "to_users": [str(caseworker.user_id)], "reason": "caseworker_leaving"}
    none = senior_browser.post(address, data=_form(page, whole="ticked", **answers))
    assert none.status_code == 422
    assert "Tick at least one referral" in text_of(none)
    status.assign_referral(Command(senior, AT), referrals[1], to_user_id=senior.user_id or uuid4())
    partly = senior_browser.post(address, data=_form(page, whole="all", **answers))
    assert partly.status_code == 200
    assert "2 referrals handed over, 1 was not" in text_of(partly)
    assert f"{senior.name} changed this referral" in text_of(partly)
    assert _holders(owner, *referrals) == [caseworker.user_id, senior.user_id, caseworker.user_id]
    assert "Nothing to hand over" in text_of(senior_browser.get(address))
    assert senior_browser.get(f"/work/caseloads/{uuid4()}").status_code == 404
    # To the one who leaves: not among the choices.
    to_leaver = {**answers, "to_users": str(leaver.user_id)}
    assert senior_browser.post(address, data=_form(page, whole="all", **to_leaver)).status_code == 422
    with owner() as session:
        seen = select(func.count()).where(AuditEntry.action == "caseload.viewed")
        assert (session.scalar(seen) or 0) >= 2
