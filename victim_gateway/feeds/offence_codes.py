"""Read an offence code: a CJS code, a Home Office class, or a code of the force's own, told apart by shape."""

from __future__ import annotations

import re

from victim_gateway.feeds.cells import check_spreadsheet_damage, exact_line_reader
from victim_gateway.feeds.problems import SPREADSHEET_DAMAGE, CellError

# AAYYNNN, COMLNNN, XX00NNN, with a letter for an attempt, aiding, a conspiracy or an incitement.
_CJS_CODE = re.compile(r"(?:[A-Z]{2}[0-9]{5}|COML[0-9]{3})[ABCI]?", re.IGNORECASE | re.ASCII)
_HOME_OFFICE_CLASS = re.compile(r"([0-9]{1,3})([A-Z]?)\s*/\s*([0-9]{1,2})", re.IGNORECASE | re.ASCII)
# 8/6 opened in a spreadsheet: 08-Jun, Jun-08, 2026-06-08, 08/06/2026.
_SPREADSHEET_DATE = re.compile(
    r"[0-9]{1,4}[-/ ](?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*(?:[-/ ][0-9]{2,4})?"
    r"|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*[-/ ][0-9]{1,4}"
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2}.*|[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}.*",
    re.IGNORECASE | re.ASCII,
)
_read_exactly = exact_line_reader(200)


def read_offence_code(text: str) -> object:
    """The code in its standard spelling (`008/06`, `TH68001A`); one of another shape exactly as given."""
    check_spreadsheet_damage(text)
    if _CJS_CODE.fullmatch(text):
        return text.upper()
    if found := _HOME_OFFICE_CLASS.fullmatch(text):
        return f"{found[1].zfill(3)}{found[2].upper()}/{found[3].zfill(2)}"
    if _SPREADSHEET_DATE.fullmatch(text):
        message = "was turned into a date by a spreadsheet; export it again with the column as text"
        raise CellError(SPREADSHEET_DAMAGE, message)
    return _read_exactly(text)
