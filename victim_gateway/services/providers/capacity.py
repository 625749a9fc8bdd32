"""How many people a service can take: set in one step, confirmed in one click, by its provider or for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from victim_gateway.access.permissions import Permission, is_permitted
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import InvalidInput, NotAllowed, NotFound, StaleVersion
from victim_gateway.models import ProviderService
from victim_gateway.provider_vocabulary import DirectoryStep
from victim_gateway.rules.service_capacity import CapacityStatement, find_capacity_mistakes
from victim_gateway.services.shared import submissions
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.service_capacity import capacity_values, record_directory_change


def set_service_capacity(command: Command, service_id: UUID, statement: CapacityStatement) -> None:
    """Say how many people a service can take from now on; it counts as confirmed at this moment.

    Raises NotFound for a service that is not there or not of the actor's provider, StaleVersion, and InvalidInput by
    the name of a part that is missing or too large.
    """
    wrong = find_capacity_mistakes(statement)
    if wrong:
        raise InvalidInput(next(iter(wrong.values())), fields=dict(wrong))

    def write(service: ProviderService) -> None:
        lay_statement(service, statement, command.at)

    _change(command, service_id, DirectoryStep.CAPACITY_SET, write)


def confirm_service_capacity(command: Command, service_id: UUID) -> None:
    """Say that what stands is still right. Raises as `set_service_capacity` does."""

    def write(service: ProviderService) -> None:
        service.capacity_confirmed_at = command.at

    _change(command, service_id, DirectoryStep.CAPACITY_CONFIRMED, write)


def lay_statement(
    service: ProviderService, statement: CapacityStatement, confirmed_at: datetime | None
) -> None:
    """Write a statement into a row, as confirmed at a moment; None: nobody has confirmed it."""
    service.capacity = statement.kind
    service.places, service.waiting_people = statement.places, statement.waiting_people
    service.wait_days, service.capacity_confirmed_at = statement.wait_days, confirmed_at


def _change(
    command: Command, service_id: UUID, step: DirectoryStep, write: Callable[[ProviderService], None]
) -> None:
    if not any(
        is_permitted(command.actor.role, needed)
        for needed in (Permission.MANAGE_OWN_SERVICE, Permission.MANAGE_DIRECTORY)
    ):
        raise NotAllowed("Your account may not do this.")
    with transaction(command.actor) as session:
        submissions.claim_submission(session, command)
        service = session.scalar(
            select(ProviderService)
            .where(ProviderService.id == service_id, ProviderService.retired_on.is_(None))
            .with_for_update()
        )
        if service is None:
            raise NotFound
        if command.version is not None and command.version != service.version:
            raise StaleVersion("What your service can take was changed after you opened the page.")
        before = capacity_values(session, service_id)
        write(service)
        service.version += 1
        session.flush()
        values = before, capacity_values(session, service_id)
        record_directory_change(
            session, command, step, provider_id=service.provider_id, service_id=service_id, values=values
        )
        record_audit(session, f"service.{step.value}", subject_type="provider_service", subject_id=service_id)
