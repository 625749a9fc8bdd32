"""The file of rows set aside: the same feed, to be mended and sent again."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.plumbing.property_tests import examples
from tests.unit.feeds.samples import GOOD, IMPORTED_AT, PLACES, feed_of, read_all
from victim_gateway.errors import UnusableFile
from victim_gateway.feeds.columns import REFERRAL_FEED
from victim_gateway.feeds.content import content_key
from victim_gateway.feeds.problems import Accepted, RejectedRow
from victim_gateway.feeds.reading import MAX_EMPTY_ROWS, FeedFile, RawRow, examine_file
from victim_gateway.feeds.rejected_rows import write_rejected_rows
from victim_gateway.schemas.referral_rows import parse_referral_row
from victim_gateway.spreadsheet_cells import guard_cell, unguard_cell

HEADER = b"feed_reference,offence,reported_at,family_name\r\n"


def rejected(data: bytes) -> tuple[FeedFile, list[RejectedRow]]:
    file, rows = read_all(data)
    outcomes = [
        row
        if isinstance(row, RejectedRow)
        else parse_referral_row(
            row.values, number=row.number, imported_at=IMPORTED_AT, places=PLACES, cells_given=row.cells
        )
        for row in rows
    ]
    return file, [outcome for outcome in outcomes if isinstance(outcome, RejectedRow)]


def written(columns: Sequence[str], rows: Sequence[RejectedRow]) -> bytes:
    return b"".join(write_rejected_rows(columns, rows))


def test_the_file_has_the_same_columns_with_the_row_and_the_reason_in_front() -> None:
    data = written(*_two(rejected(HEADER + b"A,b,yesterday,=1+1\r\nB,,,\r\n")))
    lines = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    assert lines[0] == ["row", "reason", "feed_reference", "offence", "reported_at", "family_name"]
    assert lines[1][0] == "2"
    assert lines[1][1].startswith("reported_at is not a date and time; give it as")
    assert lines[1][2:] == ["A", "b", "yesterday", "'=1+1"]
    assert lines[2][1].startswith("offence is blank; ")
    assert "reported_at is blank; " in lines[2][1]


def test_a_mended_file_is_imported_like_the_first_one() -> None:
    file, rows = rejected(HEADER + b"A,b,yesterday,Smith\r\n")
    mended = written(file.columns, rows).replace(b"yesterday", b"2026-03-01")
    again, [row] = read_all(mended)
    assert (again.columns, again.unknown_columns) == (file.columns, ())
    assert isinstance(row, RawRow)
    assert isinstance(
        parse_referral_row(row.values, number=2, imported_at=IMPORTED_AT, places=PLACES), Accepted
    )
    _, [sound] = read_all(HEADER + b"A,b,2026-03-01,Smith\r\n")
    assert isinstance(sound, RawRow)
    assert content_key(row.values) == content_key(sound.values)


def test_an_unmended_file_is_set_aside_again_with_the_same_cells() -> None:
    faults = b'A,b,yesterday,c\r\nA,b\r\nA,b,2026-03-01,c,d\r\nA,"b"b,2026-03-01,c\r\n,,,\r\n'
    faults += b"A,b,2026-03-01,x\0\r\n"
    file, rows = rejected(HEADER + faults)
    assert len(rows) == 6
    again, rows_again = rejected(written(file.columns, rows))
    assert again.rows == 6
    assert [row.cells for row in rows_again] == [row.cells for row in rows]


def test_the_same_row_in_another_order_or_with_spaces_has_the_same_content() -> None:
    row = {**GOOD, "beat": "NC12", "town": ""}
    other = {column: f" {cell} " if cell else "" for column, cell in reversed(row.items())}
    del other["town"]
    assert content_key(row) == content_key(other)
    assert content_key(row) != content_key({**row, "offence": "Theft"})
    assert content_key({"town": "b,c"}) != content_key({"town": "b", "alias": "c"})


def test_a_column_that_the_feed_does_not_know_is_no_content() -> None:
    known = GOOD.keys()
    today, tomorrow = ({**GOOD, "extract_date": day} for day in ("2026-11-25", "2026-11-26"))
    assert content_key(today, known) == content_key(tomorrow, known)


def test_a_blank_column_is_another_content_than_an_absent_one() -> None:
    blank = {**GOOD, "town": ""}
    assert content_key(GOOD, GOOD.keys()) != content_key(blank, blank.keys())


def _two(found: tuple[FeedFile, list[RejectedRow]]) -> tuple[tuple[str, ...], list[RejectedRow]]:
    return found[0].columns, found[1]


def test_a_telephone_number_comes_back_as_it_was_sent() -> None:
    header = b"feed_reference,offence,reported_at,family_name,phone,'=x\r\n"
    file, rows = rejected(header + b"A,b,yesterday,'s-Hertogenbosch,+44 7700 900123,'+44\r\n")
    data = written(file.columns, rows)
    assert b",'+44 7700 900123," in data
    _, [again] = rejected(data)
    assert again.cells == ("A", "b", "yesterday", "'s-Hertogenbosch", "+44 7700 900123", "'+44")
    assert again.raw["'=x"] == "'+44"


def test_an_apostrophe_in_a_file_that_is_not_the_set_aside_file_stays() -> None:
    _, [row] = read_all(HEADER + b"A,b,2026-03-01,'=Smith\r\n")
    assert isinstance(row, RawRow)
    assert row.values["family_name"] == "'=Smith"


@pytest.mark.parametrize("columns", ["", ",,", '""," "'])
def test_rows_without_an_end_are_refused_by_counting(columns: str) -> None:
    row = f"{columns}\r\n".encode()
    most = (HEADER + row * MAX_EMPTY_ROWS, HEADER + row * (MAX_EMPTY_ROWS + 1))
    assert examine_file(io.BytesIO(most[0]), REFERRAL_FEED, max_bytes=1 << 30)
    with pytest.raises(UnusableFile, match="empty rows; delete the empty rows"):
        examine_file(io.BytesIO(most[1]), REFERRAL_FEED, max_bytes=1 << 30)


def test_five_million_empty_rows_are_given_up_near_the_start() -> None:
    stream = Counted(HEADER + b"\n" * 5_000_000)
    file_size = len(stream.getvalue())
    with pytest.raises(UnusableFile, match="empty rows"):
        examine_file(stream, REFERRAL_FEED, max_bytes=1 << 30)
    # once through for its encoding, and then no further than the rows that are too many
    assert stream.bytes_read < file_size + 4 * MAX_EMPTY_ROWS + (1 << 17)


class Counted(io.BytesIO):
    """A stream that counts what was read of it."""

    bytes_read = 0

    def read(self, size: int | None = -1, /) -> bytes:
        found = super().read(size)
        self.bytes_read += len(found)
        return found


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=12) | st.sampled_from(
    ["", "yesterday", "=1+1", '"', "\n", "2026-03-01", "A", "'+44", "''=", "'", " '@", "\t'", "＝1"]
)
ROW = st.dictionaries(st.sampled_from(REFERRAL_FEED.columns), CELL)


FORMULA_SIGNS = st.text("'=+-@\t\n \"\0＝＋－＠,a", max_size=8)


@settings(max_examples=examples(400))
@given(st.text() | FORMULA_SIGNS)
def test_a_guarded_cell_is_no_formula_and_comes_back_exactly(text: str) -> None:
    cell = guard_cell(text)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\0", "＝", "＋", "－", "＠"))
    assert unguard_cell(cell) == text


@settings(max_examples=examples(400))
@given(st.lists(CELL | FORMULA_SIGNS, min_size=3, max_size=3))
def test_a_mended_set_aside_file_has_the_original_values(cells: list[str]) -> None:
    """Whatever the other cells hold: only the one that was mended differs."""
    row = {**dict(zip(("family_name", "phone", "beat"), cells, strict=True)), **WRONG}
    file, rows = rejected(feed_of(row))
    lines = list(csv.reader(io.StringIO(written(file.columns, rows).decode("utf-8-sig"), newline="")))
    for line in lines[1:]:
        line[lines[0].index("reported_at")] = "2026-03-01"
    mended = io.StringIO(newline="")
    csv.writer(mended).writerows(lines)
    again, [mended_row] = read_all(mended.getvalue().encode())
    assert isinstance(mended_row, RawRow)
    assert (again.columns, mended_row.values) == (file.columns, {**row, "reported_at": "2026-03-01"})


WRONG = {"feed_reference": "A", "offence": "b", "reported_at": "yesterday"}


@settings(max_examples=examples(400))
@given(st.lists(ROW, max_size=6))
def test_rows_set_aside_survive_the_way_out_and_back(cells: list[dict[str, str]]) -> None:
    blank = dict.fromkeys(("feed_reference", "offence", "reported_at", "family_name"), "")
    file, rows = rejected(feed_of(blank, *({**blank, **row} for row in cells)))
    again, rows_again = rejected(written(file.columns, rows))
    assert again.columns == file.columns
    assert [(row.cells, row.reasons) for row in rows_again] == [(row.cells, row.reasons) for row in rows]
