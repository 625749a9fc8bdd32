"""A moment before the report on the same London date is that date's; on an earlier date it is impossible."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.feeds.samples import IMPORTED_AT, accepted
from victim_gateway.compliance.clocks import Status
from victim_gateway.compliance.editions import code_editions
from victim_gateway.compliance.evaluate import evaluate
from victim_gateway.compliance.facts import Event, Facts
from victim_gateway.feeds.facts import referral_facts
from victim_gateway.times import london_date

COLUMNS = {
    "transferred_at": "referred_to_support_service",
    "acknowledged_at": "written_acknowledgement",
}
MOMENTS = st.datetimes(datetime(2015, 9, 1), datetime(2026, 2, 28), timezones=st.just(UTC))


@pytest.mark.parametrize("column", sorted(COLUMNS))
@given(reported=MOMENTS, earlier=st.integers(0, 60 * 30))
def test_the_london_date_decides_whether_a_moment_before_the_report_is_kept(
    column: str, reported: datetime, earlier: int
) -> None:
    moment = reported - timedelta(minutes=earlier)

    row, warnings = accepted(reported_at=reported.isoformat(), **{column: moment.isoformat()})

    kept = london_date(moment) == london_date(reported)
    assert getattr(row, column) == (moment if kept else None)
    assert warnings == ([] if kept else [(column, "impossible")])


def test_transferred_and_acknowledged_minutes_before_the_typed_report_meet_both_clocks() -> None:
    row, warnings = accepted(
        reported_at="2026-03-02T09:05", transferred_at="2026-03-02T09:00", acknowledged_at="2026-03-02T09:01"
    )
    assert warnings == []
    known = referral_facts(row, imported_at=IMPORTED_AT, with_history=False)
    events = [Event(fact.event, fact.occurred_at, fact.recorded_at) for fact in known.events]

    clocks = evaluate(code_editions(), Facts(), events, IMPORTED_AT)

    statuses = {clock.entitlement.entitlement_id: clock.status for clock in clocks}
    assert {statuses[entitlement] for entitlement in COLUMNS.values()} == {Status.MET}
