"""Copies of files for providers, made in a worker: cleaned apart, scanned, and sealed under the handover's key.

The row is the truth: a copy waits until one was made or refused, however often workers or the scanner die meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.crypto import SealBroken
from victim_gateway.database import encrypted_rows
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.outbox import enqueue_task
from victim_gateway.database.transaction import transaction
from victim_gateway.documents.clean_copies import CleanCopy
from victim_gateway.documents.problems import DocumentProblem, UnusableDocument
from victim_gateway.errors import NotFound
from victim_gateway.integrations.document_examiner import clean_apart
from victim_gateway.integrations.virus_scanner import ScannerUnavailable
from victim_gateway.models import Attachment, OnwardReferral, SharedFile
from victim_gateway.rules.transitions import LIVE_ONWARD_STATES
from victim_gateway.services.shared import case_locks, next_action, tasks
from victim_gateway.services.shared.stored_files import (
    FILE_LEASE,
    copy_refused_key,
    end_shared_files,
    is_fetchable,
    scan_content,
    store_copy,
    stored_content,
)
from victim_gateway.services.shared.tasks import NewTask
from victim_gateway.vocabulary import AttachmentKind, AttachmentState, SharedFileState, TaskKind, TaskName

log = structlog.get_logger()
_BATCH = 50


@dataclass(frozen=True, slots=True)
class _ClaimedFile:
    kind: AttachmentKind
    content: bytes


def make_shared_copy(shared_file_id: UUID, *, actor: Actor, at: datetime) -> SharedFileState | None:
    """Make the copy of a file that waits for one; None where there is nothing to do, or the scanner is away.

    As the service. Safe to call at any time and twice at once: what is not waiting is left alone.
    """
    claimed = _claim(shared_file_id, actor, at)
    if claimed is None:
        return None
    try:
        copy = clean_apart(claimed.content, claimed.kind)
        if scan_content(copy.content) is AttachmentState.INFECTED:
            raise UnusableDocument(DocumentProblem.VIRUS)
    except UnusableDocument as unusable:
        with transaction(actor) as session:
            return _refuse(session, shared_file_id, unusable.problem, at)
    except ScannerUnavailable as away:
        log.warning("shared_file.not_scanned", shared_file_id=str(shared_file_id), problem=str(away))
        return None
    with transaction(actor) as session:
        return _keep(session, shared_file_id, copy, at)


def wake_shared_copies(*, actor: Actor, at: datetime) -> int:
    """Wake workers for copies whose making was lost, died, or found no scanner; how many."""
    with transaction(actor) as session:
        waiting = session.scalars(
            select(SharedFile.id)
            .where(
                SharedFile.state == SharedFileState.WAITING,
                SharedFile.asked_at < at - timedelta(minutes=1),
                or_(SharedFile.tried_at.is_(None), SharedFile.tried_at < at - FILE_LEASE),
            )
            .order_by(func.coalesce(SharedFile.tried_at, SharedFile.asked_at), SharedFile.id)
            .limit(_BATCH)
        ).all()
        for shared_file_id in waiting:
            enqueue_task(session, TaskName.COPY_FOR_PROVIDER, at, shared_file_id=shared_file_id)
    return len(waiting)


def _claim(shared_file_id: UUID, actor: Actor, at: datetime) -> _ClaimedFile | None:
    """Note that it is being tried, and open the file; nothing is locked while the copy is made."""
    with transaction(actor) as session:
        attachment_id = session.scalar(
            update(SharedFile)
            .where(
                SharedFile.id == shared_file_id,
                SharedFile.state == SharedFileState.WAITING,
                or_(SharedFile.tried_at.is_(None), SharedFile.tried_at < at - FILE_LEASE),
            )
            .values(tried_at=at)
            .returning(SharedFile.attachment_id)
        )
        if attachment_id is None:
            return None
        attachment = session.get_one(Attachment, attachment_id)
        onward = _onward_of(session, shared_file_id)
        if (
            not is_fetchable(attachment.state)
            or attachment.stays_here
            or onward.state not in LIVE_ONWARD_STATES
        ):
            end_shared_files(session, SharedFile.id == shared_file_id, at=at)
            return None
        try:
            _, key = case_locks.open_person(session, onward.person_id)
        except (NotFound, SealBroken):
            # The person was erased: there is nothing left that could be opened.
            end_shared_files(session, SharedFile.id == shared_file_id, at=at)
            return None
        return _ClaimedFile(attachment.kind, b"".join(stored_content(session, attachment_id, key)))


def _onward_of(session: Session, shared_file_id: UUID) -> OnwardReferral:
    of_file = select(SharedFile.onward_referral_id).where(SharedFile.id == shared_file_id)
    return session.get_one(OnwardReferral, session.scalars(of_file).one())


def _lock_waiting(session: Session, shared_file_id: UUID) -> tuple[OnwardReferral, SharedFile] | None:
    """The onward referral and the copy, locked in the order of every action; None where it waits no more."""
    onward = case_locks.lock_onward_referral(session, _onward_of(session, shared_file_id).id)
    row = session.get_one(SharedFile, shared_file_id, with_for_update=True, populate_existing=True)
    return (onward, row) if row.state is SharedFileState.WAITING else None


def _keep(session: Session, shared_file_id: UUID, copy: CleanCopy, at: datetime) -> SharedFileState | None:
    locked = _lock_waiting(session, shared_file_id)
    if locked is None:
        return None
    onward, row = locked
    try:
        key = encrypted_rows.open_key(session, onward.key_id)
    except SealBroken:
        return None
    store_copy(session, row.id, key, copy.content)
    row.state, row.made_at, row.size = SharedFileState.READY, at, len(copy.content)
    row.removed = [detail.value for detail in copy.removed]
    # What a person was asked after a day of waiting.
    tasks.finish_task(session, copy_refused_key(row.id), at=at)
    _record_copy(session, onward, row)
    return row.state


def _refuse(
    session: Session, shared_file_id: UUID, problem: DocumentProblem, at: datetime
) -> SharedFileState | None:
    locked = _lock_waiting(session, shared_file_id)
    if locked is None:
        return None
    onward, row = locked
    row.state, row.problem = SharedFileState.REFUSED, problem.value
    tasks.finish_task(session, copy_refused_key(row.id), at=at)
    _record_copy(session, onward, row)
    task = NewTask(
        kind=TaskKind.ATTACHMENT_REFUSED,
        referral_id=onward.referral_id,
        dedupe_key=copy_refused_key(row.id),
        onward_referral_id=onward.id,
        details={"problem": problem.value},
    )
    tasks.open_task(session, task, at=at)
    session.flush()
    next_action.refresh_next_actions(session, [onward.referral_id], at=at)
    return row.state


def _record_copy(session: Session, onward: OnwardReferral, row: SharedFile) -> None:
    record_audit(
        session,
        "shared_file.made" if row.problem is None else "shared_file.refused",
        subject_type="onward_referral",
        subject_id=onward.id,
        person_id=onward.person_id,
        shared_file_id=row.id,
        attachment_id=row.attachment_id,
        removed=list(row.removed),
    )
