"""The provider directory: import from and export to a file."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import date
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.current import current_settings
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import UnusableFile
from victim_gateway.models import Organisation, Provider, ProviderService
from victim_gateway.row_ids import new_row_id
from victim_gateway.rules.eligibility import SEX_PHRASES, VICTIM_TYPE_PHRASES, says_for_harmers
from victim_gateway.rules.harms import HARM_PHRASES
from victim_gateway.services.accounts.administration import GATEWAY_KEY
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import Harm, OrganisationKind

_KEY = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_OLDEST = 120
# Required in every row, so that each file states whom a service is for; only victims are accepted.
SERVES = "victims"
_LONGEST_WAIT = 3650

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DirectoryEntry:
    """One service of one provider: one row. An empty list means no restriction.

    The columns from `harms` on came later: `unsaid` are those that a file leaves out, and an import leaves them as
    they are stored. Nothing else looks at it, so that two entries are equal whatever file they came from.
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
    unsaid: tuple[str, ...] = field(default=(), compare=False)


LATER_COLUMNS = ("harms", "sexes", "starts_on", "ends_on", "wait_days", "phone", "restorative_justice")
COLUMNS = tuple(column.name for column in fields(DirectoryEntry) if column.name != "unsaid")
_NEEDED = tuple(column for column in COLUMNS if column not in LATER_COLUMNS)


@dataclass(frozen=True, slots=True)
class DirectoryImportSummary:
    """What an import did; counts of services."""

    rows: int
    added: int
    changed: int
    unchanged: int


def read_directory(data: bytes) -> tuple[DirectoryEntry, ...]:
    """The entries of a CSV file. Raises UnusableFile with the first row that is wrong; nothing is skipped.

    A file from before the later columns is read too: what it does not say stays as it is stored.
    A service that is not for victims makes the whole file unusable, so that none enters the directory.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnusableFile("the file is not UTF-8 text") from error
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    missing = [name for name in _NEEDED if name not in (reader.fieldnames or ())]
    if missing:
        raise UnusableFile(f"the file has no column {missing[0]}; it needs {', '.join(_NEEDED)}")
    try:
        entries = tuple(_entry(number, row) for number, row in enumerate(reader, start=2))
    except csv.Error as error:
        raise UnusableFile(f"row {reader.line_num}: {error}") from error
    if not entries:
        raise UnusableFile("the file has no rows")
    _check_together(entries)
    return entries


def import_directory(command: Command, entries: Iterable[DirectoryEntry]) -> DirectoryImportSummary:
    """Add and update providers and services by their keys. Those not named stay as they are.

    Nothing is ever removed: a service that has ended is closed or its provider given a last day, so that
    what was referred on to it keeps its name.
    """
    entries = tuple(entries)
    with transaction(command.actor) as session:
        existing = {entry.service_key: entry for entry in _all(session)}
        entries = tuple(_with_what_is_stored(entry, existing.get(entry.service_key)) for entry in entries)
        for entry in entries:
            _service(session, _provider(session, entry), entry)
        added = sum(entry.service_key not in existing for entry in entries)
        unchanged = sum(existing.get(entry.service_key) == entry for entry in entries)
        summary = DirectoryImportSummary(len(entries), added, len(entries) - added - unchanged, unchanged)
        changed = sorted(entry.service_key for entry in entries if existing.get(entry.service_key) != entry)
        record_audit(session, "providers.imported", services=changed, **_counts(summary))
    return summary


def export_entries(*, actor: Actor) -> tuple[DirectoryEntry, ...]:
    """The whole directory, in order of keys."""
    with transaction(actor) as session:
        return _all(session)


def directory_as_csv(entries: Iterable[DirectoryEntry]) -> str:
    """Entries as the file that `read_directory` reads."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([_cell(getattr(entry, name)) for name in COLUMNS] for entry in entries)
    return out.getvalue()


def directory_as_open_referral(entries: Iterable[DirectoryEntry]) -> list[dict[str, Any]]:
    """Entries as services of the Open Referral data standard (HSDS 3.0), each with its organisation.

    What that standard has no field for (harms, the needs of our scale, kinds of victim) is text in
    `eligibility_description`. Ids are our keys.
    """
    return [_open_referral(entry) for entry in entries]


def _all(session: Session) -> tuple[DirectoryEntry, ...]:
    rows = session.execute(
        select(ProviderService, Provider, Organisation)
        .join(Provider, Provider.id == ProviderService.provider_id)
        .join(Organisation, Organisation.id == Provider.id)
        .order_by(Organisation.key, ProviderService.key)
    ).all()
    return tuple(_exported(*row) for row in rows)


def _counts(summary: DirectoryImportSummary) -> dict[str, Any]:
    return asdict(summary)


def _with_what_is_stored(entry: DirectoryEntry, stored: DirectoryEntry | None) -> DirectoryEntry:
    if stored is None:
        return entry
    return replace(entry, **{name: getattr(stored, name) for name in entry.unsaid})


def _entry(number: int, row: Mapping[str, str | None]) -> DirectoryEntry:
    if None in row or None in row.values():
        raise UnusableFile(f"row {number}: it does not have as many cells as the header")
    cell = {name: (row.get(name) or "").strip() for name in COLUMNS}
    area = current_settings().area

    def read(name: str, reader: Callable[[str], T]) -> T:
        try:
            return reader(cell[name])
        except ValueError as error:
            raise UnusableFile(f"row {number}, {name}: {error}") from error

    entry = DirectoryEntry(
        provider_key=read("provider_key", _provider_key),
        provider_name=read("provider_name", _required_text),
        provider_description=read("provider_description", _required_text),
        active_from=read("active_from", _day),
        active_until=read("active_until", lambda text: _day(text) if text else None),
        service_key=read("service_key", _key),
        service_name=read("service_name", _required_text),
        service_description=read("service_description", _required_text),
        serves=read("serves", _victims_only),
        districts=read("districts", lambda text: _listed(text, area.districts)),
        needs=read("needs", lambda text: _listed(text, tuple(dict(area.needs.areas)))),
        victim_types=read("victim_types", lambda text: _listed(text, tuple(VICTIM_TYPE_PHRASES))),
        min_age=read("min_age", _age),
        max_age=read("max_age", _age),
        open=read("open", _yes_or_no),
        harms=read("harms", lambda text: _listed(text, tuple(Harm))),
        sexes=read("sexes", lambda text: _listed(text, tuple(SEX_PHRASES))),
        starts_on=read("starts_on", lambda text: _day(text) if text else None),
        ends_on=read("ends_on", lambda text: _day(text) if text else None),
        wait_days=read("wait_days", _days),
        phone=cell["phone"] or None,
        restorative_justice=read("restorative_justice", lambda text: bool(text) and _yes_or_no(text)),
        unsaid=tuple(name for name in LATER_COLUMNS if name not in row),
    )
    _check_entry(number, entry)
    return entry


def _check_entry(number: int, entry: DirectoryEntry) -> None:
    if entry.active_until is not None and entry.active_until < entry.active_from:
        raise UnusableFile(f"row {number}, active_until: it lies before active_from")
    if entry.starts_on and entry.ends_on and entry.ends_on < entry.starts_on:
        raise UnusableFile(f"row {number}, ends_on: it lies before starts_on")
    if entry.min_age is not None and entry.max_age is not None and entry.max_age < entry.min_age:
        raise UnusableFile(f"row {number}, max_age: it is below min_age")
    names = f"{entry.service_key} {entry.service_name} {entry.provider_name}"
    if says_for_harmers(names, f"{entry.provider_description} {entry.service_description}"):
        raise UnusableFile(f"row {number}, service_name: {_NOT_FOR_VICTIMS}")


def _check_together(entries: tuple[DirectoryEntry, ...]) -> None:
    seen: dict[str, DirectoryEntry] = {}
    services: set[str] = set()
    for number, entry in enumerate(entries, start=2):
        if entry.service_key in services:
            raise UnusableFile(f"row {number}, service_key: {entry.service_key} stands in the file twice")
        services.add(entry.service_key)
        first = seen.setdefault(entry.provider_key, entry)
        if _of_the_provider(first) != _of_the_provider(entry):
            raise UnusableFile(
                f"row {number}: {entry.provider_key} is described differently in an earlier row"
            )


def _of_the_provider(entry: DirectoryEntry) -> tuple[object, ...]:
    return (entry.provider_name, entry.provider_description, entry.active_from, entry.active_until)


def _provider(session: Session, entry: DirectoryEntry) -> Provider:
    organisation = session.scalar(
        select(Organisation).where(Organisation.key == entry.provider_key).with_for_update()
    )
    if organisation is None:
        organisation = Organisation(
            id=new_row_id(), key=entry.provider_key, kind=OrganisationKind.PROVIDER, name=entry.provider_name
        )
        session.add(organisation)
        session.flush()
    elif organisation.kind is not OrganisationKind.PROVIDER:
        raise UnusableFile(f"{entry.provider_key} is the key of an organisation that is no provider")
    organisation.name = entry.provider_name
    provider = session.get(Provider, organisation.id) or Provider(id=organisation.id)
    provider.description = entry.provider_description
    provider.active_from, provider.active_until = entry.active_from, entry.active_until
    session.add(provider)
    session.flush()
    return provider


def _service(session: Session, provider: Provider, entry: DirectoryEntry) -> None:
    service = session.scalar(select(ProviderService).where(ProviderService.key == entry.service_key))
    if service is None:
        service = ProviderService(id=new_row_id(), provider_id=provider.id, key=entry.service_key)
    elif service.provider_id != provider.id:
        # Otherwise onward referrals of one provider would move to another.
        key = entry.service_key
        raise UnusableFile(f"{key} is a service of another provider: give the new one a key of its own")
    service.name, service.description = entry.service_name, entry.service_description
    service.districts, service.needs = list(entry.districts), list(entry.needs)
    service.victim_types = list(entry.victim_types)
    service.min_age, service.max_age = entry.min_age, entry.max_age
    service.is_open = entry.open
    service.harms, service.sexes = list(entry.harms), list(entry.sexes)
    service.starts_on, service.ends_on = entry.starts_on, entry.ends_on
    service.wait_days, service.phone = entry.wait_days, entry.phone
    service.is_restorative = entry.restorative_justice
    session.add(service)


def _exported(service: ProviderService, provider: Provider, organisation: Organisation) -> DirectoryEntry:
    return DirectoryEntry(
        provider_key=organisation.key,
        provider_name=organisation.name,
        provider_description=provider.description,
        active_from=provider.active_from,
        active_until=provider.active_until,
        service_key=service.key,
        service_name=service.name,
        service_description=service.description,
        serves=SERVES,
        districts=tuple(service.districts),
        needs=tuple(service.needs),
        victim_types=tuple(service.victim_types),
        min_age=service.min_age,
        max_age=service.max_age,
        open=service.is_open,
        harms=tuple(service.harms),
        sexes=tuple(service.sexes),
        starts_on=service.starts_on,
        ends_on=service.ends_on,
        wait_days=service.wait_days,
        phone=service.phone,
        restorative_justice=service.is_restorative,
    )


def _open_referral(entry: DirectoryEntry) -> dict[str, Any]:
    eligible = [f"for {VICTIM_TYPE_PHRASES[kind]}" for kind in entry.victim_types]
    eligible += [f"for {SEX_PHRASES[sex]}" for sex in entry.sexes]
    eligible += [f"after {HARM_PHRASES[Harm(harm)]}" for harm in entry.harms]
    needs = dict(current_settings().area.needs.areas)
    eligible += [f"helps with {needs.get(need, need).lower()}" for need in entry.needs]
    ends = [day for day in (entry.active_until, entry.ends_on) if day]
    document: dict[str, Any] = {
        "id": entry.service_key,
        "name": entry.service_name,
        "description": entry.service_description,
        "status": "active" if entry.open else "temporarily closed",
        "eligibility_description": "; ".join(eligible),
        "organization": {
            "id": entry.provider_key,
            "name": entry.provider_name,
            "description": entry.provider_description,
        },
        "service_areas": [{"id": f"{entry.service_key}/{name}", "name": name} for name in entry.districts],
        "schedules": [
            {
                "id": f"{entry.service_key}/active",
                "valid_from": max(entry.active_from, entry.starts_on or entry.active_from).isoformat(),
                "valid_to": min(ends).isoformat() if ends else None,
            }
        ],
    }
    for name, age in (("minimum_age", entry.min_age), ("maximum_age", entry.max_age)):
        if age is not None:
            document[name] = age
    return document


_NOT_FOR_VICTIMS = (
    "a service for people who have harmed others can't be in the directory, because a victim's details must"
    " have no way of getting there"
)


def _victims_only(text: str) -> str:
    if text != SERVES:
        raise ValueError(f"it must be {SERVES}, not {text or 'empty'}: {_NOT_FOR_VICTIMS}")
    return text


def _provider_key(text: str) -> str:
    if text == GATEWAY_KEY:
        raise ValueError("is the Gateway's own key; choose another")
    return _key(text)


def _key(text: str) -> str:
    if not _KEY.fullmatch(text):
        raise ValueError("use small letters, digits and hyphens")
    return text


def _required_text(text: str) -> str:
    if not text:
        raise ValueError("it is empty")
    return text


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError("write the date like 2026-03-31") from None


def _age(text: str) -> int | None:
    if not text:
        return None
    if not text.isascii() or not text.isdecimal() or int(text) > _OLDEST:
        raise ValueError(f"use a whole number of years from 0 to {_OLDEST}")
    return int(text)


def _days(text: str) -> int | None:
    if not text:
        return None
    if not text.isascii() or not text.isdecimal() or int(text) > _LONGEST_WAIT:
        raise ValueError(f"use a whole number of days from 0 to {_LONGEST_WAIT}, or leave it empty")
    return int(text)


def _yes_or_no(text: str) -> bool:
    if text not in ("yes", "no"):
        raise ValueError("use yes or no")
    return text == "yes"


def _listed(text: str, known: tuple[str, ...]) -> tuple[str, ...]:
    parts = tuple(part.strip() for part in text.split(";") if part.strip())
    for part in parts:
        if part not in known:
            raise ValueError(f"{part} is not known here; use {', '.join(known)}, separated by semicolons")
    return parts


def _cell(value: object) -> str:
    if isinstance(value, tuple):
        return ";".join(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)
