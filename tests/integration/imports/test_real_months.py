"""The two real months, where the data is at hand: the sums are right, and a second time changes nothing."""

from __future__ import annotations

import os
from io import BytesIO
from itertools import islice

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


# A whole month takes half a minute: outside CI the beginning of each file, which meets the same rules.
WHOLE = bool(os.environ.get("CI"))
FIRST_LINES = {ImportKind.POLICE_FEED: 1_001, ImportKind.CASE_EVENTS: 5_001}


def import_month(name: str) -> ImportSummary:
    kind = ImportKind.CASE_EVENTS if "events" in name else ImportKind.POLICE_FEED
    with (DATA / name).open("rb") as stream:
        content = stream.read() if WHOLE else b"".join(islice(stream, FIRST_LINES[kind]))
    return import_stream(BytesIO(content), kind=kind, file_name=name, history=True, at=times.now())


def totals() -> tuple[int, ...]:
    with transaction(IMPORTER) as session:
        return tuple(
            session.scalar(select(func.count()).select_from(model)) or 0
            for model in (Referral, Person, CaseEvent, EntitlementClock)
        )


def test_october_goes_in_whole_and_a_second_time_changes_nothing(committed_app: Flask) -> None:
    first = import_month("staffordshire-2018-10-referrals.csv")
    counts = (first.rows, first.imported, first.updated, first.unchanged, first.set_aside)
    assert first.rows == sum(counts[1:]) and first.imported > 900
    if WHOLE:
        assert counts == (8052, 7906, 37, 44, 65)
    events = import_month("staffordshire-2018-10-events.csv")
    assert events.rows == events.imported + events.unchanged + events.set_aside
    if WHOLE:
        assert (events.rows, events.unchanged) == (41340, 0)
    before = totals()

    again = import_month("staffordshire-2018-10-referrals.csv")
    events_again = import_month("staffordshire-2018-10-events.csv")

    assert (again.imported, again.updated, again.set_aside) == (0, 0, first.set_aside)
    assert (events_again.imported, events_again.unchanged) == (0, events.imported + events.unchanged)
    assert totals() == before
