"""What changes of a service's capacity, and of the directory, is written into its history."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from victim_gateway.database.transaction import as_service
from victim_gateway.models import DirectoryChange, ProviderService
from victim_gateway.provider_vocabulary import DirectoryStep, ServiceCapacity
from victim_gateway.row_ids import new_row_id
from victim_gateway.services.shared.command import Command

CAPACITY_COLUMNS = ("capacity", "places", "waiting_people", "wait_days")


def note_place_taken(session: Session, command: Command, service_id: UUID) -> None:
    """Take one place away from the number that a provider published, as it has accepted somebody.

    Nothing happens where no number stands, or none is left: what the provider says next counts.
    """
    # As the service: who works by link takes the place, and has no say in what the service can take.
    with as_service(session):
        left = session.execute(
            update(ProviderService)
            .where(
                ProviderService.id == service_id,
                ProviderService.capacity == ServiceCapacity.PLACES,
                ProviderService.places > 0,
            )
            .values(places=ProviderService.places - 1, version=ProviderService.version + 1)
            .returning(ProviderService.provider_id, ProviderService.places)
            .execution_options(synchronize_session=False)
        ).one_or_none()
        if left is not None:
            record_directory_change(
                session,
                command,
                DirectoryStep.PLACE_TAKEN,
                provider_id=left.provider_id,
                service_id=service_id,
                values=({"places": left.places + 1}, {"places": left.places}),
            )


def capacity_values(session: Session, service_id: UUID) -> dict[str, Any]:
    """What a service's row says of its capacity, as its history keeps it."""
    columns = [getattr(ProviderService, name) for name in CAPACITY_COLUMNS]
    row = session.execute(select(*columns).where(ProviderService.id == service_id)).one()
    return plain_values(row._mapping)


def plain_values(values: Mapping[Any, Any]) -> dict[str, Any]:
    """Values as a document keeps them: days and moments as text."""
    return {
        str(name): value.isoformat() if isinstance(value, date | datetime) else value
        for name, value in values.items()
    }


def record_directory_change(
    session: Session,
    command: Command,
    step: DirectoryStep,
    *,
    provider_id: UUID,
    service_id: UUID | None = None,
    values: tuple[Mapping[str, Any], Mapping[str, Any]],
) -> None:
    """Write into the history what was changed, by the person of the command; `values` are those before and after.

    Only what differs is kept.
    """
    before, after = (plain_values(each) for each in values)
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    session.execute(
        insert(DirectoryChange).values(
            id=new_row_id(),
            provider_id=provider_id,
            service_id=service_id,
            changed_at=command.at,
            by_id=command.actor.user_id,
            by_name=command.actor.name,
            is_by_provider=command.actor.is_provider,
            step=step,
            before={name: before.get(name) for name in names},
            after={name: after.get(name) for name in names},
        )
    )
