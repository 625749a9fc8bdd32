"""Checking attached files in a worker: what they are, and whether ClamAV finds anything in them.

The row is the truth: a file waits until a check ended, however often workers or the scanner die meanwhile. A scanner
that does not answer makes it wait, never clean.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import func, null, or_, select, update
from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.crypto import SealBroken
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.outbox import enqueue_task
from victim_gateway.database.transaction import transaction
from victim_gateway.documents.problems import DocumentProblem, UnusableDocument
from victim_gateway.errors import NotFound
from victim_gateway.integrations.document_examiner import examine_apart
from victim_gateway.integrations.virus_scanner import ScannerUnavailable
from victim_gateway.models import Attachment, OnwardReferral, Referral, SharedFile
from victim_gateway.services.referrals.attachments import delete_content, refused_key
from victim_gateway.services.shared import case_locks, next_action, tasks
from victim_gateway.services.shared.stored_files import (
    FILE_LEASE,
    copy_refused_key,
    scan_content,
    stored_content,
)
from victim_gateway.services.shared.tasks import NewTask
from victim_gateway.vocabulary import AttachmentKind, AttachmentState, SharedFileState, TaskKind, TaskName

log = structlog.get_logger()

_BATCH = 50
ASK_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Claimed:
    kind: AttachmentKind
    content: bytes


@dataclass(frozen=True, slots=True)
class _Verdict:
    state: AttachmentState
    problem: DocumentProblem | None = None


def check_attachment(attachment_id: UUID, *, actor: Actor, at: datetime) -> AttachmentState | None:
    """Check a file that waits; None where there is nothing to do, or the scanner has to be asked again later.

    As the service. Safe to call at any time and twice at once: what is not waiting is left alone.
    """
    claimed = _claim(attachment_id, actor, at)
    if claimed is None:
        return None
    try:
        verdict = _judge(claimed)
    except ScannerUnavailable as away:
        log.warning("attachment.not_scanned", attachment_id=str(attachment_id), problem=str(away))
        return None
    with transaction(actor) as session:
        return verdict.state if _note(session, attachment_id, verdict, at) else None


def wake_attachment_checks(*, actor: Actor, at: datetime) -> int:
    """Wake workers for files whose check was lost, died, or found no scanner; how many."""
    with transaction(actor) as session:
        waiting = session.scalars(
            select(Attachment.id)
            .where(
                Attachment.state == AttachmentState.WAITING,
                Attachment.added_at < at - timedelta(minutes=1),
                or_(Attachment.tried_at.is_(None), Attachment.tried_at < at - FILE_LEASE),
            )
            .order_by(func.coalesce(Attachment.tried_at, Attachment.added_at), Attachment.id)
            .limit(_BATCH)
        ).all()
        for attachment_id in waiting:
            enqueue_task(session, TaskName.CHECK_ATTACHMENT, at, attachment_id=attachment_id)
    return len(waiting)


def ask_about_waiting_files(*, actor: Actor, at: datetime) -> int:
    """Ask a person about each file that has waited a day to be checked or copied; how many. Once for each.

    Without it a scanner that answers nothing, or a file that nothing can be said of, would be tried for ever.
    """
    with transaction(actor) as session:
        files = select(Attachment.id, Attachment.referral_id, null().label("onward_referral_id")).where(
            Attachment.state == AttachmentState.WAITING,
            Attachment.added_at < at - ASK_AFTER,
            ~tasks.open_task_exists("attachment-refused:", Attachment.id),
        )
        copies = (
            select(SharedFile.id, OnwardReferral.referral_id, SharedFile.onward_referral_id)
            .join(OnwardReferral, OnwardReferral.id == SharedFile.onward_referral_id)
            .where(
                SharedFile.state == SharedFileState.WAITING,
                SharedFile.asked_at < at - ASK_AFTER,
                ~tasks.open_task_exists("copy-refused:", SharedFile.id),
            )
        )
        found = [*session.execute(files.limit(_BATCH)).all(), *session.execute(copies.limit(_BATCH)).all()]
        for row in found:
            task = NewTask(
                kind=TaskKind.ATTACHMENT_REFUSED,
                referral_id=row.referral_id,
                dedupe_key=copy_refused_key(row.id) if row.onward_referral_id else refused_key(row.id),
                onward_referral_id=row.onward_referral_id,
                details={"problem": DocumentProblem.NOT_CHECKED_YET.value},
            )
            tasks.open_task(session, task, at=at)
        session.flush()
        next_action.refresh_next_actions(session, sorted({row.referral_id for row in found}), at=at)
    return len(found)


def _claim(attachment_id: UUID, actor: Actor, at: datetime) -> _Claimed | None:
    """Note that it is being tried, and open it; the file is not locked while it is checked."""
    with transaction(actor) as session:
        row = session.execute(
            update(Attachment)
            .where(
                Attachment.id == attachment_id,
                Attachment.state == AttachmentState.WAITING,
                or_(Attachment.tried_at.is_(None), Attachment.tried_at < at - FILE_LEASE),
            )
            .values(tried_at=at)
            .returning(Attachment.kind, Attachment.referral_id)
        ).first()
        if row is None:
            return None
        referral = session.get_one(Referral, row.referral_id)
        try:
            _, key = case_locks.open_person(session, referral.person_id)
        except (NotFound, SealBroken):
            # The person was erased: there is nothing left that could be opened.
            return None
        return _Claimed(row.kind, b"".join(stored_content(session, attachment_id, key)))


def _judge(claimed: _Claimed) -> _Verdict:
    """No connection to the database is held meanwhile. Raises ScannerUnavailable."""
    try:
        examine_apart(claimed.content, claimed.kind)
    except UnusableDocument as unusable:
        return _Verdict(AttachmentState.REFUSED, unusable.problem)
    found = scan_content(claimed.content)
    return _Verdict(found, DocumentProblem.VIRUS if found is AttachmentState.INFECTED else None)


def _note(session: Session, attachment_id: UUID, verdict: _Verdict, at: datetime) -> bool:
    """Write what was found, unless the file was removed meanwhile; one that is not kept becomes a task."""
    # The referral first, then what hangs on it: the same order as a removal.
    referral_id = session.scalar(select(Attachment.referral_id).where(Attachment.id == attachment_id))
    if referral_id is None:
        return False
    referral = case_locks.lock_referral(session, referral_id)
    attachment = session.get_one(Attachment, attachment_id, with_for_update=True, populate_existing=True)
    if attachment.state is not AttachmentState.WAITING:
        return False
    attachment.state, attachment.problem, attachment.checked_at = verdict.state, verdict.problem, at
    record_audit(
        session,
        "attachment.checked",
        subject_type="referral",
        subject_id=referral.id,
        person_id=referral.person_id,
        attachment_id=attachment_id,
        state=verdict.state,
    )
    # What a person was asked after a day of waiting.
    tasks.finish_task(session, refused_key(attachment_id), at=at)
    if verdict.problem is not None:
        delete_content(session, attachment_id)
        task = NewTask(
            kind=TaskKind.ATTACHMENT_REFUSED,
            referral_id=referral.id,
            dedupe_key=refused_key(attachment_id),
            details={"problem": verdict.problem.value},
        )
        tasks.open_task(session, task, at=at)
        session.flush()
        next_action.refresh_next_actions(session, [referral.id], at=at)
    return True
