"""From bytes to rows: encodings, headers, quoting, row numbers, and files that are no feed."""

from __future__ import annotations

import io
import itertools
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.plumbing.property_tests import examples
from tests.unit.feeds.samples import GOOD, MEGABYTE, csv_bytes, feed_of, read_all
from victim_gateway.errors import UnusableFile
from victim_gateway.feeds.case_events import CASE_EVENTS_FEED
from victim_gateway.feeds.columns import REFERRAL_FEED
from victim_gateway.feeds.encoding import CHUNK
from victim_gateway.feeds.folding import fold_header
from victim_gateway.feeds.headers import SYNONYMS
from victim_gateway.feeds.problems import RejectedRow
from victim_gateway.feeds.reading import RawRow, examine_file, read_rows
from victim_gateway.feeds.records import MAX_BROKEN_RECORDS

HEADER = b"feed_reference,offence,reported_at,family_name\r\n"


def refusal(data: bytes, *, max_bytes: int = MEGABYTE, size: int | None = None) -> str:
    with pytest.raises(UnusableFile) as caught:
        examine_file(io.BytesIO(data), REFERRAL_FEED, max_bytes=max_bytes, size=size)
    assert "\n" not in caught.value.message
    return caught.value.message


def names(data: bytes) -> list[str]:
    _, rows = read_all(data)
    return [row.values["family_name"] for row in rows if isinstance(row, RawRow)]


def file_with_name(name: bytes) -> bytes:
    return HEADER + b"A1,Burglary,2026-03-01T10:00," + name + b"\r\n"


@pytest.mark.parametrize(
    ("encoding", "found"), [("utf-8", "utf-8"), ("utf-8-sig", "utf-8-sig"), ("cp1252", "cp1252")]
)
def test_a_name_is_read_exactly_in_each_allowed_encoding(encoding: str, found: str) -> None:
    data = csv_bytes(["family_name", *GOOD], [["Zoë Œuvré–Ñandú", *GOOD.values()]], encoding=encoding)
    file, [row] = read_all(data)
    assert file.encoding == found
    assert isinstance(row, RawRow)
    assert row.values["family_name"] == "Zoë Œuvré–Ñandú"


def test_plain_ascii_is_utf_8() -> None:
    assert read_all(feed_of(GOOD))[0].encoding == "utf-8"


def test_a_file_of_both_encodings_is_refused_with_the_line() -> None:
    data = HEADER + b"A1,x,2026-03-01,Zo\xc3\xab\r\nA2,x,2026-03-01,Zo\xeb\r\n"
    assert "mixes encodings or is not text (line 2)" in refusal(data)


def test_bytes_that_windows_1252_does_not_have_are_refused() -> None:
    assert "not text (line 2)" in refusal(file_with_name(b"Zo\xeb\x81"))


def test_a_letter_cut_by_the_end_of_a_chunk_is_still_one_letter() -> None:
    for shift in range(4):
        padding = b"x" * (CHUNK - len(file_with_name(b"")) + shift)
        data = file_with_name(padding + "€é".encode())
        assert names(data)[0].endswith("€é")
        assert "mixes encodings" in refusal(file_with_name(padding + "€é".encode() + b"\xe9"))


def test_a_file_cut_in_the_middle_of_a_letter_is_refused() -> None:
    assert "mixes encodings" in refusal(HEADER + "A1,x,2026-03-01,Zoë€".encode()[:-1])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b" \r\n \r\n", "empty"),
        (b"PK\x03\x04" + bytes(100), "spreadsheet or zip"),
        (b"%PDF-1.7\n", "PDF"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old Excel"),
        (b"\x1f\x8b\x08\x00", "compressed"),
        (HEADER.decode().encode("utf-16"), "UTF-16"),
        (HEADER.decode().encode("utf-16-le"), "UTF-16"),
        (HEADER.decode().encode("utf-32"), "UTF-16"),
        (bytes(range(1, 128)) * 20, "not a CSV text file"),
        (HEADER.replace(b",", b";") + b"A1;x;2026-03-01;y\r\n", "separated by semicolons"),
        (HEADER.replace(b",", b"\t"), "separated by tabs"),
        (HEADER.replace(b",", b"|"), "separated by vertical bars"),
        (b'"feed_reference";"offence";"reported_at"\r\n', "separated by semicolons"),
        (b"STF-1,Burglary,2026-03-01T10:00,Smith\r\n", "no header row"),
        (b'"feed_reference,offence\r\n', "no header row"),
        (b"feed_reference,offence,family_name\r\n", "lacks the column reported_at"),
        (b"feed_reference,offence,reportd_at\r\n", "In column 3, did you mean `reported_at`?"),
        (b"feed refrence,ofence,reported att\r\n", "did you mean `feed_reference`?"),
        (b"Feed Reference;Offence;Reported At\r\n", "separated by semicolons"),
        (b"feed_reference,offence,reported_at,DOB,Date of birth\r\n", "twice: date_of_birth"),
        (b"feed_reference,offence,reported_at,safe-to-contact,SafeToContact\r\n", "twice: safe_to_contact"),
        (HEADER + b"A,b,04/28/2026 10:00,c\r\nB,b,03/04/2026,c\r\n", "the month before the day"),
        (b"force\r\n", "lacks the columns feed_reference, offence, reported_at"),
        (HEADER.replace(b"family_name", b" Offence "), "twice: offence"),
        (b"feed_reference,off\0ence,reported_at\r\n", "not a CSV text file"),
        (HEADER.strip() + b"," + b",".join(b"c%d" % n for n in range(600)) + b"\r\n", "not a CSV"),
    ],
)
def test_a_file_that_is_no_feed_is_refused_with_one_line_that_says_why(data: bytes, message: str) -> None:
    assert message in refusal(data)


def test_a_file_over_the_limit_is_refused_whether_its_size_is_told_or_not() -> None:
    data = HEADER + b"x" * 3 * MEGABYTE
    assert "larger than the limit of 2 MB" in refusal(data, max_bytes=2 * MEGABYTE)
    assert "larger than the limit of 2 MB" in refusal(HEADER, max_bytes=2 * MEGABYTE, size=len(data))
    examine_file(io.BytesIO(HEADER), REFERRAL_FEED, max_bytes=len(HEADER), size=len(HEADER))


def test_a_line_without_end_is_refused() -> None:
    assert "line of more than" in refusal(HEADER + b"x" * MEGABYTE, max_bytes=2 * MEGABYTE)


def test_only_a_header_is_a_feed_without_rows() -> None:
    for data in (HEADER, HEADER.strip(), b"\xef\xbb\xbf" + HEADER):
        file, rows = read_all(data)
        assert (file.rows, rows) == (0, [])


def test_column_order_and_the_writing_of_their_names_are_free() -> None:
    file, [row] = read_all(b' Offence ,FAMILY_NAME,reported_at,"feed_reference"\r\na,b,c,d\r\n')
    assert file.columns == ("offence", "family_name", "reported_at", "feed_reference")
    assert isinstance(row, RawRow)
    assert row.values == {"offence": "a", "family_name": "b", "reported_at": "c", "feed_reference": "d"}


def test_unknown_columns_are_kept_and_listed() -> None:
    file, [row] = read_all(feed_of({**GOOD, "beat": "NC12", "": "nameless"}))
    assert file.unknown_columns == ("beat", "column_5")
    assert isinstance(row, RawRow)
    assert (row.values["beat"], row.values["column_5"]) == ("NC12", "nameless")


@pytest.mark.parametrize(
    "header",
    ["Safe To Contact", "safe-to-contact", " SAFE__TO contact ", "SafeToContact", "Safe to contact?"],
)
def test_a_header_is_the_column_whatever_its_case_spaces_and_hyphens(header: str) -> None:
    file, [row] = read_all(feed_of({**GOOD, header: "no"}))
    assert isinstance(row, RawRow)
    assert (row.values["safe_to_contact"], file.unknown_columns, file.warnings) == ("no", (), ())


@pytest.mark.parametrize(
    ("header", "column"),
    [("DOB", "date_of_birth"), ("Surname", "family_name"), ("Forename", "given_name"), ("Gender", "sex")],
)
def test_another_name_that_forces_use_is_the_column(header: str, column: str) -> None:
    _, [row] = read_all(feed_of({**GOOD, header: "x"}))
    assert isinstance(row, RawRow)
    assert row.values[column] == "x"


def test_every_other_name_of_a_column_means_one_column_and_is_no_columns_own() -> None:
    known = {fold_header(column) for column in (*REFERRAL_FEED.columns, *CASE_EVENTS_FEED.columns)}
    for feed in (REFERRAL_FEED, CASE_EVENTS_FEED):
        folded = [fold_header(name) for column in feed.columns for name in SYNONYMS.get(column, ())]
        assert len(folded) == len(set(folded))
        assert not known & set(folded)
    assert set(SYNONYMS) <= {*REFERRAL_FEED.columns, *CASE_EVENTS_FEED.columns}


def test_a_near_miss_of_an_optional_column_is_said_and_kept() -> None:
    file, _ = read_all(feed_of({**GOOD, "domestic_abus": "yes", "beat": "NC12"}))
    assert file.unknown_columns == ("domestic_abus", "beat")
    [warning] = file.warnings
    assert (warning.column, warning.code) == ("domestic_abus", "near_miss")
    assert "did you mean domestic_abuse?" in warning.message


NEVER_KEPT = (
    *("Suspect Name", "suspect_dob", "offender_address", "Perpetrator Phone", "accused", "SuspectName"),
    *("PNC ID", "pnc_number", "CRO", "CRO number", "Arrest Summons Number", "ASN", "NI Number", "NINO"),
    *("national insurance no", "passport_number", "Driving Licence", "licence number", "Photo", "image url"),
    *("victim_nhs_number",),
)


@pytest.mark.parametrize("header", NEVER_KEPT)
def test_a_suspects_details_and_identity_numbers_are_dropped_and_named(header: str) -> None:
    file, [row] = read_all(feed_of({**GOOD, header: "SECRET", "town": "Stone"}))
    assert isinstance(row, RawRow)
    assert "SECRET" not in (*row.values.values(), *row.cells)
    assert row.values["town"] == "Stone"
    assert file.dropped_columns == (header.lower(),)
    assert [warning.code for warning in file.warnings] == ["never_kept"]
    assert header.lower() not in file.columns


@pytest.mark.parametrize(
    "header",
    ["relationship_to_suspect", "Relationship to offender", "opinion", "crossing", "phone", "animal"],
)
def test_a_column_about_the_victim_is_kept(header: str) -> None:
    file, [row] = read_all(feed_of({**GOOD, header: "partner"}))
    assert isinstance(row, RawRow)
    assert "partner" in row.values.values()
    assert file.dropped_columns == ()


@pytest.mark.parametrize("line", [b"A,b,2026-03-01,SECRET,extra,SECRET", b"A,SECRET", b'A,"O"Neill,c,SECRET'])
def test_a_row_that_may_hold_what_is_never_kept_is_set_aside_without_its_text(line: bytes) -> None:
    header = b"feed_reference,offence,reported_at,suspect_name\r\n"
    _, [bad, good] = read_all(header + line + b"\r\nB,b,2026-03-01,SECRET\r\n")
    assert isinstance(bad, RejectedRow)
    assert (bad.cells, dict(bad.raw)) == ((), {})
    assert "was not kept" in bad.reason
    assert isinstance(good, RawRow)
    assert "SECRET" not in good.cells


@pytest.mark.parametrize("other", ["28/04/2026", "31-12-2025 10:00"])
def test_a_date_that_proves_the_day_first_leaves_the_odd_one_to_its_own_row(other: str) -> None:
    file, rows = read_all(HEADER + f"A,b,04/28/2026,c\r\nB,b,{other},c\r\n".encode())
    assert file.rows == len(rows) == 2


def test_only_columns_of_dates_prove_an_order() -> None:
    file, _ = read_all(HEADER + b"A,04/28/2026,2026-03-01,04/28/2026\r\n")
    assert file.rows == 1


def test_the_columns_that_the_set_aside_file_adds_are_left_out() -> None:
    file, [row] = read_all(feed_of({"row": "7", **GOOD, "reason": "was blank"}))
    assert file.columns == tuple(GOOD)
    assert file.unknown_columns == ()
    assert isinstance(row, RawRow)
    assert row.values == GOOD
    assert row.cells == tuple(GOOD.values())


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_rows_are_numbered_by_record_from_the_header_as_one(line_end: str) -> None:
    lines = ["feed_reference,offence,reported_at", 'A,"two', 'lines, ""quoted""",c', "", "B,b,c", "C,b,c"]
    _, rows = read_all(line_end.join(lines).encode())
    assert [row.number for row in rows] == [2, 4, 5]
    assert isinstance(rows[0], RawRow)
    assert rows[0].values["offence"] == 'two\nlines, "quoted"'


@pytest.mark.parametrize("line", [b"A,b", b"A,b,2026-03-01,Smith,extra", b"A"])
def test_a_row_with_too_few_or_too_many_cells_is_set_aside_and_the_next_one_read(line: bytes) -> None:
    file, [bad, good] = read_all(HEADER + line + b"\r\nB,b,2026-03-01,c\r\n")
    assert file.rows == 2
    assert isinstance(bad, RejectedRow)
    assert bad.reasons[0].code == "cell_count"
    assert bad.cells == tuple(line.decode().split(","))
    assert isinstance(good, RawRow)


def test_a_row_of_blank_cells_is_set_aside_not_dropped() -> None:
    _, [row] = read_all(HEADER + b",, ,\r\n")
    assert isinstance(row, RejectedRow)
    assert row.reasons[0].code == "blank_row"


@pytest.mark.parametrize("fault", ['A,"O"Neill",c,d', 'A,"never closed,c,d', 'A,"b" ,c,d'])
def test_quotation_marks_that_do_not_pair_cost_one_row_only(fault: str) -> None:
    after = ["B,b,c,d", 'C,"b, b",c,d', "D,b,c,d"]
    _, rows = read_all(HEADER + "\r\n".join([fault, *after]).encode())
    assert [type(row) for row in rows] == [RejectedRow, RawRow, RawRow, RawRow]
    assert isinstance(rows[0], RejectedRow)
    assert (rows[0].reasons[0].code, rows[0].cells) == ("quotes", (fault,))
    assert [row.number for row in rows] == [2, 3, 4, 5]


def test_a_cell_without_end_costs_one_row_only() -> None:
    long = "x" * 200_000
    _, rows = read_all(HEADER + f"A,{long},c,d\r\nB,b,c,d\r\n".encode())
    assert [type(row) for row in rows] == [RejectedRow, RawRow]


def test_a_file_whose_quotation_marks_never_pair_is_refused() -> None:
    assert "quotation marks" in refusal(HEADER + b'A,"b"b,c,d\r\n' * (MAX_BROKEN_RECORDS + 1))


def test_a_quotation_mark_inside_an_unquoted_cell_is_a_letter() -> None:
    assert names(file_with_name(b'5" nail')) == ['5" nail']


class Endless(io.RawIOBase):
    """A seekable stream of many rows that are made while they are read."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.seek(0)

    def seek(self, offset: int, whence: int = 0) -> int:
        lines = (b"STF-%d,Burglary,2026-03-01T10:00,Sm\xc3\xaeth\r\n" % n for n in range(self.rows))
        self.source: Iterator[bytes] = itertools.chain([HEADER], lines)
        return 0

    def read(self, size: int = -1) -> bytes:
        return b"".join(itertools.islice(self.source, 500))


def test_memory_does_not_grow_with_the_file() -> None:
    stream = Endless(60_000)  # about 2.6 MB
    tracemalloc.start()
    file = examine_file(stream, REFERRAL_FEED, max_bytes=50 * MEGABYTE)  # type: ignore[arg-type]
    rows = sum(1 for _ in read_rows(stream, file, REFERRAL_FEED))  # type: ignore[arg-type]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert rows == file.rows == 60_000
    assert peak < MEGABYTE


CELLS = st.text(
    alphabet=st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=20
) | st.sampled_from(['"', '""', ",", "a,b", "line\nline", "=1+1", " x ", "'"])


@settings(max_examples=examples(300))
@given(rows=st.lists(st.lists(CELLS, min_size=4, max_size=4), max_size=8), line_end=st.sampled_from("\n\r"))
def test_what_a_csv_writer_writes_is_read_back_exactly(rows: list[list[str]], line_end: str) -> None:
    header = ["feed_reference", "offence", "reported_at", "note"]
    ends = "\r\n" if line_end == "\r" else "\n"
    file, read = read_all(csv_bytes(header, rows, line_end=ends))
    assert file.rows == len(read) == len(rows)
    assert [list(row.cells) for row in read] == rows


@settings(max_examples=examples(300))
@given(st.binary(max_size=400) | st.binary(max_size=200).map(lambda tail: HEADER + tail))
def test_any_bytes_are_read_or_refused_and_no_row_is_lost(data: bytes) -> None:
    try:
        file, rows = read_all(data)
    except UnusableFile:
        return
    assert len(rows) == file.rows
    assert [row.number for row in rows] == sorted({row.number for row in rows})
