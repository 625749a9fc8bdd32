"""Signs of life of the programs beside the web, in the database: they outlive the queue."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import case, func
from sqlalchemy.dialects.postgresql import insert

from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.models import ProcessBeat
from victim_gateway.vocabulary import ProcessPart

# Longer than two beats: a pause of this length is a gap.
GAP = timedelta(seconds=75)


def record_beat(part: ProcessPart, *, actor: Actor, at: datetime) -> None:
    """Record that a program works."""
    first = insert(ProcessBeat).values(part=part, since_at=at, last_at=at)
    since = case((ProcessBeat.last_at < at - GAP, at), else_=ProcessBeat.since_at)
    again = first.on_conflict_do_update(
        index_elements=["part"], set_={"since_at": since, "last_at": func.greatest(ProcessBeat.last_at, at)}
    )
    with transaction(actor) as session:
        session.execute(again)
