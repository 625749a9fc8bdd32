"""Dates and times as people type them."""

from __future__ import annotations

from datetime import date, time, timedelta

import pytest
from werkzeug.datastructures import MultiDict
from wtforms import Form

from victim_gateway import times
from victim_gateway.web.fields import GovDateField, GovTimeField


class WhenForm(Form):
    on = GovDateField(
        "When?", what="The date they were told", required="Enter the date they were told", not_future=True
    )
    at = GovTimeField("What time?")


def _sent(day: str = "6", month: str = "3", year: str = "2026", at: str = "") -> WhenForm:
    form = WhenForm(MultiDict({"on-day": day, "on-month": month, "on-year": year, "at": at}))
    form.validate()
    return form


@pytest.mark.parametrize("month", ["3", "03", "Mar", "march", "MARCH"])
def test_a_month_may_be_a_number_or_a_word(month: str) -> None:
    form = _sent(month=month)
    assert form.on.data == date(2026, 3, 6)
    assert not form.errors


@pytest.mark.parametrize(
    ("day", "month", "year", "message", "link"),
    [
        ("", "", "", "Enter the date they were told", "on-day"),
        ("6", "", "2026", "The date they were told must include a month", "on-month"),
        ("", "", "2026", "The date they were told must include a day and month", "on-day"),
        ("31", "2", "2026", "The date they were told must be a real date", "on-day"),
        ("0", "3", "2026", "The date they were told must be a real date", "on-day"),
        ("6", "x", "2026", "The date they were told must be a real date", "on-day"),
        ("6", "3", "26", "Year must include 4 numbers", "on-year"),
        ("6", "4", "0226", "The date they were told must be in 1900 or later", "on-year"),
        ("6", "3", "٢٠٢٦", "The date they were told must be a real date", "on-day"),
    ],
)
def test_a_wrong_date_is_refused_in_words_at_the_box_that_is_wrong(
    day: str, month: str, year: str, message: str, link: str
) -> None:
    form = _sent(day, month, year)
    assert list(form.on.errors) == [message]
    assert form.on.error_id == link
    assert form.on.data is None


def test_what_was_typed_stays_in_the_boxes() -> None:
    assert _sent("31", "2", "2026").on.typed == {"day": "31", "month": "2", "year": "2026"}


def test_a_date_that_is_not_over_yet_is_refused_where_only_the_past_makes_sense() -> None:
    tomorrow = times.london_date(times.now()) + timedelta(days=1)
    form = _sent(str(tomorrow.day), str(tomorrow.month), str(tomorrow.year))
    assert list(form.on.errors) == ["The date they were told must be today or in the past"]


def test_a_post_without_any_part_of_the_date_is_an_empty_date_and_not_a_failure() -> None:
    form = WhenForm(MultiDict({"other": "1"}))
    assert not form.validate()
    assert list(form.on.errors) == ["Enter the date they were told"]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("2:30pm", time(14, 30)),
        ("2.30 PM", time(14, 30)),
        ("2pm", time(14)),
        ("14:30", time(14, 30)),
        ("09:05", time(9, 5)),
        ("midday", time(12)),
        ("12am", time(0)),
        ("00:10", time(0, 10)),
        ("", None),
    ],
)
def test_a_time_is_read_as_people_write_it(typed: str, meant: time | None) -> None:
    form = _sent(at=typed)
    assert form.at.data == meant
    assert not form.errors


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("2:30", "The time must say am or pm, like 2:30pm"),
        ("2", "The time must say am or pm, like 2:30pm"),
        ("25:00", "The time must be a real time, like 2:30pm or 14:30"),
        ("13pm", "The time must be a real time, like 2:30pm or 14:30"),
        ("soon", "The time must be a time, like 2:30pm or 14:30"),
    ],
)
def test_a_time_that_could_be_read_two_ways_is_asked_again(typed: str, message: str) -> None:
    assert list(_sent(at=typed).at.errors) == [message]
