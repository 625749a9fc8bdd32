"""Readers of single cells: what a column may hold, and the value it stands for.

Every reader takes the text without surrounding white space, never blank, and gives a value or raises
CellError; MendedValue where the value is kept after a repair that a person should check. None of them guesses.
"""

from __future__ import annotations

import re

from email_validator import EmailNotValidError, validate_email

from victim_gateway.feeds.column_reader import CellReader
from victim_gateway.feeds.folding import REFERENCE_BLANKS, is_blank_text
from victim_gateway.feeds.problems import (
    CONTROL_CHARACTER,
    LINE_BREAK,
    NOT_AN_ADDRESS,
    NUL,
    PLACEHOLDER,
    SPREADSHEET_DAMAGE,
    TOO_LONG,
    UNREADABLE,
    CellError,
    MendedValue,
    PlaceholderFound,
)

NAME_LENGTH = 500
LINE_LENGTH = 500
NOTE_LENGTH = 10_000

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_BREAKS = re.compile(r"[ ]*[\t\n\r\x85\u2028\u2029]+[ ]*")


def line_reader(limit: int) -> CellReader:
    """Text of one line, kept exactly; line breaks become spaces and other control characters go (Mended)."""

    def read(text: str) -> str:
        if len(text) > limit:
            raise CellError(TOO_LONG, f"is longer than {limit} characters")
        if text.isprintable():
            return text
        flat = _BREAKS.sub(" ", text)
        clean = _without_control_characters(flat)
        if flat != text:
            raise MendedValue(clean, CellError(LINE_BREAK, "had line breaks or tabs, kept as spaces"))
        return clean

    return read


def note_reader(limit: int) -> CellReader:
    """Text that may have several lines, kept exactly but for control characters (Mended)."""

    def read(text: str) -> str:
        if len(text) > limit:
            raise CellError(TOO_LONG, f"is longer than {limit} characters")
        return text if text.isprintable() else _without_control_characters(text)

    return read


def _without_control_characters(text: str) -> str:
    if "\0" in text:
        raise CellError(NUL, "holds a NUL character, which no text has; export the row again")
    clean = _CONTROL.sub("", text).strip()
    # What says nothing by itself says nothing beside a control character either.
    if not clean or is_blank_text(clean):
        raise PlaceholderFound(CONTROL_CHARACTER, "holds nothing but control characters; left empty")
    if clean != text:
        raise MendedValue(clean, CellError(CONTROL_CHARACTER, "had control characters, which were taken out"))
    return text


def exact_line_reader(limit: int) -> CellReader:
    """Text of one line that is refused rather than mended: keys, which must be the same every time."""
    read_line = line_reader(limit)

    def read(text: str) -> object:
        try:
            return read_line(text)
        except MendedValue as mended:
            raise CellError(mended.error.code, "holds line breaks or control characters") from None

    return read


# What a spreadsheet makes of a long number: the digits that told two people apart are gone.
_SPREADSHEET_NUMBER = re.compile(r"[0-9](?:[.,][0-9]+)?E\+[0-9]+", re.IGNORECASE)


def check_spreadsheet_damage(text: str) -> None:
    """Raise CellError for a number that a spreadsheet has shortened."""
    if _SPREADSHEET_NUMBER.fullmatch(text):
        message = "was shortened by a spreadsheet (like 2.0E+11); export it again with the column as text"
        raise CellError(SPREADSHEET_DAMAGE, message)


def reference_reader(limit: int) -> CellReader:
    """A reference as given, exactly; one that a spreadsheet has shortened is refused."""
    read_exact_line = exact_line_reader(limit)

    def read(text: str) -> object:
        check_spreadsheet_damage(text)
        return read_exact_line(text)

    return read


def said_placeholder_reader(reader: CellReader) -> CellReader:
    """Like `reader`, for references of a person: a placeholder is no reference, and that is said."""

    def read(text: str) -> object:
        if is_blank_text(text, REFERENCE_BLANKS):
            raise PlaceholderFound(PLACEHOLDER, "is a placeholder, not a reference; leave the cell blank")
        return reader(text)

    return read


_UPRN = re.compile(r"[0-9]{1,12}", re.ASCII)


def read_uprn(text: str) -> str:
    """A unique property reference number in its twelve digits; a shorter one has lost its leading noughts."""
    check_spreadsheet_damage(text)
    if not _UPRN.fullmatch(text):
        raise CellError(UNREADABLE, "is not a property reference number; give its digits, at most 12")
    return text.zfill(12)


# "Reverse of", "outside", "opposite", "junction with": where officers went, not where post arrives.
_SHORTHAND = re.compile(
    r"(?:r/o|o/s|j/w|opp\.?|outside|opposite|near|behind|rear of|junction of|jct)\b", re.IGNORECASE
)
_STATION = re.compile(r"\bpolice station\b", re.IGNORECASE)
NO_FIXED_ABODE = frozenset({"nfa", "n.f.a.", "no fixed abode", "no fixed address", "no_fixed_abode"})


def address_reader(limit: int) -> CellReader:
    """A line of an address; one that post can hardly reach the victim by is kept and said."""
    read_line = line_reader(limit)

    def read(text: str) -> object:
        value = read_line(text)
        if _SHORTHAND.match(text) or _STATION.search(text):
            message = "is no address that post reaches the victim at; ask for one (kept as given)"
            raise MendedValue(value, CellError(NOT_AN_ADDRESS, message))
        return value

    return read


_EMAIL_EXPECTED = "is not one e-mail address; give it as name@example.org"


# Addresses of the usual form, for which the library would say the same after a hundred times as long.
_PLAIN_EMAIL = re.compile(
    r"[A-Za-z0-9]{1,20}(?:[._+-][A-Za-z0-9]{1,12}){0,3}@[A-Za-z0-9]{1,30}(?:\.[A-Za-z0-9]{1,30}){0,2}"
    r"\.(?:com|org|net|uk|example)"
)
_EMAIL_AROUND = re.compile(r"\A(?:mailto:\s*|<)+|[\s.,;:>]+\Z", re.IGNORECASE)


def read_email(text: str) -> str:
    """One plain address; its domain in lower case, the part before the @ exactly as given.

    A domain in Punycode comes out in its own letters, so that one address is not read as two. Whether it
    can be reached is not asked: that would tell a name server where a victim has a mailbox.
    """
    if _PLAIN_EMAIL.fullmatch(text):
        local, _, domain = text.rpartition("@")
        return f"{local}@{domain.lower()}"
    text = _EMAIL_AROUND.sub("", text)
    try:
        # test_environment: domains under .test are those of invented people
        found = validate_email(text, check_deliverability=False, test_environment=True, strict=True)
    except EmailNotValidError:
        raise CellError(UNREADABLE, _EMAIL_EXPECTED) from None
    if "." not in found.domain:
        raise CellError(UNREADABLE, _EMAIL_EXPECTED)
    # not found.local_part, whose letters may have been put together otherwise, or in lower case (POSTMASTER)
    return f"{text.rpartition('@')[0]}@{found.domain}"


_POSTCODE = re.compile(
    r"(GIR|[A-PR-UWYZ](?:[0-9]{1,2}|[A-HK-Y][0-9](?:[0-9]|[ABEHMNPRV-Y])?|[0-9][A-HJKPS-UW])) ?"
    r"([0-9][ABD-HJLNP-UW-Z]{2})"
)


def normal_postcode(text: str) -> str | None:
    """A full UK postcode as it is stored, however it is spaced and written; None for any other text."""
    found = _POSTCODE.fullmatch("".join(text.split()).upper())
    return f"{found[1]} {found[2]}" if found else None
