"""Sums for the compliance page: duties with a limit apart from the others, and what is due first."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from config.area_profile import load_area
from victim_gateway.blueprints.compliance.totals import duties_of, standard_figures
from victim_gateway.queries.compliance.figures import DutyCount
from victim_gateway.reporting.tables import STATUSES

DUTIES = duties_of(load_area("staffordshire"))
CODE = sorted(key for key in DUTIES if key[0] != "local")
CELLS = st.lists(
    st.builds(
        lambda key, enhanced, status, clocks: DutyCount(*key, enhanced, "2024-03", status, clocks),
        st.sampled_from(CODE),
        st.booleans(),
        st.sampled_from(STATUSES),
        st.integers(1, 500),
    ),
    max_size=30,
)


@given(CELLS)
def test_every_clock_is_counted_once_with_a_limit_or_without(cells: list[DutyCount]) -> None:
    found = standard_figures(cells, DUTIES)

    assert found.total.started + found.unlimited.started == sum(cell.clocks for cell in cells)
    assert found.total.started == sum(line.tally.started for line in found.lines)
    assert found.unlimited.started == sum(line.tally.started for line in found.unlimited_lines)
    assert found.has_any is bool(cells)


@given(CELLS)
def test_the_headline_is_of_duties_with_a_limit_only(cells: list[DutyCount]) -> None:
    found = standard_figures(cells, DUTIES)

    limited = [cell for cell in cells if DUTIES[cell.edition, cell.entitlement_id].limit is not None]
    assert found.total.met == sum(cell.clocks for cell in limited if cell.status == "met")
    assert list(found.cells) == limited
    assert all(line.duty.limit is not None for line in found.lines)
    assert all(line.duty.limit is None for line in found.unlimited_lines)


@given(CELLS)
def test_a_duty_with_something_due_comes_before_one_with_nothing_due(cells: list[DutyCount]) -> None:
    due = [line.tally.due > 0 for line in standard_figures(cells, DUTIES).lines]

    assert due == sorted(due, reverse=True)


def test_a_promise_that_is_done_at_once_and_has_no_limit_makes_no_rate_better() -> None:
    late = DutyCount("2020", "referred_to_support_service", False, "2024-03", "met_late", 10)
    done = DutyCount("2020", "written_acknowledgement", False, "2024-03", "met", 990)

    found = standard_figures([late, done], DUTIES)

    assert (found.total.rate, found.total.due, found.unlimited.met) == (0.0, 10, 990)
