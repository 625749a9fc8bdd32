"""One referral row: what is accepted, what is left empty with a warning, what is set aside."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.plumbing.property_tests import examples
from tests.unit.feeds.samples import GOOD, IMPORTED_AT, PLACES, accepted, lost, parse, set_aside
from victim_gateway.feeds.columns import REFERRAL_FEED
from victim_gateway.feeds.moments import read_moment
from victim_gateway.feeds.problems import Accepted, CellError, RejectedRow
from victim_gateway.feeds.referrals import ReferralRow
from victim_gateway.schemas.referral_rows import COLUMN_READERS, parse_referral_row


def test_the_typed_row_has_every_column_of_the_contract() -> None:
    assert {field.name for field in fields(ReferralRow)} == {
        *REFERRAL_FEED.columns,
        *("number", "raw", "columns", "unread"),
    }
    assert set(COLUMN_READERS) == set(REFERRAL_FEED.columns)
    assert len(REFERRAL_FEED.columns) == 66


def test_a_row_with_the_required_values_alone_is_accepted_and_the_rest_is_none() -> None:
    row, warnings = accepted()
    assert warnings == []
    assert all(getattr(row, column) is None for column in COLUMN_READERS if column not in GOOD)


@pytest.mark.parametrize("column", ["feed_reference", "offence", "reported_at"])
@pytest.mark.parametrize("blank", ["", "  ", "\u00a0\t"])
def test_a_blank_required_value_sets_the_row_aside(column: str, blank: str) -> None:
    assert set_aside(**{column: blank}) == [(column, "missing")]


def test_all_reasons_are_told_at_once() -> None:
    assert set_aside(feed_reference="", offence="", reported_at="yesterday") == [
        ("feed_reference", "missing"),
        ("offence", "missing"),
        ("reported_at", "unreadable"),
    ]


def test_a_report_in_the_future_sets_the_row_aside() -> None:
    assert set_aside(reported_at="2026-03-10T09:00:01") == [("reported_at", "in_future")]
    accepted(reported_at="2026-03-10T09:00:00")
    accepted(reported_at="2026-03-10")


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-01-15", "2026-01-15T00:00"),
        ("15/01/2026", "2026-01-15T00:00"),
        ("2026-01-15T09:30", "2026-01-15T09:30"),
        ("2026-01-15 09:30:05", "2026-01-15T09:30:05"),
        ("15/01/2026 09:30", "2026-01-15T09:30"),
        ("15/01/2026 09:30:05", "2026-01-15T09:30:05"),
        ("3/2/2026", "2026-02-03T00:00"),
        ("3/2/2026 9:05", "2026-02-03T09:05"),
        ("15-01-2026", "2026-01-15T00:00"),
        ("15-01-2026 9:05:07", "2026-01-15T09:05:07"),
        ("2026-01-15T9:05", "2026-01-15T09:05"),
        ("2026-01-15T09:05:07z", "2026-01-15T09:05:07"),
        ("15/01/2026T09:30", "2026-01-15T09:30"),
        ("2026-01-15T09:30:00Z", "2026-01-15T09:30"),
        ("2026-01-15T09:30+02:00", "2026-01-15T07:30"),
        ("2026-01-15 09:30:00.1234567 +0000", "2026-01-15T09:30:00.123456"),
        (" 2026-01-15T09:30 ", "2026-01-15T09:30"),
        ("2025-07-15T00:30", "2025-07-14T23:30"),
        ("15/07/2025", "2025-07-14T23:00"),
        ("2025-10-26T01:30", "2025-10-26T00:30"),
        ("2025-03-30T01:30", "2025-03-30T01:30"),
    ],
)
def test_moments_are_read_day_first_and_in_london_wall_time(text: str, utc: str) -> None:
    row, warnings = accepted(reported_at=text)
    assert warnings == []
    assert row.reported_at == datetime.fromisoformat(utc).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "2026",
        "2026-13-01",
        "2026-02-30T10:00",
        "01/13/2026",
        "46037",
        "46037.4",
        "1/2-2026",
        "15/01/26",
        "2026-01-15T24:00",
        "2026-01-15T09",
        "2026-01-15T09:30:61",
        "2026-W03-4",
        "20260115",
        "2026-01-15T09:30 BST",
        "٢٠٢٦-٠١-١٥",
        "0001-01-01T00:00+14:00",
        "9999-12-31T23:59-14:00",
    ],
)
def test_a_report_whose_time_cannot_be_read_is_set_aside(text: str) -> None:
    assert set_aside(reported_at=text) == [("reported_at", "unreadable")]


def test_a_report_before_1900_is_impossible() -> None:
    assert set_aside(reported_at="0226-04-06T10:00") == [("reported_at", "impossible")]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("1990", "unreadable"),
        ("31/02/1990", "unreadable"),
        ("soon", "unreadable"),
        ("46037", "unreadable"),
        ("03/1990", "unreadable"),
        ("1990-05-04T10:00", "unreadable"),
        ("2090-01-01", "impossible"),
        ("2026-03-02", "impossible"),
        ("1899-12-31", "impossible"),
        ("1906-02-28", None),
        ("1905-03-02", None),
        ("1905-03-01", "impossible"),
    ],
)
def test_a_birth_date_must_be_readable_and_possible(text: str, code: str | None) -> None:
    if code is None:
        row, warnings = accepted(date_of_birth=text)
        assert (row.date_of_birth, warnings) == (date.fromisoformat(text), [])
    else:
        assert lost("date_of_birth", text) == code


@pytest.mark.parametrize(
    "text", ["1990-05-04", "04/05/1990", "1990-05-04T00:00:00", "1990-05-04 00:00:00.000"]
)
def test_a_birth_date_is_day_first_and_may_carry_midnight(text: str) -> None:
    assert accepted(date_of_birth=text)[0].date_of_birth == date(1990, 5, 4)


@pytest.mark.parametrize(
    ("column", "text", "others"),
    [
        ("occurred_from", "2026-03-01T10:01", {}),
        ("transferred_at", "2026-02-28T23:59", {}),
        ("transferred_at", "2026-02-28", {}),
        ("acknowledged_at", "2026-02-28T23:59", {}),
        ("outcome_at", "2026-02-28", {}),
    ],
)
def test_a_moment_that_does_not_go_with_the_report_is_left_empty(
    column: str, text: str, others: dict[str, str]
) -> None:
    assert lost(column, text, **others) == "impossible"


@pytest.mark.parametrize("column", ["transferred_at", "acknowledged_at", "outcome_at", "occurred_to"])
def test_an_optional_moment_in_the_future_is_left_empty(column: str) -> None:
    assert lost(column, "2026-03-10T09:00:01") == "in_future"


def test_where_only_the_day_is_known_the_time_of_day_proves_nothing() -> None:
    row, warnings = accepted(transferred_at="2026-03-01", outcome_at="2026-03-01", occurred_from="01/03/2026")
    assert warnings == []
    assert row.transferred_at == datetime(2026, 3, 1, tzinfo=UTC)


def test_the_hour_that_the_clocks_repeat_proves_nothing() -> None:
    _, warnings = accepted(reported_at="2025-10-26T01:50", occurred_from="2025-10-26T01:55")
    assert warnings == []
    assert lost("occurred_from", "2025-10-26T02:55", reported_at="2025-10-26T01:50") == "impossible"


@pytest.mark.parametrize(
    ("column", "text", "value"),
    [
        ("sex", "f", "F"),
        ("sex", " X ", "X"),
        ("recorded_as", "ASB", "asb"),
        ("recorded_as", "Non-crime", "non_crime"),
        ("victim_type", "Bereaved relative", "bereaved_relative"),
        ("preferred_contact", "SMS", "sms"),
        ("preferred_contact", "none", "none"),
        ("safe_to_contact", "Unknown", "unknown"),
        ("consent_to_referral", "not asked", "not_asked"),
        ("vulnerable", "YES", True),
        ("domestic_abuse", "no", False),
        ("interpreter_needed", "Yes", True),
        ("hate_strand", "race", "race"),
        ("hate_strand", "None", None),
        ("phone", "07700900123", "+447700900123"),
        ("phone", "+44 (0)7700 900 123", "+447700900123"),
        ("phone", "0044 7700-900123", "+447700900123"),
        ("phone", "020 7946 0123", "+442079460123"),
        ("phone", "(01632) 960123", "+441632960123"),
        ("phone", "+48 601 234 567", "+48601234567"),
        ("email", "Zo.Smith+x@Example.ORG", "Zo.Smith+x@example.org"),
        ("email", "POSTMASTER@Example.ORG", "POSTMASTER@example.org"),
        ("email", "o'neill_1990@mail.county.EXAMPLE", "o'neill_1990@mail.county.example"),
        ("email", "robin@police.test", "robin@police.test"),
        ("email", "zo\u0065\u0308@b\u00fccher.example", "zo\u0065\u0308@b\u00fccher.example"),
        ("email", "zoe@B\u00dcCHER.example", "zoe@b\u00fccher.example"),
        ("email", "zoe@XN--BCHER-KVA.example", "zoe@b\u00fccher.example"),
        ("postcode", "st12dn", "ST1 2DN"),
        ("postcode", " WS11  2XB ", "WS11 2XB"),
        ("postcode", "ec1a 1bb", "EC1A 1BB"),
        ("given_name", "  Spaced   Out  ", "Spaced   Out"),
        ("given_name", "محمد", "محمد"),
        ("given_name", "Zoe\u0308", "Zoe\u0308"),
        ("family_name", "X" * 300, "X" * 300),
        ("safe_contact_note", 'Line one\nline "two", with comma', 'Line one\nline "two", with comma'),
    ],
)
def test_a_readable_value_is_accepted_without_warning(column: str, text: str, value: object) -> None:
    row, warnings = accepted(**{column: text})
    assert (getattr(row, column), warnings) == (value, [])


@pytest.mark.parametrize(
    ("column", "text", "code"),
    [
        ("victim_type", "dog", "not_in_list"),
        ("safe_to_contact", "maybe", "not_in_list"),
        ("phone", "07700900123 (mum)", "unreadable"),
        ("phone", "01782", "unreadable"),
        ("phone", "07700 900123 / 07700 900124", "several_values"),
        ("phone", "07700 900123 or 01785 234567", "several_values"),
        ("phone", "7.7009E+09", "spreadsheet_damage"),
        ("sex", "Trans Male", "not_in_list"),
        ("recorded_as", "crime related incident", "not_in_list"),
        ("vulnerable", "sometimes", "not_in_list"),
        ("domestic_abuse", "yes?", "not_in_list"),
        ("risk_assessment", "low", "not_in_list"),
        ("guardian_safe_to_contact", "perhaps", "not_in_list"),
        ("deceased", "31/02/2026", "unreadable"),
        ("withdrawn", "by request", "not_in_list"),
        ("hate_strand", "x", "not_in_list"),
        ("ethnicity", "IC3", "officer_observation"),
        ("ethnicity", "42", "not_in_list"),
        ("phone_type", "carrier pigeon", "not_in_list"),
        ("uprn", "1.00E+11", "spreadsheet_damage"),
        ("uprn", "1234567890123", "unreadable"),
        ("offence_code", "08-Jun", "spreadsheet_damage"),
        ("offence_code", "2026-06-08", "spreadsheet_damage"),
        ("crime_number", "2.02611E+11", "spreadsheet_damage"),
        ("victim_reference", "5.50218E+11", "spreadsheet_damage"),
        ("victim_reference", "5,50218E+11", "spreadsheet_damage"),
        ("district", "Stoke", "not_in_area"),
        ("district", "Unknown", "not_in_area"),
        ("phone", "٠٧٧٠٠٩٠٠١٢٣", "unreadable"),
        ("email", "a@b", "unreadable"),
        ("email", "a b@example.org", "unreadable"),
        ("email", "a@example.org, b@example.org", "unreadable"),
        ("email", "Zo <a@example.org>", "unreadable"),
        ("email", "a..b@example.org", "unreadable"),
        ("email", "x" * 65 + "@example.org", "unreadable"),
        ("email", "a@test", "unreadable"),
        ("email", "a@192.0.2.1", "unreadable"),
        ("email", "a@[192.0.2.1]", "unreadable"),
        ("email", '"a b"@example.org', "unreadable"),
        ("email", "a@example.org\u202e", "unreadable"),
        ("email", "a@laptop.local", "unreadable"),
        ("email", "=SUM(A1)@example.org\nBcc: b@example.org", "unreadable"),
        ("email", "a@" + "x." * 130 + "org", "unreadable"),
        ("postcode", "ST1", "unreadable"),
        ("postcode", "12345", "unreadable"),
        ("family_name", "X" * 501, "too_long"),
        ("victim_reference", "P1\nP2", "line_break"),
        ("victim_reference", "P1\x07", "control_character"),
    ],
)
def test_an_unreadable_optional_value_is_left_empty_kept_as_given_and_listed(
    column: str, text: str, code: str
) -> None:
    assert lost(column, text) == code


@pytest.mark.parametrize(
    ("column", "text", "kept", "code"),
    [
        ("address_line_1", "12 High Street\r\nHanley", "12 High Street Hanley", "line_break"),
        ("family_name", "Sm\x0bith", "Smith", "control_character"),
        (
            "safe_contact_note",
            "Ring\x00".replace("\x00", "\x07") + " first",
            "Ring first",
            "control_character",
        ),
    ],
)
def test_characters_that_carry_no_meaning_are_mended_with_a_warning(
    column: str, text: str, kept: str, code: str
) -> None:
    row, warnings = accepted(**{column: text})
    assert (getattr(row, column), warnings) == (kept, [(column, code)])


def test_a_note_on_safe_contact_is_never_lost_in_silence() -> None:
    assert set_aside(safe_contact_note="x" * 10_001) == [("safe_contact_note", "too_long")]


@pytest.mark.parametrize(
    "column", ["family_name", "date_of_birth", "beat", "feed_reference", "safe_contact_note"]
)
def test_a_nul_character_sets_the_row_aside_once_wherever_it_stands(column: str) -> None:
    assert (column, "nul") in set_aside(**{column: "A\0B"})
    assert len(set_aside(**{column: "A\0B"})) == 1


def test_a_reference_that_is_too_long_or_broken_over_lines_sets_the_row_aside() -> None:
    assert set_aside(feed_reference="X" * 201) == [("feed_reference", "too_long")]
    assert set_aside(feed_reference="A\nB") == [("feed_reference", "line_break")]
    assert set_aside(offence="X" * 501) == [("offence", "too_long")]


def cells_say_nothing(column: str, text: str) -> bool:
    """Whether the column's own list of placeholders, or its reader, takes the text for blank."""
    return COLUMN_READERS[column](text) is None


PERSONAL = ("zq", "7654", "x9")
MESSY = st.sampled_from(
    [
        "zqzqzq",
        "zq\x07zq\nzq",
        "zq@zq",
        "07654 zq",
        "76547654",
        "x9x9x9",
        "31/02/7654",
        "7654-01-01",
        "zq" * 6000,
    ]
)


@settings(max_examples=examples(2_000))
@given(st.dictionaries(st.sampled_from(REFERRAL_FEED.columns), MESSY))
def test_no_message_repeats_what_stood_in_the_row(cells: dict[str, str]) -> None:
    outcome = parse(**cells)
    problems = outcome.warnings if isinstance(outcome, Accepted) else outcome.reasons
    for problem in problems:
        assert problem.message.startswith(problem.column)
        assert problem.message.endswith(".")
        assert not any(mark in problem.message for mark in PERSONAL)


@settings(max_examples=examples(2_000))
@given(st.dictionaries(st.sampled_from((*REFERRAL_FEED.columns, "beat")), st.text(max_size=40)))
def test_every_row_is_accepted_or_set_aside_and_whatever_was_emptied_is_listed(cells: dict[str, str]) -> None:
    outcome = parse_referral_row(cells, number=5, imported_at=IMPORTED_AT, places=PLACES)
    if isinstance(outcome, RejectedRow):
        assert outcome.reasons
        assert outcome.raw == cells
        return
    listed = {warning.column for warning in outcome.warnings}
    for column, text in cells.items():
        if text.strip() and column in COLUMN_READERS and getattr(outcome.row, column) is None:
            assert column in listed or cells_say_nothing(column, text)
            assert column not in outcome.row.unread or column in listed


@settings(max_examples=examples(1_000))
@given(
    st.datetimes(datetime(1950, 1, 1), datetime(2026, 3, 9)),
    st.sampled_from(["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M"]),
)
def test_each_way_to_write_a_moment_means_the_same(moment: datetime, form: str) -> None:
    by_minute = moment.replace(second=0, microsecond=0)
    wall = moment.replace(microsecond=0) if "%S" in form else by_minute
    assert read_moment(moment.strftime(form)) == read_moment(wall.isoformat())


@settings(max_examples=examples(1_000))
@given(st.text(alphabet="0123456789-/: TZ+.", max_size=26))
def test_a_moment_is_read_or_refused_with_words(text: str) -> None:
    try:
        moment = read_moment(text)
    except CellError as error:
        assert error.expected
    else:
        assert moment.at.utcoffset() == timedelta(0)
