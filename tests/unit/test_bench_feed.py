"""The invented feeds of the bench: the same for the same seed, and usable by the importer."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from bench.feed import FeedPlan, write_events, write_referrals
from bench.people import slip
from config import load_settings
from victim_gateway.compliance.editions import event_names
from victim_gateway.demo.random_choice import random_stream
from victim_gateway.times import parse_moment

COUNT = 300


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("feeds")
    for name in ("first", "second"):
        write_referrals(folder / f"{name}-referrals.csv", plan())
        write_events(folder / f"{name}-events.csv", plan())
    return folder


def plan() -> FeedPlan:
    area = load_settings({}).area
    return FeedPlan(COUNT, date(2025, 1, 6), datetime(2026, 1, 6, tzinfo=UTC), area.force, area.districts)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def test_the_same_seed_writes_the_same_files(files: Path) -> None:
    for kind in ("referrals", "events"):
        assert (files / f"first-{kind}.csv").read_bytes() == (files / f"second-{kind}.csv").read_bytes()


def test_a_feed_has_repeated_victims_some_unusable_rows_and_about_five_events_a_referral(files: Path) -> None:
    referrals, events = rows(files / "first-referrals.csv"), rows(files / "first-events.csv")
    assert len({row["feed_reference"] for row in referrals}) == COUNT
    assert COUNT * 0.8 < len({row["victim_reference"] for row in referrals}) < COUNT
    assert 4 < len(events) / COUNT < 6
    assert {event["event"] for event in events} <= set(event_names())
    assert all(parse_moment(event["recorded_at"]) < plan().until for event in events)


def test_a_slip_changes_a_name_by_one_step() -> None:
    chance = random_stream(1, "slips")
    for _ in range(100):
        typed = slip("Ashworth", chance)
        assert typed.casefold() != "ashworth"
        assert abs(len(typed) - len("Ashworth")) <= 1
