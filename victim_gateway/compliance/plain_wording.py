"""Duties and conditions in plain English, as pages and explanations print them.

The entitlements table keeps the wording of its sources, semicolons and all, and names conditions for programs.
Neither is printed to a reader: what the two tables here do not replace is plain already.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from victim_gateway.compliance.editions import Entitlement

_DATA = Path(__file__).parent / "data"
_ANY_OTHER_CONDITION = "this case was recorded as outside it"


def duty_wording(duty: Entitlement) -> str:
    """The duty as a sentence without its full stop; the table has semicolons where a sentence has commas."""
    return plain_duties().get(duty.entitlement) or duty.entitlement.replace(";", ",")


def reason_left_out(condition: str) -> str:
    """Why a duty is left out where this condition is false: a clause that holds at most one negative.

    An area's own standards may name conditions that no table knows; those get a clause that fits any.
    """
    return plain_conditions().get(condition, _ANY_OTHER_CONDITION)


@cache
def plain_duties() -> Mapping[str, str]:
    """Plain wording by the table's own, for the duties whose own wording is not plain."""
    return _table("plain-duties.csv", "entitlement", "plain")


@cache
def plain_conditions() -> Mapping[str, str]:
    """The reason why a duty is left out, by the name of the condition that is false."""
    return _table("plain-conditions.csv", "condition", "left_out_because")


def _table(name: str, key: str, value: str) -> Mapping[str, str]:
    with (_DATA / name).open(encoding="utf-8", newline="") as lines:
        return {row[key]: row[value] for row in csv.DictReader(lines)}
