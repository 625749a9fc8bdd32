"""One action on an onward referral: permission, locks, its event, then clocks, the referral's state and audit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from victim_gateway.access.permissions import Permission, is_permitted
from victim_gateway.actors import Actor
from victim_gateway.database import encrypted_rows
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.transaction import as_service, transaction
from victim_gateway.errors import NotAllowed, NotFound
from victim_gateway.models import CaseEvent, OnwardReferral, Referral, SharedFile, Task
from victim_gateway.queries.onward_referrals.provider_notices import refuse_ended
from victim_gateway.rules.transitions import LIVE_ONWARD_STATES
from victim_gateway.service_record_vocabulary import AppointmentState
from victim_gateway.services.compliance import stored_clocks
from victim_gateway.services.compliance.case_events import NewCaseEvent
from victim_gateway.services.shared import case_locks, next_action, submissions, tasks
from victim_gateway.services.shared.case_action import (
    NO_DETAILS,
    ActionEffect,
    CaseAction,
    EventDetails,
    ReferralAction,
)
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.service_record_endings import (
    CancelledAppointment,
    ask_to_inform_person,
    end_service_record,
)
from victim_gateway.services.shared.stored_files import end_shared_files
from victim_gateway.services.shared.tasks import NewTask
from victim_gateway.vocabulary import DatabaseRole, EventKind, OnwardState, ReferralState, TaskKind

INFORMATION_GIVEN = "onward_referral.information_given"
"""The event of our answer to a provider's question."""
APPOINTMENT_CANCELLED = "onward_referral.appointment_cancelled"


class LocalEvent(StrEnum):
    """Events of the area's own standards; config/areas/*.json start and stop clocks by these names."""

    OFFERED = "onward_referral_offered"
    ANSWERED = "onward_referral_answered"
    ACCEPTED = "onward_referral_accepted"
    FIRST_CONTACT = "provider_first_contact_made"
    # It happened when the crime was reported: the contact is due from then.
    CONTACT_FROM_REPORT = "business_service_offered"


@dataclass
class OnwardReferralAction(CaseAction):
    """An action on an onward referral; it is locked, and its referral before it."""

    onward: OnwardReferral
    audit_action: str
    effect: ActionEffect = ActionEffect.NEW_VERSION
    person_knows_end: bool = False
    """The provider has said that the person knows which appointments will not take place."""
    cancelled: tuple[CancelledAppointment, ...] = ()
    """What was planned with the person when the access ended."""
    subject: str | None = None
    """Of the events, once it was read; None again after another offering."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.referral_id = self.onward.referral_id

    @property
    def handover_key(self) -> bytes:
        """The key of the handover: both sides read what is sealed under it."""
        return encrypted_rows.open_key(self.session, self.onward.key_id)

    def new_event(self, event: str, kind: EventKind, details: EventDetails = NO_DETAILS) -> NewCaseEvent:
        """An event of the onward referral, not yet appended and without its text."""
        return replace(
            super().new_event(event, kind, details),
            subject=self._offer_subject(),
            onward_referral_id=self.onward.id,
            provider_id=self.onward.provider_id,
        )

    def text_key(self) -> bytes:
        """Text is sealed under the handover's key, so that both sides see it."""
        return self.handover_key

    def change_state(
        self,
        state: OnwardState,
        event: str,
        details: EventDetails = NO_DETAILS,
        *,
        kind: EventKind = EventKind.STORY,
    ) -> None:
        """Change the state and append the one event that says so. Raises TransitionNotAllowed.

        With an end the provider loses sight when this transaction commits; until then it may finish its action.
        """
        before = self.onward.state
        self.onward.move_to(state)
        if state not in LIVE_ONWARD_STATES:
            self.onward.ended_at = self.at
            self.end_provider_access()
        entry = replace(self.new_event(event, kind, details), from_state=before.value, to_state=state.value)
        self.append_event(entry, text=details.text)

    def end_provider_access(self) -> None:
        """Close it to the provider when this transaction commits, with all that hangs on its sight of it."""
        # The transaction's own moment, as the policy compares with it; never a time that was passed in.
        self.onward.provider_access_ended_at = func.now()
        end_shared_files(self.session, SharedFile.onward_referral_id == self.onward.id, at=self.at)
        self._end_appointments()
        # What the provider had to be told, or to read, it sees no more.
        self.finish_task(TaskKind.SHARE_AGAIN, TaskKind.CORRECTION_UNREAD, TaskKind.SHARING_REFUSED)

    def note_queue_change(self) -> None:
        """Something that the queue reads was changed: the next action follows, also where nothing else would."""
        if self.effect is ActionEffect.NOTHING:
            self.effect = ActionEffect.EVENTS_ONLY

    def open_task(self, kind: TaskKind) -> None:
        """Ask a caseworker to do something about the onward referral."""
        self.note_queue_change()
        task = NewTask(
            kind=kind,
            referral_id=self.referral_id,
            dedupe_key=onward_task_key(kind, self.onward.id),
            onward_referral_id=self.onward.id,
        )
        with as_service(self.session):
            tasks.open_task(self.session, task, at=self.at)

    def finish_task(self, *kinds: TaskKind) -> None:
        """Mark the open tasks of these kinds as done; nothing happens where there was none."""
        self.note_queue_change()
        keys = [onward_task_key(kind, self.onward.id) for kind in kinds]
        with as_service(self.session):
            tasks.finish_tasks(self.session, Task.dedupe_key.in_(keys), at=self.at)

    def finish(self) -> None:
        """Last in every action: version, clocks, the referral's state and next action, the audit entry."""
        session, onward = self.session, self.onward
        if self.effect is ActionEffect.NEW_VERSION:
            onward.version += 1
        session.flush()
        if self.effect is not ActionEffect.NOTHING:
            stored_clocks.refresh_clocks(session, [self.referral_id], at=self.at)
            sync_referral_state(session, self.command, self.referral_id)
            next_action.refresh_next_actions(session, [self.referral_id], at=self.at)
        record_audit(
            session,
            self.audit_action,
            subject_type="onward_referral",
            subject_id=onward.id,
            person_id=onward.person_id,
            reference=onward.reference,
            state=onward.state.value,
        )

    def _offer_subject(self) -> str:
        if self.subject is None:
            self.subject = offer_subject(self.session, self.onward)
        return self.subject

    def _end_appointments(self) -> None:
        """Say on the timeline what will not take place, and ask a caseworker unless the person knows it."""
        self.cancelled = end_service_record(self.session, self.onward.id, at=self.at)
        for each in self.cancelled:
            codes = {
                "appointment_id": str(each.appointment_id),
                "manner": each.manner.value,
                "starts_at": each.starts_at.isoformat(),
                "person_knows": self.person_knows_end,
            }
            details = EventDetails(reason_code=AppointmentState.CANCELLED_BY_END.value, codes=codes)
            self.add_timeline_entry(APPOINTMENT_CANCELLED, details)
        if self.cancelled and not self.person_knows_end:
            self.note_queue_change()
            with as_service(self.session):
                ask_to_inform_person(
                    self.session, self.referral_id, self.onward.id, self.cancelled, at=self.at
                )


@contextmanager
def onward_referral_action(
    command: Command,
    onward_referral_id: UUID,
    permission: Permission,
    audit_action: str,
    *,
    effect: ActionEffect = ActionEffect.NEW_VERSION,
) -> Iterator[OnwardReferralAction]:
    """One action on one onward referral in its own transaction, with everything that follows from it.

    `effect` NOTHING: no clock and no queue reads what was changed, and open forms stay valid.

    Raises NotAllowed without the permission, NotFound for what is absent or not addressed to the actor's
    organisation, StaleVersion when it was saved since the version seen, AlreadyDone for the same form again.
    """
    require_permission(command.actor, permission)
    with transaction(command.actor) as session:
        submissions.claim_submission(session, command)
        try:
            onward = case_locks.lock_onward_referral(session, onward_referral_id, version=command.version)
        except NotFound:
            # It may have been theirs until a moment ago, with its page still open.
            refuse_ended(session, onward_referral_id)
            raise
        action = OnwardReferralAction(session, command, onward, audit_action, effect)
        yield action
        action.finish()


def sync_referral_state(session: Session, command: Command, referral_id: UUID) -> None:
    """The referral is supported while a provider is asked or helping, and back with us when none is.

    Support that ended after it had begun leaves it supported: a caseworker reviews how it went.
    """
    with as_service(session):
        referral = session.get_one(
            Referral, referral_id, with_for_update={"key_share": True}, populate_existing=True
        )
        state = _state_that_follows(session, referral)
        if state is not referral.state:
            ReferralAction(session, command, referral).change_state(state, f"referral.{state.value}")


def _state_that_follows(session: Session, referral: Referral) -> ReferralState:
    mine = OnwardReferral.referral_id == referral.id
    is_live = session.scalar(select(exists().where(mine, OnwardReferral.state.in_(LIVE_ONWARD_STATES))))
    if is_live and referral.state in (ReferralState.TRIAGED, ReferralState.REOPENED):
        return ReferralState.SUPPORTED
    helped = session.scalar(
        select(exists().where(mine, OnwardReferral.state.in_((OnwardState.CLOSED, OnwardState.ENDED_EARLY))))
    )
    if referral.state is ReferralState.SUPPORTED and not is_live and not helped:
        return ReferralState.TRIAGED
    return referral.state


def require_permission(actor: Actor, permission: Permission) -> None:
    """Raises NotAllowed unless the actor's role has the permission; background work has every one."""
    if actor.database_role is not DatabaseRole.WORKER and not is_permitted(actor.role, permission):
        raise NotAllowed("Your account may not do this.")


def offer_subject(session: Session, onward: OnwardReferral) -> str:
    """What tells the clocks of one offer from those of the next: `/2` stands after the reference."""
    return nth_offer_subject(onward.reference, count_offers(session, onward) or 1)


def count_offers(session: Session, onward: OnwardReferral) -> int:
    """How often the onward referral was offered."""
    mine = (CaseEvent.onward_referral_id == onward.id, CaseEvent.event == LocalEvent.OFFERED)
    return session.scalar(select(func.count()).where(*mine)) or 0


def nth_offer_subject(reference: str, number: int) -> str:
    """The subject of the first, second, ... offering of one onward referral."""
    return reference if number == 1 else f"{reference}/{number}"


def onward_task_key(kind: TaskKind, onward_referral_id: UUID) -> str:
    """One open task of a kind for one onward referral."""
    return f"{kind.value}:{onward_referral_id}"
