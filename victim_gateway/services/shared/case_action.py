"""The steps that every action on a case shares: its events, its tasks, its audit entry, and its end.

An action is one verb at work in one open transaction. It is opened by `referral_action` or
`onward_referral_action`, which take the locks; what the verb then does is one call each on the action.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.database import encrypted_rows
from victim_gateway.services.compliance import case_events
from victim_gateway.services.compliance.case_events import NewCaseEvent
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import EventKind


@dataclass(frozen=True, slots=True, kw_only=True)
class EventDetails:
    """What an event says beside its name. `text` was typed by a person and is sealed; `codes` hold no text."""

    text: str | None = None
    occurred_at: datetime | None = None
    reason_code: str | None = None
    codes: dict[str, Any] = field(default_factory=dict)


NO_DETAILS = EventDetails()


@dataclass
class CaseAction(ABC):
    """One action in its transaction: the session it works in, and the command it carries out."""

    session: Session
    command: Command
    actor: Actor = field(init=False)
    at: datetime = field(init=False)
    referral_id: UUID = field(init=False)

    def __post_init__(self) -> None:
        self.actor, self.at = self.command.actor, self.command.at

    @abstractmethod
    def text_key(self) -> bytes:
        """The key under which text of this case's events is sealed."""

    def new_event(self, event: str, kind: EventKind, details: EventDetails = NO_DETAILS) -> NewCaseEvent:
        """An event of this case, not yet appended and without its text."""
        return NewCaseEvent(
            referral_id=self.referral_id,
            event=event,
            kind=kind,
            occurred_at=details.occurred_at or self.at,
            recorded_at=self.at,
            reason_code=details.reason_code,
            details=details.codes,
        )

    def append_event(self, event: NewCaseEvent, *, text: str | None = None) -> UUID:
        """Append an event with its text sealed. The clocks follow once, when the action ends."""
        if text:
            document = {"words": text}
            sealed = encrypted_rows.seal_row(self.text_key(), "case_event", event.event_id, document)
            event = replace(event, sealed=sealed)
        return case_events.append_case_event_without_clocks(self.session, event)

    def add_timeline_entry(self, event: str, details: EventDetails = NO_DETAILS) -> UUID:
        """Append an event that is there to be read; no clock counts it."""
        return self.append_event(self.new_event(event, EventKind.STORY, details), text=details.text)

    def record_local_event(self, event: str, details: EventDetails = NO_DETAILS) -> UUID:
        """Append an event that the area's own standards count."""
        return self.append_event(self.new_event(event, EventKind.LOCAL, details), text=details.text)

    def record_code_event(self, event: str, details: EventDetails = NO_DETAILS) -> UUID:
        """Append an event that the Victims' Code counts, on the evidence of our own record."""
        return self.append_event(self.new_event(event, EventKind.CODE, details), text=details.text)
