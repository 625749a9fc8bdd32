"""A person and a service that are kept apart for now: why, until when, and how the choice of services says so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from victim_gateway.rules.eligibility import ServiceFit


@dataclass(frozen=True, slots=True)
class PauseInForce:
    """One pairing that is not offered; `last_day_on` None: until a caseworker lifts it."""

    service_id: UUID
    last_day_on: date | None


def mark_paused(fits: Iterable[ServiceFit], pauses: Iterable[PauseInForce]) -> tuple[ServiceFit, ...]:
    """The fits with what stands against the pairing; those that are paused come after those that fit."""
    by_service = {pause.service_id: pause for pause in pauses}
    marked = [
        _pause(fit, explain_pause(by_service[fit.service.id])) if fit.service.id in by_service else fit
        for fit in fits
    ]
    return tuple(sorted(marked, key=lambda fit: not fit.fits))


def _pause(fit: ServiceFit, why: str) -> ServiceFit:
    return replace(fit, reasons=(*fit.reasons, why), pause=why)


def explain_pause(pause: PauseInForce) -> str:
    """Why the service is not offered, as a sentence for caseworkers."""
    if pause.last_day_on is None:
        return "It said that it is not for this person: lift that first, with a reason."
    day = f"{pause.last_day_on.day} {pause.last_day_on:%B %Y}"
    return (
        f"It declined this person, and is not asked again until after {day}: lift that first, with a reason."
    )
