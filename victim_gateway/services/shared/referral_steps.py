"""Steps that every action on a referral shares; each works in the transaction that is open."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.database import encrypted_rows
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.transaction import as_service
from victim_gateway.errors import InvalidInput, NotFound, StaleVersion
from victim_gateway.models import CaseEvent, Person, Referral
from victim_gateway.services.compliance import case_events, stored_clocks
from victim_gateway.services.shared import next_action
from victim_gateway.vocabulary import EventKind, EvidenceGrade, ReferralState


def lock_referral(session: Session, referral_id: UUID, *, version: int | None = None) -> Referral:
    """The referral, locked until the transaction ends.

    Raises NotFound when it is absent or not the actor's to see, StaleVersion when `version` is given and
    somebody has saved the referral since.
    """
    # Without the key: what others append to it, an event of another act, need not wait.
    referral = session.get(Referral, referral_id, with_for_update={"key_share": True})
    if referral is None:
        raise NotFound
    if version is not None and version != referral.version:
        raise StaleVersion(_what_changed(session, referral_id))
    return referral


def lock_referral_with_others(session: Session, referral_id: UUID, *, version: int | None = None) -> Referral:
    """As `locked`, with every other referral of the person: for acts that change those too.

    All of them before the person, in one order: two such acts at once wait for each other and do not lock up.
    """
    person_id = session.scalar(select(Referral.person_id).where(Referral.id == referral_id))
    if person_id is None:
        raise NotFound
    lock_person_referrals(session, person_id)
    return lock_referral(session, referral_id, version=version)


def lock_person_referrals(session: Session, person_id: UUID) -> None:
    """Lock every referral of a person, those too that the actor may not see. Before the person, always."""
    with as_service(session):
        every = select(Referral.id).where(Referral.person_id == person_id).order_by(Referral.id)
        session.execute(every.with_for_update(key_share=True))


def open_person(session: Session, person_id: UUID, *, lock: bool = False) -> tuple[Person, bytes]:
    """The person and the key that opens what is sealed about them. Raises NotFound."""
    person = session.get(Person, person_id, with_for_update=True if lock else None)
    if person is None or person.erased_at is not None:
        raise NotFound
    return person, encrypted_rows.open_key(session, person.key_id)


def add_timeline_entry(
    session: Session,
    referral: Referral,
    event: str,
    *,
    at: datetime,
    key: bytes | None = None,
    words: str | None = None,
    occurred_at: datetime | None = None,
    onward_referral_id: UUID | None = None,
    from_state: str | None = None,
    to_state: str | None = None,
    reason_code: str | None = None,
    details: dict[str, Any] | None = None,
) -> UUID:
    """Add a line to the timeline. `words` are sealed under the person's `key`; `details` are codes only."""
    event_id = uuid4()
    return case_events.append_case_event(
        session,
        referral.id,
        event,
        event_id=event_id,
        kind=EventKind.STORY,
        occurred_at=occurred_at or at,
        recorded_at=at,
        onward_referral_id=onward_referral_id,
        from_state=from_state,
        to_state=to_state,
        reason_code=reason_code,
        details=details,
        sealed=encrypted_rows.seal_row(key, "case_event", event_id, {"words": words})
        if key and words
        else None,
    )


def change_referral_state(
    session: Session,
    referral: Referral,
    state: ReferralState,
    event: str,
    *,
    at: datetime,
    key: bytes | None = None,
    words: str | None = None,
    reason_code: str | None = None,
    details: dict[str, Any] | None = None,
) -> None:
    """Take a step, with its line in the timeline. Raises TransitionNotAllowed."""
    before = referral.state
    referral.move_to(state)
    add_timeline_entry(
        session,
        referral,
        event,
        at=at,
        key=key,
        words=words,
        from_state=before,
        to_state=state,
        reason_code=reason_code,
        details=details,
    )


def record_local_event(
    session: Session, referral: Referral, event: str, *, occurred_at: datetime, at: datetime
) -> None:
    """Something that the area's own standards count."""
    case_events.append_case_event(
        session, referral.id, event, kind=EventKind.LOCAL, occurred_at=occurred_at, recorded_at=at
    )


def record_code_event(
    session: Session,
    referral: Referral,
    event: str,
    *,
    occurred_at: datetime,
    at: datetime,
    source: str = "gateway",
    grade: EvidenceGrade = EvidenceGrade.SYSTEM_RECORD,
    event_id: UUID | None = None,
    subject: str | None = None,
    sealed: bytes | None = None,
) -> None:
    """Something that the Victims' Code counts."""
    case_events.append_case_event(
        session,
        referral.id,
        event,
        kind=EventKind.CODE,
        occurred_at=occurred_at,
        recorded_at=at,
        source=source,
        grade=grade,
        event_id=event_id,
        subject=subject,
        sealed=sealed,
    )


def finish_action(session: Session, referral: Referral, *, at: datetime) -> None:
    """Last in every action: a new version, the clocks, what happens next."""
    referral.version += 1
    refresh_clocks_and_next_action(session, referral, at=at)


def refresh_clocks_and_next_action(session: Session, referral: Referral, *, at: datetime) -> None:
    """The clocks and what happens next, for an action that overwrites nothing of the referral itself."""
    session.flush()
    stored_clocks.refresh_clocks(session, [referral.id], at=at)
    next_action.refresh_next(session, referral.id, at=at)


def audit_referral(session: Session, action: str, referral: Referral, **details: Any) -> None:
    """Note an act on a referral."""
    record_audit(
        session,
        action,
        subject_type="referral",
        subject_id=referral.id,
        person_id=referral.person_id,
        **details,
    )


def refuse_future_moment(field: str, moment: datetime, at: datetime, what: str) -> None:
    """Raises InvalidInput when something is said to have happened after this moment."""
    if moment > at:
        message = f"{what} must be now or in the past"
        raise InvalidInput(message, fields={field: message})


def _what_changed(session: Session, referral_id: UUID) -> str:
    last = session.execute(
        select(CaseEvent.actor_name, CaseEvent.recorded_at)
        .where(CaseEvent.referral_id == referral_id)
        .order_by(CaseEvent.sequence.desc())
        .limit(1)
    ).first()
    if last is None:
        return "This referral was changed after you opened the page."
    wall = last.recorded_at.astimezone(times.LONDON)
    who = last.actor_name or "Somebody"
    return f"{who} changed this referral at {wall:%H:%M} on {wall.day} {wall:%B}, after you opened the page."
