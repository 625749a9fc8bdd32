"""What the watching page, the metrics and `gateway doctor` show of delivery, read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from config import Settings
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.queries.operations.delivery_watch import (
    LATE,
    WatchCount,
    open_alarms,
    process_beats,
    watch_counts,
)
from victim_gateway.vocabulary import AlarmCause, ProcessPart


@dataclass(frozen=True, slots=True)
class DeliveryState:
    """The counts, when each program was last heard of (None: never), and the open alarms since when."""

    counts: tuple[WatchCount, ...]
    beats: Mapping[ProcessPart, datetime | None]
    alarms: Mapping[AlarmCause, datetime]

    @property
    def late(self) -> int:
        """How many e-mails are late."""
        return next(row.count for row in self.counts if row.what == LATE)

    def to_document(self) -> dict[str, Any]:
        """The same as plain values."""
        return {
            "counts": [
                {
                    "what": row.what,
                    "why": row.why,
                    "count": row.count,
                    "oldest": row.oldest.isoformat() if row.oldest else None,
                }
                for row in self.counts
            ],
            "beats": {part.value: last.isoformat() if last else None for part, last in self.beats.items()},
            "alarms": {cause.value: since.isoformat() for cause, since in self.alarms.items()},
        }


def read_delivery_state(settings: Settings, *, actor: Actor, at: datetime) -> DeliveryState:
    """Read it as it is at `at`; `actor` is a program."""
    with transaction(actor) as session:
        beats = process_beats(session)
        return DeliveryState(
            counts=watch_counts(session, at, timedelta(seconds=settings.alarm_after_s)),
            beats={part: beats[part].last_at if part in beats else None for part in ProcessPart},
            alarms={alarm.cause: alarm.began_at for alarm in open_alarms(session)},
        )
