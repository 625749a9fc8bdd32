"""How each column of the directory is read: text to a value, or what is wrong with the text."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

from config import AreaProfile
from victim_gateway import times
from victim_gateway.provider_vocabulary import AnswerUnit, ServiceCapacity, ServiceKind
from victim_gateway.rules.eligibility import SEX_PHRASES, VICTIM_TYPE_PHRASES
from victim_gateway.rules.service_capacity import LONGEST_WAIT_DAYS, MOST_PLACES, MOST_WAITING
from victim_gateway.services.accounts.administration import GATEWAY_KEY
from victim_gateway.vocabulary import Harm

T = TypeVar("T")

_KEY = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_OLDEST = 120
LONGEST_TEXT = 2_000
LONGEST_LINE = 200
# Required in every row, so that each file states whom a service is for; only victims are accepted.
SERVES = "victims"
NOT_FOR_VICTIMS = (
    "a service for people who have harmed others can't be in the directory, because a victim's details must"
    " have no way of getting there"
)


def _victims_only(text: str, area: AreaProfile) -> str:
    if text != SERVES:
        raise ValueError(f"it must be {SERVES}, not {text or 'empty'}: {NOT_FOR_VICTIMS}")
    return text


def _provider_key(text: str, area: AreaProfile) -> str:
    if text == GATEWAY_KEY:
        raise ValueError("is the Gateway's own key; choose another")
    return _key(text, area)


def _key(text: str, area: AreaProfile) -> str:
    if not _KEY.fullmatch(text) or len(text) > LONGEST_LINE:
        raise ValueError("use small letters, digits and hyphens")
    return text


def _required_line(text: str, area: AreaProfile) -> str:
    return _required(text, LONGEST_LINE)


def _required_text(text: str, area: AreaProfile) -> str:
    return _required(text, LONGEST_TEXT)


def _required(text: str, longest: int) -> str:
    if not text:
        raise ValueError("it is empty")
    return _short(text, longest)


def _short(text: str, longest: int) -> str:
    if len(text) > longest:
        raise ValueError(f"shorten it to {longest:,} characters")
    return text


def _line(text: str, area: AreaProfile) -> str | None:
    return _short(text, LONGEST_LINE) or None


def _text(text: str, area: AreaProfile) -> str | None:
    return _short(text, LONGEST_TEXT) or None


def _day(text: str, area: AreaProfile) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError("write the date like 2026-03-31") from None


def _moment(text: str, area: AreaProfile) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("write the moment like 2026-03-31T14:30:00+00:00") from None
    if moment.tzinfo is None:
        moment = times.from_london_wall(moment)
    return moment.astimezone(UTC)


def _optional(reader: Callable[[str, AreaProfile], T]) -> Callable[[str, AreaProfile], T | None]:
    return lambda text, area: reader(text, area) if text else None


def _number(most: int, of_what: str, *, may_be_empty: str = "") -> Callable[[str, AreaProfile], int | None]:
    def read(text: str, area: AreaProfile) -> int | None:
        if not text:
            return None
        if not text.isascii() or not text.isdecimal() or len(text) > 9 or int(text) > most:
            raise ValueError(f"use a whole number of {of_what} from 0 to {most}{may_be_empty}")
        return int(text)

    return read


def _yes_or_no(text: str, area: AreaProfile) -> bool:
    if text not in ("yes", "no"):
        raise ValueError("use yes or no")
    return text == "yes"


def _yes_or_empty(text: str, area: AreaProfile) -> bool:
    return bool(text) and _yes_or_no(text, area)


def _among(known: Callable[[AreaProfile], tuple[str, ...]]) -> Callable[[str, AreaProfile], tuple[str, ...]]:
    def read(text: str, area: AreaProfile) -> tuple[str, ...]:
        parts, names = _parts(text), known(area)
        for part in parts:
            if part not in names:
                raise ValueError(
                    f"{part[:80]} is not known here; use {', '.join(names)}, separated by semicolons"
                )
        return parts

    return read


def _names(text: str, area: AreaProfile) -> tuple[str, ...]:
    parts = _parts(text)
    if len(parts) > 50 or any(len(part) > 80 for part in parts):
        raise ValueError("name at most 50, each of at most 80 characters, separated by semicolons")
    return parts


def _parts(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in text.split(";") if part.strip()))


def _email(text: str, area: AreaProfile) -> str | None:
    if text and (not _EMAIL.fullmatch(text) or len(text) > LONGEST_LINE):
        raise ValueError("write the email address like help@example.org")
    return text or None


def _website(text: str, area: AreaProfile) -> str | None:
    if not text:
        return None
    parts = urlsplit(text) if len(text) <= LONGEST_LINE and " " not in text else None
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("write the address of the website like https://www.example.org")
    return text


def _coded(
    members: type[ServiceCapacity] | type[AnswerUnit] | type[ServiceKind],
) -> Callable[[str, AreaProfile], Any]:
    def read(text: str, area: AreaProfile) -> Any:
        if not text:
            return None
        if text not in {member.value for member in members}:
            raise ValueError(f"{text[:80]} is not known here; use {', '.join(members)}")
        return members(text)

    return read


DIRECTORY_READERS: Mapping[str, Callable[[str, AreaProfile], Any]] = {
    "provider_key": _provider_key,
    "provider_name": _required_line,
    "provider_description": _required_text,
    "active_from": _day,
    "active_until": _optional(_day),
    "service_key": _key,
    "service_name": _required_line,
    "service_description": _required_text,
    "serves": _victims_only,
    "districts": _among(lambda area: area.districts),
    "needs": _among(lambda area: tuple(dict(area.needs.areas))),
    "victim_types": _among(lambda area: tuple(VICTIM_TYPE_PHRASES)),
    "min_age": _number(_OLDEST, "years"),
    "max_age": _number(_OLDEST, "years"),
    "open": _yes_or_no,
    "harms": _among(lambda area: tuple(Harm)),
    "sexes": _among(lambda area: tuple(SEX_PHRASES)),
    "starts_on": _optional(_day),
    "ends_on": _optional(_day),
    "wait_days": _number(LONGEST_WAIT_DAYS, "days", may_be_empty=", or leave it empty"),
    "phone": _line,
    "restorative_justice": _yes_or_empty,
    "email": _email,
    "website": _website,
    "hours": _text,
    "languages": _names,
    "accessibility": _text,
    "eligibility": _text,
    "answer_within": _number(10_000, "working days or hours"),
    "answer_unit": _coded(AnswerUnit),
    "explicit_consent_only": _yes_or_empty,
    "funder": _line,
    "contract_starts_on": _optional(_day),
    "contract_ends_on": _optional(_day),
    "accreditation": _text,
    "capacity": _coded(ServiceCapacity),
    "places": _number(MOST_PLACES, "places"),
    "waiting_people": _number(MOST_WAITING, "people"),
    "capacity_confirmed_at": _optional(_moment),
    "service_retired_on": _optional(_day),
    "provider_retired_on": _optional(_day),
    "kind": _coded(ServiceKind),
    "urgent_phone": _line,
    "contact_name": _line,
    "contact_email": _email,
}
