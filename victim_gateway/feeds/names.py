"""Names as a feed writes them: titles moved to where they belong, and a warning for what is hardly a name.

A name is kept in all but two cases, a placeholder and a title alone: a person is called what they are called,
and a wrong warning costs less than a lost name.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from victim_gateway.feeds.cells import NAME_LENGTH, line_reader
from victim_gateway.feeds.folding import is_blank_text
from victim_gateway.feeds.problems import (
    BROKEN_LETTERS,
    CUT_OFF,
    NAME_OF_BUSINESS,
    NOT_A_NAME,
    PLACEHOLDER,
    SEVERAL_PEOPLE,
    TITLE_MOVED,
    PlaceholderFound,
)
from victim_gateway.feeds.rows import CellsRead

NAME_COLUMNS = ("given_name", "family_name", "alias", "guardian_name", "organisation_contact")
TITLES = {
    **{title.casefold(): title for title in ("Mr", "Mrs", "Ms", "Miss", "Mx", "Dr", "Prof", "Rev", "Revd")},
    **{
        title.casefold(): title
        for title in ("Sir", "Dame", "Lady", "Lord", "Master", "Professor", "Reverend")
    },
    "cllr": "Cllr",
}
# Placeholders that are people's names too, where they are written as a name.
_ALSO_NAMES = frozenset({"Na", "Nil", "Nan"})
_APOSTROPHES = str.maketrans(dict.fromkeys("\u2018\u2019\u02bc\u00b4`\uff07", "'"))
CUT_LENGTH = 35
"""The length at which systems of the police's standard cut a name."""

_PLAIN = re.compile(r"[A-Za-z]+(?:[ '-][A-Za-z]+)*")
# The replacement character, a pound sign, and UTF-8 read as Windows-1252 ("Ã©", "â€™", "Å‚").
_BROKEN = re.compile(
    "\ufffd|\u00a3|[\u00c2-\u00c5\u00e2]"
    "[\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013-\u2122]"
)
_SEVERAL = re.compile(r"\s(?:&|\+|and)\s|\w&\w|[^\W\d_]\s*/\s*[^\W\d_]", re.IGNORECASE)
_BUSINESS = re.compile(
    r"\b(?:ltd|limited|plc|llp|inc|supermarkets?|stores?|shop|caf[eé]|council|express|tesco|asda|aldi|lidl|"
    r"sainsbury'?s|morrisons|co-?op|garage|school|surgery|dog|cat|horse|puppy|kitten)\b",
    re.IGNORECASE,
)
_JOINING = frozenset(" -'.\u00b7\u200c\u200d\u2010\u2011")
_read_line = line_reader(NAME_LENGTH)


def read_name(text: str) -> object:
    """A name as written, with straight apostrophes. A placeholder is no name, and that is said."""
    if text not in _ALSO_NAMES and is_blank_text(text):
        raise PlaceholderFound(PLACEHOLDER, "is a placeholder, not a name; leave the cell blank")
    return _read_line(text if text.isascii() else text.translate(_APOSTROPHES))


def split_title(name: str) -> tuple[str | None, str]:
    """A leading title of a name and the rest of it; (None, the name) where it has none."""
    first, _, rest = name.partition(" ")
    title = TITLES.get(first.rstrip(".").casefold())
    rest = rest.strip()
    if title is None or (not rest and title not in ("Mr", "Mrs", "Ms", "Miss", "Mx", "Dr")):
        return None, name
    return title, rest


def check_names(read: CellsRead) -> None:
    """Move a leading title to its column and warn of names that may be no person's name."""
    values = read.values
    _move_title(read)
    for column in NAME_COLUMNS:
        name: str | None = values[column]
        if name is not None and not (_PLAIN.fullmatch(name) and _is_plain_name(name)):
            _check_name(read, column, name)
    organisation: str | None = values["organisation_name"]
    if organisation is not None:
        _check_letters(read, "organisation_name", organisation)


def _is_plain_name(name: str) -> bool:
    return (
        len(name) != CUT_LENGTH and not (" " in name and _SEVERAL.search(name)) and not _BUSINESS.search(name)
    )


def _move_title(read: CellsRead) -> None:
    name: Any = read.values["given_name"]
    if name is None or name[:2].casefold() not in _TITLE_STARTS:
        return
    title, rest = split_title(name)
    if title is None:
        return
    read.values["given_name"] = rest or None
    read.values["title"] = read.values["title"] or title
    read.warn("given_name", TITLE_MOVED, "began with a title, which was moved to title")


_TITLE_STARTS = frozenset(title[:2] for title in TITLES)


def _check_name(read: CellsRead, column: str, name: str) -> None:
    if _check_letters(read, column, name):
        return
    if _SEVERAL.search(name):
        read.warn(column, SEVERAL_PEOPLE, "names more than one person; give each a row of their own")
    elif any(not _belongs_to_name(letter) for letter in name):
        read.warn(column, NOT_A_NAME, "holds digits or signs that no name has; check it (kept as given)")
    if (
        _BUSINESS.search(name)
        and column != "organisation_contact"
        and read.values["victim_type"] != "business"
    ):
        message = "looks like the name of a business or an animal, not of a person (kept as given)"
        read.warn(column, NAME_OF_BUSINESS, message)


def _check_letters(read: CellsRead, column: str, name: str) -> bool:
    """Warn of letters that were lost on the way here; whether they were broken."""
    if len(name) == CUT_LENGTH:
        read.warn(column, CUT_OFF, f"has exactly {CUT_LENGTH} letters and may be cut off (kept as given)")
    if name.isascii() or not _BROKEN.search(name):
        return False
    message = "has broken letters; export the file again in UTF-8, or correct it (kept as given)"
    read.warn(column, BROKEN_LETTERS, message)
    return True


def _belongs_to_name(letter: str) -> bool:
    return letter in _JOINING or unicodedata.category(letter)[0] in "LM"
