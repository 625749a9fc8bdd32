"""The copies of files that go with an onward referral, as each side may see them, and the files that could go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Row, bindparam, exists, select
from sqlalchemy.orm import Session

from victim_gateway.database import encrypted_rows
from victim_gateway.documents.clean_copies import REMOVED_LABELS, RemovedDetail
from victim_gateway.documents.kinds import ENDINGS
from victim_gateway.documents.problems import EXPLANATIONS, DocumentProblem
from victim_gateway.models import Attachment, Consent, OnwardReferral, Person, SharedFile
from victim_gateway.vocabulary import AttachmentKind, AttachmentState, SharedFileState


@dataclass(frozen=True, slots=True)
class SharedDocument:
    """A copy as a provider reads of it: a number instead of a name."""

    shared_file_id: UUID
    number: int
    kind: AttachmentKind
    size: int
    shared_at: datetime | None

    @property
    def name(self) -> str:
        """What it is called when it is saved."""
        return document_name(self.number, self.kind)


@dataclass(frozen=True, slots=True)
class CopyForProvider:
    """A copy as the caseworker reads of it. `title` is what the file is called here; a provider never sees it."""

    shared_file_id: UUID
    name: str
    title: str
    size: int | None
    state: SharedFileState
    removed: tuple[str, ...]
    explanation: str | None
    shared_at: datetime | None


@dataclass(frozen=True, slots=True)
class FileToChoose:
    """A file of the referral; `hindrance` says why it can't go."""

    attachment_id: UUID
    number: int
    title: str
    kind: AttachmentKind
    hindrance: str | None


_SHARED = (
    select(SharedFile.id, SharedFile.number, SharedFile.kind, SharedFile.size, SharedFile.shared_at)
    .where(
        SharedFile.onward_referral_id == bindparam("onward_referral_id"),
        SharedFile.state == SharedFileState.SHARED,
    )
    .order_by(SharedFile.number)
)
_COPIES = (
    select(SharedFile, Attachment)
    .join(Attachment, Attachment.id == SharedFile.attachment_id)
    .where(
        SharedFile.onward_referral_id == bindparam("onward_referral_id"),
        SharedFile.state != SharedFileState.ENDED,
    )
    .order_by(SharedFile.number)
)
_IS_ANSWER = exists().where(Consent.attachment_id == Attachment.id)
_FILES = (
    select(Attachment, _IS_ANSWER)
    .where(
        Attachment.referral_id == bindparam("referral_id"),
        Attachment.state.in_((AttachmentState.WAITING, AttachmentState.CLEAN, AttachmentState.UNSCANNED)),
    )
    .order_by(Attachment.number)
)


def document_name(number: int, kind: AttachmentKind) -> str:
    """What a copy is called: nothing of the person, and nothing of what the file was called."""
    return f"Document {number}.{ENDINGS[kind][0]}"


def shared_documents(session: Session, onward_referral_id: UUID) -> tuple[SharedDocument, ...]:
    """What is shared with an onward referral; for a provider, as far as row-level security shows it to them."""
    return tuple(
        SharedDocument(row.id, row.number, row.kind, row.size or 0, row.shared_at)
        for row in session.execute(_SHARED, {"onward_referral_id": onward_referral_id})
    )


def copies_for_provider(
    session: Session, onward_referral_id: UUID
) -> tuple[tuple[CopyForProvider, ...], tuple[FileToChoose, ...]]:
    """The copies of an onward referral, and the files that could be copied; for a caseworker."""
    onward = session.get_one(OnwardReferral, onward_referral_id)
    key = encrypted_rows.open_key(session, session.get_one(Person, onward.person_id).key_id)
    rows = session.execute(_COPIES, {"onward_referral_id": onward_referral_id}).all()
    copies = tuple(_copy(shared, attachment, key) for shared, attachment in rows)
    chosen = {shared.attachment_id for shared, _ in rows if shared.state is not SharedFileState.REFUSED}
    files = session.execute(_FILES, {"referral_id": onward.referral_id}).all()
    return copies, _files_to_choose(files, chosen, key)


def _copy(shared: SharedFile, attachment: Attachment, key: bytes) -> CopyForProvider:
    return CopyForProvider(
        shared_file_id=shared.id,
        name=document_name(shared.number, shared.kind),
        title=_title(attachment, key),
        size=shared.size,
        state=shared.state,
        removed=tuple(REMOVED_LABELS[RemovedDetail(detail)] for detail in shared.removed),
        explanation=EXPLANATIONS[DocumentProblem(shared.problem)] if shared.problem else None,
        shared_at=shared.shared_at,
    )


def _files_to_choose(
    files: Sequence[Row[Attachment, bool]], chosen: set[UUID], key: bytes
) -> tuple[FileToChoose, ...]:
    return tuple(
        FileToChoose(row.id, row.number, _title(row, key), row.kind, _hindrance(row, is_answer=is_answer))
        for row, is_answer in ((each[0], each[1]) for each in files)
        if row.id not in chosen
    )


def _hindrance(attachment: Attachment, *, is_answer: bool) -> str | None:
    if attachment.stays_here:
        return "It must stay in the Gateway"
    if is_answer:
        return "It is a written answer about consent"
    return "It is still being checked" if attachment.state is AttachmentState.WAITING else None


def _title(attachment: Attachment, key: bytes) -> str:
    title: str = encrypted_rows.unseal_row(key, "attachment", attachment.id, attachment.sealed)["title"]
    return title
