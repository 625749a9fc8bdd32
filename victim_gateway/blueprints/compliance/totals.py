"""Sums of clock counts for a page: by duty, owner and month.

The Code and the area's standards stay apart, and so do duties with a limit and those without: what has no due
day can't be late, so a sum over both would call everything done so far "in time".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Protocol, TypeVar

from config import AreaProfile
from victim_gateway.compliance.editions import LOCAL, Entitlement, code_editions
from victim_gateway.compliance.plain_wording import duty_wording
from victim_gateway.database.reference_data import area_edition
from victim_gateway.queries.compliance.figures import DutyCount
from victim_gateway.reporting.tables import DUE_STATUSES, STATUSES

_STAGES = ("reporting", "investigation", "pre_trial", "trial", "after_trial", "complaints")


class CountedClocks(Protocol):
    """A number of clocks with one status."""

    @property
    def status(self) -> str: ...

    @property
    def clocks(self) -> int: ...


Key = TypeVar("Key", bound=Hashable)
Some = TypeVar("Some", bound=CountedClocks)
Duties = Mapping[tuple[str, str], Entitlement]

OWNERS = {
    "police": "Police",
    "witness_care_unit": "Witness care unit",
    "cps": "Crown Prosecution Service",
    "hmcts": "Courts service",
    "probation": "Probation service",
    "youth_offending_team": "Youth offending team",
    "any_service_provider": "Any service provider",
    "support_service": "Support service",
    "gateway": "The Gateway",
    "provider": "Providers",
}


@dataclass
class StatusTally:
    """How many clocks have each of the eight statuses."""

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STATUSES, 0))

    def add_clocks(self, status: str, clocks: int) -> None:
        """Add a number of clocks with one status."""
        self.counts[status] += clocks

    @property
    def started(self) -> int:
        """All clocks counted."""
        return sum(self.counts.values())

    @property
    def due(self) -> int:
        """Clocks that should have been met by now and whose outcome is known."""
        return sum(self.counts[status] for status in DUE_STATUSES)

    @property
    def met(self) -> int:
        return self.counts["met"]

    @property
    def rate(self) -> float | None:
        """Met of due, from 0 to 1; None where nothing was due."""
        return self.met / self.due if self.due else None


@dataclass(frozen=True, slots=True)
class DutyLine:
    """One duty of one edition with its tally."""

    duty: Entitlement
    tally: StatusTally

    @property
    def is_local(self) -> bool:
        return self.duty.edition == LOCAL


@dataclass(frozen=True, slots=True)
class StandardFigures:
    """The figures of the Code, or of the area's standards, with and without a limit.

    `total` is of the duties with a limit only, `unlimited` of the others; lines are in the order of the page.
    """

    cells: tuple[DutyCount, ...]
    total: StatusTally
    lines: tuple[DutyLine, ...]
    unlimited: StatusTally
    unlimited_lines: tuple[DutyLine, ...]

    @property
    def has_any(self) -> bool:
        """Whether any clock started, with a limit or without."""
        return bool(self.lines or self.unlimited_lines)


def duties_of(area: AreaProfile) -> Duties:
    """Every duty of the Code's editions and of the area, by edition and id."""
    editions = (*code_editions(), area_edition(area))
    every = chain.from_iterable(edition.entitlements for edition in editions)
    return {(duty.edition, duty.entitlement_id): duty for duty in every}


def tally_by(cells: Iterable[Some], key: Callable[[Some], Key]) -> dict[Key, StatusTally]:
    """Add up the cells, grouped by the result of `key`."""
    found: dict[Key, StatusTally] = defaultdict(StatusTally)
    for cell in cells:
        found[key(cell)].add_clocks(cell.status, cell.clocks)
    return dict(found)


def standard_figures(cells: Iterable[DutyCount], duties: Duties) -> StandardFigures:
    """Count the cells with a limit apart from those without; `cells` of `StandardFigures` are the former."""
    limited: list[DutyCount] = []
    unlimited: list[DutyCount] = []
    for cell in cells:
        has_limit = duties[cell.edition, cell.entitlement_id].limit is not None
        (limited if has_limit else unlimited).append(cell)
    return StandardFigures(
        cells=tuple(limited),
        total=tally_all(limited),
        lines=tuple(duty_lines(limited, duties)),
        unlimited=tally_all(unlimited),
        unlimited_lines=tuple(duty_lines(unlimited, duties)),
    )


def tally_all(cells: Iterable[CountedClocks]) -> StatusTally:
    """Add up all cells."""
    total = StatusTally()
    for cell in cells:
        total.add_clocks(cell.status, cell.clocks)
    return total


def duty_lines(cells: Iterable[DutyCount], duties: Duties) -> list[DutyLine]:
    """One line per duty: those with something due first, then by edition, Right and entitlement."""
    found = tally_by(cells, lambda cell: (cell.edition, cell.entitlement_id))
    lines = [DutyLine(duties[key], tally) for key, tally in found.items()]
    return sorted(lines, key=_page_order)


def _page_order(line: DutyLine) -> tuple[bool, str, int, str]:
    return not line.tally.due, line.duty.edition, right_order(line.duty.right), line.duty.entitlement


def right_order(right: str) -> int:
    """Right 2 comes before Right 10; the stages of the older editions follow as a case goes through them."""
    number = right.removeprefix("right_")
    if number.isdigit():
        return int(number)
    return 100 + (_STAGES.index(right) if right in _STAGES else len(_STAGES))


def right_label(right: str) -> str:
    """`Right 4`, or the stage of a case in the editions before 2020."""
    return right.replace("_", " ").capitalize()


def duty_label(duty: Entitlement) -> str:
    """The duty in plain wording."""
    return duty_wording(duty)


def limit_label(duty: Entitlement) -> str:
    """The limit, standard and for enhanced rights."""
    if duty.limit is None:
        return "no limit"
    days = "1 working day" if duty.limit == 1 else f"{duty.limit} working days"
    return (
        days if duty.limit == duty.limit_enhanced else f"{days}, {duty.limit_enhanced} with enhanced rights"
    )


def edition_label(edition: str) -> str:
    """`The Code of 2020`, or the area's own standards."""
    return "Our own standards" if edition == LOCAL else f"Victims' Code {edition}"
