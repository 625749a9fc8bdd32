"""Imports in processes of their own beside people at work: nothing that was saved is lost or undone."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import func, select, text, update

from config import Settings
from tests.factories import casework
from tests.factories.feeds import event_row, feed_file, feed_row, narrow_file
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from tests.plumbing.programs import RunGateway, environment_of, gateway_process, kill_group, wait_until
from tests.workers.test_imports import start_task
from victim_gateway import create_app, times
from victim_gateway.actors import Actor
from victim_gateway.database.advisory_locks import AdvisoryLock
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import GatewayError
from victim_gateway.models import EntitlementClock, ImportBatch, Person, Referral
from victim_gateway.queries.people.decrypted_people import SealedPerson, open_person_documents
from victim_gateway.services.imports import uploads
from victim_gateway.services.imports.runner import ImportRequest, import_file
from victim_gateway.services.referrals import corrections, status
from victim_gateway.services.shared import next_action
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import ImportKind, ImportState, NextAction, Role

IMPORTER = Actor.worker("test import")
SESSIONS = 14
# The rows of a month in CI; outside it a tenth, which meets the same locks.
ROWS = 7_450 if os.environ.get("CI") else 745


def import_now(*rows: dict[str, str]) -> None:
    request = ImportRequest(ImportKind.POLICE_FEED, "feed.csv")
    import_file(feed_file(*rows), request, actor=IMPORTER, at=times.now())


def referral_of(row: dict[str, str]) -> Referral:
    with transaction(IMPORTER) as session:
        return session.scalars(select(Referral).where(Referral.feed_reference == row["feed_reference"])).one()


def documents_of(rows: list[dict[str, str]]) -> dict[str, dict[str, object]]:
    """What is sealed of the person of each row."""
    with transaction(IMPORTER) as session:
        found = session.execute(
            select(Referral.feed_reference, Person.id, Person.key_id, Person.sealed)
            .join(Person, Person.id == Referral.person_id)
            .where(Referral.feed_reference.in_([row["feed_reference"] for row in rows]))
        ).all()
        opened = open_person_documents(
            session, (SealedPerson(row.id, row.key_id, row.sealed) for row in found)
        )
        return {str(row.feed_reference): dict(opened[row.id]) for row in found}


def assert_nothing_drifted(run_gateway: RunGateway) -> None:
    """Stored clocks and next actions are what the events say."""
    checked = run_gateway("compliance", "recompute", "--check", "--json")
    assert checked.returncode == 0, checked.stdout + checked.stderr

    class RollBack(Exception):
        pass

    columns = (Referral.id, Referral.next_action, Referral.waiting_on, Referral.next_due_on)
    with pytest.raises(RollBack), transaction(IMPORTER) as session:
        stored = {tuple(row) for row in session.execute(select(*columns))}
        next_action.refresh_next_actions(session, [row[0] for row in stored], at=times.now())
        session.expire_all()
        assert {tuple(row) for row in session.execute(select(*columns))} == stored
        raise RollBack


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


def finish(process: subprocess.Popen[str]) -> dict[str, int]:
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
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
        process = gateway_process(
            "import", kind, str(path), "--json", environment=environment_of(committed_settings)
        )
        wait_for_a_waiting_import(committed_owner)
        casework.log_attempt(referral.id, caseworker, at=times.now())
    finish(process)

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


class Caseworker(threading.Thread):
    """One session that corrects one person again and again, until it is told to stop."""

    def __init__(self, app: Flask, actor: Actor, referral_ids: list[UUID]) -> None:
        super().__init__()
        self.app, self.actor, self.referral_ids = app, actor, referral_ids
        self.stopping = threading.Event()
        self.saved: str | None = None
        self.saves = self.refused = 0

    def run(self) -> None:
        with self.app.app_context():
            while not self.stopping.is_set():
                for referral_id in self.referral_ids:
                    self._save(referral_id, f"Town {self.saves} of {self.name}")

    def _save(self, referral_id: UUID, town: str) -> None:
        try:
            corrections.correct_details(Command(self.actor, times.now()), referral_id, {"town": town})
        except GatewayError:
            # Told to try again: nothing was saved, and nothing is counted.
            self.refused += 1
        else:
            self.saved, self.saves = town, self.saves + 1


def test_fourteen_sessions_save_while_a_month_is_imported(
    committed_app: Flask,
    committed_settings: Settings,
    committed_owner: Owner,
    committed_make_actor: MakeActor,
    run_gateway: RunGateway,
    tmp_path: Path,
) -> None:
    caseworker = committed_make_actor(Role.CASEWORKER)
    rows = [feed_row(town="Stone") for _ in range(ROWS)]
    siblings = [{**rows[number], "feed_reference": f"SIBLING-{number}"} for number in range(SESSIONS)]
    import_now(*rows, *siblings)
    path = tmp_path / "later.csv"
    changed = [{**row, "town": "Uttoxeter", "outcome": "Charged"} for row in [*rows, *siblings]]
    path.write_bytes(feed_file(*changed).getvalue())
    # As two web processes: each has connections for ten sessions.
    apps = (committed_app, create_app(committed_settings))
    at_work = [
        Caseworker(
            apps[number % 2],
            caseworker,
            [referral_of(rows[number]).id, referral_of(siblings[number]).id],
        )
        for number in range(SESSIONS)
    ]
    for session in at_work:
        session.start()
    wait_until(lambda: all(session.saves for session in at_work), 120)

    process = gateway_process(
        "import", "police-feed", str(path), "--json", environment=environment_of(committed_settings)
    )
    output, _ = process.communicate(timeout=600)
    for session in at_work:
        session.stopping.set()
    for session in at_work:
        session.join(60)

    assert process.returncode == 0, output
    summary = json.loads(output[output.index("{") :])
    assert summary["updated"] == summary["rows"] == ROWS + SESSIONS
    found = documents_of(rows)
    for number, session in enumerate(at_work):
        assert found[rows[number]["feed_reference"]]["town"] == session.saved
    assert {found[row["feed_reference"]]["town"] for row in rows[SESSIONS:]} == {"Uttoxeter"}
    with transaction(IMPORTER) as session:
        corrected = session.scalar(
            select(func.count()).select_from(Person).where(text("'town' = ANY (corrected_fields)"))
        )
    assert corrected == SESSIONS
    assert_nothing_drifted(run_gateway)
