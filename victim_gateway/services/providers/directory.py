"""The provider directory: import from and export to a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.current import current_settings
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import UnusableFile
from victim_gateway.provider_vocabulary import DirectoryStep
from victim_gateway.services.messages.registered_contacts import keep_registered_contact
from victim_gateway.services.providers.directory_entries import (
    COLUMNS,
    LATER_COLUMNS,
    NEEDED_COLUMNS,
    PROVIDER_COLUMNS,
    DirectoryEntry,
    WrongCells,
    build_entry,
    cells_of,
    with_what_is_stored,
)
from victim_gateway.services.providers.directory_rows import (
    stored_entries,
    write_provider,
    write_service,
)
from victim_gateway.services.providers.open_referral import (
    directory_as_open_referral,
    is_open_referral,
    read_open_referral,
)
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.service_capacity import record_directory_change
from victim_gateway.spreadsheet_cells import guard_cell, unguard_cell

__all__ = [
    "COLUMNS",
    "LATER_COLUMNS",
    "directory_as_csv",
    "directory_as_open_referral",
    "export_entries",
    "import_directory",
    "read_directory",
]

LARGEST_FILE = 5 * 1024 * 1024
MOST_SERVICES = 2_000


@dataclass(frozen=True, slots=True)
class DirectoryImportSummary:
    """What an import did; counts of services."""

    rows: int
    added: int
    changed: int
    unchanged: int


@dataclass(frozen=True, slots=True)
class PlannedEntry:
    """One service of a file as it stands and as it will: text by column, only what differs."""

    entry: DirectoryEntry
    is_new: bool
    before: Mapping[str, str]
    after: Mapping[str, str]


def read_directory(data: bytes) -> tuple[DirectoryEntry, ...]:
    """The entries of a CSV or an Open Referral file. Raises UnusableFile with what is wrong; nothing is skipped.

    A file from before the later columns is read too: what it does not say stays as it is stored.
    A service that is not for victims makes the whole file unusable, so that none enters the directory.
    """
    if len(data) > LARGEST_FILE:
        raise UnusableFile(f"the file is larger than {LARGEST_FILE // 1024 // 1024} MB")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnusableFile("the file is not UTF-8 text") from error
    if "\x00" in text:
        raise UnusableFile("the file has characters that are no text")
    if is_open_referral(text):
        entries = read_open_referral(text, current_settings().area)
        _check_together(entries, "service", first=1)
        return entries
    entries = _read_csv(text)
    _check_together(entries, "row", first=2)
    return entries


def import_directory(command: Command, entries: Iterable[DirectoryEntry]) -> DirectoryImportSummary:
    """Add and update providers and services by their keys. Those not named stay as they are.

    Nothing is ever removed: a service that has ended is closed, retired or its provider given a last day, so that
    what was referred on to it keeps its name. A later word of a provider about its capacity stands.
    """
    with transaction(command.actor) as session:
        return import_in_transaction(session, command, entries)


def import_in_transaction(
    session: Session, command: Command, entries: Iterable[DirectoryEntry]
) -> DirectoryImportSummary:
    """The same in an open transaction."""
    planned = plan_in_transaction(session, command, entries)
    providers: set[str] = set()
    for line in planned:
        provider = write_provider(session, line.entry)
        service = write_service(session, provider, line.entry)
        keep_registered_contact(session, service, at=command.at)
        before, after = dict(line.before), dict(line.after)
        own = {name for name in after if name in PROVIDER_COLUMNS}
        step = DirectoryStep.IMPORTED
        if own and line.entry.provider_key not in providers:
            values = tuple({name: side.get(name) for name in own} for side in (before, after))
            record_directory_change(
                session, command, step, provider_id=provider.id, values=(values[0], values[1])
            )
        providers.add(line.entry.provider_key)
        for name in own:
            before.pop(name, None)
            after.pop(name)
        if after:
            record_directory_change(
                session,
                command,
                DirectoryStep.ADDED if line.is_new else step,
                provider_id=provider.id,
                service_id=service.id,
                values=(before, after),
            )
    summary = summarise_plan(planned)
    changed = sorted(line.entry.service_key for line in planned if line.after)
    record_audit(session, "providers.imported", services=changed, **asdict(summary))
    return summary


def summarise_plan(planned: Iterable[PlannedEntry]) -> DirectoryImportSummary:
    """How many services a file names, and what an import does with them."""
    lines = tuple(planned)
    added = sum(line.is_new for line in lines)
    unchanged = sum(not line.after for line in lines)
    return DirectoryImportSummary(len(lines), added, len(lines) - added - unchanged, unchanged)


def export_entries(*, actor: Actor) -> tuple[DirectoryEntry, ...]:
    """The whole directory, in order of keys; that it was taken away is audited."""
    with transaction(actor) as session:
        entries = stored_entries(session)
        record_audit(session, "providers.exported", services=len(entries))
    return entries


def directory_as_csv(entries: Iterable[DirectoryEntry]) -> str:
    """Entries as the file that `read_directory` reads; no cell starts like a formula."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([guard_cell(cell) for cell in cells_of(entry).values()] for entry in entries)
    return out.getvalue()


def plan_in_transaction(
    session: Session, command: Command, entries: Iterable[DirectoryEntry]
) -> tuple[PlannedEntry, ...]:
    """What an import would do, service by service; nothing is written."""
    stored = {entry.service_key: entry for entry in stored_entries(session)}
    return tuple(
        _planned(
            with_what_is_stored(entry, stored.get(entry.service_key), command.at),
            stored.get(entry.service_key),
        )
        for entry in entries
    )


def _planned(entry: DirectoryEntry, stored: DirectoryEntry | None) -> PlannedEntry:
    if stored is not None and stored.provider_key != entry.provider_key:
        # Otherwise onward referrals of one provider would move to another.
        key = entry.service_key
        raise UnusableFile(f"{key} is a service of another provider: give the new one a key of its own")
    after, before = cells_of(entry), cells_of(stored) if stored else {}
    names = [name for name in after if after[name] != before.get(name, "")]
    return PlannedEntry(
        entry,
        stored is None,
        {name: before[name] for name in names if name in before},
        {name: after[name] for name in names},
    )


def _read_csv(text: str) -> tuple[DirectoryEntry, ...]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    entries: list[DirectoryEntry] = []
    try:
        missing = [name for name in NEEDED_COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise UnusableFile(f"the file has no column {missing[0]}; it needs {', '.join(NEEDED_COLUMNS)}")
        for number, row in enumerate(reader, start=2):
            if len(entries) == MOST_SERVICES:
                raise UnusableFile(f"the file has more than {MOST_SERVICES:,} services")
            entries.append(_entry(number, row))
    except csv.Error as error:
        raise UnusableFile(f"row {reader.line_num}: {error}") from error
    if not entries:
        raise UnusableFile("the file has no rows")
    return tuple(entries)


def _entry(number: int, row: Mapping[Any, Any]) -> DirectoryEntry:
    if None in row or None in row.values():
        raise UnusableFile(f"row {number}: it does not have as many cells as the header")
    cells = {name: unguard_cell(row[name]) for name in COLUMNS if name in row}
    try:
        return build_entry(cells, current_settings().area)
    except WrongCells as wrong:
        column, message = next(iter(wrong.mistakes.items()))
        raise UnusableFile(f"row {number}, {column}: {message}") from wrong


def _check_together(entries: tuple[DirectoryEntry, ...], what: str, *, first: int) -> None:
    seen: dict[str, DirectoryEntry] = {}
    services: set[str] = set()
    for number, entry in enumerate(entries, start=first):
        if entry.service_key in services:
            raise UnusableFile(f"{what} {number}, service_key: {entry.service_key} stands in the file twice")
        services.add(entry.service_key)
        earlier = seen.setdefault(entry.provider_key, entry)
        if any(getattr(earlier, name) != getattr(entry, name) for name in PROVIDER_COLUMNS):
            raise UnusableFile(
                f"{what} {number}: {entry.provider_key} is described differently in an earlier {what}"
            )
