"""The two real months, where the data is at hand: the sums are right, and a second time changes nothing."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import func, select

from tests.factories.imports import IMPORTER, import_stream
from tests.plumbing import ROOT
from victim_gateway import times
from victim_gateway.database.transaction import transaction
from victim_gateway.models import CaseEvent, EntitlementClock, Person, Referral
from victim_gateway.services.imports.batches import ImportSummary
from victim_gateway.vocabulary import ImportKind

DATA = ROOT.parent / "shared" / "data"
pytestmark = pytest.mark.skipif(not DATA.exists(), reason="the month files are not beside this checkout")


def import_month(name: str) -> ImportSummary:
    kind = ImportKind.CASE_EVENTS if "events" in name else ImportKind.POLICE_FEED
    with (DATA / name).open("rb") as stream:
        return import_stream(stream, kind=kind, file_name=name, history=True, at=times.now())


def totals() -> tuple[int, ...]:
    with transaction(IMPORTER) as session:
        return tuple(
            session.scalar(select(func.count()).select_from(model)) or 0
            for model in (Referral, Person, CaseEvent, EntitlementClock)
        )


def test_october_goes_in_whole_and_a_second_time_changes_nothing(committed_app: Flask) -> None:
    first = import_month("staffordshire-2018-10-referrals.csv")
    assert (first.rows, first.imported, first.updated, first.unchanged, first.set_aside) == (
        8052,
        7906,
        37,
        44,
        65,
    )
    events = import_month("staffordshire-2018-10-events.csv")
    assert events.rows == events.imported + events.set_aside == 41340
    before = totals()

    again = import_month("staffordshire-2018-10-referrals.csv")
    events_again = import_month("staffordshire-2018-10-events.csv")

    assert (again.imported, again.updated, again.set_aside) == (0, 0, 65)
    assert (events_again.imported, events_again.unchanged) == (0, events.imported)
    assert totals() == before
