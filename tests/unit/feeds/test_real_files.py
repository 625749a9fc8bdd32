"""The month files with the faults that a real feed has, where they are at hand."""

from __future__ import annotations

import functools
import re
from collections import Counter
from pathlib import Path
from typing import BinaryIO

import pytest

from tests.unit.feeds.samples import IMPORTED_AT, MEGABYTE, PLACES, SHARED
from victim_gateway.feeds.case_events import CASE_EVENTS_FEED, CaseEventRow
from victim_gateway.feeds.columns import REFERRAL_FEED
from victim_gateway.feeds.facts import referral_facts
from victim_gateway.feeds.problems import Accepted, RejectedRow
from victim_gateway.feeds.reading import examine_file, read_rows
from victim_gateway.feeds.referrals import ReferralRow
from victim_gateway.schemas.case_event_rows import parse_case_event_row
from victim_gateway.schemas.referral_rows import parse_referral_row

pytestmark = pytest.mark.skipif(not SHARED.exists(), reason="the month files are not here")

Tally = Counter[tuple[str, str]]


def event_names() -> set[str]:
    """The glossary's names, and each telling of each subject in it."""
    glossary = (SHARED.parent / "reference" / "victims-code.md").read_text().split("## 10.")[1]
    names = set(re.findall(r"`([a-z_]+)`", glossary.split("## 11.")[0]))
    return names | {f"victim_told_{name}" for name in names}


@functools.cache
def referral_outcomes(month: str) -> list[Accepted[ReferralRow] | RejectedRow]:
    with _open(f"staffordshire-{month}-referrals.csv") as stream:
        file = examine_file(stream, REFERRAL_FEED, max_bytes=50 * MEGABYTE)
        assert file.unknown_columns == ()
        outcomes = [
            row
            if isinstance(row, RejectedRow)
            else parse_referral_row(
                row.values, number=row.number, imported_at=IMPORTED_AT, places=PLACES, cells_given=row.cells
            )
            for row in read_rows(stream, file, REFERRAL_FEED)
        ]
    assert len(outcomes) == file.rows
    return outcomes


def event_outcomes(month: str) -> list[Accepted[CaseEventRow] | RejectedRow]:
    names = event_names()
    with _open(f"staffordshire-{month}-events.csv") as stream:
        file = examine_file(stream, CASE_EVENTS_FEED, max_bytes=50 * MEGABYTE)
        return [
            row
            if isinstance(row, RejectedRow)
            else parse_case_event_row(
                row.values, number=row.number, imported_at=IMPORTED_AT, event_names=names, with_history=True
            )
            for row in read_rows(stream, file, CASE_EVENTS_FEED)
        ]


def _open(name: str) -> BinaryIO:
    return Path(SHARED / name).open("rb")


def tally(outcomes: list[Accepted[ReferralRow] | RejectedRow]) -> tuple[Tally, Tally]:
    """Reasons and warnings by (column, code)."""
    reasons: Tally = Counter()
    warnings: Tally = Counter()
    for outcome in outcomes:
        if isinstance(outcome, RejectedRow):
            reasons.update((reason.column, reason.code) for reason in outcome.reasons)
        else:
            warnings.update((warning.column, warning.code) for warning in outcome.warnings)
    return reasons, warnings


def test_every_fault_of_october_is_named_and_no_row_is_lost() -> None:
    outcomes = referral_outcomes("2018-10")
    set_aside = [outcome for outcome in outcomes if isinstance(outcome, RejectedRow)]
    assert (len(outcomes), len(set_aside)) == (8052, 65)
    reasons, warnings = tally(outcomes)
    assert reasons == {
        ("offence", "missing"): 17,
        ("reported_at", "unreadable"): 21,
        ("reported_at", "missing"): 12,
        ("feed_reference", "missing"): 15,
    }
    assert warnings == {
        ("phone", "unreadable"): 11,
        ("date_of_birth", "unreadable"): 13,
        ("date_of_birth", "impossible"): 6,
        ("district", "not_in_area"): 7,
        ("given_name", "not_a_name"): 28,
        ("family_name", "not_a_name"): 2,
        ("family_name", "placeholder"): 3,
    }


def test_the_odd_names_of_october_are_kept_exactly() -> None:
    rows = [outcome.row for outcome in referral_outcomes("2018-10") if isinstance(outcome, Accepted)]
    names = {row.given_name for row in rows} | {row.family_name for row in rows}
    assert names >= {"Spaced   Out", "X" * 300, "محمد", "👩\u200d👧", "+1+1", "@SUM(A1)", "Nguyễn"}
    assert names >= {"Robert'); DROP TABLE referral;--", "<script>alert(1)</script>"}
    assert 'Line one\nline "two", with comma' in {row.safe_contact_note for row in rows}
    assert all(referral_facts(row, imported_at=IMPORTED_AT, with_history=True).events for row in rows)


def test_november_has_no_fault_but_districts_of_other_areas() -> None:
    outcomes = referral_outcomes("2018-11")
    assert len(outcomes) == 7450
    assert tally(outcomes) == (Counter(), Counter({("district", "not_in_area"): 9}))


@pytest.mark.parametrize(("month", "rows"), [("2018-10", 41340), ("2018-11", 38306)])
def test_every_event_of_both_months_is_usable(month: str, rows: int) -> None:
    outcomes = event_outcomes(month)
    assert len(outcomes) == rows
    assert all(isinstance(outcome, Accepted) and not outcome.warnings for outcome in outcomes)
