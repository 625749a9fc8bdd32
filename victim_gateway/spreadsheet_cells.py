"""Keep text in a CSV cell from being taken for a formula by a spreadsheet, so that it can be undone exactly.

`unguard_cell(guard_cell(text)) == text` for every text. That holds because a text that already starts with
apostrophes and then a formula sign gets one more of them: `'=1` is written `''=1`, and `'+44 7700 900123`
is always what was written for `+44 7700 900123`. What starts with an apostrophe alone (`'s-Hertogenbosch`)
stays as it is.
"""

from __future__ import annotations

import re

_MARK = "'"
# What a spreadsheet takes for the start of a formula, after what it skips: quotes, spaces, line breaks. A mark
# in front changes nothing about a match, on which the way back depends.
_FORMULA = re.compile(r"[\s\"']*[=+\-@\t\r\0＝＋－＠]|[\t\r\0]")


def guard_cell(text: str) -> str:
    """Text that a spreadsheet can't take for a formula: with an apostrophe in front where it might."""
    return _MARK + text if _FORMULA.match(text) else text


def unguard_cell(cell: str) -> str:
    """The text for which `guard_cell` wrote this cell; a cell that it never writes stays as it is."""
    if cell.startswith(_MARK) and _FORMULA.match(cell, 1):
        return cell[1:]
    return cell
