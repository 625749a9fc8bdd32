"""Files that go along with an onward referral: a caseworker chooses, a worker copies, a caseworker looks and shares.

A provider reads a copy once it is shared and they have accepted, and only while they may see the onward referral.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.actors import Actor
from victim_gateway.database import encrypted_rows
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.outbox import enqueue_task
from victim_gateway.database.transaction import transaction
from victim_gateway.documents.kinds import MEDIA_TYPES
from victim_gateway.errors import InvalidInput, NotFound, StaleVersion, TransitionNotAllowed
from victim_gateway.models import Attachment, Consent, OnwardReferral, SharedFile
from victim_gateway.queries.onward_referrals.eligibility import NO_FILES_BY_LINK, is_only_by_link
from victim_gateway.queries.onward_referrals.handover import sharing_basis
from victim_gateway.queries.onward_referrals.shared_files import document_name
from victim_gateway.row_ids import new_row_id
from victim_gateway.rules.consent_answers import parts_beyond_scope
from victim_gateway.rules.handover import RecordedConsent
from victim_gateway.rules.transitions import LIVE_ONWARD_STATES
from victim_gateway.services.onward_referrals._consent_basis import rest_on_consent
from victim_gateway.services.onward_referrals._offer_checks import (
    gather_shareable_source,
    require_own_yes,
    require_restorative_yes,
)
from victim_gateway.services.onward_referrals.share_again import refresh_share_again_tasks
from victim_gateway.services.shared import case_locks
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.onward_referral_action import (
    OnwardReferralAction,
    onward_referral_action,
)
from victim_gateway.services.shared.stored_files import end_shared_files, is_fetchable, stored_copy
from victim_gateway.vocabulary import HandoverPart, SharedFileState, TaskName

FILES_SHARED, FILE_TAKEN_BACK = "onward_referral.files_shared", "onward_referral.file_taken_back"
NOT_AGREED = "Ask the person first: they must agree to these files going to this provider"
CHANGED = "The files were changed since you opened the page. Look at them again, then share."
MOST_SHARED = 50


@dataclass(frozen=True, slots=True)
class FetchedCopy:
    """A copy to be saved: its name is a number, and tells nothing of the person or of what the file was called."""

    file_name: str
    media_type: str
    content: bytes


def copy_files_for_provider(
    command: Command, onward_referral_id: UUID, *, attachment_ids: Collection[UUID]
) -> None:
    """Have copies made of checked files, without their metadata. The provider sees none before they are shared.

    Raises InvalidInput without a file, NotFound for one of another referral, and TransitionNotAllowed for one that is
    not checked, must stay in the Gateway or is a written answer, and where nothing more may be shared.
    """
    if not attachment_ids:
        raise InvalidInput("Choose a file", fields={"files": "Choose a file"})
    event = "onward_referral.files_chosen"
    with onward_referral_action(command, onward_referral_id, Permission.EDIT_CASEWORK, event) as action:
        _require_shareable(action)
        session, onward = action.session, action.onward
        first = _first_number(session, onward, len(attachment_ids))
        for number, attachment_id in enumerate(sorted(attachment_ids), start=first):
            attachment = _require_attachment(session, onward, attachment_id)
            shared_file_id = new_row_id()
            session.execute(
                insert(SharedFile).values(
                    id=shared_file_id,
                    onward_referral_id=onward.id,
                    attachment_id=attachment_id,
                    number=number,
                    kind=attachment.kind,
                    state=SharedFileState.WAITING,
                    asked_at=action.at,
                    asked_by_id=action.actor.user_id,
                )
            )
            enqueue_task(session, TaskName.COPY_FOR_PROVIDER, action.at, shared_file_id=shared_file_id)


def share_files(
    command: Command, onward_referral_id: UUID, *, shared_file_ids: Collection[UUID], agreed: bool
) -> None:
    """Give the provider the copies that the caseworker has looked at. `agreed`: the person said yes to these files.

    Raises InvalidInput without the yes or beyond what it reaches, StaleVersion where they are not those that are
    ready now, and TransitionNotAllowed where nothing more may be shared.
    """
    with onward_referral_action(
        command, onward_referral_id, Permission.EDIT_CASEWORK, FILES_SHARED
    ) as action:
        basis = _require_shareable(action)
        if isinstance(basis, RecordedConsent) and not agreed:
            raise InvalidInput(NOT_AGREED, fields={"agreed": NOT_AGREED})
        ready = _lock_files(action.session, action.onward, SharedFileState.READY)
        if not ready or {row.id for row in ready} != set(shared_file_ids):
            raise StaleVersion(CHANGED)
        for row in ready:
            _require_attachment(action.session, action.onward, row.attachment_id, again=True)
            row.state, row.shared_at, row.shared_by_id = (
                SharedFileState.SHARED,
                action.at,
                action.actor.user_id,
            )
            _record_file(action, "shared", row)
        action.add_timeline_entry(FILES_SHARED)


def take_back_file(command: Command, onward_referral_id: UUID, *, shared_file_id: UUID) -> None:
    """Take a file out: from this moment the provider can't open it, and the copy is deleted.

    Raises NotFound, and TransitionNotAllowed where it was taken out already.
    """
    with onward_referral_action(
        command, onward_referral_id, Permission.EDIT_CASEWORK, FILE_TAKEN_BACK
    ) as action:
        row = action.session.get(SharedFile, shared_file_id)
        if row is None or row.onward_referral_id != action.onward.id:
            raise NotFound
        was_shared = row.state is SharedFileState.SHARED
        if not end_shared_files(action.session, SharedFile.id == shared_file_id, at=action.at):
            raise TransitionNotAllowed("This file was taken out already. Nothing was changed.")
        _record_file(action, "taken_back", row)
        if was_shared:
            action.add_timeline_entry(FILE_TAKEN_BACK)


def fetch_shared_copy(onward_referral_id: UUID, shared_file_id: UUID, *, actor: Actor) -> FetchedCopy:
    """Read a copy, with its audit entry: a caseworker one that is ready or shared, the provider one they may see.

    Raises NotFound for everything else, so that a file that was taken out is as one that never was.
    """
    with transaction(actor) as session:
        found = session.execute(
            select(SharedFile.number, SharedFile.kind, OnwardReferral.key_id, OnwardReferral.person_id)
            .join(OnwardReferral, OnwardReferral.id == SharedFile.onward_referral_id)
            .where(
                SharedFile.id == shared_file_id,
                SharedFile.onward_referral_id == onward_referral_id,
                SharedFile.state.in_((SharedFileState.READY, SharedFileState.SHARED)),
            )
        ).first()
        if found is None:
            raise NotFound
        content = stored_copy(session, shared_file_id, encrypted_rows.open_key(session, found.key_id))
        if not content:
            raise NotFound
        record_audit(
            session,
            "shared_file.fetched",
            subject_type="onward_referral",
            subject_id=onward_referral_id,
            person_id=found.person_id,
            shared_file_id=shared_file_id,
        )
        return FetchedCopy(document_name(found.number, found.kind), MEDIA_TYPES[found.kind], content)


def _require_shareable(action: OnwardReferralAction) -> object:
    """What the sharing rests on. Raises TransitionNotAllowed or InvalidInput where no file may go."""
    session, onward, on = action.session, action.onward, times.london_date(action.at)
    if onward.state not in LIVE_ONWARD_STATES:
        raise TransitionNotAllowed("This onward referral has ended: nothing can be shared with it.")
    if is_only_by_link(session, onward.service_id):
        raise TransitionNotAllowed(NO_FILES_BY_LINK)
    case_locks.lock_person_row(session, onward.person_id)
    basis = sharing_basis(session, onward, on)
    if basis is None:
        raise TransitionNotAllowed("The person's yes to sharing is not in force, so no file may be shared.")
    if isinstance(basis, RecordedConsent) and parts_beyond_scope((HandoverPart.FILES,), basis.scope):
        message = "The person's yes does not reach files. Ask them, and record a new answer first."
        raise InvalidInput(message, fields={"files": message})
    # So that taking this yes back ends the files as well.
    if rest_on_consent(session, onward, at=action.at):
        refresh_share_again_tasks(session, [onward.referral_id], at=action.at)
    require_restorative_yes(session, onward)
    require_own_yes(session, onward)
    gather_shareable_source(session, onward.referral_id, on)
    return basis


def _require_attachment(
    session: Session, onward: OnwardReferral, attachment_id: UUID, *, again: bool = False
) -> Attachment:
    attachment = session.get(Attachment, attachment_id, populate_existing=True)
    if attachment is None or attachment.referral_id != onward.referral_id:
        raise NotFound
    if not is_fetchable(attachment.state):
        raise TransitionNotAllowed("A file that is not checked, or not kept, can't be shared.")
    if attachment.stays_here:
        raise TransitionNotAllowed("This file must stay in the Gateway, so no copy of it can be shared.")
    if session.scalar(select(Consent.id).where(Consent.attachment_id == attachment_id).limit(1)) is not None:
        raise TransitionNotAllowed("This file is a written answer about consent: it stays in the Gateway.")
    if not again and session.scalar(
        select(SharedFile.id).where(
            SharedFile.onward_referral_id == onward.id,
            SharedFile.attachment_id == attachment_id,
            SharedFile.state.in_((SharedFileState.WAITING, SharedFileState.READY, SharedFileState.SHARED)),
        )
    ):
        raise TransitionNotAllowed("A copy of this file was chosen already.")
    return attachment


def _lock_files(session: Session, onward: OnwardReferral, state: SharedFileState) -> Sequence[SharedFile]:
    return session.scalars(
        select(SharedFile)
        .where(SharedFile.onward_referral_id == onward.id, SharedFile.state == state)
        .order_by(SharedFile.number)
        .with_for_update()
    ).all()


def _first_number(session: Session, onward: OnwardReferral, how_many: int) -> int:
    # The onward referral is locked: two choices at once get two numbers.
    last = session.scalar(
        select(func.max(SharedFile.number)).where(SharedFile.onward_referral_id == onward.id)
    )
    if (last or 0) + how_many > MOST_SHARED:
        raise TransitionNotAllowed(f"At most {MOST_SHARED} files can go with one onward referral.")
    return (last or 0) + 1


def _record_file(action: OnwardReferralAction, step: str, row: SharedFile) -> None:
    record_audit(
        action.session,
        f"shared_file.{step}",
        subject_type="onward_referral",
        subject_id=action.onward.id,
        person_id=action.onward.person_id,
        shared_file_id=row.id,
        attachment_id=row.attachment_id,
    )
