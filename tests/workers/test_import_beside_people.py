"""Imports in processes of their own beside people at work: nothing that was saved is lost or undone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select, text, update

from config import Settings
from tests.factories import casework
from tests.factories.feeds import event_row, feed_file, feed_row, narrow_file
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from tests.plumbing.forked_programs import ForkedProgram
from tests.plumbing.programs import RunGateway, environment_of, forked_gateway, kill_group, wait_until
from tests.workers.imports_at_work import (
    IMPORTER,
    assert_nothing_drifted,
    documents_of,
    import_now,
    referral_of,
)
from tests.workers.test_imports import start_task
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.database.advisory_locks import AdvisoryLock
from victim_gateway.database.transaction import transaction
from victim_gateway.models import EntitlementClock, ImportBatch, Referral
from victim_gateway.services.imports import uploads
from victim_gateway.services.referrals import status
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import ImportKind, ImportState, NextAction, Role


@contextmanager
def other_import_in_a_chunk(owner: Owner) -> Iterator[None]:
    """As long as this lasts, no import gets beyond the start of its next chunk."""
    with owner() as session:
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": int(AdvisoryLock.IMPORT)})
        yield


def wait_for_a_waiting_import(owner: Owner) -> None:
    def is_waiting() -> bool:
        with owner() as session:
            return bool(
                session.scalar(
                    text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
                )
            )

    wait_until(is_waiting, 60)


def finish(process: ForkedProgram, log: Path) -> dict[str, int]:
    """The summary of an import that was left running."""
    status, output = process.wait(120), log.read_text()
    assert status == 0, output
    document: dict[str, int] = json.loads(output[output.index("{") :])
    return document


@pytest.mark.parametrize("kind", ["police-feed", "case-events"])
def test_a_contact_attempt_during_an_import_stands(
    committed_app: Flask,
    committed_settings: Settings,
    committed_owner: Owner,
    committed_make_actor: MakeActor,
    run_gateway: RunGateway,
    tmp_path: Path,
    kind: str,
) -> None:
    caseworker = committed_make_actor(Role.CASEWORKER)
    yesterday = times.london_date(times.now() - timedelta(days=1))
    row = feed_row(
        occurred_from="", reported_at=f"{yesterday}T09:00:00", transferred_at=f"{yesterday}T10:00:00"
    )
    import_now(row)
    referral = referral_of(row)
    status.take_referral(Command(caseworker, times.now()), referral.id)
    path = tmp_path / "later.csv"
    later = (
        feed_file({**row, "outcome": "Charged"})
        if kind == "police-feed"
        else feed_file(
            event_row(row["feed_reference"], occurred_at=f"{yesterday}T11:00:00", recorded_at=""), events=True
        )
    )
    path.write_bytes(later.getvalue())

    with other_import_in_a_chunk(committed_owner):
        log = tmp_path / "import.log"
        process = forked_gateway(
            "import", kind, path, "--json", environment=environment_of(committed_settings), log=log
        )
        wait_for_a_waiting_import(committed_owner)
        casework.log_attempt(referral.id, caseworker, at=times.now())
    finish(process, log)

    with transaction(IMPORTER) as session:
        clock = session.scalars(
            select(EntitlementClock).where(
                EntitlementClock.referral_id == referral.id,
                EntitlementClock.entitlement_id == "first_contact_attempted",
            )
        ).one()
        assert clock.stop_event_id is not None
    assert referral_of(row).next_action is NextAction.ASSESS
    assert_nothing_drifted(run_gateway)


def upload(senior: Actor, rows: list[dict[str, str]], columns: tuple[str, ...]) -> UUID:
    file = narrow_file(*({name: row[name] for name in columns} for row in rows))
    return uploads.upload_file(
        Command(senior, times.now()),
        file,
        kind=ImportKind.POLICE_FEED,
        file_name="feed.csv",
        history=False,
    )


def test_a_file_that_is_resumed_overwrites_nothing_that_a_later_file_said(
    committed_app: Flask,
    committed_settings: Settings,
    committed_owner: Owner,
    committed_make_actor: MakeActor,
    run_gateway: RunGateway,
    tmp_path: Path,
) -> None:
    senior = committed_make_actor(Role.SENIOR)
    people = [feed_row(date_of_birth="1980-01-01") for _ in range(300)]
    import_now(*people)
    columns = ("feed_reference", "offence", "reported_at", "victim_reference", "given_name", "family_name")
    older = [{**row, "phone": "07700 900001", "town": "Leek"} for row in people]
    # The older file also has a referral of its own of a person whose number the later one has.
    sibling = {**older[0], "feed_reference": "SIBLING", "offence": "Robbery"}
    newer = [{**row, "phone": "07700 900002"} for row in people]
    older_batch = upload(senior, [*older, sibling], (*columns, "phone", "town"))
    log = tmp_path / "worker.log"

    with committed_owner() as session:
        # The second chunk waits for this one.
        session.execute(
            select(Referral.id)
            .where(Referral.feed_reference == people[299]["feed_reference"])
            .with_for_update()
        )
        first = start_task(committed_settings, older_batch, log)

        def is_at_the_second_chunk() -> bool:
            with committed_owner() as other:
                return other.get_one(ImportBatch, older_batch).rows == 250

        wait_until(is_at_the_second_chunk, 60, log)
        kill_group(first)
    newer_batch = upload(senior, newer, (*columns, "phone"))
    assert start_task(committed_settings, newer_batch, log).wait(120) == 0, log.read_text()
    with committed_owner() as session:
        session.execute(
            update(ImportBatch)
            .where(ImportBatch.id == older_batch)
            .values(leased_until=times.now() - timedelta(seconds=1))
        )
    assert start_task(committed_settings, older_batch, log).wait(120) == 0, log.read_text()

    found = documents_of([*people, sibling])
    assert {document["phone"] for document in found.values()} == {"+447700900002"}
    assert {document["town"] for document in found.values()} == {"Leek"}
    again = upload(senior, newer, (*columns, "phone"))
    assert start_task(committed_settings, again, log).wait(120) == 0, log.read_text()
    with committed_owner() as session:
        resumed, repeated = session.get_one(ImportBatch, older_batch), session.get_one(ImportBatch, again)
        assert resumed.state is repeated.state is ImportState.FINISHED
        assert (resumed.rows, resumed.imported, resumed.set_aside) == (301, 1, 0)
        assert (repeated.unchanged, repeated.updated) == (300, 0)
    assert documents_of([*people, sibling]) == found
    assert_nothing_drifted(run_gateway)
