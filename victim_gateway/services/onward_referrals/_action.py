"""What every act on an onward referral has in common: who may, the locks, the event, what follows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid4

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from victim_gateway.access.permissions import Permission, is_permitted
from victim_gateway.actors import Actor
from victim_gateway.database import encrypted_rows
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.transaction import as_service, transaction
from victim_gateway.errors import InvalidInput, NotAllowed, NotFound, StaleVersion
from victim_gateway.models import CaseEvent, Note, OnwardReferral, Person, Referral
from victim_gateway.rules.transitions import LIVE_ONWARD_STATES
from victim_gateway.services.compliance import case_events, stored_clocks
from victim_gateway.services.shared import next_action, submissions, tasks
from victim_gateway.vocabulary import DatabaseRole, EventKind, OnwardState, ReferralState, TaskKind


class LocalEvent(StrEnum):
    """Events of the area's own standards; config/areas/*.json start and stop clocks by these names."""

    OFFERED = "onward_referral_offered"
    ANSWERED = "onward_referral_answered"
    ACCEPTED = "onward_referral_accepted"
    FIRST_CONTACT = "provider_first_contact_made"


STALE = "Somebody changed this onward referral after you opened the page. Look at how it stands now."
LONGEST_TEXT = 5000


@dataclass
class OnwardAction:
    """One act under way: the onward referral is locked, and its referral before it."""

    session: Session
    onward: OnwardReferral
    actor: Actor
    at: datetime

    def move(
        self,
        state: OnwardState,
        event: str,
        *,
        kind: EventKind = EventKind.STORY,
        reason_code: str | None = None,
        words: str | None = None,
        occurred_at: datetime | None = None,
    ) -> UUID:
        """Change the state and write the one event that says so. Raises TransitionNotAllowed.

        With an end the provider loses sight when this transaction commits; until then it may finish its act.
        """
        before = self.onward.state
        self.onward.move_to(state)
        if state not in LIVE_ONWARD_STATES:
            self._end_access()
        return self.record(
            event,
            kind=kind,
            reason_code=reason_code,
            words=words,
            occurred_at=occurred_at,
            states=(before.value, state.value),
        )

    def record(
        self,
        event: str,
        *,
        kind: EventKind = EventKind.STORY,
        reason_code: str | None = None,
        words: str | None = None,
        occurred_at: datetime | None = None,
        subject: str | None = None,
        states: tuple[str | None, str | None] = (None, None),
    ) -> UUID:
        """Write one event. Words are sealed under the handover's key: both sides see them."""
        event_id = uuid4()
        sealed = None
        if words:
            key = encrypted_rows.open_key(self.session, self.onward.key_id)
            sealed = encrypted_rows.seal_row(key, "case_event", event_id, {"words": words})
        return case_events.append_case_event(
            self.session,
            self.onward.referral_id,
            event,
            kind=kind,
            event_id=event_id,
            occurred_at=occurred_at or self.at,
            recorded_at=self.at,
            subject=subject or offer_subject(self.session, self.onward),
            onward_referral_id=self.onward.id,
            provider_id=self.onward.provider_id,
            from_state=states[0],
            to_state=states[1],
            reason_code=reason_code,
            sealed=sealed,
        )

    def open_task(self, kind: TaskKind) -> None:
        """Something for a caseworker to do about it."""
        with as_service(self.session):
            tasks.open_task(
                self.session,
                kind,
                self.onward.referral_id,
                dedupe_key=onward_task_key(kind, self.onward.id),
                at=self.at,
                onward_referral_id=self.onward.id,
            )

    def finish_task(self, kind: TaskKind) -> None:
        """It has been dealt with; nothing happens where there was none."""
        with as_service(self.session):
            tasks.finish_task(self.session, onward_task_key(kind, self.onward.id), at=self.at)

    def _end_access(self) -> None:
        self.onward.ended_at = self.at
        # The transaction's own moment, as the policy compares with it; never a time that was passed in.
        self.onward.provider_access_ended_at = func.now()


@contextmanager
def onward_referral_action(
    onward_referral_id: UUID,
    action: str,
    *,
    actor: Actor,
    at: datetime,
    permission: Permission,
    submission_id: UUID | None,
    version: int | None,
) -> Iterator[OnwardAction]:
    """One act on one onward referral in its own transaction, with everything that follows from it.

    Raises NotFound for what is absent or not addressed to the actor's organisation, StaleVersion when it
    was changed since `version`, AlreadyDone for the same form again.
    """
    require_permission(actor, permission)
    with transaction(actor) as session:
        submissions.claim_submission(session, submission_id, at)
        onward = lock_onward_referral(session, onward_referral_id)
        if version is not None and version != onward.version:
            raise StaleVersion(STALE)
        under_way = OnwardAction(session, onward, actor, at)
        yield under_way
        finish_onward_action(under_way, action)


def finish_onward_action(under_way: OnwardAction, action: str) -> None:
    """What follows from every act: version, clocks, the referral's state and next act, the audit."""
    session, onward, at = under_way.session, under_way.onward, under_way.at
    onward.version += 1
    session.flush()
    stored_clocks.refresh_clocks(session, [onward.referral_id], at=at)
    sync_referral_state(session, onward.referral_id, at=at)
    next_action.refresh_next(session, onward.referral_id, at=at)
    record_audit(
        session,
        action,
        subject_type="onward_referral",
        subject_id=onward.id,
        person_id=onward.person_id,
        reference=onward.reference,
        state=onward.state.value,
    )


def sync_referral_state(session: Session, referral_id: UUID, *, at: datetime) -> None:
    """The referral is supported while a provider is asked or helping, and back with us when none is.

    Support that ended after it had begun leaves it supported: a caseworker reviews how it went.
    """
    with as_service(session):
        referral = session.get_one(
            Referral, referral_id, with_for_update={"key_share": True}, populate_existing=True
        )
        state = _state_that_follows(session, referral)
        if state is referral.state:
            return
        before = referral.state
        referral.move_to(state)
        case_events.append_case_event(
            session,
            referral_id,
            f"referral.{state.value}",
            kind=EventKind.STORY,
            occurred_at=at,
            recorded_at=at,
            from_state=before.value,
            to_state=state.value,
        )


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


def lock_referral_of(session: Session, referral_id: UUID) -> None:
    """Referral first, then what hangs on it: one order everywhere, so that acts wait, not deadlock."""
    with as_service(session):
        chosen = select(Referral.id).where(Referral.id == referral_id)
        session.execute(chosen.with_for_update(key_share=True))


def lock_person_of(session: Session, person_id: UUID) -> None:
    """After the referral: how the person may be reached stays as it is until it has been handed over."""
    with as_service(session):
        session.execute(select(Person.id).where(Person.id == person_id).with_for_update())


def lock_onward_referral(session: Session, onward_referral_id: UUID) -> OnwardReferral:
    """The onward referral, locked after its referral. Raises NotFound when it is not the actor's to see."""
    chosen = OnwardReferral.id == onward_referral_id
    referral_id = session.scalar(select(OnwardReferral.referral_id).where(chosen))
    if referral_id is None:
        raise NotFound()
    lock_referral_of(session, referral_id)
    # Again, locked: while we waited it may have been taken away.
    onward = session.scalar(select(OnwardReferral).where(chosen).with_for_update())
    if onward is None:
        raise NotFound()
    return onward


def offer_subject(session: Session, onward: OnwardReferral) -> str:
    """What tells the clocks of one offer from those of the next: `/2` stands after the reference."""
    times_offered = session.scalar(
        select(func.count()).where(
            CaseEvent.onward_referral_id == onward.id, CaseEvent.event == LocalEvent.OFFERED
        )
    )
    return nth_offer_subject(onward.reference, times_offered or 1)


def nth_offer_subject(reference: str, number: int) -> str:
    """The subject of the first, second, ... offering of one onward referral."""
    return reference if number == 1 else f"{reference}/{number}"


def onward_task_key(kind: TaskKind, onward_referral_id: UUID) -> str:
    """One open task of a kind for one onward referral."""
    return f"{kind.value}:{onward_referral_id}"


def required_text(words: str | None, field: str, message: str) -> str:
    """The words, trimmed. Raises InvalidInput at `field` for none or too many."""
    text = (words or "").strip()
    if not text:
        raise InvalidInput(message, fields={field: message})
    return checked_text(text, field)


def checked_text(words: str | None, field: str) -> str:
    """Words that may be left out. Raises InvalidInput at `field` when they are too many."""
    text = (words or "").strip()
    if len(text) > LONGEST_TEXT:
        message = f"Shorten this to {LONGEST_TEXT:,} characters"
        raise InvalidInput(message, fields={field: message})
    return text


def add_shared_note(under_way: OnwardAction, subject: str, body: str) -> UUID:
    """A message that both sides see, under the handover's key."""
    session, onward, actor = under_way.session, under_way.onward, under_way.actor
    if actor.user_id is None or actor.organisation_id is None:
        raise NotAllowed("Only a person can write a message.")
    note_id = uuid4()
    key = encrypted_rows.open_key(session, onward.key_id)
    session.add(
        Note(
            id=note_id,
            referral_id=onward.referral_id,
            onward_referral_id=onward.id,
            written_at=under_way.at,
            by_id=actor.user_id,
            by_name=actor.name,
            organisation_id=actor.organisation_id,
            sealed=encrypted_rows.seal_row(key, "note", note_id, {"subject": subject, "body": body}),
        )
    )
    return note_id
