"""The rows and columns of the compliance report."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.reporting.samples import row
from victim_gateway.errors import InvalidInput
from victim_gateway.reporting.tables import STATUSES, cells_of, columns_of, parse_by, rate_of

CONTRACT_COLUMNS = (
    "period_start, period_end, as_at, edition, right, entitlement_id, entitlement, owner, "
    "clocks_started, due, met, met_late, overdue, running, unknown, declined, "
    "withheld_for_safety, not_applicable, rate, target, suppressed"
).split(", ")


def test_the_columns_are_the_contracts_in_its_order() -> None:
    assert list(columns_of(())) == CONTRACT_COLUMNS


def test_by_columns_stand_between_the_owner_and_the_counts() -> None:
    columns = list(columns_of(("month", "district")))
    assert columns[7:11] == ["owner", "month", "district", "clocks_started"]


def test_splitting_by_owner_adds_no_second_column_of_that_name() -> None:
    by = ("owner", "district")
    assert list(columns_of(by)) == [*CONTRACT_COLUMNS[:8], "district", *CONTRACT_COLUMNS[8:]]
    assert len(cells_of(row(("police", "Leek"), met=1), by)) == len(columns_of(by))


@given(st.dictionaries(st.sampled_from(STATUSES), st.integers(0, 10_000)))
def test_statuses_add_up_to_the_clocks_started(statuses: dict[str, int]) -> None:
    found = row((), **statuses)
    cells = dict(zip(columns_of(()), cells_of(found, ()), strict=True))
    assert cells["clocks_started"] == sum(statuses.values())
    assert found.due == sum(statuses.get(status, 0) for status in ("met", "met_late", "overdue"))
    assert found.rate == rate_of(statuses.get("met", 0), found.due or 0)


@given(st.dictionaries(st.sampled_from(("met", "running", "declined")), st.integers(0, 10_000)))
def test_without_a_limit_due_and_rate_are_empty_and_the_statuses_add_up_all_the_same(
    statuses: dict[str, int],
) -> None:
    found = row((), has_limit=False, **statuses)
    cells = dict(zip(columns_of(()), cells_of(found, ()), strict=True))
    assert (cells["due"], cells["rate"]) == (None, None)
    assert cells["clocks_started"] == sum(statuses.values())
    assert cells["met"] == statuses.get("met", 0)


@pytest.mark.parametrize(
    ("met", "due", "rate"),
    [(0, 0, None), (0, 7, "0.0000"), (2, 3, "0.6667"), (7, 7, "1.0000"), (1, 8, "0.1250")],
)
def test_the_rate_has_four_decimals_and_is_empty_when_nothing_was_due(
    met: int, due: int, rate: str | None
) -> None:
    assert rate_of(met, due) == (None if rate is None else Decimal(rate))
    assert str(rate_of(met, due)) == str(rate)


def test_by_columns_are_read_from_a_list_with_commas() -> None:
    assert parse_by("district, month") == ("district", "month")
    assert parse_by("") == ()
    for text in ("colour", "district,district"):
        with pytest.raises(InvalidInput):
            parse_by(text)
