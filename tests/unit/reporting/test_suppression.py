"""Hidden counts can't be worked out, from their row or from the less detailed reports."""

from __future__ import annotations

import itertools
import random
import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.plumbing.property_tests import examples
from tests.unit.reporting.attack import certain_cells
from tests.unit.reporting.samples import line, row, sum_of
from victim_gateway.reporting.blocks import CountLine
from victim_gateway.reporting.suppression import protect_lines, suppress_small_counts
from victim_gateway.reporting.tables import COUNTS, ONLY_WITH_A_LIMIT, STATUSES, ReportRow

SMALL = st.sampled_from([0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 8, 20, 100])
COUNTS_OF_A_ROW = st.tuples(*[SMALL] * len(STATUSES)).filter(any)
COUNTS_WITHOUT_A_LIMIT = st.tuples(
    *[st.just(0) if status in ONLY_WITH_A_LIMIT else SMALL for status in STATUSES]
).filter(any)


def hidden(row: ReportRow) -> set[str]:
    return {column for column in COUNTS if getattr(row, column) is None}


def test_counts_from_one_to_four_are_hidden_and_zeros_and_fives_shown() -> None:
    [found] = suppress_small_counts([row(met=50, met_late=4, overdue=5, running=0, unknown=1)], by=())
    assert {"met_late", "unknown"} <= hidden(found)
    assert found.suppressed
    assert found.met == 50
    assert found.running == 0


def test_a_row_without_small_counts_is_published_whole() -> None:
    rows = [row(met=50, overdue=5), row(entitlement_id="other", met=5)]
    assert suppress_small_counts(rows, by=()) == rows


def test_one_small_count_never_stands_alone_in_its_row() -> None:
    [found] = suppress_small_counts([row(met=50, met_late=3, overdue=9, running=70)], by=())
    assert len(hidden(found)) >= 2


def test_a_rate_is_hidden_with_either_of_its_parts() -> None:
    [found] = suppress_small_counts([row(met=3, running=90)], by=())
    assert found.rate is None
    assert {"met", "due"} <= hidden(found)
    [found] = suppress_small_counts([row(met=90, unknown=3, declined=6)], by=())
    assert hidden(found) == {"unknown", "declined"}
    assert found.rate == 1


def test_what_a_district_hides_another_district_hides_with_it() -> None:
    found = suppress_small_counts(
        [row(("Stafford",), met=3, running=60), row(("Leek",), met=50, running=40), row(("Stone",), met=70)],
        by=("district",),
    )
    assert "met" in hidden(found[0])
    assert "met" in hidden(found[1]) | hidden(found[2])


def test_two_fours_that_make_a_published_eight_are_withheld_with_their_rows() -> None:
    found = suppress_small_counts([row(("Stafford",), met=4), row(("Leek",), met=4)], by=("district",))
    assert all(hidden(each) == {"clocks_started", "due", "met"} for each in found)


def test_entitlements_do_not_touch_each_other() -> None:
    large = row(("Stafford",), entitlement_id="large", met=50)
    found = suppress_small_counts(
        [row(("Stafford",), met=3), large, row(("Leek",), met=50)], by=("district",)
    )
    assert found[1] == large


def test_the_same_figures_hide_the_same_cells_in_any_order_of_rows_and_columns() -> None:
    rows = [
        row((district, month), met=met, running=9)
        for district, month, met in [
            ("A", "1", 2),
            ("A", "2", 30),
            ("B", "1", 0),
            ("B", "2", 7),
            ("C", "1", 4),
        ]
    ]
    found = {
        frozenset(
            (each.by, frozenset(hidden(each)))
            for each in suppress_small_counts(order, by=("district", "month"))
        )
        for order in itertools.permutations(rows)
    }
    assert len(found) == 1
    turned = [replace(each, by=each.by[::-1]) for each in rows]
    again = suppress_small_counts(turned, by=("month", "district"))
    assert {frozenset((each.by[::-1], frozenset(hidden(each))) for each in again)} == found


@settings(max_examples=examples(600))
@given(COUNTS_OF_A_ROW)
def test_nothing_hidden_in_a_single_row_is_certain(statuses: tuple[int, ...]) -> None:
    [found] = protect_lines([line((), statuses)])
    assert certain_cells([found], None) == set()
    check_primaries([found])


@settings(max_examples=examples(600))
@given(st.lists(COUNTS_OF_A_ROW, min_size=1, max_size=4))
def test_nothing_hidden_is_certain_beside_the_report_without_districts(rows: list[tuple[int, ...]]) -> None:
    lines = protect_lines([line((f"d{place}",), statuses) for place, statuses in enumerate(rows)])
    [total] = protect_lines([sum_of((), lines)])
    certain = certain_cells(lines, total)
    if len(lines) == 1:
        # The only district is the whole: it must say just what the total says.
        assert lines[0].hidden == total.hidden
        assert certain_cells(lines, None) == set()
    else:
        assert certain == set()
    check_primaries(lines)


@settings(max_examples=examples(300))
@given(st.lists(COUNTS_WITHOUT_A_LIMIT, min_size=1, max_size=4))
def test_nothing_hidden_is_certain_where_there_is_no_limit(rows: list[tuple[int, ...]]) -> None:
    lines = protect_lines(
        [line((f"d{place}",), statuses, has_limit=False) for place, statuses in enumerate(rows)]
    )
    [total] = protect_lines([sum_of((), lines)])
    certain = certain_cells([total], None) | (certain_cells(lines, total) if len(lines) > 1 else set())
    assert certain == set()
    for each in lines:
        assert each.hidden >= {column for column in COUNTS if 0 < each.counts[column] < 5}
        assert not each.hidden & set(ONLY_WITH_A_LIMIT)


def test_a_hidden_count_without_a_limit_leaves_due_and_rate_empty() -> None:
    [found] = suppress_small_counts([row(has_limit=False, met=3, running=60)], by=())
    assert found.suppressed
    assert {"met"} < hidden(found) and found.rate is None
    [whole] = suppress_small_counts([row(has_limit=False, met=30, running=60)], by=())
    assert (whole.suppressed, whole.due, whole.rate, whole.met) == (False, None, None, 30)


@settings(max_examples=examples(150))
@given(st.lists(COUNTS_OF_A_ROW, min_size=6, max_size=6), st.sampled_from([("A", "B"), ("A", "B", "C")]))
def test_no_small_count_is_certain_beside_any_one_of_the_less_detailed_reports(
    rows: list[tuple[int, ...]], districts: tuple[str, ...]
) -> None:
    lines = protect_lines(
        [line(key, counts) for key, counts in zip(itertools.product(districts, "xy"), rows, strict=False)]
    )
    check_primaries(lines)
    for kept in ((), (0,), (1,)):
        parts: dict[tuple[str, ...], list[CountLine]] = {}
        for each in lines:
            parts.setdefault(tuple(each.key[place] for place in kept), []).append(each)
        totals = protect_lines([sum_of(key, part) for key, part in parts.items()])
        for part, total in zip(parts.values(), totals, strict=True):
            small = {
                (each.key, column) for each in (*part, total) for column in COUNTS if each.is_primary(column)
            }
            assert certain_cells(part, total) & small == set()


@given(st.dictionaries(st.tuples(*[st.sampled_from("xy")] * 3), COUNTS_OF_A_ROW, min_size=1))
def test_a_sparse_report_split_by_three_columns_hides_every_small_count(
    table: dict[tuple[str, ...], tuple[int, ...]],
) -> None:
    check_primaries(protect_lines([line(key, counts) for key, counts in table.items()]))


def check_primaries(lines: list[CountLine]) -> None:
    for each in lines:
        assert each.hidden >= {column for column in COUNTS if 0 < each.counts[column] < 5}
        if each.hidden & {"met", "due"} == set():
            assert each.counts["due"] == 0 or each.counts["due"] >= 5


@pytest.mark.parametrize("rows", [14, 200])
def test_a_large_report_is_suppressed_in_good_time(rows: int) -> None:
    chance = random.Random(7)
    table = [
        row((f"d{n}",), **{status: chance.choice([0, 0, 1, 3, 6, 12, 40]) for status in STATUSES})
        for n in range(rows)
    ]
    began = time.process_time()
    found = suppress_small_counts(table, by=("district",))
    assert time.process_time() - began < 2
    assert sum(len(hidden(each)) for each in found) < 0.8 * rows * len(COUNTS)
