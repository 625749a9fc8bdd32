"""Rows of the police referral feed through the fields of the schemas, compiled once for each header."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache

from victim_gateway.feeds.columns import REFERRAL_COLUMNS
from victim_gateway.feeds.places import PlaceNames
from victim_gateway.feeds.problems import Accepted, RejectedRow
from victim_gateway.feeds.referrals import ReferralRow, build_referral_row
from victim_gateway.feeds.rows import CellPlan, plan_cells
from victim_gateway.schemas.cell_field import column_readers
from victim_gateway.schemas.person import PersonSchema
from victim_gateway.schemas.referral import ReferralSchema

# In the order of the contract, so that warnings come in it too.
_READERS = column_readers(ReferralSchema, PersonSchema)
COLUMN_READERS = {column: _READERS[column] for column in REFERRAL_COLUMNS}


def parse_referral_row(
    raw: Mapping[str, str],
    *,
    number: int,
    imported_at: datetime,
    places: PlaceNames,
    cells_given: tuple[str, ...] = (),
) -> Accepted[ReferralRow] | RejectedRow:
    """Read one row by its column names.

    `imported_at` is the moment of the import: nothing that a feed tells can have happened after it.
    `places` are the area's names of districts and forces. `cells_given` are the cells in file order, for the
    file of rows set aside.
    """
    return build_referral_row(
        raw, _plan(tuple(raw)), places, number=number, imported_at=imported_at, cells_given=cells_given
    )


@lru_cache(maxsize=64)
def _plan(header: tuple[str, ...]) -> CellPlan:
    return plan_cells(frozenset(header), COLUMN_READERS)
