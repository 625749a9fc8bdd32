"""Readers of single cells: what a column may hold, and the value it stands for.

Every reader takes the text without surrounding white space, never blank, and gives a value or raises
CellError. None of them guesses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from victim_gateway.feeds.problems import (
    CONTROL_CHARACTER,
    LINE_BREAK,
    NOT_IN_LIST,
    NUL,
    TOO_LONG,
    UNREADABLE,
    CellError,
)

CellReader = Callable[[str], object]

NAME_LENGTH = 500
LINE_LENGTH = 500
NOTE_LENGTH = 10_000

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_BREAKS = re.compile(r"[ ]*[\t\n\r\x85\u2028\u2029]+[ ]*")


class MendedValue(Exception):
    """The value can be kept after a change to its characters that loses nothing a reader would miss."""

    def __init__(self, value: str, error: CellError) -> None:
        super().__init__(error.code)
        self.value = value
        self.error = error


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
    clean = _CONTROL.sub("", text)
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


def choice_reader(*choices: str) -> CellReader:
    """One of the listed choices in any case; a space or hyphen counts as an underscore."""
    return _listed({choice: choice for choice in choices}, choices)


def yes_no_reader() -> CellReader:
    """True or False."""
    return _listed({"yes": True, "no": False}, ("yes", "no"))


def _listed(values: Mapping[str, object], choices: tuple[str, ...]) -> CellReader:
    by_key = {_key(choice): value for choice, value in values.items()}
    expected = f"is not one of {', '.join(choices)}"

    def read(text: str) -> object:
        try:
            return by_key[text] if text in by_key else by_key[_key(text)]
        except KeyError:
            raise CellError(NOT_IN_LIST, expected) from None

    return read


def _key(text: str) -> str:
    return text.casefold().replace(" ", "_").replace("-", "_")


# Values that say that there is no strand; "unknown" says neither yes nor no and is left empty.
_NO_STRAND = frozenset({"no", "none", "n/a", "not applicable"})
_UNKNOWN_STRAND = frozenset({"unknown", "not known"})


def read_hate_strand(text: str) -> object:
    """The hate strand as the force wrote it, or None where the force says that there is none."""
    if text.casefold() in _NO_STRAND:
        return None
    if text.casefold() in _UNKNOWN_STRAND:
        raise CellError(UNREADABLE, "is not a strand; name it, or leave the cell blank if there is none")
    return line_reader(LINE_LENGTH)(text)


_PHONE = re.compile(r"(?:\+|00)?[0-9 ().\-/\u00a0\u2010-\u2015]{5,30}", re.ASCII)
# Numbers that are right but unknown to the tables of ranges in use: all 07 mobile blocks, where Ofcom's
# numbers for drama (07700 900000 to 900999) lie too, and Ofcom's drama numbers that belong to no town.
_ALSO_ALLOWED = re.compile(r"\+44(?:7[1-9][0-9]{8}|1632960[0-9]{3})")
_PLAIN_MOBILE = re.compile(r"07[1-9][0-9]{8}")
_PHONE_EXPECTED = "is not a full telephone number; give the digits alone, for example 01782 123456"


def read_phone(text: str) -> str:
    """A number in E.164. Other text in the cell makes it unreadable, as it may say whose number it is."""
    if _PLAIN_MOBILE.fullmatch(text):
        return f"+44{text[1:]}"  # the same result as the library's tables, ten times as fast
    if not _PHONE.fullmatch(text):
        raise CellError(UNREADABLE, _PHONE_EXPECTED)
    try:
        number = phonenumbers.parse(text, "GB")
    except phonenumbers.NumberParseException:
        raise CellError(UNREADABLE, _PHONE_EXPECTED) from None
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if not (_ALSO_ALLOWED.fullmatch(e164) or phonenumbers.is_valid_number(number)):
        raise CellError(UNREADABLE, _PHONE_EXPECTED)
    return e164


_EMAIL_EXPECTED = "is not one e-mail address; give it as name@example.org"


def read_email(text: str) -> str:
    """One plain address; its domain in lower case, the part before the @ exactly as given.

    A domain in Punycode comes out in its own letters, so that one address is not read as two. Whether it
    can be reached is not asked: that would tell a name server where a victim has a mailbox.
    """
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


def read_postcode(text: str) -> str:
    """A full UK postcode in capitals with its space, e.g. ST1 2DN."""
    postcode = normal_postcode(text)
    if postcode is None:
        raise CellError(UNREADABLE, "is not a full UK postcode; give it as ST1 2DN")
    return postcode


def normal_postcode(text: str) -> str | None:
    """A full UK postcode as it is stored, however it is spaced and written; None for any other text."""
    found = _POSTCODE.fullmatch("".join(text.split()).upper())
    return f"{found[1]} {found[2]}" if found else None
