"""Which part of a reader's digest each reminder stands in, and whether there is anything to write about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from victim_gateway.vocabulary import ReminderKind

# What falls due so many days ahead, today included, is coming to its end.
ENDING_DAYS = 3
STALLED_RULES = "stalled"


class DigestGroup(StrEnum):
    """The parts of a digest, in the order in which they stand: who waits longest comes first."""

    OVERDUE = "overdue"
    STALLED = "stalled"
    NEW = "new"
    ENDING = "ending"
    NOTE = "note"
    CANCELLED = "cancelled"


DIGEST_HEADINGS: Mapping[DigestGroup, str] = {
    DigestGroup.OVERDUE: "Overdue",
    DigestGroup.STALLED: "Nothing has happened for some time",
    DigestGroup.NEW: "New",
    DigestGroup.ENDING: "Due in the next days",
    DigestGroup.NOTE: "There is a note for you",
    DigestGroup.CANCELLED: "No longer asked of you",
}


@dataclass(frozen=True, slots=True)
class DigestLine:
    """One reminder of a digest. `is_new`: made since the digest before, and not said at once.

    `is_settled`: an earlier digest may have named it, and it is no longer asked.
    """

    reference: str
    kind: ReminderKind
    rule_code: str | None
    due_on: date | None
    is_new: bool
    is_settled: bool


def digest_group(line: DigestLine, today: date) -> DigestGroup | None:
    """The one part that a reminder stands in; None where today's digest need not name it."""
    if line.is_settled:
        return None if line.kind is ReminderKind.NOTE_WRITTEN else DigestGroup.CANCELLED
    if line.kind is ReminderKind.NOTE_WRITTEN:
        return DigestGroup.NOTE if line.is_new else None
    if (line.rule_code or "").startswith(STALLED_RULES):
        return DigestGroup.STALLED
    if line.due_on is not None and line.due_on < today:
        return DigestGroup.OVERDUE
    if line.is_new:
        return DigestGroup.NEW
    if line.due_on is not None and line.due_on < today + timedelta(days=ENDING_DAYS):
        return DigestGroup.ENDING
    return None


def group_digest(lines: Iterable[DigestLine], today: date) -> dict[DigestGroup, list[str]]:
    """The references of each part that has some, in the order given; a reference once in each part.

    Empty where nothing is new and nothing overdue: then there is no e-mail.
    """
    found: dict[DigestGroup, list[str]] = {group: [] for group in DigestGroup}
    is_worth_writing = False
    for line in lines:
        group = digest_group(line, today)
        if group is None:
            continue
        is_worth_writing = is_worth_writing or line.is_new or group is DigestGroup.OVERDUE
        if line.reference not in found[group]:
            found[group].append(line.reference)
    return (
        {group: references for group, references in found.items() if references} if is_worth_writing else {}
    )
