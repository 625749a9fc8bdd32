"""Read a telephone number: every usual way to write one, and the ways in which one is no number at all."""

from __future__ import annotations

import re

import phonenumbers

from victim_gateway.feeds.cells import check_spreadsheet_damage
from victim_gateway.feeds.problems import (
    EXTENSION,
    PLACEHOLDER,
    REPAIRED,
    SEVERAL_VALUES,
    UNREADABLE,
    CellError,
    MendedValue,
    PlaceholderFound,
)

_PHONE = re.compile(r"(?:\+|00)?[0-9 ().\-/\u00a0\u2010-\u2015]{5,30}", re.ASCII)
# Numbers that are right but unknown to the tables of ranges in use: all 07 mobile blocks, where Ofcom's
# numbers for drama (07700 900000 to 900999) lie too, and Ofcom's drama numbers that belong to no town.
_ALSO_ALLOWED = re.compile(r"\+44(?:7[1-9][0-9]{8}|1632960[0-9]{3})")
_PLAIN_MOBILE = re.compile(r"07[1-9][0-9]{8}", re.ASCII)
_EXTENSION = re.compile(
    r"(.{6,}?)[\s,;(]*(?:extension|extn|ext|x)[\s.:]*([0-9]{1,6})\)?", re.IGNORECASE | re.ASCII
)
_BETWEEN_NUMBERS = re.compile(r"[/;,|&]|\bor\b|\band\b", re.IGNORECASE)
# One digit again and again, with or without the 07 of a mobile; and rows of digits in order.
_INVENTED = re.compile(r"(?:0?7)?([0-9])\1{7,}|0?1234567890?|0?71?23456789|0123456789|0+", re.ASCII)
_LOST_NOUGHT = re.compile(r"(?:7[1-9][0-9]{8}|[123][0-9]{8,9})", re.ASCII)
_WITHOUT_DIALLING_CODE = re.compile(r"[1-9][0-9]{4,7}", re.ASCII)
_EXPECTED = "is not a full telephone number; give the digits alone, for example 01782 123456"


def read_phone(text: str) -> str:
    """A number in E.164. Other text in the cell makes it unreadable, as it may say whose number it is."""
    if _PLAIN_MOBILE.fullmatch(text) and text[2] * 9 != text[2:] and text != "07123456789":
        return f"+44{text[1:]}"  # the same result as the library's tables, ten times as fast
    check_spreadsheet_damage(text)
    if found := _EXTENSION.fullmatch(text):
        message = "has an extension, which calls from here do not dial; see the value as given"
        raise MendedValue(_number(found[1].strip()), CellError(EXTENSION, message))
    return _number(text)


def _number(text: str) -> str:
    digits = _digits(text)
    _check_one_real_number(text, digits)
    if not _PHONE.fullmatch(text):
        raise CellError(UNREADABLE, _EXPECTED)
    if digits == text.replace(" ", "") and _LOST_NOUGHT.fullmatch(digits):
        message = "had lost its leading 0, which was put back; check it"
        raise MendedValue(_e164(f"0{digits}"), CellError(REPAIRED, message))
    return _e164(text)


def _check_one_real_number(text: str, digits: str) -> None:
    """Raise for a placeholder, for two numbers in one cell, and for a number without its dialling code."""
    if _INVENTED.fullmatch(digits.removeprefix("0044").removeprefix("44")):
        raise PlaceholderFound(PLACEHOLDER, "is an invented number; leave the cell blank if none is known")
    parts = [part for part in _BETWEEN_NUMBERS.split(text) if len(_digits(part)) > 5]
    if len(parts) > 1:
        message = "holds more than one number; give one here, and the other in a column of its own"
        raise CellError(SEVERAL_VALUES, message)
    if _WITHOUT_DIALLING_CODE.fullmatch(digits):
        raise CellError(UNREADABLE, "has no dialling code; give the full number, for example 01782 123456")


def _e164(text: str) -> str:
    try:
        number = phonenumbers.parse(text, "GB")
    except phonenumbers.NumberParseException:
        raise CellError(UNREADABLE, _EXPECTED) from None
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if not (_ALSO_ALLOWED.fullmatch(e164) or phonenumbers.is_valid_number(number)):
        raise CellError(UNREADABLE, _EXPECTED)
    return e164


def _digits(text: str) -> str:
    return "".join(letter for letter in text if "0" <= letter <= "9")
