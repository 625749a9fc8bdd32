"""The plumbing keeps tests apart."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.database import encrypted_rows
from victim_gateway.database.bulk_insert import FEW_ROWS, insert_rows
from victim_gateway.database.transaction import as_service, transaction
from victim_gateway.models import ImportBatch, Outbox, User
from victim_gateway.vocabulary import DatabaseRole, ImportKind, ImportState, Role


@pytest.mark.parametrize("time", ["first", "second"])
def test_what_a_test_commits_is_gone_for_the_next(owner: Owner, make_actor: MakeActor, time: str) -> None:
    actor = make_actor(Role.ADMIN)
    with transaction(actor) as session:
        session.execute(text("SELECT 1"))
    with owner() as session:
        assert session.scalar(select(func.count()).select_from(User)) == 1


@pytest.mark.parametrize("time", ["first", "second"])
def test_each_committed_test_has_a_database_of_its_own(
    committed_app: Flask, committed_owner: Owner, committed_make_actor: MakeActor, time: str
) -> None:
    committed_make_actor(Role.ADMIN)
    with committed_owner() as session:
        assert session.scalar(select(func.count()).select_from(User)) == 1


def test_a_transaction_takes_the_role_of_its_actor(app: Flask, caseworker: Actor) -> None:
    with transaction(caseworker) as session:
        assert session.scalar(text("SELECT current_user")) == DatabaseRole.CASEWORKER


def test_a_transaction_that_fails_leaves_nothing(app: Flask, owner: Owner, worker_actor: Actor) -> None:
    with pytest.raises(ZeroDivisionError), transaction(worker_actor) as session:
        session.execute(text("INSERT INTO outbox (task, arguments, created_at) VALUES ('x', '{}', now())"))
        raise ZeroDivisionError
    with owner() as session:
        assert session.scalar(text("SELECT count(*) FROM outbox")) == 0


def test_a_failure_as_the_service_that_somebody_swallows_keeps_nothing(
    app: Flask, owner: Owner, caseworker: Actor
) -> None:
    """The caseworker would go on with the rights of the service."""

    def swallow(session: Session) -> None:
        with suppress(ZeroDivisionError), as_service(session):
            raise ZeroDivisionError

    with pytest.raises(RuntimeError), transaction(caseworker) as session:
        swallow(session)
        session.execute(text("INSERT INTO outbox (task, arguments, created_at) VALUES ('x', '{}', now())"))
    with owner() as session:
        assert session.scalar(text("SELECT count(*) FROM outbox")) == 0


def test_rows_of_two_shapes_go_into_one_table_in_one_transaction(
    app: Flask, owner: Owner, worker_actor: Actor
) -> None:
    """A stage made for the first shape would lack a column of the second."""
    plain = {"task": "x", "arguments": {}, "created_at": datetime(2026, 3, 10, tzinfo=UTC)}
    with transaction(worker_actor) as session:
        insert_rows(session, Outbox, [plain], on_conflict="ON CONFLICT DO NOTHING")
        published = {**plain, "published_at": plain["created_at"]}
        insert_rows(session, Outbox, [published], on_conflict="ON CONFLICT DO NOTHING")
    with owner() as session:
        assert session.scalar(text("SELECT count(published_at) FROM outbox")) == 1


def test_columns_with_one_value_in_every_row_are_stored_as_if_each_row_had_brought_them(
    app: Flask, owner: Owner, worker_actor: Actor
) -> None:
    """One of each type that the tables have, in more rows than a plain INSERT takes."""
    moment = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    batch = {
        "kind": ImportKind.POLICE_FEED,
        "state": ImportState.RUNNING,
        "file_name": "Zo\u00eb's \\ file.csv",
        "columns": ["offence", "a, b", '"c"'],
        "file_warnings": [{"column": None, "message": "caf\u00e9"}],
        "history": False,
        "put_back": True,
        "bytes_total": 2**31,
        "bytes_read": 0,
        "attempts": 0,
        "repeat_victims": 0,
        "unknown_columns": [],
        **dict.fromkeys(("rows", "imported", "updated", "unchanged", "set_aside", "warnings"), 0),
        "created_at": moment,
    }
    ids = [uuid4() for _ in range(FEW_ROWS + 1)]
    with transaction(worker_actor) as session:
        key_id, _ = encrypted_rows.new_key(session, "batch", uuid4(), moment)
        rows = [{**batch, "id": batch_id, "key_id": key_id, "by_name": "x"} for batch_id in ids]
        insert_rows(session, ImportBatch, rows)
    with owner() as session:
        stored = session.scalars(select(ImportBatch).where(ImportBatch.id.in_(ids))).all()
        assert len(stored) == len(ids)
        for row in stored:
            assert {name: getattr(row, name) for name in batch} == batch
