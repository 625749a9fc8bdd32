"""Reading the audit. Reading is audited too: every query here writes an entry."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, literal, or_, select, text, tuple_
from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.audit_chain import (
    SEAL_ACTION,
    ChainBreak,
    LaneHead,
    VerifiedPart,
    describe_sequence,
    lane_start,
    verify_part,
)
from victim_gateway.audit_checkpoints import Checkpoint, CheckpointForged, CheckpointKind
from victim_gateway.crypto import Keyring
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.transaction import as_service, transaction
from victim_gateway.errors import NotFound
from victim_gateway.models import AuditEntry, Referral, User
from victim_gateway.queries.privacy.audit_lanes import (
    LaneEnd,
    lane_ends,
    newest_of_lane,
    stored_checkpoint,
)
from victim_gateway.vocabulary import DatabaseRole

# An entry names the database role of an actor that has no account role.
_PROGRAMS = {DatabaseRole.WORKER.value: "program", DatabaseRole.SIGNIN.value: "not signed in"}


@dataclass(frozen=True, slots=True)
class AuditLine:
    """One entry, for reading. `about` names the kind of record, never what it holds."""

    sequence: int
    number: str
    at: datetime
    action: str
    actor_name: str
    actor_role: str
    address: str | None
    about: str | None
    subject_id: UUID | None
    outcome: str


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Entries by time, newest first. `older` is the sequence from which the next page goes on, or None."""

    lines: list[AuditLine]
    older: int | None


@dataclass(frozen=True, slots=True)
class NewestEntries:
    """The check of the newest entries of every lane; `newest` and `whole` are how far the walks have come."""

    entries: int
    lanes: int
    broken: ChainBreak | None
    newest: Checkpoint | None
    whole: Checkpoint | None


@dataclass(frozen=True, slots=True)
class RecordReader:
    """An actor who saw or changed a referral, how often and when."""

    name: str
    role: str
    first_at: datetime
    last_at: datetime
    times: int
    actions: list[str]


@dataclass(frozen=True, slots=True)
class AuditSubject:
    """A referral and its person, as ids: an auditor finds it by its reference and sees no more of it."""

    reference: str
    referral_id: UUID
    person_id: UUID


def audit_entries(
    *,
    actor: Actor,
    action: str | None = None,
    user_id: UUID | None = None,
    subject: AuditSubject | None = None,
    before: int | None = None,
    size: int = 50,
) -> AuditPage:
    """The newest entries that fit, `before` a sequence where given. Seals are listed where they are asked for."""
    statement = _lines().limit(size + 1)
    statement = statement.where(AuditEntry.action == action if action else AuditEntry.action != SEAL_ACTION)
    if user_id:
        statement = statement.where(AuditEntry.actor_id == user_id)
    if subject:
        statement = statement.where(_about(subject))
    with transaction(actor) as session:
        # Entries of all lanes are listed by time, so the place is that of the entry.
        at = session.scalar(select(AuditEntry.at).where(AuditEntry.sequence == before)) if before else None
        if before and at:
            place = tuple_(AuditEntry.at, AuditEntry.sequence)
            statement = statement.where(AuditEntry.at <= at, place < tuple_(literal(at), literal(before)))
        rows = session.execute(statement).all()
        record_audit(
            session,
            "audit.viewed",
            filter_action=action,
            filter_user=user_id,
            filter_reference=subject.reference if subject else None,
        )
    lines = [_line(*row) for row in rows[:size]]
    return AuditPage(lines, lines[-1].sequence if len(rows) > size else None)


def find_audit_subject(reference: str, *, actor: Actor) -> AuditSubject:
    """The referral of that reference, or one that it names as its person's. Raises NotFound."""
    with transaction(actor) as session:
        # An auditor has no right to referrals; to find entries two ids are enough.
        with as_service(session):
            row = session.execute(
                select(Referral.id, Referral.person_id).where(Referral.reference == reference)
            ).one_or_none()
        record_audit(session, "audit.looked_up", filter_reference=reference, found=row is not None)
    if row is None:
        raise NotFound("There is no referral with this reference.")
    return AuditSubject(reference, row.id, row.person_id)


def record_readers(subject: AuditSubject, *, actor: Actor) -> list[RecordReader]:
    """Who saw or did anything about the referral or its person, the latest first."""
    actor_field = AuditEntry.entry.op("::jsonb -> 'actor' ->>")
    name, role = actor_field("name"), actor_field("role")
    statement = (
        select(
            name,
            role,
            func.min(AuditEntry.at),
            func.max(AuditEntry.at).label("last_at"),
            func.count(),
            func.array_agg(AuditEntry.action.distinct()),
        )
        .where(_about(subject))
        .group_by(AuditEntry.actor_id, name, role)
        .order_by(text("last_at DESC"))
    )
    with transaction(actor) as session:
        rows = session.execute(statement).all()
        record_audit(session, "audit.readers_viewed", subject_type="referral", subject_id=subject.referral_id)
    return [RecordReader(row[0], _role_label(row[1]), *row[2:]) for row in rows]


def audit_actions(*, actor: Actor) -> list[str]:
    """Every action that occurs, each found by one step through the index."""
    statement = text(
        "WITH RECURSIVE found AS ("
        " (SELECT action FROM audit_entry ORDER BY action LIMIT 1)"
        " UNION ALL SELECT (SELECT e.action FROM audit_entry e WHERE e.action > found.action"
        " ORDER BY e.action LIMIT 1) FROM found WHERE found.action IS NOT NULL)"
        " SELECT action FROM found WHERE action IS NOT NULL"
    )
    with transaction(actor) as session:
        return list(session.scalars(statement))


def staff_accounts(*, actor: Actor) -> list[tuple[UUID, str]]:
    """Every account's id and name with address, by name."""
    with transaction(actor) as session:
        rows = session.execute(select(User.id, User.name, User.email).order_by(User.name, User.email)).all()
    return [(row.id, f"{row.name} ({row.email})") for row in rows]


def audit_length(*, actor: Actor) -> int:
    """About how many entries there are, from the ends of the lanes."""
    with transaction(actor) as session:
        return sum(end.head.sequence - lane_start(end.lane).sequence for end in lane_ends(session))


def verify_newest_entries(size: int, *, actor: Actor, keyring: Keyring) -> NewestEntries:
    """Whether the newest entries of every lane, `size` in all, follow from each other, and what else was verified.

    All entries are checked by the nightly and weekly walks, and by `gateway audit verify`.
    """
    with transaction(actor) as session:
        ends = lane_ends(session)
        parts = [_verify_end(session, end, size // len(ends), keyring) for end in ends]
        walks = {
            kind: _last_walk(session, kind, keyring) for kind in (CheckpointKind.NEWEST, CheckpointKind.WHOLE)
        }
        record_audit(session, "audit.chain_viewed")
    broken = next((part.broken for part in parts if part.broken), None)
    return NewestEntries(sum(part.entries for part in parts), len(parts), broken, *(walks.values()))


def _verify_end(session: Session, end: LaneEnd, size: int, keyring: Keyring) -> VerifiedPart:
    rows = newest_of_lane(session, lane=end.lane, size=size + 1)
    if len(rows) <= size:
        return verify_part(rows, keyring, after=lane_start(end.lane), known={})
    return verify_part(rows[1:], keyring, after=LaneHead(rows[0].sequence, rows[0].hash), known={})


def _last_walk(session: Session, kind: CheckpointKind, keyring: Keyring) -> Checkpoint | None:
    """What is stored of a walk; one that is forged is as good as none, and the walk itself raises the alarm."""
    try:
        return stored_checkpoint(session, kind, keyring)
    except CheckpointForged:
        return None


def _about(subject: AuditSubject) -> Any:
    return or_(AuditEntry.subject_id == subject.referral_id, AuditEntry.person_id == subject.person_id)


def _lines() -> Select[Any]:
    return select(AuditEntry.entry).order_by(AuditEntry.at.desc(), AuditEntry.sequence.desc())


def _role_label(role: str) -> str:
    return _PROGRAMS.get(role, role)


def _plain(value: Any) -> str:
    """A detail as readable text, without brackets or quotes."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return " ".join(map(_plain, value)) or "none"
    if isinstance(value, dict):
        return "; ".join(f"{key.replace('_', ' ')} {_plain(part)}" for key, part in value.items()) or "none"
    return str(value)


def _line(entry: str) -> AuditLine:
    document = json.loads(entry)
    details = document["details"]
    return AuditLine(
        sequence=document["sequence"],
        number=describe_sequence(document["sequence"]),
        at=datetime.fromisoformat(document["at"]),
        action=document["action"],
        actor_name=document["actor"]["name"],
        actor_role=_role_label(document["actor"]["role"]),
        address=document["actor"]["address"],
        about=document["subject_type"],
        subject_id=UUID(document["subject_id"]) if document["subject_id"] else None,
        outcome=", ".join(
            f"{key.replace('_', ' ')}: {_plain(value)}"
            for key, value in sorted(details.items())
            if value is not None
        ),
    )
