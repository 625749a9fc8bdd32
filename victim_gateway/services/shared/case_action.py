"""Actions on a referral: locked in order, their events, tasks and audit entry, and what follows when they end.

An action is one verb at work in one open transaction. It is opened by `referral_action` or
`onward_referral_action`, which take the locks; what the verb then does is one call each on the action.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import Enum, auto
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.database import encrypted_rows
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import InvalidInput
from victim_gateway.models import Person, Referral
from victim_gateway.services.compliance import case_events, stored_clocks
from victim_gateway.services.compliance.case_events import NewCaseEvent
from victim_gateway.services.shared import (
    case_locks,
    next_action,
    submissions,
    tasks,
    victim_message_stops,
)
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.tasks import NewTask
from victim_gateway.vocabulary import EventKind, ReferralState, TaskKind


@dataclass(frozen=True, slots=True, kw_only=True)
class EventDetails:
    """What an event says beside its name. `text` was typed by a person and is sealed; `codes` hold no text.

    `sealed_values` are sealed beside the text: what was recorded of a person before and after.
    """

    text: str | None = None
    sealed_values: dict[str, Any] = field(default_factory=dict)
    occurred_at: datetime | None = None
    reason_code: str | None = None
    codes: dict[str, Any] = field(default_factory=dict)


NO_DETAILS = EventDetails()
# What waits to be sent about a referral is cancelled when it comes to one of these.
_STATES_WITHOUT_MESSAGES = frozenset(
    {ReferralState.HELD, ReferralState.CLOSED, ReferralState.ENTERED_IN_ERROR}
)


@dataclass
class CaseAction(ABC):
    """One action in its transaction: the session it works in, and the command it carries out."""

    session: Session
    command: Command
    actor: Actor = field(init=False)
    at: datetime = field(init=False)
    referral_id: UUID = field(init=False)
    collected: list[NewCaseEvent] | None = field(init=False, default=None)
    """Events that are appended together when the action ends; None: each is appended at once."""

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

    def append_event(
        self, event: NewCaseEvent, *, text: str | None = None, sealed_values: Mapping[str, Any] | None = None
    ) -> UUID:
        """Append an event with its text sealed. The clocks follow once, when the action ends."""
        if text or sealed_values:
            document: dict[str, Any] = {"words": text} if text else {}
            document |= {"values": dict(sealed_values)} if sealed_values else {}
            sealed = encrypted_rows.seal_row(self.text_key(), "case_event", event.event_id, document)
            event = replace(event, sealed=sealed)
        if self.collected is None:
            return case_events.append_case_event_without_clocks(self.session, event)
        self.collected.append(event)
        return event.event_id

    def add_timeline_entry(self, event: str, details: EventDetails = NO_DETAILS) -> UUID:
        """Append an event that is there to be read; no clock counts it."""
        entry = self.new_event(event, EventKind.STORY, details)
        return self.append_event(entry, text=details.text, sealed_values=details.sealed_values)

    def record_local_event(self, event: str, details: EventDetails = NO_DETAILS) -> UUID:
        """Append an event that the area's own standards count."""
        return self.append_event(self.new_event(event, EventKind.LOCAL, details), text=details.text)

    def record_code_event(self, event: str, details: EventDetails = NO_DETAILS) -> UUID:
        """Append an event that the Victims' Code counts, on the evidence of our own record."""
        return self.append_event(self.new_event(event, EventKind.CODE, details), text=details.text)


class ActionEffect(Enum):
    """What follows from an action when it ends."""

    NEW_VERSION = auto()
    """A new version of the referral, its clocks, its next action."""
    EVENTS_ONLY = auto()
    """The clocks and the next action: nothing was overwritten, so that open forms stay valid."""
    NOTHING = auto()
    """Nothing that a clock or the queue reads was changed."""


@dataclass
class ReferralAction(CaseAction):
    """An action on a referral that is locked until its transaction ends."""

    referral: Referral
    effect: ActionEffect = ActionEffect.NEW_VERSION
    opened_person: tuple[Person, bytes] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.referral_id = self.referral.id

    @property
    def person(self) -> Person:
        """Whom the referral is about; locked only if the action was opened so. Raises NotFound."""
        return self._open_person()[0]

    @property
    def key(self) -> bytes:
        """The key that opens what is sealed about the person. Raises NotFound."""
        return self._open_person()[1]

    def require_person(self) -> None:
        """Refuse the action on a person who was erased. Raises NotFound."""
        self._open_person()

    def text_key(self) -> bytes:
        """Text about the person is sealed under the person's own key."""
        return self.key

    def change_state(self, state: ReferralState, event: str, details: EventDetails = NO_DETAILS) -> None:
        """Change the referral's state, with the timeline entry that says so. Raises TransitionNotAllowed."""
        before = self.referral.state
        self.referral.move_to(state)
        if state in _STATES_WITHOUT_MESSAGES:
            victim_message_stops.stop_messages_of_referral(
                self.session, self.referral.id, at=self.at, because=state.value
            )
        # Each step is written by itself: the database refuses one that skips the step between.
        self.session.flush()
        entry = self.new_event(event, EventKind.STORY, details)
        self.append_event(replace(entry, from_state=before, to_state=state), text=details.text)

    def record_audit(self, audit_action: str, **details: Any) -> None:
        """Note the action in the audit. `details` hold codes, references and ids only."""
        record_audit(
            self.session,
            audit_action,
            subject_type="referral",
            subject_id=self.referral.id,
            person_id=self.referral.person_id,
            **details,
        )

    def open_task(self, kind: TaskKind, *, dedupe_key: str, due_on: date | None = None) -> UUID:
        """Ask a caseworker to do something about the referral; `due_on` where the area sets the day."""
        task = NewTask(kind=kind, referral_id=self.referral.id, dedupe_key=dedupe_key, due_on=due_on)
        return tasks.open_task(self.session, task, at=self.at)

    def finish_task(self, task: UUID | str) -> bool:
        """Mark the open task of this id or dedupe key as done; False when there was none."""
        return tasks.finish_task(self.session, task, at=self.at)

    def on_other_referral(self, referral: Referral) -> ReferralAction:
        """The same command at work on another referral of the person; the caller finishes it."""
        return ReferralAction(self.session, self.command, referral, opened_person=self.opened_person)

    def finish(self) -> None:
        """Last in every action: a new version, the clocks, what happens next, as far as `effect` says."""
        case_events.append_case_events_without_clocks(self.session, self.collected or ())
        # Whatever was changed, the gate may have read it: no message begins to leave after this is confirmed.
        victim_message_stops.wait_for_leaving_messages(self.session, self.referral.person_id)
        if self.effect is ActionEffect.NOTHING:
            return
        if self.effect is ActionEffect.NEW_VERSION:
            self.referral.version += 1
        self.session.flush()
        stored_clocks.refresh_clocks(self.session, [self.referral.id], at=self.at)
        next_action.refresh_next_actions(self.session, [self.referral.id], at=self.at)

    def _open_person(self) -> tuple[Person, bytes]:
        if self.opened_person is None:
            self.opened_person = case_locks.open_person(self.session, self.referral.person_id)
        return self.opened_person


@contextmanager
def referral_action(
    command: Command,
    referral_id: UUID,
    *,
    lock: case_locks.LockScope = case_locks.LockScope.REFERRAL,
    effect: ActionEffect = ActionEffect.NEW_VERSION,
    version_is_of_referral: bool = True,
) -> Iterator[ReferralAction]:
    """One action on one referral in its own transaction, with everything that follows from it.

    `version_is_of_referral` is False where the command's version is that of something else (a safe-contact
    plan, an assessment), which the verb itself compares. Raises NotFound for what is absent or not the
    actor's to see, StaleVersion when the referral was saved since, AlreadyDone for the same form again.
    """
    with transaction(command.actor) as session:
        version = command.version if version_is_of_referral else None
        submissions.claim_submission(session, command)
        referral, opened_person = case_locks.lock_for_action(
            session, referral_id, scope=lock, version=version
        )
        action = ReferralAction(session, command, referral, effect, opened_person)
        action.collected = []
        yield action
        action.finish()


def start_referral_action(
    session: Session,
    command: Command,
    referral_id: UUID,
    *,
    lock: case_locks.LockScope = case_locks.LockScope.REFERRAL,
    version: int | None = None,
) -> ReferralAction:
    """Lock a referral for an action in a transaction that is open already; the caller finishes the action.

    Raises NotFound, and StaleVersion when `version` is given and the referral was saved since.
    """
    referral, opened_person = case_locks.lock_for_action(session, referral_id, scope=lock, version=version)
    return ReferralAction(session, command, referral, opened_person=opened_person)


def refuse_future_moment(field: str, moment: datetime, at: datetime, what: str) -> None:
    """Raises InvalidInput when something is said to have happened after this moment."""
    if moment > at:
        message = f"{what} must be now or in the past"
        raise InvalidInput(message, fields={field: message})
