"""Many people save while a month of referrals is imported: no save and no correction is lost."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from uuid import UUID

from flask import Flask
from sqlalchemy import func, select, text

from config import Settings
from tests.factories.feeds import feed_file, feed_row
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from tests.plumbing.programs import RunGateway, environment_of, forked_gateway, wait_until
from tests.workers.imports_at_work import (
    IMPORTER,
    assert_nothing_drifted,
    documents_of,
    import_now,
    referral_of,
)
from victim_gateway import create_app, times
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import GatewayError
from victim_gateway.extensions import db
from victim_gateway.models import Person
from victim_gateway.services.referrals import corrections
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import Role

SESSIONS = 14
# The rows of a month in CI; outside it so many that there are two chunks, which meet the same locks.
ROWS = 7_450 if os.environ.get("CI") else 372


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

    log = tmp_path / "import.log"
    process = forked_gateway(
        "import", "police-feed", path, "--json", environment=environment_of(committed_settings), log=log
    )
    status = process.wait(600)
    for session in at_work:
        session.stopping.set()
    for session in at_work:
        session.join(60)
    with apps[1].app_context():
        db.engine.dispose()

    output = log.read_text()
    assert status == 0, output
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
