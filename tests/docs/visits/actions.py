"""Stands in for an action of `victim_gateway/services`: what it refuses, it refuses as the real ones do."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from flask import current_app

from victim_gateway.errors import AlreadyDone, InvalidInput, StaleVersion
from victim_gateway.vocabulary import AttemptOutcome

LONGEST_AGO = timedelta(days=366)


@dataclass
class VisitLog:
    """Kept in memory, so that the sample needs no table."""

    visits: list[AttemptOutcome] = field(default_factory=list)
    submissions: set[UUID] = field(default_factory=set)
    version: int = 0


def visit_log() -> VisitLog:
    """The log of this app."""
    log: VisitLog = current_app.extensions["visit_log"]
    return log


def log_visit(
    log: VisitLog,
    *,
    at: datetime,
    outcome: AttemptOutcome,
    visited_at: datetime | None,
    submission_id: UUID,
    version: int,
) -> None:
    """Add a visit. Raises AlreadyDone for the same form again, StaleVersion, InvalidInput for a visit of long ago."""
    if submission_id in log.submissions:
        raise AlreadyDone("This was already saved.")
    if version != log.version:
        raise StaleVersion("Another visit was saved after you opened the page.")
    if visited_at is None or visited_at < at - LONGEST_AGO:
        message = "The day of the visit must be in the last year"
        raise InvalidInput(message, fields={"visited_on": message})
    log.visits.append(outcome)
    log.submissions.add(submission_id)
    log.version += 1
