"""One service of the directory as a row of text: what each column says, how it is read, and what is wrong with it.

The CSV, the Open Referral file and the forms of the browser all go through these readers, so that none of them takes
what another refuses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

from config import AreaProfile
from victim_gateway import times
from victim_gateway.provider_vocabulary import AnswerUnit, ServiceCapacity
from victim_gateway.rules.eligibility import SEX_PHRASES, VICTIM_TYPE_PHRASES, says_for_harmers
from victim_gateway.rules.response_standard import find_standard_mistake
from victim_gateway.rules.service_capacity import (
    LONGEST_WAIT_DAYS,
    MOST_PLACES,
    MOST_WAITING,
    CapacityStatement,
    agrees_with_older_columns,
    capacity_of_older_columns,
    find_capacity_mistakes,
)
from victim_gateway.services.accounts.administration import GATEWAY_KEY
from victim_gateway.vocabulary import Harm

T = TypeVar("T")
Cells = Mapping[str, str]

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


@dataclass(frozen=True, slots=True)
class DirectoryEntry:
    """One service of one provider: one row. An empty list means no restriction.

    The columns from `harms` on came later: `unsaid` are those that a file leaves out, and an import leaves them as
    they are stored. Nothing else looks at it, so that two entries are equal whatever file they came from. `open` and
    `wait_days` are what the capacity means to a reader that knows no more.
    """

    provider_key: str
    provider_name: str
    provider_description: str
    active_from: date
    active_until: date | None
    service_key: str
    service_name: str
    service_description: str
    serves: str
    districts: tuple[str, ...]
    needs: tuple[str, ...]
    victim_types: tuple[str, ...]
    min_age: int | None
    max_age: int | None
    open: bool
    harms: tuple[str, ...] = ()
    sexes: tuple[str, ...] = ()
    starts_on: date | None = None
    ends_on: date | None = None
    wait_days: int | None = None
    phone: str | None = None
    restorative_justice: bool = False
    email: str | None = None
    website: str | None = None
    hours: str | None = None
    languages: tuple[str, ...] = ()
    accessibility: str | None = None
    eligibility: str | None = None
    answer_within: int | None = None
    answer_unit: AnswerUnit | None = None
    explicit_consent_only: bool = False
    funder: str | None = None
    contract_starts_on: date | None = None
    contract_ends_on: date | None = None
    accreditation: str | None = None
    capacity: ServiceCapacity | None = None
    places: int | None = None
    waiting_people: int | None = None
    capacity_confirmed_at: datetime | None = None
    service_retired_on: date | None = None
    provider_retired_on: date | None = None
    unsaid: tuple[str, ...] = field(default=(), compare=False)

    @property
    def statement(self) -> CapacityStatement:
        """What the entry says of how many people the service can take."""
        if self.capacity is None:
            return capacity_of_older_columns(self.open, self.wait_days)
        confirmed_at = self.capacity_confirmed_at
        return CapacityStatement(
            self.capacity,
            self.places,
            self.waiting_people,
            self.wait_days,
            times.london_date(confirmed_at) if confirmed_at else None,
        )


COLUMNS = tuple(column.name for column in fields(DirectoryEntry) if column.name != "unsaid")
LATER_COLUMNS = COLUMNS[COLUMNS.index("harms") :]
NEEDED_COLUMNS = COLUMNS[: COLUMNS.index("harms")]
PROVIDER_COLUMNS = (
    "provider_name",
    "provider_description",
    "active_from",
    "active_until",
    "provider_retired_on",
)
"""What the rows of one provider must say alike."""
CAPACITY_COLUMNS = ("open", "wait_days", "capacity", "places", "waiting_people", "capacity_confirmed_at")
"""What a provider says itself, and a form of the directory leaves alone."""


class WrongCells(Exception):
    """What is wrong with a row, by column: the first is what a file is refused with."""

    def __init__(self, mistakes: Mapping[str, str]) -> None:
        super().__init__(next(iter(mistakes.values())))
        self.mistakes = dict(mistakes)


def build_entry(cells: Cells, area: AreaProfile) -> DirectoryEntry:
    """The entry that a row of text says; a column that is missing is `unsaid`. Raises WrongCells."""
    said = [column for column in COLUMNS if column in cells or column not in LATER_COLUMNS]
    values = read_cells(cells, said, area)
    unsaid = tuple(column for column in LATER_COLUMNS if column not in cells)
    entry = DirectoryEntry(**values, unsaid=unsaid)
    wrong = _find_mistakes(entry)
    if wrong:
        raise WrongCells(wrong)
    return entry


def read_cells(cells: Cells, columns: Collection[str], area: AreaProfile) -> dict[str, Any]:
    """The values of some columns; one that is missing is empty. Raises WrongCells with every mistake."""
    values: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for column in columns:
        try:
            values[column] = _READERS[column](cells.get(column, "").strip(), area)
        except ValueError as error:
            wrong[column] = str(error)
    if wrong:
        raise WrongCells(wrong)
    return values


def cells_of(entry: DirectoryEntry) -> dict[str, str]:
    """An entry as the row of text that `build_entry` reads."""
    return {column: _written(getattr(entry, column)) for column in COLUMNS}


def with_what_is_stored(entry: DirectoryEntry, stored: DirectoryEntry | None, at: datetime) -> DirectoryEntry:
    """An entry as it will stand: what its file does not say stays, and so does what was said of the capacity later.

    A file that knows only open and a wait changes the capacity only where it says otherwise. What it changes counts as
    confirmed when the file says so, else at the moment of the import.
    """
    if stored is not None:
        entry = replace(entry, **{name: getattr(stored, name) for name in entry.unsaid})
    said, confirmed_at = _capacity_to_keep(entry, stored, at)
    return replace(
        entry,
        open=not said.is_full,
        wait_days=said.wait_days,
        capacity=said.kind,
        places=said.places,
        waiting_people=said.waiting_people,
        capacity_confirmed_at=confirmed_at,
    )


def _capacity_to_keep(
    entry: DirectoryEntry, stored: DirectoryEntry | None, at: datetime
) -> tuple[CapacityStatement, datetime | None]:
    said = capacity_of_older_columns(entry.open, entry.wait_days)
    confirmed_at = None
    if "capacity" not in entry.unsaid:
        said, confirmed_at = entry.statement, entry.capacity_confirmed_at
    if stored is None:
        return said, min(confirmed_at, at) if confirmed_at else None
    before, before_at = stored.statement, stored.capacity_confirmed_at
    if "capacity" in entry.unsaid and agrees_with_older_columns(before, entry.open, entry.wait_days):
        return before, before_at
    if confirmed_at is None:
        is_same = said.says_the_same_as(before)
        return (before, before_at) if is_same else (said, at)
    # A provider that has said its capacity after the file was written has the last word.
    is_older = before_at is not None and confirmed_at < before_at
    return (before, before_at) if is_older else (said, min(confirmed_at, at))


def _find_mistakes(entry: DirectoryEntry) -> dict[str, str]:
    """What of an entry does not fit together, by column."""
    wrong: dict[str, str] = {}
    for first, last in (
        ("active_from", "active_until"),
        ("starts_on", "ends_on"),
        ("contract_starts_on", "contract_ends_on"),
    ):
        begins, ends = getattr(entry, first), getattr(entry, last)
        if begins and ends and ends < begins:
            wrong[last] = f"it lies before {first}"
    if entry.min_age is not None and entry.max_age is not None and entry.max_age < entry.min_age:
        wrong["max_age"] = "it is below min_age"
    standard = find_standard_mistake(entry.answer_within, entry.answer_unit)
    if standard:
        wrong["answer_within"] = standard[:1].lower() + standard[1:]
    if entry.capacity is not None:
        for name, message in find_capacity_mistakes(entry.statement).items():
            wrong[name] = message[:1].lower() + message[1:]
        if not wrong and entry.statement.is_full is entry.open:
            wrong["capacity"] = f"it says {entry.capacity.value}, and open says {_written(entry.open)}"
    names = f"{entry.service_key} {entry.service_name} {entry.provider_name}"
    if says_for_harmers(names, f"{entry.provider_description} {entry.service_description}"):
        wrong["service_name"] = NOT_FOR_VICTIMS
    return wrong


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


def _coded(members: type[ServiceCapacity] | type[AnswerUnit]) -> Callable[[str, AreaProfile], Any]:
    def read(text: str, area: AreaProfile) -> Any:
        if not text:
            return None
        if text not in {member.value for member in members}:
            raise ValueError(f"{text[:80]} is not known here; use {', '.join(members)}")
        return members(text)

    return read


_READERS: Mapping[str, Callable[[str, AreaProfile], Any]] = {
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
}


def _written(value: object) -> str:
    if isinstance(value, tuple):
        return ";".join(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return "" if value is None else str(value)
