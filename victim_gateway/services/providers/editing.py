"""Keeping the directory in the browser: organisations and services added, changed, retired and taken back.

Nothing is ever deleted: what is retired is no longer offered, and old records go on naming it. Each change is
written with its history and audit, or nothing is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.access.permissions import Permission, is_permitted
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.current import current_settings
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import InvalidInput, NotAllowed, NotFound, StaleVersion, TransitionNotAllowed
from victim_gateway.models import Organisation, Provider, ProviderService
from victim_gateway.provider_vocabulary import DirectoryStep
from victim_gateway.row_ids import new_row_id
from victim_gateway.rules.eligibility import says_for_harmers
from victim_gateway.services.messages.registered_contacts import keep_registered_contact
from victim_gateway.services.providers.column_readers import NOT_FOR_VICTIMS, SERVES
from victim_gateway.services.providers.directory_entries import (
    CAPACITY_COLUMNS,
    COLUMNS,
    PROVIDER_COLUMNS,
    Cells,
    DirectoryEntry,
    WrongCells,
    build_entry,
    cells_of,
    read_cells,
)
from victim_gateway.services.providers.directory_rows import stored_entries, write_service
from victim_gateway.services.shared import submissions
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.service_capacity import record_directory_change
from victim_gateway.vocabulary import OrganisationKind

STALE = "Another administrator changed this after you opened the page."
PROVIDER_FORM = ("provider_name", "provider_description", "active_from", "active_until")
SERVICE_FORM = tuple(
    column
    for column in COLUMNS
    if column not in (*PROVIDER_COLUMNS, *CAPACITY_COLUMNS)
    and column not in ("provider_key", "service_key", "serves", "service_retired_on", "restorative_justice")
)
"""What the form of a service asks; how many people it takes has a page of its own."""


def add_provider(command: Command, cells: Cells) -> UUID:
    """Add an organisation that gives support. Raises InvalidInput by the name of a column that is wrong."""
    values = _read(cells, PROVIDER_FORM)
    _refuse_harmers(values["provider_name"], values["provider_description"], "provider_name")
    with _opened(command) as session:
        submissions.claim_submission(session, command)
        keys = session.scalars(select(Organisation.key))
        organisation = Organisation(
            id=new_row_id(),
            key=_free_key(values["provider_name"], set(keys), "provider_name"),
            kind=OrganisationKind.PROVIDER,
            name=values["provider_name"],
        )
        session.add(organisation)
        session.flush()
        provider = Provider(
            id=organisation.id,
            description=values["provider_description"],
            active_from=values["active_from"],
            active_until=values["active_until"],
        )
        session.add(provider)
        session.flush()
        _record(session, command, DirectoryStep.ADDED, provider, None, ({}, values))
    return provider.id


def change_provider(command: Command, provider_id: UUID, cells: Cells) -> None:
    """Describe an organisation anew. Raises NotFound, StaleVersion and InvalidInput as adding does."""
    values = _read(cells, PROVIDER_FORM)
    _refuse_harmers(values["provider_name"], values["provider_description"], "provider_name")
    with _opened(command) as session:
        submissions.claim_submission(session, command)
        provider, organisation = _locked_provider(session, command, provider_id)
        before = _provider_values(provider, organisation)
        organisation.name, provider.description = values["provider_name"], values["provider_description"]
        provider.active_from, provider.active_until = values["active_from"], values["active_until"]
        _save_provider(session, command, DirectoryStep.CHANGED, provider, organisation, before)


def add_service(command: Command, provider_id: UUID, cells: Cells) -> UUID:
    """Add a service of a provider. Raises NotFound, and InvalidInput by the name of a column that is wrong."""
    with _opened(command) as session:
        submissions.claim_submission(session, command)
        provider, organisation = _locked_provider(session, replace(command, version=None), provider_id)
        keys = set(session.scalars(select(ProviderService.key)))
        name = cells.get("service_name", "")
        key = _free_key(name, keys, "service_name") if name.strip() else "service"
        own = {
            "provider_key": organisation.key,
            "provider_name": organisation.name,
            "provider_description": provider.description,
            "active_from": provider.active_from.isoformat(),
            "active_until": provider.active_until.isoformat() if provider.active_until else "",
            "service_key": key,
            "serves": SERVES,
            "open": "yes",
        }
        entry = _build({**dict.fromkeys(COLUMNS, ""), **_of_form(cells), **own})
        service = write_service(session, provider, entry)
        keep_registered_contact(session, service, at=command.at)
        _record(session, command, DirectoryStep.ADDED, provider, service.id, ({}, _form_values(entry)))
    return service.id


def change_service(command: Command, service_id: UUID, cells: Cells) -> None:
    """Describe a service anew; its key and its capacity stay. Raises NotFound, StaleVersion and InvalidInput."""
    with _opened(command) as session:
        submissions.claim_submission(session, command)
        service = _locked_service(session, command, service_id)
        (before,) = stored_entries(session, service_id)
        after = _build({**cells_of(before), **_of_form(cells)})
        provider = session.get_one(Provider, service.provider_id)
        keep_registered_contact(session, write_service(session, provider, after), at=command.at)
        values = _form_values(before), _form_values(after)
        _record(session, command, DirectoryStep.CHANGED, provider, service_id, values)


def retire_service(command: Command, service_id: UUID) -> None:
    """Offer a service no longer from today on; what was referred on to it keeps its name and goes on."""
    _retire_service(command, service_id, DirectoryStep.RETIRED)


def restore_service(command: Command, service_id: UUID) -> None:
    """Offer a retired service again. Raises NotFound and StaleVersion."""
    _retire_service(command, service_id, DirectoryStep.RESTORED)


def retire_provider(command: Command, provider_id: UUID) -> None:
    """Offer none of a provider's services more from today; what was referred on to them goes on."""
    _retire_provider(command, provider_id, DirectoryStep.RETIRED)


def restore_provider(command: Command, provider_id: UUID) -> None:
    """Offer the services of a retired provider again, but for those that are retired themselves.

    Raises NotFound, StaleVersion, and TransitionNotAllowed for one whose work another took over.
    """
    _retire_provider(command, provider_id, DirectoryStep.RESTORED)


def _retire_service(command: Command, service_id: UUID, step: DirectoryStep) -> None:
    with _opened(command) as session:
        service = _locked_service(session, command, service_id)
        before = {"service_retired_on": service.retired_on}
        is_retiring = step is DirectoryStep.RETIRED
        service.retired_on = (service.retired_on or times.london_date(command.at)) if is_retiring else None
        if service.retired_on != before["service_retired_on"]:
            service.version += 1
            session.flush()
            provider = session.get_one(Provider, service.provider_id)
            values = before, {"service_retired_on": service.retired_on}
            _record(session, command, step, provider, service_id, values)


def _retire_provider(command: Command, provider_id: UUID, step: DirectoryStep) -> None:
    with _opened(command) as session:
        provider, organisation = _locked_provider(session, command, provider_id)
        if step is DirectoryStep.RESTORED and provider.successor_id is not None:
            raise TransitionNotAllowed("Another provider took over its work, so it can't be offered again.")
        before = _provider_values(provider, organisation)
        is_retiring = step is DirectoryStep.RETIRED
        provider.retired_on = (provider.retired_on or times.london_date(command.at)) if is_retiring else None
        _save_provider(session, command, step, provider, organisation, before)


def _opened(command: Command) -> Any:
    if not is_permitted(command.actor.role, Permission.MANAGE_DIRECTORY):
        raise NotAllowed("Your account may not do this.")
    return transaction(command.actor)


def _read(cells: Cells, columns: tuple[str, ...]) -> dict[str, Any]:
    try:
        values = read_cells(cells, columns, current_settings().area)
    except WrongCells as wrong:
        raise _refused(wrong) from wrong
    if values["active_until"] and values["active_until"] < values["active_from"]:
        message = "The last day must not lie before the first"
        raise InvalidInput(message, fields={"active_until": message})
    return values


def _build(cells: Cells) -> DirectoryEntry:
    try:
        return build_entry(cells, current_settings().area)
    except WrongCells as wrong:
        raise _refused(wrong) from wrong


def _refused(wrong: WrongCells) -> InvalidInput:
    fields = {name: message[:1].upper() + message[1:] for name, message in wrong.mistakes.items()}
    return InvalidInput(next(iter(fields.values())), fields=fields)


def _refuse_harmers(names: str, description: str, field: str) -> None:
    if says_for_harmers(names, description):
        message = NOT_FOR_VICTIMS[:1].upper() + NOT_FOR_VICTIMS[1:]
        raise InvalidInput(message, fields={field: message})


def _of_form(cells: Cells) -> dict[str, str]:
    # The kind says it: what older files call restorative justice follows from it.
    return {**{column: cells.get(column, "") for column in SERVICE_FORM}, "restorative_justice": ""}


def _form_values(entry: DirectoryEntry) -> dict[str, str]:
    written = cells_of(entry)
    return {column: written[column] for column in SERVICE_FORM}


def _free_key(name: str, taken: set[str], field: str) -> str:
    """A key made of the name: it stands in files, and never changes."""
    plain = "-".join(re.findall(r"[a-z0-9]+", name.casefold()))[:60].strip("-")
    if not plain:
        message = "Enter a name with letters or numbers in it"
        raise InvalidInput(message, fields={field: message})
    return next(
        key for key in (plain, *(f"{plain}-{n}" for n in range(2, len(taken) + 3))) if key not in taken
    )


def _locked_provider(session: Session, command: Command, provider_id: UUID) -> tuple[Provider, Organisation]:
    provider = session.get(Provider, provider_id, with_for_update=True)
    if provider is None:
        raise NotFound
    if command.version is not None and command.version != provider.version:
        raise StaleVersion(STALE)
    return provider, session.get_one(Organisation, provider_id)


def _locked_service(session: Session, command: Command, service_id: UUID) -> ProviderService:
    service = session.get(ProviderService, service_id, with_for_update=True)
    if service is None:
        raise NotFound
    if command.version is not None and command.version != service.version:
        raise StaleVersion(STALE)
    return service


def _provider_values(provider: Provider, organisation: Organisation) -> dict[str, Any]:
    return {
        "provider_name": organisation.name,
        "provider_description": provider.description,
        "active_from": provider.active_from,
        "active_until": provider.active_until,
        "provider_retired_on": provider.retired_on,
    }


def _save_provider(
    session: Session,
    command: Command,
    step: DirectoryStep,
    provider: Provider,
    organisation: Organisation,
    before: Mapping[str, Any],
) -> None:
    after = _provider_values(provider, organisation)
    if after != before:
        provider.version += 1
        session.flush()
        _record(session, command, step, provider, None, (before, after))


def _record(
    session: Session,
    command: Command,
    step: DirectoryStep,
    provider: Provider,
    service_id: UUID | None,
    values: tuple[Mapping[str, Any], Mapping[str, Any]],
) -> None:
    if values[0] == values[1]:
        return
    record_directory_change(
        session, command, step, provider_id=provider.id, service_id=service_id, values=values
    )
    record_audit(
        session,
        f"directory.{step.value}",
        subject_type="provider_service" if service_id else "provider",
        subject_id=service_id or provider.id,
    )
