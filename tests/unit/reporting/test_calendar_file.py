"""The calendar file, line by line."""

from __future__ import annotations

from datetime import UTC, date, datetime

from victim_gateway.reporting.calendar_file import CalendarEntry, build_calendar_file


def test_a_line_is_folded_and_escaped_as_the_format_asks() -> None:
    entry = CalendarEntry(
        "k", date(2026, 12, 31), "SG-26-000001: Answer the provider’s, or “theirs”; " + "x" * 90
    )
    lines = (
        build_calendar_file([entry], at=datetime(2026, 3, 2, 9, 30, tzinfo=UTC)).decode("ascii").split("\r\n")
    )
    assert all(len(line) <= 75 for line in lines)
    summary = next(i for i, line in enumerate(lines) if line.startswith("SUMMARY"))
    whole = lines[summary] + "".join(line[1:] for line in lines[summary + 1 : summary + 3] if line[:1] == " ")
    assert whole == "SUMMARY:SG-26-000001: Answer the provider's\\, or ?theirs?\\; " + "x" * 90
    assert "DTEND;VALUE=DATE:20270101" in lines
