"""An update says only what its file says, in the order in which the files were handed in."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from tests.factories.feeds import feed_file, feed_row, narrow_file
from tests.factories.imports import (
    IMPORTER,
    import_rows,
    import_stream,
    imported_person,
    imported_plan,
    imported_referral,
)
from tests.plumbing.property_tests import examples
from victim_gateway.database import encrypted_rows
from victim_gateway.database.transaction import transaction
from victim_gateway.models import CaseEvent, CaseFacts, ImportRow, Person, Task
from victim_gateway.services.imports.batches import ImportSummary
from victim_gateway.vocabulary import HeldReason, ReferralState, RowOutcome, SafeAnswer, TaskKind

OUTCOME = {"outcome": "Charged", "outcome_at": "2026-03-05T10:00:00"}


def abused(**changes: str) -> dict[str, str]:
    """A person protected in every way that a feed knows."""
    return feed_row(
        domestic_abuse="yes",
        vulnerable="yes",
        intimidated="yes",
        hate_strand="Race",
        safe_contact_note="only after 6pm",
        **changes,
    )


def only(row: dict[str, str], *columns: str, **changes: str) -> dict[str, str]:
    """A row with the columns that every row needs, these, and those changed."""
    kept = ("feed_reference", "offence", "reported_at", *columns)
    return {**{name: row[name] for name in kept}, **changes}


def known(row: dict[str, str]) -> dict[str, Any]:
    """What an update must not change unsaid."""
    referral, (plan, plan_document) = imported_referral(row), imported_plan(row)
    with transaction(IMPORTER) as session:
        facts = session.scalars(
            select(CaseFacts)
            .where(CaseFacts.referral_id == referral.id)
            .order_by(CaseFacts.sequence.desc())
            .limit(1)
        ).one()
        key = encrypted_rows.open_key(session, session.get_one(Person, referral.person_id).key_id)
        details = encrypted_rows.unseal_row(key, "referral", referral.id, referral.sealed)
    columns = ("domestic_abuse", "vulnerable", "intimidated", "hate_strand", "recorded_as", "police_consent")
    return {
        "person": imported_person(row),
        "plan": (plan.safe, plan_document),
        "columns": {name: getattr(referral, name) for name in columns},
        "hold": (referral.state, referral.held_reason),
        "enhanced": facts.enhanced,
        "conditions": facts.conditions,
        "details": details,
    }


def tasks_of(row: dict[str, str], kind: TaskKind) -> list[Task]:
    referral_id = imported_referral(row).id
    with transaction(IMPORTER) as session:
        return list(session.scalars(select(Task).where(Task.referral_id == referral_id, Task.kind == kind)))


def fields_to_decide(row: dict[str, str]) -> set[str]:
    return {name for task in tasks_of(row, TaskKind.FEED_CONFLICT) for name in task.details["fields"]}


def counts(summary: ImportSummary) -> tuple[int, int, int, int]:
    assert summary.rows == summary.imported + summary.updated + summary.unchanged + summary.set_aside
    return summary.imported, summary.updated, summary.unchanged, summary.set_aside


def test_a_file_with_fewer_columns_takes_nothing_away(app: Flask) -> None:
    row = abused()
    import_stream(feed_file(row))
    before = known(row)

    summary = import_stream(narrow_file(only(row, **OUTCOME)))

    assert counts(summary) == (0, 1, 0, 0)
    after = known(row)
    assert imported_referral(row).police_outcome == "Charged"
    assert after["details"].pop("police_outcome_at")
    assert after == before


def test_the_same_file_again_changes_nothing_and_says_what_came_since(app: Flask) -> None:
    row = abused()
    import_stream(feed_file(row))
    import_stream(narrow_file(only(row, **OUTCOME)))
    before = known(row)

    summary = import_stream(feed_file(row))

    assert counts(summary) == (0, 0, 1, 0)
    assert summary.changed_since == 1
    assert known(row) == before


def test_a_file_that_is_put_back_undoes_the_one_that_came_since(app: Flask) -> None:
    row = abused(outcome="")
    file = narrow_file({name: text for name, text in row.items() if name != "outcome"})
    import_stream(file)
    before = known(row)
    import_stream(narrow_file(only(row, town="Wrong", phone="07700 900999", **OUTCOME)))
    assert known(row) != before

    file.seek(0)
    summary = import_stream(file, put_back=True)

    assert counts(summary) == (0, 1, 0, 0)
    after = known(row)
    assert imported_referral(row).police_outcome is None
    assert after["person"] == before["person"]
    assert after["details"] == before["details"]
    # Nobody has asked since whether the number that was put back is safe.
    assert after["plan"][0] is SafeAnswer.UNKNOWN


def test_only_a_column_the_service_does_not_know_makes_no_update(app: Flask) -> None:
    row = feed_row()
    import_stream(feed_file({**row, "extract_date": "2026-11-25"}))
    summary = import_stream(feed_file({**row, "extract_date": "2026-11-26"}))

    assert counts(summary) == (0, 0, 1, 0)
    referral_id = imported_referral(row).id
    with transaction(IMPORTER) as session:
        events = session.scalars(select(CaseEvent.event).where(CaseEvent.referral_id == referral_id)).all()
    assert "referral.updated_by_feed" not in events


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        *itertools.product(["domestic_abuse", "vulnerable", "intimidated"], ["", "perhaps?"]),
        # Any text but a blank names a strand.
        ("hate_strand", ""),
    ],
)
def test_a_protective_answer_is_not_lost_with_its_cell(app: Flask, column: str, cell: str) -> None:
    row = abused()
    import_stream(feed_file(row))
    before = known(row)

    summary = import_stream(feed_file({**row, column: cell}))

    after = known(row)
    assert after["details"].pop("as_given", {}) == ({column: cell} if cell else {})
    if cell:
        # What can't be read holds the referral; what is known stands.
        assert after.pop("hold") == (ReferralState.HELD, HeldReason.UNREADABLE_ANSWERS)
        del before["hold"]
    assert after == before
    assert counts(summary) == (0, 1, 0, 0)
    assert fields_to_decide(row) == {column}
    # Said once: the same again is nothing new.
    assert counts(import_stream(feed_file({**row, column: cell, "x": "y"}))) == (0, 0, 1, 0)


def test_an_answer_that_was_lost_is_put_right_by_a_readable_one(app: Flask) -> None:
    row = abused()
    import_stream(feed_file(row))
    import_stream(feed_file({**row, "domestic_abuse": ""}))
    import_stream(feed_file({**row, "domestic_abuse": "no"}))
    assert imported_referral(row).domestic_abuse is False


def test_a_spelling_of_the_same_answer_is_no_change(app: Flask) -> None:
    row = feed_row(reported_at="2026-03-02T09:00:00", domestic_abuse="yes")
    import_stream(feed_file(row))
    again = {**row, "domestic_abuse": "YES", "reported_at": "02/03/2026 09:00"}
    assert counts(import_stream(feed_file(again))) == (0, 0, 1, 0)


def test_the_same_reference_for_somebody_else_changes_nobody(app: Flask) -> None:
    marta = feed_row(
        given_name="Marta", family_name="Okafor", date_of_birth="1984-02-11", victim_reference=""
    )
    import_stream(feed_file(marta))
    before = known(marta)
    reginald = {
        **marta,
        "given_name": "Reginald",
        "family_name": "Ashdown",
        "date_of_birth": "1950-03-12",
        "phone": "07700 900998",
    }

    summary = import_stream(feed_file(reginald))

    assert counts(summary) == (0, 0, 0, 1)
    assert known(marta) == before
    assert len(tasks_of(marta, TaskKind.REFERENCE_CONFLICT)) == 1
    with transaction(IMPORTER) as session:
        reasons = session.scalars(
            select(ImportRow.reasons).where(ImportRow.outcome == RowOutcome.SET_ASIDE)
        ).one()
    assert [reason["code"] for reason in reasons] == ["other_person"]


def test_two_people_under_one_victim_reference_are_kept_apart(app: Flask) -> None:
    first = feed_row(given_name="Ola", family_name="Brandt", date_of_birth="1984-02-11")
    second = feed_row(
        given_name="Joan",
        family_name="Pettifer",
        date_of_birth="1950-03-12",
        victim_reference=first["victim_reference"],
    )
    summary = import_rows(first, second)

    assert counts(summary) == (2, 0, 0, 0)
    assert summary.repeat_victims == 0
    assert imported_referral(first).person_id != imported_referral(second).person_id
    (task,) = tasks_of(second, TaskKind.REFERENCE_CONFLICT)
    assert task.details["person_ids"] == [str(imported_referral(first).person_id)]


def test_a_reference_that_is_used_for_many_people_says_nothing_of_them(app: Flask) -> None:
    names = [
        "Ola Brandt",
        "Joan Pettifer",
        "Ifan Rees",
        "Marta Okafor",
        "Idris Bowen",
        "Hana Novak",
        "Tom Ash",
    ]
    rows = [
        feed_row(
            given_name=name.split()[0],
            family_name=name.split()[1],
            date_of_birth=f"19{50 + 5 * number}-0{number + 1}-11",
            victim_reference="VICTIM",
        )
        for number, name in enumerate(names)
    ]
    summary = import_rows(*rows)

    assert counts(summary) == (7, 0, 0, 0)
    assert len({imported_referral(row).person_id for row in rows}) == 7
    assert sum(len(tasks_of(row, TaskKind.REFERENCE_CONFLICT)) for row in rows) == 3
    assert summary.warnings == 3


def test_one_reference_with_two_crime_numbers_in_a_file_is_two_referrals_or_one_set_aside(app: Flask) -> None:
    row = feed_row(crime_number="21/1/26", victim_reference="")
    summary = import_rows(row, {**row, "crime_number": "21/2/26"})
    assert counts(summary) == (1, 0, 0, 1)


CHANGES = st.dictionaries(
    st.sampled_from(["phone", "email", "town", "outcome", "domestic_abuse", "vulnerable", "safe_to_contact"]),
    st.sampled_from(["", "yes", "no", "07700 900111", "robin@example.org", "?", "Leek"]),
    max_size=4,
)


@settings(
    max_examples=examples(8),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(second=CHANGES)
def test_files_a_b_a_end_as_b(app: Flask, second: dict[str, str]) -> None:
    row = abused()
    import_stream(feed_file(row))
    import_stream(narrow_file(only(row, **second)))
    after_b = known(row)

    summary = import_stream(feed_file(row))

    assert counts(summary) == (0, 0, 1, 0)
    assert known(row) == after_b


ORDINARY = st.dictionaries(
    st.sampled_from(["phone", "email", "town", "outcome", "offence", "address_line_1", "incident_number"]),
    st.sampled_from(["", "07700 900111", "robin@example.org", "?", "Leek", "Robbery"]),
    min_size=1,
    max_size=4,
)


@settings(
    max_examples=examples(8),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(second=ORDINARY)
def test_files_a_b_and_a_put_back_end_as_a(app: Flask, second: dict[str, str]) -> None:
    row = abused(offence="Burglary")
    import_stream(feed_file(row))
    before = known(row)
    import_stream(
        narrow_file(
            only(row, **{"offence": "Burglary", **{k: v for k, v in second.items() if v or k != "offence"}})
        )
    )

    summary = import_stream(feed_file(row), put_back=True)

    assert summary.set_aside == 0
    after = known(row)
    # Whether a number that came back is safe has to be asked again: a plan only becomes stricter.
    assert after.pop("plan")[0] in (before.pop("plan")[0], SafeAnswer.UNKNOWN)
    assert after == before
