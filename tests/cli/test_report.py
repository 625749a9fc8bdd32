"""`gateway compliance report` and `recompute`: figures on standard output, refusals in one line."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.generators.compliance_rows import Row, write
from tests.plumbing.programs import RunGateway, forked_code
from victim_gateway.compliance.facts import Event, Facts
from victim_gateway.queries.compliance.clocks_sql import EVERYTHING
from victim_gateway.services.compliance.stored_clocks import store_clocks

Owner = Callable[[], AbstractContextManager[Session]]
REPORTED = datetime(2024, 3, 4, 10, tzinfo=UTC)
MARCH = ("--from", "2024-03-01", "--to", "2024-03-31")


def referral(reported: datetime = REPORTED) -> Row:
    """A report that was passed on the next day."""
    happened = (
        ("reported_to_police", reported),
        ("referred_to_support_service", reported + timedelta(days=1)),
    )
    return Row(
        known=[(reported, Facts())],
        events=[Event(name, at, at, event_id=str(uuid4())) for name, at in happened],
    )


@pytest.fixture
def seven_referrals(committed_owner: Owner) -> None:
    with committed_owner() as session:
        write(session, [referral() for _ in range(7)])


@pytest.fixture
def seven_with_clocks(seven_referrals: None, committed_owner: Owner) -> None:
    with committed_owner() as session:
        store_clocks(session, EVERYTHING, datetime.now(UTC))


def test_a_report_is_csv_on_standard_output(seven_with_clocks: None, run_gateway: RunGateway) -> None:
    ran = run_gateway("compliance", "report", *MARCH, "--by", "owner,district", "--as-at", "2024-04-01")

    assert ran.returncode == 0, ran.stderr
    reader = csv.DictReader(io.StringIO(ran.stdout.lstrip("\ufeff")))
    row = next(row for row in reader if row["entitlement_id"] == "referred_to_support_service")
    assert list(row)[:9] == [
        "period_start", "period_end", "as_at", "edition", "right", "entitlement_id", "entitlement", "owner",
        "district",
    ]  # fmt: skip
    assert row["as_at"] == "2024-03-31T23:00:00+00:00"
    assert (row["met"], row["due"], row["rate"], row["suppressed"]) == ("7", "7", "1.0000", "no")


def test_a_report_can_be_a_json_document(seven_with_clocks: None, run_gateway: RunGateway) -> None:
    ran = run_gateway("compliance", "report", *MARCH, "--format", "json", "--unsuppressed")

    document = json.loads(ran.stdout)
    assert set(document) == {"parameters", "rows"}
    assert document["parameters"]["unsuppressed"] == "yes"
    met = {row["entitlement_id"]: row["met"] for row in document["rows"]}
    assert met["referred_to_support_service"] == 7


@pytest.mark.parametrize("form", ["csv", "xlsx", "ods", "json"])
def test_a_report_can_go_to_a_file(
    seven_referrals: None, run_gateway: RunGateway, tmp_path: Path, form: str
) -> None:
    target = tmp_path / f"report.{form}"

    ran = run_gateway("compliance", "report", *MARCH, "--format", form, "-o", target)

    assert (ran.returncode, ran.stdout) == (0, "")
    assert target.stat().st_size > 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--from", "2024-02-30", "--to", "2024-03-31"), "--from: '2024-02-30' is not a date"),
        (("--from", "2024-03-31", "--to", "2024-03-01"), "The period ends before it begins"),
        ((*MARCH, "--by", "district,shoe_size"), "can't be split by 'shoe_size'"),
        ((*MARCH, "--as-at", "yesterday"), "--as-at: 'yesterday' is not a moment"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line(
    run_gateway: RunGateway, arguments: tuple[str, ...], said: str
) -> None:
    ran = run_gateway("compliance", "report", *arguments)

    assert ran.returncode == 2
    assert ran.stdout == ""
    assert said in ran.stderr and ran.stderr.count("\n") == 1


def test_a_file_that_cannot_be_written_is_a_failure(
    seven_referrals: None, run_gateway: RunGateway, tmp_path: Path
) -> None:
    ran = run_gateway("compliance", "report", *MARCH, "-o", tmp_path / "no" / "folder.csv")

    assert ran.returncode == 1
    assert ran.stderr.count("\n") == 1


def test_recompute_says_what_it_found_and_then_finds_nothing(
    seven_referrals: None, run_gateway: RunGateway, committed_owner: Owner
) -> None:
    first = json.loads(run_gateway("compliance", "recompute", "--json").stdout)
    assert first["added"] == first["clocks"] == first["drift"] > 7

    with committed_owner() as session:
        session.execute(text("UPDATE entitlement_clock SET status = 'declined' WHERE status = 'met'"))
    second = json.loads(run_gateway("compliance", "recompute", "--json").stdout)
    assert (second["added"], second["changed"], second["drift"]) == (0, 7, 7)

    third = json.loads(run_gateway("compliance", "recompute", "--json").stdout)
    assert third["drift"] == 0


def test_a_check_fails_on_drift_and_leaves_it_where_it_is(
    seven_referrals: None, run_gateway: RunGateway, committed_owner: Owner
) -> None:
    run_gateway("compliance", "recompute")
    assert run_gateway("compliance", "recompute", "--check").returncode == 0

    with committed_owner() as session:
        session.execute(text("UPDATE entitlement_clock SET status = 'declined' WHERE status = 'met'"))
    for _ in range(2):
        checked = run_gateway("compliance", "recompute", "--check", "--json")
        assert checked.returncode == 1
        assert json.loads(checked.stdout)["drift"] == 7
        assert checked.stderr == (
            "gateway: 7 stored clocks are wrong; gateway compliance recompute mends them\n"
        )


@pytest.mark.parametrize("option", ["--at", "--as-at"])
@pytest.mark.parametrize("moment", ["2024-03-05", "2040-01-01"])
def test_no_other_moment_can_be_stored(run_gateway: RunGateway, option: str, moment: str) -> None:
    ran = run_gateway("compliance", "recompute", option, moment)

    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (2, "", 1)
    assert option in ran.stderr


def test_clocks_that_cannot_be_counted_are_left_out_and_said(
    committed_owner: Owner, run_gateway: RunGateway
) -> None:
    with committed_owner() as session:
        write(session, [referral(datetime(2009, 3, 2, tzinfo=UTC)), referral()])

    rebuilt = run_gateway("compliance", "recompute")
    made = run_gateway("compliance", "report", "--from", "2009-01-01", "--to", "2024-12-31")

    assert made.returncode == rebuilt.returncode == 3
    assert "reported_to_police on 2009-03-02" in made.stderr
    assert "reported_to_police on 2009-03-02" in rebuilt.stderr
    assert "referred_to_support_service" in made.stdout


def test_no_program_reads_the_libraries_for_spreadsheets_at_its_start(tmp_path: Path) -> None:
    """Reading them takes a tenth of what starting takes. Forked programs have read what each of ours reads."""
    log = tmp_path / "read.log"
    code = (
        "import sys; print(sorted({'odfdo', 'xlsxwriter', 'victim_gateway.blueprints'} & sys.modules.keys()))"
    )
    assert forked_code(code, environment=os.environ, log=log).wait(60) == 0
    assert log.read_text() == "['victim_gateway.blueprints']\n"
