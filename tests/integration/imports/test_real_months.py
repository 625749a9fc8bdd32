"""The two real months, where the data is at hand: the sums are right, and a second time changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from tests.plumbing import ROOT
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.models import CaseEvent, EntitlementClock, Person, Referral
from victim_gateway.services.imports.batches import ImportSummary
from victim_gateway.services.imports.runner import import_file
from victim_gateway.vocabulary import ImportKind

DATA = ROOT.parent / "shared" / "data"
IMPORTER = Actor.worker("test import")
pytestmark = pytest.mark.skipif(not DATA.exists(), reason="the month files are not beside this checkout")


def take_in(name: str) -> ImportSummary:
    path: Path = DATA / name
    with path.open("rb") as stream:
        return import_file(
            stream,
            kind=ImportKind.CASE_EVENTS if "events" in name else ImportKind.POLICE_FEED,
            file_name=name,
            history=True,
            dry_run=False,
            actor=IMPORTER,
            at=times.now(),
        )


def totals() -> tuple[int, ...]:
    with transaction(IMPORTER) as session:
        return tuple(
            session.scalar(select(func.count()).select_from(model)) or 0
            for model in (Referral, Person, CaseEvent, EntitlementClock)
        )


def test_october_goes_in_whole_and_a_second_time_changes_nothing(committed_app: Flask) -> None:
    first = take_in("staffordshire-2018-10-referrals.csv")
    assert (first.rows, first.imported, first.updated, first.unchanged, first.set_aside) == (
        8052,
        7906,
        37,
        44,
        65,
    )
    events = take_in("staffordshire-2018-10-events.csv")
    assert events.rows == events.imported + events.set_aside == 41340
    before = totals()

    again = take_in("staffordshire-2018-10-referrals.csv")
    events_again = take_in("staffordshire-2018-10-events.csv")

    assert (again.imported, again.updated, again.set_aside) == (0, 0, 65)
    assert (events_again.imported, events_again.unchanged) == (0, events.imported)
    assert totals() == before
