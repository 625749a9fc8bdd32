"""The work queue: what must be done, in which order, and why it is there."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.factories import casework as make
from tests.integration.onward_referrals.arrange import a_provider, offered
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from tests.plumbing.pages import address_beside, queries_of, text_of
from tests.plumbing.sign_in import sign_in
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.models import AuditEntry, Referral
from victim_gateway.services.referrals.safe_contact import SafeContactAnswer
from victim_gateway.vocabulary import Risk, SafeAnswer


def references_of(page: Any) -> list[str]:
    return re.findall(r"vg-table__under\">(SG-[0-9-]+)<", page.get_data(as_text=True))


def reference(actor: Actor, **typed: Any) -> str:
    return make.referral(make.assigned(actor, at=times.now() - timedelta(hours=1), **typed), actor).reference


def due(owner: Owner, referral: str, days: int) -> None:
    with owner() as session:
        row = session.scalars(select(Referral).where(Referral.reference == referral)).one()
        row.next_due_on = times.london_date(times.now()) + timedelta(days=days)


def test_what_is_overdue_comes_first_then_what_is_due_next(
    caseworker_browser: FlaskClient, caseworker: Actor, owner: Owner
) -> None:
    later, today, late = (reference(caseworker) for _ in range(3))
    for referral, days in ((later, 5), (today, 0), (late, -2)):
        due(owner, referral, days)
    assert references_of(caseworker_browser.get("/work")) == [late, today, later]


def test_of_two_due_on_the_same_day_the_higher_risk_comes_first(
    caseworker_browser: FlaskClient, caseworker: Actor, owner: Owner
) -> None:
    plain, risky = reference(caseworker), reference(caseworker)
    with owner() as session:
        session.scalars(select(Referral).where(Referral.reference == risky)).one().risk = "high"  # type: ignore[assignment]
    for referral in (plain, risky):
        due(owner, referral, 1)
    assert references_of(caseworker_browser.get("/work")) == [risky, plain]


def test_what_is_overdue_at_high_risk_comes_before_what_is_overdue_longer(
    caseworker_browser: FlaskClient, caseworker: Actor, owner: Owner
) -> None:
    long, abused, high, graded = (reference(caseworker) for _ in range(4))
    with owner() as session:
        rows = {row.reference: row for row in session.scalars(select(Referral))}
        rows[high].risk, rows[abused].domestic_abuse, rows[graded].officer_grade = Risk.HIGH, True, "high"
    for referral, days in ((long, -9), (high, -1), (abused, -2), (graded, -3)):
        due(owner, referral, days)
    assert references_of(caseworker_browser.get("/work")) == [graded, abused, high, long]


def test_what_a_provider_owes_stands_apart_and_is_not_counted_as_the_readers_own(
    caseworker_browser: FlaskClient, caseworker: Actor, owner: Owner, make_actor: MakeActor
) -> None:
    own = reference(caseworker)
    due(owner, own, -1)
    offered(caseworker, a_provider(owner, make_actor), at=times.now() - timedelta(days=20))
    page = caseworker_browser.get("/work")
    text = text_of(page)
    _, folded, listed = re.split(
        r"What others owe you: 1, 1 overdue|</details>", page.get_data(as_text=True), maxsplit=2
    )
    assert re.findall(r"vg-table__under\">(SG-[0-9-]+)<", listed) == [own]
    assert "An answer to our offer" in folded
    assert "Support for the person" not in folded
    assert "Yours (1)" in text
    assert "1 overdue" in text


def test_the_counts_lead_to_what_they_count(
    caseworker_browser: FlaskClient, caseworker: Actor, owner: Owner
) -> None:
    late, later = reference(caseworker), reference(caseworker)
    due(owner, late, -1)
    due(owner, later, 3)
    page = caseworker_browser.get("/work")
    assert "1 overdue" in text_of(page)
    link = re.findall(r'href="([^"]*due=overdue[^"]*)"', page.get_data(as_text=True))[0]
    assert references_of(caseworker_browser.get(unescape(link))) == [late]


def test_each_row_says_why_it_is_there(caseworker_browser: FlaskClient, caseworker: Actor) -> None:
    reference(caseworker)
    make.recorded(caseworker, at=times.now(), agreed=False)
    assert "Nobody has reached the person yet." in text_of(caseworker_browser.get("/work"))
    assert "Held: the person said no to contact." in text_of(caseworker_browser.get("/work/held"))


def test_a_person_whom_it_is_not_safe_to_contact_is_marked(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    reference(caseworker, safe_contact=SafeContactAnswer(SafeAnswer.NO))
    assert "Not safe" in text_of(caseworker_browser.get("/work"))


def test_somebody_elses_work_is_in_the_teams_list_and_not_in_mine(
    caseworker_browser: FlaskClient, senior: Actor
) -> None:
    theirs = reference(senior)
    assert references_of(caseworker_browser.get("/work")) == []
    assert references_of(caseworker_browser.get("/work/team")) == [theirs]


def test_an_empty_list_says_why_and_what_would_fill_it(caseworker_browser: FlaskClient) -> None:
    assert "Take a referral from the unassigned ones" in text_of(caseworker_browser.get("/work"))
    assert "Nothing fits these filters" in text_of(caseworker_browser.get("/work?risk=high"))


def test_fifty_are_shown_and_the_rest_is_on_the_next_page(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    for _ in range(52):
        make.recorded(caseworker, at=times.now())
    first = caseworker_browser.get("/work/unassigned")
    assert len(references_of(first)) == 50
    assert "Showing 1 to 50 of 52 referrals" in text_of(first)
    following = caseworker_browser.get(address_beside(first, "next"))
    assert len(references_of(following)) == 2
    assert "Showing 51 to 52 of 52 referrals" in text_of(following)
    previous = caseworker_browser.get(address_beside(following, "prev"))
    assert (previous.status_code, previous.headers["Location"]) == (302, "/work/unassigned")


def test_a_page_whose_rows_have_gone_leads_to_the_first_page_with_the_same_filters(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    for _ in range(51):
        make.recorded(caseworker, at=times.now())
    following = address_beside(caseworker_browser.get("/work/unassigned"), "next")
    emptied = caseworker_browser.get(f"{following}&risk=high")
    assert (emptied.status_code, emptied.headers["Location"]) == (302, "/work/unassigned?risk=high")


def test_the_number_of_queries_does_not_grow_with_the_rows(
    caseworker_browser: FlaskClient, caseworker: Actor
) -> None:
    make.recorded(caseworker, at=times.now())
    few = queries_of(caseworker_browser, "/work/unassigned")
    for _ in range(10):
        make.recorded(caseworker, at=times.now())
    assert queries_of(caseworker_browser, "/work/unassigned") == few


def test_looking_at_the_queue_is_audited_with_what_was_shown(
    caseworker_browser: FlaskClient, caseworker: Actor, owner: Owner
) -> None:
    shown = reference(caseworker)
    caseworker_browser.get("/work")
    with owner() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "work.viewed")).one()
    assert shown in entry.entry
    assert "Robin" not in entry.entry


@pytest.mark.parametrize(
    "address",
    [
        "/work?risk=enormous",
        "/work?caseworker=me",
        "/work?after=x",
        "/work?before=0&first=-1",
        "/work?due=never",
    ],
)
def test_nonsense_in_the_address_counts_as_nothing_chosen(
    caseworker_browser: FlaskClient, address: str
) -> None:
    assert caseworker_browser.get(address).status_code == 200


def test_a_manager_sees_no_queue(client: FlaskClient, owner: Owner, manager: Actor) -> None:
    sign_in(client, owner, manager)
    assert client.get("/work").status_code == 403
