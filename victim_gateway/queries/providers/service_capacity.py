"""What a service's row says of how many people it can take."""

from __future__ import annotations

from victim_gateway import times
from victim_gateway.models import ProviderService
from victim_gateway.rules.service_capacity import CapacityStatement


def capacity_of(service: ProviderService) -> CapacityStatement:
    """The statement that a service's row holds."""
    confirmed_at = service.capacity_confirmed_at
    return CapacityStatement(
        kind=service.capacity,
        places=service.places,
        waiting_people=service.waiting_people,
        wait_days=service.wait_days,
        confirmed_on=times.london_date(confirmed_at) if confirmed_at else None,
    )
