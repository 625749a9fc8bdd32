"""Small feeds that went wrong, with the right values; read where the papers lie beside the project."""

from __future__ import annotations

import csv
from datetime import UTC, datetime

import pytest
from flask import Flask
from sqlalchemy import func, select

from tests.factories.imports import IMPORTER, import_stream
from tests.plumbing import ROOT
from victim_gateway.database.transaction import transaction
from victim_gateway.models import CaseFacts, EntitlementClock, Person, Referral, Task
from victim_gateway.queries.people.decrypted_people import SealedPerson, open_person_documents
from victim_gateway.services.imports.batches import ImportSummary
from victim_gateway.vocabulary import HeldReason, ReferralState, TaskKind

CASES = ROOT.parent / "shared" / "cases" / "feeds"
NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)

pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="the papers are not beside the project")


def given(name: str, **options: bool) -> ImportSummary:
    with (CASES / name).open("rb") as stream:
        return import_stream(stream, at=NOW, **options)


def referrals() -> dict[str, Referral]:
    with transaction(IMPORTER) as session:
        found = session.scalars(select(Referral).order_by(Referral.received_at, Referral.import_row_number))
        return {str(row.feed_reference): row for row in found}


def people() -> list[dict[str, object]]:
    with transaction(IMPORTER) as session:
        rows = session.execute(select(Person.id, Person.key_id, Person.sealed)).all()
        opened = open_person_documents(
            session, (SealedPerson(row.id, row.key_id, row.sealed) for row in rows)
        )
        return [dict(document) for document in opened.values()]


def enhanced(referral: Referral) -> set[str]:
    with transaction(IMPORTER) as session:
        facts = session.scalars(
            select(CaseFacts)
            .where(CaseFacts.referral_id == referral.id)
            .order_by(CaseFacts.sequence.desc())
            .limit(1)
        ).one()
    return {item["category"] for item in facts.enhanced}


def tasks(kind: TaskKind) -> int:
    with transaction(IMPORTER) as session:
        return session.scalar(select(func.count()).select_from(Task).where(Task.kind == kind)) or 0


def clock(referral: Referral, entitlement_id: str) -> str:
    with transaction(IMPORTER) as session:
        return session.scalars(
            select(EntitlementClock.status).where(
                EntitlementClock.referral_id == referral.id,
                EntitlementClock.entitlement_id == entitlement_id,
            )
        ).one()


def adds_up(summary: ImportSummary) -> bool:
    return summary.rows == summary.imported + summary.updated + summary.unchanged + summary.set_aside


def test_placeholders_are_no_reference(app: Flask) -> None:
    summary = given("B01.csv")
    assert (summary.imported, summary.warnings, summary.repeat_victims) == (4, 4, 0)
    assert len(people()) == 4


def test_a_reference_that_comes_with_another_person_changes_nobody(app: Flask) -> None:
    given("B02a.csv")
    before = people()
    summary = given("B02b.csv")
    assert adds_up(summary)
    assert before[0] in people()
    assert tasks(TaskKind.REFERENCE_CONFLICT) == 1


def test_a_damaged_reference_is_three_referrals_or_rows_set_aside(app: Flask) -> None:
    summary = given("B03.csv")
    assert summary.imported + summary.set_aside == 3
    assert summary.updated == 0


def test_words_for_codes_are_read_and_what_is_not_holds(app: Flask) -> None:
    given("B04.csv")
    found = referrals()
    assert [found[f"B04-{n}"].domestic_abuse for n in (1, 2, 3)] == [True, True, True]
    assert [found[f"B04-{n}"].vulnerable for n in (1, 2, 3)] == [True, True, False]
    assert found["B04-3"].held_reason is HeldReason.CONSENT_REFUSED
    assert found["B04-4"].held_reason is HeldReason.CONSENT_REFUSED


def test_headers_are_folded(app: Flask) -> None:
    given("B08-optspaces.csv")
    (referral,) = referrals().values()
    assert referral.domestic_abuse
    assert referral.state is ReferralState.HELD
    (person,) = people()
    assert (person["given_name"], person["date_of_birth"]) == ("Ann", "1980-02-01")


def test_broken_letters_warn(app: Flask) -> None:
    summary = given("B08-mojibake.csv")
    assert (summary.imported, summary.set_aside) == (summary.rows, 0)
    assert summary.warnings >= 1


def test_spellings_of_one_name_are_proposed_as_one_person(app: Flask) -> None:
    summary = given("B12.csv")
    assert summary.imported == summary.rows
    assert tasks(TaskKind.POSSIBLE_SAME_PERSON) >= 1


def test_districts_are_folded(app: Flask) -> None:
    given("B13.csv")
    found = referrals()
    assert [found[f"B13-{n}"].district for n in (1, 2, 3)] == ["Newcastle-under-Lyme"] * 3
    assert found["B13-4"].district == "Stoke-on-Trent"
    assert {found[f"B13-{n}"].district for n in range(5, 11)} == {None}


def test_a_file_with_fewer_columns_takes_nothing_away(app: Flask) -> None:
    given("B18a.csv")
    (before,), rights = people(), enhanced(referrals()["B18-1"])
    given("B18b.csv")
    (after,), referral = people(), referrals()["B18-1"]
    assert after == before
    assert referral.domestic_abuse
    assert referral.police_outcome == "Charged"
    assert enhanced(referral) == rights
    again = given("B18a.csv")
    assert (again.unchanged, again.changed_since) == (1, 1)
    back = given("B18a.csv", put_back=True)
    assert back.updated == 1
    assert referrals()["B18-1"].police_outcome is None


def test_minutes_before_the_report_on_the_same_day_count_as_that_day(app: Flask) -> None:
    given("B20.csv")
    for referral in referrals().values():
        assert clock(referral, "written_acknowledgement") == "met"
        assert clock(referral, "referred_to_support_service") == "met"


def test_an_unknown_column_makes_no_update(app: Flask) -> None:
    given("B21a.csv")
    assert given("B21b.csv").unchanged == 2


def test_only_a_strand_or_a_bare_yes_is_a_hate_crime(app: Flask) -> None:
    given("B22.csv")
    with transaction(IMPORTER) as session:
        cells = {
            row.feed_reference: row.hate_strand
            for row in session.execute(select(Referral.feed_reference, Referral.hate_strand))
        }
    with (CASES / "B22.csv").open(encoding="utf-8-sig") as stream:
        said = {
            row["feed_reference"]: row["hate_strand"].strip().casefold() for row in csv.DictReader(stream)
        }
    for reference, cell in said.items():
        is_hate = cell in ("y", "yes", "race", "religion", "disability")
        assert bool(cells[reference]) is is_hate, (reference, cell)


def test_one_crime_number_as_reference_of_two_victims_writes_nobody_over(app: Flask) -> None:
    summary = given("B32.csv")
    assert (summary.imported, summary.set_aside) in ((2, 0), (1, 1))
    assert tasks(TaskKind.FEED_CONFLICT) == 0


def test_past_years_record_nothing_before_it_happened(app: Flask) -> None:
    given("B33.csv", history=True)
    found = referrals()
    assert clock(found["B33-1"], "referred_to_support_service") == "met"
    assert clock(found["B33-2"], "referred_to_support_service") != "met"
