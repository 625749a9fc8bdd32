"""From when a rule of reminders speaks: working days over holidays, hours over both changes of the clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from victim_gateway.compliance.calendar import add_working_days, england_and_wales, latest_start
from victim_gateway.reminder_vocabulary import (
    ReminderDirection,
    ReminderSource,
    ReminderStop,
    ReminderUnit,
)
from victim_gateway.rules.case_steps import events_without_step
from victim_gateway.rules.reminder_rule_texts import describe_channel, describe_reader, describe_when
from victim_gateway.rules.reminder_rules import (
    ReminderRule,
    find_escalation_limit,
    find_reach,
    find_rule_mistakes,
    lay_settings_over,
    shipped_rules,
    start_of_day,
)
from victim_gateway.rules.step_dates import RiskBand
from victim_gateway.vocabulary import NextAction

RULES = {rule.code: rule for rule in shipped_rules(1)}
MINUTE = timedelta(minutes=1)


def rule_with(code: str = "device_due_back", **changes: object) -> ReminderRule:
    return replace(RULES[code], **changes)  # type: ignore[arg-type]


def after(number: int, unit: ReminderUnit) -> ReminderRule:
    return rule_with(offset_number=number, unit=unit, direction=ReminderDirection.AFTER)


def before(number: int, unit: ReminderUnit) -> ReminderRule:
    return rule_with(offset_number=number, unit=unit, direction=ReminderDirection.BEFORE)


def first_moment(rule: ReminderRule, day: date, *, earliest: datetime) -> datetime:
    """The first minute from `earliest` on at which the rule speaks of a day."""
    moment = earliest
    while find_reach(rule, moment).day < day:
        moment += MINUTE
    return moment


@pytest.mark.parametrize("start", [date(2026, 4, 1), date(2026, 12, 21), date(2026, 3, 27), date(2027, 5, 1)])
@pytest.mark.parametrize("days", [1, 2, 3, 5, 20])
def test_the_latest_start_is_the_reverse_of_adding_working_days(start: date, days: int) -> None:
    calendar = england_and_wales()
    for shift in range(14):
        today = start + timedelta(days=shift)
        found = latest_start(today, days, calendar)
        assert add_working_days(found, days, calendar) <= today
        assert add_working_days(found + timedelta(days=1), days, calendar) > today


@pytest.mark.parametrize(
    ("rule", "day", "spoken_from"),
    [
        # Good Friday 3 April and Easter Monday 6 April 2026 are no working days, nor is the weekend between.
        (after(1, ReminderUnit.WORKING_DAYS), date(2026, 4, 2), "2026-04-07T00:00+01:00"),
        (before(1, ReminderUnit.WORKING_DAYS), date(2026, 4, 7), "2026-04-02T00:00+01:00"),
        # Christmas 2026: Friday 25, Monday 28 in place of Boxing Day.
        (after(2, ReminderUnit.WORKING_DAYS), date(2026, 12, 23), "2026-12-29T00:00+00:00"),
        (before(2, ReminderUnit.WORKING_DAYS), date(2026, 12, 29), "2026-12-23T00:00+00:00"),
        (after(1, ReminderUnit.DAYS), date(2026, 12, 24), "2026-12-25T00:00+00:00"),
        # The clocks go forward on 29 March 2026 and back on 25 October: midnight stays midnight in London.
        (after(1, ReminderUnit.DAYS), date(2026, 3, 28), "2026-03-29T00:00+00:00"),
        (after(1, ReminderUnit.DAYS), date(2026, 3, 29), "2026-03-30T00:00+01:00"),
        (after(1, ReminderUnit.DAYS), date(2026, 10, 25), "2026-10-26T00:00+00:00"),
        # So many hours pass, from the end of the day on: the night in which the clocks change is 23 or 25 hours long.
        (after(3, ReminderUnit.HOURS), date(2026, 3, 28), "2026-03-29T04:00+01:00"),
        (after(3, ReminderUnit.HOURS), date(2026, 10, 24), "2026-10-25T02:00+00:00"),
        (before(23, ReminderUnit.HOURS), date(2026, 3, 29), "2026-03-29T00:00+00:00"),
        (before(25, ReminderUnit.HOURS), date(2026, 10, 25), "2026-10-25T00:00+01:00"),
    ],
)
def test_a_rule_speaks_from_its_moment_and_not_before(
    rule: ReminderRule, day: date, spoken_from: str
) -> None:
    moment = datetime.fromisoformat(spoken_from)
    assert first_moment(rule, day, earliest=moment - timedelta(hours=2)) == moment


@pytest.mark.parametrize(
    ("day", "in_utc"),
    [
        (date(2026, 3, 27), "2026-03-27T10:00Z"),
        (date(2026, 3, 30), "2026-03-30T09:00Z"),
        (date(2026, 10, 23), "2026-10-23T09:00Z"),
        (date(2026, 10, 26), "2026-10-26T10:00Z"),
    ],
)
def test_ten_in_the_morning_is_ten_in_london_on_both_sides_of_a_change(day: date, in_utc: str) -> None:
    moment = datetime.fromisoformat(in_utc)
    feed = RULES["feed_late"]
    assert find_reach(feed, moment).day == day
    assert find_reach(feed, moment - MINUTE).day == day - timedelta(days=1)


def test_what_hangs_on_a_moment_is_spoken_of_once_its_london_day_is_over() -> None:
    rule = rule_with("survey", offset_number=1, unit=ReminderUnit.DAYS)
    closed_at = datetime(2026, 7, 14, 22, 30, tzinfo=UTC)
    assert find_reach(rule, datetime(2026, 7, 14, 22, 59, tzinfo=UTC)).before <= closed_at
    assert find_reach(rule, datetime(2026, 7, 14, 23, 1, tzinfo=UTC)).before > closed_at


def test_hours_from_a_moment_are_hours_that_pass() -> None:
    rule = rule_with("survey", offset_number=4, unit=ReminderUnit.HOURS)
    closed_at = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert find_reach(rule, closed_at + timedelta(hours=4)).before > closed_at
    assert find_reach(rule, closed_at + timedelta(hours=4) - MINUTE).before <= closed_at


def test_repeats_come_one_after_another() -> None:
    rule = RULES["high_risk_review"]
    thursday = datetime(2026, 4, 2, 9, tzinfo=UTC)
    assert find_reach(rule, thursday, repeat=0).day == date(2026, 4, 2)
    assert find_reach(rule, thursday, repeat=1).day == date(2026, 4, 1)
    assert find_reach(rule, datetime(2026, 4, 7, 9, tzinfo=UTC), repeat=1).day >= date(2026, 4, 2)


def test_higher_risk_is_asked_about_sooner() -> None:
    at = datetime(2026, 7, 14, 9, tzinfo=UTC)
    days = [find_reach(RULES["stalled"], at, band=band).before for band in RiskBand]
    assert days == sorted(days, reverse=True)
    assert len(set(days)) == len(RiskBand)


def test_an_escalation_waits_its_working_days_from_when_it_was_first_said() -> None:
    limit = find_escalation_limit(RULES["stalled"], datetime(2026, 4, 9, 9, tzinfo=UTC))
    assert limit == start_of_day(date(2026, 4, 7))
    assert find_escalation_limit(RULES["survey"], datetime(2026, 4, 9, 9, tzinfo=UTC)) is None


def test_past_the_table_of_holidays_nothing_is_said_too_early() -> None:
    at = datetime(2060, 1, 1, 9, tzinfo=UTC)
    assert find_reach(after(5, ReminderUnit.WORKING_DAYS), at).day <= date(2059, 12, 25)
    assert find_reach(before(5, ReminderUnit.WORKING_DAYS), at).day == date(2060, 1, 1)


def test_every_next_action_belongs_to_one_rule() -> None:
    of_actions = [rule for rule in RULES.values() if rule.source is ReminderSource.NEXT_ACTION]
    named = [name for rule in of_actions for name in rule.narrowing]
    assert sorted(named) == sorted(action.value for action in NextAction if action is not NextAction.NOTHING)


def test_what_ships_is_right_and_says_itself() -> None:
    for rule in RULES.values():
        assert find_rule_mistakes(rule) == {}
        assert describe_when(rule)
        assert describe_reader(rule)
        assert describe_channel(rule.channel)
    assert describe_when(RULES["stalled"]) == (
        "20 working days after the last step on the case (5 at high risk, 10 at medium risk)"
    )
    assert {RULES[code].stop for code in ("device_due_back", "withholding_review")} == {
        ReminderStop.ANCHOR_PASSED
    }


def test_an_area_that_warns_no_day_before_warns_on_the_day() -> None:
    rule = next(rule for rule in shipped_rules(0) if rule.code == "first_contact")
    assert (rule.direction, find_rule_mistakes(rule)) == (ReminderDirection.ON, {})


def test_what_an_area_set_lies_over_what_ships() -> None:
    laid = lay_settings_over(
        RULES.values(), {"survey": {"is_on": False, "version": 3}, "gone": {"is_on": False}}
    )
    found = {rule.code: rule for rule in laid}
    assert (found["survey"].is_on, found["survey"].version) == (False, 3)
    assert found["triage"] == RULES["triage"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"offset_number": 5000}, "offset_number"),
        ({"offset_number": 0}, "offset_number"),
        ({"offset_high": 25}, "offset_high"),
        ({"offset_high": 9, "offset_medium": 8}, "offset_high"),
        ({"direction": ReminderDirection.BEFORE}, "direction"),
        ({"repeat_every": 2}, "repeat_most"),
        ({"repeat_every": 2, "repeat_most": 50}, "repeat_most"),
        ({"repeat_every": 500, "repeat_most": 2}, "repeat_every"),
        ({"escalate_after": 0}, "escalate_after"),
    ],
)
def test_a_change_that_makes_no_sense_is_named_by_its_field(changes: dict[str, object], field: str) -> None:
    assert field in find_rule_mistakes(rule_with("stalled", **changes))


def test_the_entries_that_are_no_step_are_read_from_the_table() -> None:
    assert "referral.assigned" in events_without_step()
    assert "contact.attempted" not in events_without_step()
