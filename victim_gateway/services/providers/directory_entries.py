"""One service of the directory as a row of text: what each column says, how it is read, and what is wrong with it.

The CSV, the Open Referral file and the forms of the browser all go through these readers, so that none of them takes
what another refuses.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime
from typing import Any, TypeVar

from config import AreaProfile
from victim_gateway import times
from victim_gateway.provider_vocabulary import AnswerUnit, ServiceCapacity, ServiceKind
from victim_gateway.rules.eligibility import says_for_harmers
from victim_gateway.rules.response_standard import find_standard_mistake
from victim_gateway.rules.service_capacity import (
    CapacityStatement,
    agrees_with_older_columns,
    capacity_of_older_columns,
    find_capacity_mistakes,
)
from victim_gateway.services.providers.column_readers import DIRECTORY_READERS, NOT_FOR_VICTIMS

T = TypeVar("T")
Cells = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class DirectoryEntry:
    """One service of one provider: one row. An empty list means no restriction.

    The columns from `harms` on came later: `unsaid` are those that a file leaves out, and an import leaves them as
    they are stored. Nothing else looks at it, so that two entries are equal whatever file they came from. `open` and
    `wait_days` are what the capacity means to a reader that knows no more, and `restorative_justice` what the kind is.
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
    kind: ServiceKind | None = None
    urgent_phone: str | None = None
    contact_name: str | None = None
    contact_email: str | None = None
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
    entry = _settle_kind(DirectoryEntry(**values, unsaid=unsaid))
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
            values[column] = DIRECTORY_READERS[column](cells.get(column, "").strip(), area)
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
        entry = _keep_kind(replace(entry, **{name: getattr(stored, name) for name in entry.unsaid}))
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


def _settle_kind(entry: DirectoryEntry) -> DirectoryEntry:
    """The kind of a file that knows only whether it is restorative justice, and the other way round."""
    if entry.kind is None:
        is_restorative = entry.restorative_justice
        return replace(entry, kind=ServiceKind.RESTORATIVE_JUSTICE if is_restorative else ServiceKind.GENERAL)
    if entry.kind is ServiceKind.RESTORATIVE_JUSTICE:
        return replace(entry, restorative_justice=True)
    return entry


def _keep_kind(entry: DirectoryEntry) -> DirectoryEntry:
    """An older file leaves the kind as it is stored, unless it says otherwise of restorative justice."""
    is_restorative = entry.kind is ServiceKind.RESTORATIVE_JUSTICE
    if "kind" not in entry.unsaid or entry.restorative_justice is is_restorative:
        return entry
    if "restorative_justice" in entry.unsaid:
        return replace(entry, restorative_justice=is_restorative)
    return _settle_kind(replace(entry, kind=None))


def _find_mistakes(entry: DirectoryEntry) -> dict[str, str]:
    """What of an entry does not fit together, by column."""
    wrong = {**_find_reversed_ranges(entry), **_find_contact_mistakes(entry)}
    if entry.restorative_justice and entry.kind is not ServiceKind.RESTORATIVE_JUSTICE:
        wrong["kind"] = f"it says {entry.kind}, and restorative_justice says yes"
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


def _find_reversed_ranges(entry: DirectoryEntry) -> dict[str, str]:
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
    return wrong


def _find_contact_mistakes(entry: DirectoryEntry) -> dict[str, str]:
    if (entry.contact_name is None) is (entry.contact_email is None):
        return {}
    missing = "contact_name" if entry.contact_name is None else "contact_email"
    return {missing: "a registered contact needs both a name and an email address"}


def _written(value: object) -> str:
    if isinstance(value, tuple):
        return ";".join(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return "" if value is None else str(value)
