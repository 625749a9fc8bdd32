"""Entries of the directory as rows of the database, both ways: the one place that knows which column is which."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import select, true
from sqlalchemy.orm import Session

from victim_gateway.errors import UnusableFile
from victim_gateway.models import Organisation, Provider, ProviderService
from victim_gateway.provider_vocabulary import ServiceKind
from victim_gateway.row_ids import new_row_id
from victim_gateway.services.providers.capacity import lay_statement
from victim_gateway.services.providers.column_readers import SERVES
from victim_gateway.services.providers.directory_entries import DirectoryEntry
from victim_gateway.vocabulary import OrganisationKind

# What an entry calls otherwise than the table does.
_RENAMED = {
    "service_name": "name",
    "service_description": "description",
    "explicit_consent_only": "takes_explicit_consent_only",
    "service_retired_on": "retired_on",
}
_PLAIN = (
    "min_age",
    "max_age",
    "starts_on",
    "ends_on",
    "phone",
    "email",
    "website",
    "hours",
    "accessibility",
    "eligibility",
    "answer_within",
    "answer_unit",
    "funder",
    "contract_starts_on",
    "contract_ends_on",
    "accreditation",
    "kind",
    "urgent_phone",
    "contact_name",
    "contact_email",
    *_RENAMED,
)
_LISTS = ("districts", "needs", "victim_types", "harms", "sexes", "languages")


def stored_entries(session: Session, service_id: UUID | None = None) -> tuple[DirectoryEntry, ...]:
    """Every service, those that are retired included, in order of keys; or the one that is named."""
    rows = session.execute(
        select(ProviderService, Provider, Organisation)
        .join(Provider, Provider.id == ProviderService.provider_id)
        .join(Organisation, Organisation.id == Provider.id)
        .where(ProviderService.id == service_id if service_id else true())
        .order_by(Organisation.key, ProviderService.key)
        .execution_options(populate_existing=True)
    ).all()
    return tuple(_entry_of(*row) for row in rows)


def write_provider(session: Session, entry: DirectoryEntry) -> Provider:
    """The provider of an entry as the entry describes it; made where there is none of that key.

    Raises UnusableFile for the key of an organisation that is no provider.
    """
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
    provider = session.get(Provider, organisation.id)
    if provider is None:
        provider = Provider(id=organisation.id, version=0)
        session.add(provider)
    provider.description = entry.provider_description
    provider.active_from = entry.active_from
    # Whose work went to a successor stays ended: a file from before it would offer people to it again.
    if provider.successor_id is None:
        provider.active_until, provider.retired_on = entry.active_until, entry.provider_retired_on
    if session.is_modified(provider) or organisation in session.dirty:
        provider.version += 1
    session.flush()
    return provider


def write_service(session: Session, provider: Provider, entry: DirectoryEntry) -> ProviderService:
    """The service of an entry as the entry describes it; made where there is none of that key."""
    service = session.scalar(
        select(ProviderService).where(ProviderService.key == entry.service_key).with_for_update()
    )
    if service is None:
        service = ProviderService(id=new_row_id(), provider_id=provider.id, key=entry.service_key, version=0)
        session.add(service)
    for name in _PLAIN:
        setattr(service, _RENAMED.get(name, name), getattr(entry, name))
    for name in _LISTS:
        setattr(service, name, list(getattr(entry, name)))
    lay_statement(service, entry.statement, entry.capacity_confirmed_at)
    if session.is_modified(service):
        service.version += 1
    session.flush()
    return service


def _entry_of(service: ProviderService, provider: Provider, organisation: Organisation) -> DirectoryEntry:
    columns: dict[str, Any] = {name: getattr(service, _RENAMED.get(name, name)) for name in _PLAIN}
    columns |= {name: tuple(getattr(service, name)) for name in _LISTS}
    capacity_is_full = service.capacity.value == "closed" or service.places == 0
    return DirectoryEntry(
        provider_key=organisation.key,
        provider_name=organisation.name,
        provider_description=provider.description,
        active_from=provider.active_from,
        active_until=provider.active_until,
        provider_retired_on=provider.retired_on,
        service_key=service.key,
        serves=SERVES,
        restorative_justice=service.kind is ServiceKind.RESTORATIVE_JUSTICE,
        open=not capacity_is_full,
        wait_days=service.wait_days,
        capacity=service.capacity,
        places=service.places,
        waiting_people=service.waiting_people,
        capacity_confirmed_at=service.capacity_confirmed_at,
        **columns,
    )
