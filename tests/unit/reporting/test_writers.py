"""Reports as files: safe to open, complete, and with nothing in them that isn't seen."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from dataclasses import replace
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.plumbing.property_tests import examples
from tests.unit.reporting.samples import AS_AT, row
from victim_gateway.errors import InvalidInput
from victim_gateway.reporting.documents import ReportDocument, build_compliance_document
from victim_gateway.reporting.suppression import suppress_small_counts
from victim_gateway.reporting.writers import MEDIA_TYPES, WRITERS, write_report

BY = ("district",)
FORMULAS = [
    "=1+1",
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\rx",
    "\0x",
    ' "=1',
    "\n=1",
    "＝1",
    "＋1",
    "－1",
    "＠x",
    "' =1",
]


def report(*districts: str) -> ReportDocument:
    rows = [row((district,), met=3, met_late=40, target=Decimal("0.9")) for district in districts]
    rows.append(row(("Leek",), met=9, overdue=2, running=30))
    return build_compliance_document(
        suppress_small_counts(rows, by=BY),
        by=BY,
        parameters={"from": AS_AT.date(), "by": BY, "unsuppressed": False, "provider": None},
        made_by="manager@demo.example",
        made_at=AS_AT,
        data_quality=[("Rows set aside", "65 of 8052")],
    )


def written(what: ReportDocument, format_name: str) -> bytes:
    target = io.BytesIO()
    write_report(what, format_name, target)
    return target.getvalue()


def csv_rows(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def sheets(data: bytes, format_name: str) -> list[list[list[str]]]:
    """Every sheet's cells as text, from the XML in the file."""
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        if format_name == "ods":
            return _ods_sheets(_xml(package, "content.xml"))
        strings = ["".join(item.itertext()) for item in _xml(package, "xl/sharedStrings.xml")]
        return [_xlsx_sheet(_xml(package, f"xl/worksheets/sheet{n}.xml"), strings) for n in (1, 2)]


def _xml(package: zipfile.ZipFile, name: str) -> Any:
    return ElementTree.fromstring(package.read(name))  # noqa: S314 - we have just written it ourselves


def _xlsx_sheet(root: Any, strings: list[str]) -> list[list[str]]:
    main = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    assert not list(root.iter(f"{main}f"))
    rows = []
    for each in root.iter(f"{main}row"):
        cells = [(cell.get("t"), cell.findtext(f"{main}v")) for cell in each]
        rows.append([strings[int(value)] if kind == "s" else value for kind, value in cells if value])
    return rows


def _ods_sheets(root: Any) -> list[list[list[str]]]:
    table = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
    return [
        [
            ["\n".join("".join(paragraph.itertext()) for paragraph in cell) for cell in each if len(cell)]
            for each in sheet.iter(f"{table}table-row")
        ]
        for sheet in root.iter(f"{table}table")
    ]


def test_csv_is_rfc_4180_in_utf_8_with_a_mark() -> None:
    data = written(report('Stoke, "the city"'), "csv")
    assert data.startswith(b"\xef\xbb\xbfperiod_start,")
    assert data.count(b"\r\n") == data.count(b"\n") == 3
    header, stoke, leek = csv_rows(data)
    first = dict(zip(header, stoke, strict=True))
    assert first["district"] == 'Stoke, "the city"'
    assert (first["met"], first["rate"], first["target"], first["suppressed"]) == ("", "", "0.9", "yes")
    assert first["as_at"] == "2026-04-10T09:00:00+00:00"
    assert dict(zip(header, leek, strict=True))["period_start"] == "2026-01-01"


def test_an_unsuppressed_report_has_every_count() -> None:
    plain = build_compliance_document([row((), met=3)], by=(), parameters={}, made_by="m", made_at=AS_AT)
    header, only = csv_rows(written(plain, "csv"))
    cells = dict(zip(header, only, strict=True))
    assert (cells["met"], cells["rate"], cells["suppressed"]) == ("3", "1.0000", "no")


@pytest.mark.parametrize("format_name", ["csv", "json", "xlsx", "ods"])
def test_due_and_rate_are_empty_in_every_format_where_there_is_no_limit(format_name: str) -> None:
    whole = build_compliance_document(
        [row((), has_limit=False, met=7, running=30)], by=(), parameters={}, made_by="m", made_at=AS_AT
    )
    data = written(whole, format_name)

    if format_name == "csv":
        header, only = csv_rows(data)
        cells = dict(zip(header, only, strict=True))
        assert (cells["clocks_started"], cells["due"], cells["met"], cells["rate"]) == ("37", "", "7", "")
    elif format_name == "json":
        [found] = json.loads(data)["rows"]
        assert (found["clocks_started"], found["due"], found["met"], found["rate"]) == (37, None, 7, None)
    else:
        # Empty cells are left out by the reader above: nine counts without due, and no rate.
        table = next(sheet for sheet in sheets(data, format_name) if sheet[0][0] == "period_start")
        assert table[1][8:] == ["37", "7", "0", "0", "30", "0", "0", "0", "0", "no"]


@pytest.mark.parametrize("text", FORMULAS)
def test_text_never_becomes_a_formula_in_csv(text: str) -> None:
    assert csv_rows(written(report(text), "csv"))[1][8] == f"'{text}"


@pytest.mark.parametrize("text", ["Stoke-on-Trent", "D'Souza", "a=b", "", "1 + 1", "'quoted'"])
def test_harmless_text_is_left_alone_in_csv(text: str) -> None:
    assert csv_rows(written(report(text), "csv"))[1][8] == text


def test_numbers_below_zero_are_not_taken_for_text() -> None:
    made = replace(report(), columns=("n",), rows=[(-5,), (Decimal("-0.5"),)])
    assert csv_rows(written(made, "csv")) == [["n"], ["-5"], ["-0.5"]]


def test_json_holds_parameters_and_rows_with_null_for_what_is_suppressed() -> None:
    document = json.loads(written(report("Stafford"), "json"))
    assert set(document) == {"parameters", "rows"}
    assert document["parameters"] == {
        "from": "2026-04-10",
        "by": ["district"],
        "unsuppressed": "no",
        "provider": None,
    }
    first = document["rows"][0]
    assert (first["district"], first["met"], first["suppressed"]) == ("Stafford", None, "yes")
    assert first["target"] == 0.9
    assert list(first)[8] == "district"


@pytest.mark.parametrize("format_name", ["xlsx", "ods"])
def test_a_spreadsheet_has_a_cover_and_the_table(format_name: str) -> None:
    cover, table = sheets(written(report("Stafford"), format_name), format_name)
    texts = [cell for line in cover for cell in line]
    for expected in ("manager@demo.example", "65 of 8052", "clocks_started", "2026-04-10", "Data quality"):
        assert expected in texts
    assert table[0] == list(report("x").columns)
    assert "Stafford" in table[1]
    assert "0.9" in table[1]
    assert "yes" in table[1]


@pytest.mark.parametrize("format_name", ["xlsx", "ods"])
@pytest.mark.parametrize(
    "text", [*FORMULAS[:4], "http://evil.example", "{=1}", "0123", "\x01\x0b\ufffe\ud800"]
)
def test_text_stays_text_in_a_spreadsheet(format_name: str, text: str) -> None:
    _, table = sheets(written(report(text), format_name), format_name)
    expected = "\ufffd" * 4 if text.startswith("\x01") else text
    assert table[1][8] == expected


@pytest.mark.parametrize("format_name", ["xlsx", "ods"])
def test_a_spreadsheet_holds_nothing_that_is_not_seen(format_name: str) -> None:
    data = written(report("Stafford"), format_name)
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        names = package.namelist()
        everything = b"".join(package.read(name) for name in names)
    assert not [name for name in names if "comment" in name or "external" in name or "hyperlink" in name]
    assert b"hidden" not in everything
    assert b"<dc:creator></dc:creator>" in everything or b"creator" not in everything
    assert everything.count(b"manager@demo.example") == 1


def test_an_ods_carries_nothing_of_the_file_its_writer_begins_with() -> None:
    with zipfile.ZipFile(io.BytesIO(written(report("Stafford"), "ods"))) as package:
        assert not [name for name in package.namelist() if "thumbnail" in name.lower()]
        described = package.read("meta.xml").decode()
    assert "<dc:language>en-GB</dc:language>" in described
    assert "<meta:creation-date>2026-04-10T09:00:00</meta:creation-date>" in described


def test_lines_of_a_cell_stay_lines_in_an_ods() -> None:
    _, table = sheets(written(report("one\ntwo"), "ods"), "ods")
    assert table[1][8] == "one\ntwo"


def test_the_same_report_gives_the_same_workbook() -> None:
    assert written(report("Stafford"), "xlsx") == written(report("Stafford"), "xlsx")


def test_text_that_a_cell_cannot_hold_is_refused_not_cut() -> None:
    for format_name in ("xlsx", "ods"):
        with pytest.raises(InvalidInput):
            written(report("x" * 32_768), format_name)


def test_a_format_that_is_not_offered_is_refused() -> None:
    with pytest.raises(InvalidInput, match="csv, xlsx, ods, json"):
        written(report(), "pdf")
    assert MEDIA_TYPES.keys() == WRITERS.keys()


@settings(max_examples=examples(40))
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=30))
def test_any_text_survives_in_every_format(text: str) -> None:
    made = report(text)
    read = csv_rows(written(made, "csv"))[1][8]
    assert read in (text, f"'{text}")
    assert json.loads(written(made, "json"))["rows"][0]["district"] == text
    for format_name in ("xlsx", "ods"):
        assert len(sheets(written(made, format_name), format_name)[1]) == 3
