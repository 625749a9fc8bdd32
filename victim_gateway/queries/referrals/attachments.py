"""The files of one referral: what they are, who added them, and whether they can be opened."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from victim_gateway.database import encrypted_rows
from victim_gateway.database.current import current_settings
from victim_gateway.documents.problems import EXPLANATIONS, DocumentProblem
from victim_gateway.models import Attachment, User
from victim_gateway.vocabulary import AttachmentKind, AttachmentState


@dataclass(frozen=True, slots=True)
class AttachedFile:
    """One file. `explanation` says why it was not kept, and what to do."""

    attachment_id: UUID
    number: int
    title: str
    kind: AttachmentKind
    size: int
    state: AttachmentState
    explanation: str | None
    added_at: datetime
    added_by: str
    can_be_fetched: bool
    stays_here: bool

    @property
    def size_label(self) -> str:
        """The size as a person says it."""
        if self.size < 1024 * 1024:
            return f"{max(1, self.size // 1024)} KB"
        return f"{self.size / 1024 / 1024:.1f} MB"


_OF_REFERRAL = (
    select(Attachment, User.name)
    .join(User, User.id == Attachment.added_by_id)
    .where(Attachment.referral_id == bindparam("referral_id"))
    .order_by(Attachment.number.desc())
)


def attached_files(session: Session, referral_id: UUID, key: bytes) -> tuple[AttachedFile, ...]:
    """Every file that was ever added, the newest first; `key` is the person's."""
    return tuple(
        _file(row, by, key) for row, by in session.execute(_OF_REFERRAL, {"referral_id": referral_id})
    )


def _file(row: Attachment, by: str, key: bytes) -> AttachedFile:
    unscanned_is_enough = not current_settings().is_production
    return AttachedFile(
        attachment_id=row.id,
        number=row.number,
        title=encrypted_rows.unseal_row(key, "attachment", row.id, row.sealed)["title"],
        kind=row.kind,
        size=row.size,
        state=row.state,
        explanation=EXPLANATIONS[DocumentProblem(row.problem)] if row.problem else None,
        added_at=row.added_at,
        added_by=by,
        stays_here=row.stays_here,
        can_be_fetched=row.state is AttachmentState.CLEAN
        or (row.state is AttachmentState.UNSCANNED and unscanned_is_enough),
    )
