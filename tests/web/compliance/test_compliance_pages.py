"""The manager's pages: figures in words, the Code and the area apart, files with small numbers hidden."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from tests.generators.compliance_rows import Row, write
from tests.plumbing.accounts import MakeActor
from tests.plumbing.pages import text_of
from tests.plumbing.sign_in import sign_in
from victim_gateway.actors import Actor
from victim_gateway.compliance.facts import Event, Facts
from victim_gateway.extensions import db
from victim_gateway.services.compliance import recompute
from victim_gateway.vocabulary import Role

Owner = Callable[[], AbstractContextManager[Session]]
REPORTED = datetime(2024, 3, 4, 10, tzinfo=UTC)
MARCH = (
    "started_from-day=1&started_from-month=3&started_from-year=2024"
    "&started_to-day=31&started_to-month=3&started_to-year=2024"
)


def referral(days: int, *, district: str = "Stafford", crime_type: str = "Burglary") -> Row:
    """A report on a Monday, passed on so many days later, which the Gateway answers the day after."""
    sent = REPORTED + timedelta(days=days)
    happened = (
        ("reported_to_police", REPORTED),
        ("referred_to_support_service", sent),
        ("referral_received", sent),
        ("first_contact_attempted", sent + timedelta(days=1)),
    )
    return Row(
        known=[(REPORTED, Facts(observers=frozenset({"partner"})))],
        events=[Event(name, at, at, event_id=str(uuid4())) for name, at in happened],
        district=district,
        crime_type=crime_type,
    )


@pytest.fixture
def figures(app: Flask, owner: Owner) -> None:
    """Twenty-two reports passed on in time, eight late."""
    rows = [referral(1) for _ in range(20)]
    rows += [referral(1, district="Tamworth", crime_type="Robbery") for _ in range(2)]
    rows += [referral(7) for _ in range(8)]
    with owner() as session:
        write(session, rows)
    recompute.recompute_clocks(actor=Actor.worker("tests"), as_at=datetime.now(UTC))


@pytest.fixture
def signed_in(client: FlaskClient, owner: Owner, manager: Actor) -> FlaskClient:
    sign_in(client, owner, manager)
    return client


def test_the_page_says_in_words_whether_promises_are_kept(figures: None, signed_in: FlaskClient) -> None:
    page = signed_in.get(f"/compliance?{MARCH}")

    page_text = text_of(page)
    assert page.status_code == 200
    # each report opens more than one clock; only the referral has a limit, and 8 of 30 were late
    assert "Furthest behind: Police" in page_text
    assert "8 late" in page_text
    assert (
        "Of 30 acts due under our own standards, 30 (100%) were done in time. The target is 90%." in page_text
    )
    assert "does not mean that people got what they needed" in page_text
    assert "From memory" in page_text


def test_the_codes_clocks_and_the_areas_own_never_stand_in_one_table(
    figures: None, signed_in: FlaskClient
) -> None:
    page = signed_in.get(f"/compliance?{MARCH}").get_data(as_text=True)

    tables = re.findall(r"<table.*?</table>", page, re.S)
    code = next(table for table in tables if "Clocks of the Victims" in table)
    local = next(table for table in tables if "Clocks of our own standards" in table)
    assert "Try to reach the person" in local and "Try to reach the person" not in code
    assert "/compliance/2020/referred_to_support_service" in code


@pytest.mark.parametrize(
    ("query", "due"),
    [
        ("district=Tamworth", 2),
        ("crime_type=Burglary", 28),
        ("owner=police", 30),
        ("enhanced=yes", 0),
        ("right=nonsense", 30),
    ],
)
def test_filters_narrow_the_figures_and_nonsense_is_no_filter(
    figures: None, signed_in: FlaskClient, query: str, due: int
) -> None:
    page = signed_in.get(f"/compliance?{MARCH}&edition=code&{query}").get_data(as_text=True)

    row = re.search(r"referred_to_support_service.*?</tr>", page, re.S)
    numbers = re.findall(r'data-label="Due">(\d+)<', row[0]) if row else ["0"]
    assert numbers == [str(due)]


def test_an_earlier_day_shows_what_was_known_then(figures: None, signed_in: FlaskClient) -> None:
    page = signed_in.get(f"/compliance?{MARCH}&known_on-day=8&known_on-month=3&known_on-year=2024")

    page_text = text_of(page)
    assert "As known at the end of Friday 8 March 2024" in page_text
    # those passed on after seven days were not known of; their two working days had passed
    assert "0 late and 8 that nothing shows was done" in page_text


def test_one_clock_is_split_by_district_crime_and_month(figures: None, signed_in: FlaskClient) -> None:
    page = signed_in.get(f"/compliance/2020/referred_to_support_service?{MARCH}")

    page_text = text_of(page)
    assert page.status_code == 200
    assert "22 of 30 were done in time: 73%" in page_text
    assert "By district" in page_text and "Tamworth" in page_text and "Robbery" in page_text


def test_an_unknown_clock_is_not_found(signed_in: FlaskClient) -> None:
    assert signed_in.get("/compliance/2020/no_such_thing").status_code == 404


def test_an_empty_period_says_why_and_where_the_clocks_are(figures: None, signed_in: FlaskClient) -> None:
    period = MARCH.replace("2024", "2016")
    page_text = text_of(signed_in.get(f"/compliance?{period}"))

    assert "No clocks of the Code here" in page_text
    assert "Mar 2024: show the year before that" in page_text


def test_the_number_of_statements_does_not_grow_with_the_clocks(
    app: Flask, owner: Owner, signed_in: FlaskClient
) -> None:
    with counted() as few:
        signed_in.get(f"/compliance?{MARCH}")
    with owner() as session:
        write(session, [referral(n % 9) for n in range(60)])
    recompute.recompute_clocks(actor=Actor.worker("tests"), as_at=datetime.now(UTC))
    with counted() as many:
        signed_in.get(f"/compliance?{MARCH}")

    assert len(many) == len(few)


@contextmanager
def counted() -> Iterator[list[str]]:
    """The statements that are sent while the block runs."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)


def test_the_service_page_counts_referrals_waits_and_outcomes(figures: None, signed_in: FlaskClient) -> None:
    page = signed_in.get(f"/service?{MARCH}")

    page_text = text_of(page)
    assert page.status_code == 200
    assert "30 referrals came between" in page_text
    assert "First try to reach the person 30" in page_text
    assert "It does not show that the Gateway caused it." in page_text


def download(client: FlaskClient, **changes: Any) -> Any:
    form = client.get(f"/compliance/report?{MARCH}").get_data(as_text=True)
    token = re.search(r'name="csrf_token" value="([^"]+)"', form)
    day = {"started_from": REPORTED.replace(day=1), "started_to": REPORTED.replace(day=31)}
    data = {
        f"{name}-{part}": str(getattr(at, part))
        for name, at in day.items()
        for part in ("day", "month", "year")
    }
    data |= {"csrf_token": token[1] if token else "", "file_format": "csv", "reason": "return"}
    return client.post("/compliance/report", data={**data, **changes})


def rows_of(answer: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.get_data().decode("utf-8-sig"))))


def test_a_downloaded_report_hides_small_numbers(figures: None, signed_in: FlaskClient) -> None:
    answer = download(signed_in, by="district")

    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"].startswith("attachment")
    tamworth = [row for row in rows_of(answer) if row["district"] == "Tamworth"]
    assert tamworth
    assert {row["suppressed"] for row in tamworth} == {"yes"}
    assert not any(row["met"] == "2" for row in tamworth)


def test_plain_counts_are_given_when_asked_for_and_written_down(
    figures: None, signed_in: FlaskClient, owner: Owner
) -> None:
    answer = download(signed_in, unsuppressed="y", by="district")

    found = {(row["entitlement_id"], row["district"]): row for row in rows_of(answer)}
    assert found["referred_to_support_service", "Tamworth"]["met"] == "2"
    with owner() as session:
        entry = session.execute(
            text("SELECT entry FROM audit_entry WHERE action = 'compliance.report_made'")
        ).scalar_one()
    assert '"unsuppressed": true' in entry and '"reason": "return"' in entry


@pytest.mark.parametrize(("form", "start"), [("xlsx", b"PK"), ("ods", b"PK"), ("json", b"{")])
def test_a_report_comes_in_every_format(
    figures: None, signed_in: FlaskClient, form: str, start: bytes
) -> None:
    answer = download(signed_in, file_format=form)

    assert answer.status_code == 200
    assert answer.get_data().startswith(start)


def test_more_columns_than_can_be_hidden_in_a_moment_are_refused(signed_in: FlaskClient) -> None:
    answer = download(signed_in, by=["district", "month", "crime_type"])

    assert answer.status_code == 422
    assert "Choose at most 2 columns, or ask for plain counts" in text_of(answer)


def test_a_report_without_a_reason_is_refused_with_words(signed_in: FlaskClient) -> None:
    answer = download(signed_in, reason="")

    assert answer.status_code == 422
    assert "Choose what the report is for" in text_of(answer)


def test_a_period_that_ends_before_it_begins_is_an_error_at_its_field(signed_in: FlaskClient) -> None:
    answer = download(signed_in, **{"started_to-year": "2023"})

    assert answer.status_code == 422
    assert "The last day must not be before the first day" in text_of(answer)


@pytest.mark.parametrize("address", ["/compliance", "/service", "/compliance/report"])
@pytest.mark.parametrize("role", [Role.CASEWORKER, Role.PROVIDER, Role.ADMIN, Role.AUDITOR])
def test_only_managers_see_figures(
    client: FlaskClient, owner: Owner, make_actor: MakeActor, role: Role, address: str
) -> None:
    sign_in(client, owner, make_actor(role))

    assert client.get(address).status_code == 403


@pytest.mark.parametrize("path", ["/compliance", "/service"])
@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("started_from-day=31&started_from-month=2&started_from-year=2024", "The first day"),
        (MARCH.replace("started_to-month=3", "started_to-month=1"), "must be the same as or after"),
    ],
)
def test_a_period_that_can_not_be_used_is_said_where_it_was_typed(
    signed_in: FlaskClient, path: str, asked: str, message: str
) -> None:
    page = signed_in.get(f"{path}?{asked}")
    assert "<title>Error: " in page.text
    assert message in text_of(page).partition("There is a problem")[2]
