"""Editions of the Code and their entitlements, read from tables: the rules are data with a source."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache, cached_property
from pathlib import Path

_DATA = Path(__file__).parent / "data"
_EDITIONS = _DATA / "editions.csv"
_ENTITLEMENTS = _DATA / "entitlements.csv"

LOCAL = "local"
"""The key of the edition that holds an area's own standards; they are never part of the Code."""


class Unit(StrEnum):
    """What a limit counts."""

    WORKING_DAY = "working_day"
    NONE = "none"
    """Must be offered, without a fixed limit."""


class EnhancedCategory(StrEnum):
    """Why a victim has enhanced rights; one category is enough."""

    MOST_SERIOUS_CRIME = "most_serious_crime"
    PERSISTENTLY_TARGETED = "persistently_targeted"
    VULNERABLE_OR_INTIMIDATED = "vulnerable_or_intimidated"


@dataclass(frozen=True, slots=True)
class Entitlement:
    """One duty of one edition: who owes it, what starts its clock, what stops it, and within what limit."""

    edition: str
    entitlement_id: str
    """Stable for ever; the same duty has the same id in every edition."""
    right: str
    """A numbered Right (2020), or the stage of the case in the editions before it."""
    paragraph: str
    """As printed; a `~` at the end marks a number given from memory; empty when none is held."""
    entitlement: str
    owner: str
    start_event: str
    stop_event: str
    unit: Unit
    limit: int | None
    """In `unit`, counted from the day after the start; None when the unit is `none`."""
    limit_enhanced: int | None
    applies_when: tuple[str, ...]
    """The names of the conditions that must all hold."""
    observed_by: str
    """Whose record would show the act: gateway, partner, mixed or victim_report."""
    confidence: str
    source: str

    def __post_init__(self) -> None:
        """Refuse a row that could not be evaluated."""
        limits = (self.limit, self.limit_enhanced)
        if self.unit is Unit.NONE and limits != (None, None):
            raise ValueError(f"{self.edition} {self.entitlement_id}: a limit without a unit")
        if self.unit is Unit.WORKING_DAY and any(limit is None or limit < 0 for limit in limits):
            raise ValueError(f"{self.edition} {self.entitlement_id}: both limits must be given")

    def limit_for(self, *, enhanced: bool) -> int | None:
        """The limit for a victim with or without enhanced rights, in `unit`."""
        return self.limit_enhanced if enhanced else self.limit


@dataclass(frozen=True)
class Edition:
    """A set of entitlements that is in force between two London dates, both included."""

    key: str
    title: str
    published: str
    """A date, or a year where no more is known."""
    in_force_from: date
    in_force_to: date | None
    enhanced_under_age: int
    """A victim younger than this at the offence has enhanced rights."""
    enhanced_categories: frozenset[EnhancedCategory]
    confidence: str
    source: str
    entitlements: tuple[Entitlement, ...]

    def in_force_on(self, day: date) -> bool:
        """Whether a clock that starts on this London date falls under this edition."""
        return self.in_force_from <= day and (self.in_force_to is None or day <= self.in_force_to)

    def opened_by(self, event: str) -> tuple[Entitlement, ...]:
        """The entitlements whose clock this event starts; none for most events."""
        return self._by_start_event.get(event, ())

    @cached_property
    def _by_start_event(self) -> dict[str, tuple[Entitlement, ...]]:
        names = {entitlement.start_event for entitlement in self.entitlements}
        return {name: tuple(e for e in self.entitlements if e.start_event == name) for name in names}


def local_edition(entitlements: Iterable[Entitlement], *, title: str) -> Edition:
    """An area's own standards as an edition that is always in force.

    Enhanced rights are those of the present Code. The entitlements carry the edition key `local`;
    raises ValueError when one does not.
    """
    rules = tuple(entitlements)
    if any(entitlement.edition != LOCAL for entitlement in rules):
        raise ValueError(f"the standards of an area carry the edition key {LOCAL!r}")
    return Edition(key=LOCAL, title=title, published="", in_force_from=date.min, in_force_to=None,
                   enhanced_under_age=18, enhanced_categories=frozenset(EnhancedCategory),
                   confidence="", source="", entitlements=rules)  # fmt: skip


@cache
def code_editions() -> tuple[Edition, ...]:
    """Every edition of the Victims' Code held, oldest first."""
    return load_editions(_EDITIONS, _ENTITLEMENTS)


def edition_on(day: date, editions: Iterable[Edition] | None = None) -> Edition | None:
    """The edition of the Code in force on a London date; None before the first."""
    known = code_editions() if editions is None else editions
    return next((edition for edition in known if edition.in_force_on(day)), None)


@cache
def event_names() -> frozenset[str]:
    """The glossary: every event that starts or stops a clock of any edition of the Code."""
    return frozenset(
        name for entitlement in _of_the_code() for name in (entitlement.start_event, entitlement.stop_event)
    )


@cache
def condition_names() -> frozenset[str]:
    """Every condition that an entitlement of any edition of the Code depends on."""
    return frozenset(name for entitlement in _of_the_code() for name in entitlement.applies_when)


@cache
def entitlement_ids() -> frozenset[str]:
    """Every entitlement id of any edition of the Code."""
    return frozenset(entitlement.entitlement_id for entitlement in _of_the_code())


@cache
def observer_names() -> frozenset[str]:
    """Everyone in whose records an act can be seen, as the entitlements of the Code name them."""
    return frozenset(entitlement.observed_by for entitlement in _of_the_code())


def _of_the_code() -> Iterator[Entitlement]:
    return (entitlement for edition in code_editions() for entitlement in edition.entitlements)


def load_editions(editions: Path, entitlements: Path) -> tuple[Edition, ...]:
    """Editions with their entitlements from two tables, oldest first.

    Raises ValueError for a row that names no edition held, a duty held twice, or two editions in force
    at once.
    """
    loaded_rules = [entitlement_from_row(row) for row in _rows(entitlements)]
    keys = [(entitlement.edition, entitlement.entitlement_id) for entitlement in loaded_rules]
    if len(set(keys)) != len(keys):
        raise ValueError("an entitlement is held twice in one edition")
    loaded = [
        _edition(row, tuple(e for e in loaded_rules if e.edition == row["key"])) for row in _rows(editions)
    ]
    if {edition for edition, _ in keys} - {edition.key for edition in loaded}:
        raise ValueError("an entitlement names an edition that is not held")
    loaded.sort(key=lambda edition: edition.in_force_from)
    for earlier, later in zip(loaded, loaded[1:], strict=False):
        if earlier.in_force_on(later.in_force_from):
            raise ValueError(f"editions {earlier.key} and {later.key} are in force at once")
    return tuple(loaded)


def entitlement_from_row(row: dict[str, str]) -> Entitlement:
    """One row of the entitlements table. Raises ValueError when it could not be evaluated."""
    return Entitlement(
        edition=row["edition"],
        entitlement_id=row["entitlement_id"],
        right=row["right"],
        paragraph=row["paragraph"],
        entitlement=row["entitlement"],
        owner=row["owner"],
        start_event=row["start_event"],
        stop_event=row["stop_event"],
        unit=Unit(row["unit"]),
        limit=int(row["standard_limit"]) if row["standard_limit"] else None,
        limit_enhanced=int(row["enhanced_limit"]) if row["enhanced_limit"] else None,
        applies_when=split_conditions(row["applies_when"]),
        observed_by=row["observed_by"],
        confidence=row["confidence"],
        source=row["source"],
    )


def split_conditions(text: str) -> tuple[str, ...]:
    """The clean names in an `applies_when` cell.

    A remark in parentheses explains its condition; the semicolons inside it separate nothing.
    """
    without_remarks = re.sub(r"\([^()]*\)", "", text)
    return tuple(name.strip() for name in without_remarks.split(";") if name.strip())


def _edition(row: dict[str, str], entitlements: tuple[Entitlement, ...]) -> Edition:
    return Edition(
        key=row["key"],
        title=row["title"],
        published=row["published"],
        in_force_from=date.fromisoformat(row["in_force_from"]),
        in_force_to=date.fromisoformat(row["in_force_to"]) if row["in_force_to"] else None,
        enhanced_under_age=int(row["enhanced_under_age"]),
        enhanced_categories=frozenset(
            EnhancedCategory(name) for name in split_conditions(row["enhanced_categories"])
        ),
        confidence=row["confidence"],
        source=row["source"],
        entitlements=entitlements,
    )


def _rows(table: Path) -> list[dict[str, str]]:
    with table.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))
