"""A provider's work as pure rules: what is safe, what clashes, who comes first, what goes with which outcome."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from victim_gateway.rules.provider_urgency import WaitingHarm, harm_rank, sorted_harms
from victim_gateway.rules.service_records import (
    AppointmentTimes,
    refused_need_outcomes,
    share_among_workers,
)
from victim_gateway.service_record_vocabulary import (
    ServedNeedOutcome,
)
from victim_gateway.vocabulary import ServiceOutcome

# A Tuesday in winter: the clock of London is UTC.
TUESDAY = datetime(2026, 11, 24, 11, 0, tzinfo=UTC)
SHARED: dict[str, Any] = {
    "safe": "yes",
    "channels": {"phone": "yes", "sms": "no", "voicemail": "no"},
    "number": "07700 900123",
    "days": ["Tuesday"],
    "from_time": "10:00",
    "until_time": "14:00",
}


def appointment(hours: float, minutes: int = 60) -> AppointmentTimes:
    starts_at = TUESDAY + timedelta(hours=hours)
    return AppointmentTimes(starts_at, starts_at + timedelta(minutes=minutes))


@pytest.mark.parametrize(
    ("needs", "outcome", "fits"),
    [
        (["met", "met"], ServiceOutcome.NEEDS_MET, True),
        (["met", "not_worked_on"], ServiceOutcome.NEEDS_MET, True),
        (["met", "partly_met"], ServiceOutcome.NEEDS_MET, False),
        (["not_worked_on", "not_worked_on"], ServiceOutcome.NEEDS_MET, False),
        (["not_met", "partly_met"], ServiceOutcome.PARTLY_MET, True),
        (["not_met", "not_worked_on"], ServiceOutcome.PARTLY_MET, False),
        (["met"], ServiceOutcome.PARTLY_MET, False),
        (["not_met", "met"], ServiceOutcome.DISENGAGED, True),
    ],
)
def test_what_became_of_each_need_goes_with_how_support_ended(
    needs: list[str], outcome: ServiceOutcome, fits: bool
) -> None:
    answers = {str(number): ServedNeedOutcome(each) for number, each in enumerate(needs)}
    # Of two needs each time: one answer leaves one out.
    assert (refused_need_outcomes(answers, ["0", "1"], outcome) is None) is fits


def test_without_named_needs_every_outcome_fits() -> None:
    assert all(refused_need_outcomes({}, [], outcome) is None for outcome in ServiceOutcome)


def test_the_referrals_of_a_worker_are_shared_out_in_turn() -> None:
    onward, workers = [uuid4() for _ in range(5)], [uuid4(), uuid4()]
    given = share_among_workers(onward, workers)
    assert [each for each, _ in given] == onward
    assert [worker for _, worker in given] == [workers[0], workers[1], workers[0], workers[1], workers[0]]
    assert share_among_workers(onward, []) == []


def test_a_graver_reason_counts_more_than_all_lesser_ones_and_then_the_earlier_day() -> None:
    high, late, missed, left = WaitingHarm
    early, later = date(2026, 11, 1), date(2026, 11, 2)
    order = [
        harm_rank({high, late}, later),
        harm_rank({high}, None),
        harm_rank({late, missed, left}, early),
        harm_rank({late}, early),
        harm_rank({late}, later),
        harm_rank({missed}, None),
        harm_rank({left}, early),
        harm_rank(set(), early),
    ]
    assert order == sorted(order)
    assert len(set(order)) == len(order)
    assert sorted_harms({left, high}) == (high, left)
