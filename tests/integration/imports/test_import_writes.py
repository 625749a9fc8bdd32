"""What an import writes: each row once, under keys that rise with time, and nothing that names what is not there."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from tests.factories.feeds import feed_row
from tests.factories.imports import IMPORTED_AT, IMPORTER, import_rows
from tests.plumbing.apps import Owner
from victim_gateway.database.session_limits import set_local
from victim_gateway.database.transaction import transaction
from victim_gateway.models import (
    CaseEvent,
    CaseFacts,
    Consent,
    EntitlementClock,
    ImportRow,
    Person,
    Referral,
    SafeContactPlan,
)
from victim_gateway.queries.compliance.clocks_sql import ClockScope
from victim_gateway.services.compliance import stored_clocks

# More than are written by plain INSERTs, and of every kind whose first action has a date of its own.
KINDS: tuple[dict[str, str], ...] = (
    {},
    {"safe_to_contact": "no"},
    {"domestic_abuse": "yes"},
    {"domestic_abuse": "yes", "consent_to_referral": "no"},
    {"vulnerable": "yes", "risk_assessment": "high"},
    {"date_of_birth": "2014-05-06"},
    {"recorded_as": "asb"},
    {"victim_type": "business", "organisation_name": "Corner Shop", "organisation_contact": "Robin"},
    {"victim_type": "business", "organisation_name": "Corner Shop"},
)
OF_PERSON = (
    *("victim_reference", "given_name", "family_name", "date_of_birth"),
    *("phone", "email", "address_line_1"),
)
MODELS: tuple[Any, ...] = (
    *(Referral, Person, CaseEvent, CaseFacts, EntitlementClock, SafeContactPlan, Consent),
)


def month_of_every_kind() -> list[dict[str, str]]:
    return [feed_row(**KINDS[number % len(KINDS)]) for number in range(27)]


def referrals_written(session: Session) -> tuple[int, int]:
    """How many referrals this connection has inserted and updated, with what earlier tests took back."""
    written = session.execute(
        text(
            "SELECT pg_stat_get_xact_tuples_inserted(oid), pg_stat_get_xact_tuples_updated(oid)"
            " FROM pg_class WHERE oid = 'referral'::regclass"
        )
    ).one()
    return written[0], written[1]


def test_a_new_referral_is_written_with_the_date_on_which_it_is_due(app: Flask, owner: Owner) -> None:
    month = month_of_every_kind()
    # Of a person with another referral in the file, and of a person known from before.
    known = feed_row()
    import_rows(known)
    again = [feed_row(**{name: row[name] for name in OF_PERSON}) for row in (month[0], known)]
    with owner() as session:
        before = referrals_written(session)
    import_rows(*month, *again)
    with owner() as session:
        inserted, updated = referrals_written(session)
        dates = session.scalar(select(func.count()).where(Referral.next_due_on.is_not(None)))
    assert (inserted - before[0], updated - before[1]) == (29, 0)
    assert dates == 30


def test_keys_of_imported_rows_rise_with_time(app: Flask, owner: Owner) -> None:
    first, second = month_of_every_kind(), month_of_every_kind()
    import_rows(*first)
    with owner() as session:
        before = {model: last_id(session, model) for model in MODELS}
    import_rows(*second)
    with owner() as session:
        for model, highest in before.items():
            added = session.scalars(select(model.id).where(model.id > highest)).all()
            assert added, model
            assert {key.version for key in added} == {7}, model
            assert session.scalar(select(func.count()).select_from(model)) == 2 * len(added), model


def last_id(session: Session, model: Any) -> UUID:
    return session.scalars(select(model.id).order_by(model.id.desc()).limit(1)).one()


@pytest.mark.parametrize(
    ("model", "changes", "constraint"),
    [
        (ImportRow, {"batch_id": uuid4()}, "fk_import_row_batch_id"),
        (ImportRow, {"key_id": uuid4(), "row_number": 9999}, "fk_import_row_key_id"),
        (
            CaseEvent,
            {"import_batch_id": uuid4(), "id": uuid4(), "told_again": 5},
            "fk_case_event_import_batch_id",
        ),
    ],
)
def test_a_row_that_names_what_is_not_there_is_refused(
    app: Flask, owner: Owner, model: Any, changes: dict[str, Any], constraint: str
) -> None:
    import_rows(feed_row())
    table = model.__table__
    with owner() as session:
        stored = session.execute(select(table).limit(1)).mappings().one()
    values = {column: value for column, value in stored.items() if not table.c[column].identity}
    with pytest.raises(IntegrityError) as refused, owner() as session:
        session.execute(table.insert().values(**{**values, **changes}))
    assert refused.value.orig.diag.constraint_name == constraint  # type: ignore[union-attr]


def test_a_reference_that_is_changed_is_checked_too(app: Flask, owner: Owner) -> None:
    import_rows(feed_row())
    with pytest.raises(IntegrityError, match="names a row of wrapped_key"), owner() as session:
        session.execute(text("UPDATE person SET key_id = gen_random_uuid()"))


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM wrapped_key",
        "DELETE FROM import_batch",
        "TRUNCATE wrapped_key CASCADE",
        "UPDATE import_batch SET id = gen_random_uuid()",
    ],
)
def test_nobody_deletes_what_rows_name_without_a_foreign_key(
    app: Flask, owner: Owner, statement: str
) -> None:
    import_rows(feed_row())
    with pytest.raises(DBAPIError, match="append-only"), owner() as session:
        session.execute(text(statement))


def test_clocks_of_a_chunk_are_changed_without_a_look_at_all_others(app: Flask, owner: Owner) -> None:
    import_rows(*month_of_every_kind())
    with owner() as session:
        session.execute(text("ANALYZE entitlement_clock"))
    with transaction(IMPORTER) as session:
        scope = ClockScope.for_referrals(session.scalars(select(Referral.id).limit(5)).all())
        # As an import plans, on a table of which a scan is never the cheapest way.
        set_local(session, "enable_nestloop", "off")
        set_local(session, "enable_seqscan", "off")
        plan = session.execute(explained(scope)).scalar_one()
    scans = [node for node in nodes_of(plan[0]["Plan"]) if node.get("Relation Name") == "entitlement_clock"]
    reading = [node for node in scans if "Scan" in node["Node Type"]]
    assert len(reading) >= 3
    assert all("referral_id" in json.dumps(node) for node in reading)


def explained(scope: ClockScope) -> Any:
    statement = stored_clocks.build_store_statement(scope, IMPORTED_AT)
    return text(f"EXPLAIN (FORMAT json) {statement.text}").bindparams(*statement._bindparams.values())


def nodes_of(node: dict[str, Any]) -> list[dict[str, Any]]:
    return [node, *(inner for child in node.get("Plans", ()) for inner in nodes_of(child))]
