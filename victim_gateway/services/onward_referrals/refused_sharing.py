"""What follows where a person's newest answer, on any record of theirs, is no to sharing, or yes to less of it."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.database import encrypted_rows
from victim_gateway.database.transaction import as_service
from victim_gateway.models import OnwardReferral, SharedFile
from victim_gateway.queries.onward_referrals.handover import HANDOVER, sharing_basis
from victim_gateway.queries.people.merged_records import is_record_of
from victim_gateway.rules.consent_answers import parts_beyond_scope
from victim_gateway.rules.handover import RecordedConsent, RecordedOverride
from victim_gateway.rules.transitions import LIVE_ONWARD_STATES, UNANSWERED_ONWARD_STATES
from victim_gateway.services.onward_referrals._consent_basis import rest_on_consent
from victim_gateway.services.onward_referrals.share_again import refresh_share_again_tasks
from victim_gateway.services.onward_referrals.withdraw_and_expire import withdraw_in_transaction
from victim_gateway.services.shared import next_action, tasks
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.onward_referral_action import onward_task_key
from victim_gateway.services.shared.stored_files import end_shared_files
from victim_gateway.services.shared.tasks import NewTask
from victim_gateway.vocabulary import HandoverPart, TaskKind, WithdrawReason


def heed_refused_sharing(session: Session, command: Command, person_id: UUID) -> None:
    """Take back what waits for a provider to whom the person's newest answer is no; ask about what has begun.

    Files that were shared are taken back at once, where it is a no and where it is a yes that does not reach them. A
    caseworker is asked about the rest: a handover that was read can't be made unread.

    For records that became one person, or two again: nobody said anything new, so support that a provider gives is
    not ended by itself. Nothing more is shared meanwhile (`is_sharing_agreed`), and a caseworker decides. Every
    referral of the person is locked.
    """
    session.flush()
    with as_service(session):
        _rest_on_consent(session, command, person_id)
        live = session.scalars(
            select(OnwardReferral)
            .where(
                is_record_of(OnwardReferral.person_id, person_id),
                OnwardReferral.state.in_(LIVE_ONWARD_STATES),
                # What rests on a senior caseworker's yes never rested on the person's.
                OnwardReferral.sharing_override_id.is_(None),
            )
            .order_by(OnwardReferral.id)
        ).all()
        for onward in live:
            key = onward_task_key(TaskKind.SHARING_REFUSED, onward.id)
            basis = sharing_basis(session, onward, times.london_date(command.at))
            beyond = _end_beyond(session, onward, basis, command) if basis is not None else ()
            if basis is not None and not beyond:
                tasks.finish_task(session, key, at=command.at)
            elif basis is None and onward.state in UNANSWERED_ONWARD_STATES:
                withdraw_in_transaction(session, command, onward.id, reason=WithdrawReason.CONSENT_WITHDRAWN)
            else:
                if basis is None:
                    _end_files(session, onward, command)
                asked = NewTask(
                    kind=TaskKind.SHARING_REFUSED,
                    referral_id=onward.referral_id,
                    dedupe_key=key,
                    onward_referral_id=onward.id,
                    details={"beyond": [part.value for part in beyond]} if beyond else {},
                )
                tasks.open_task(session, asked, at=command.at)
        touched = sorted({onward.referral_id for onward in live})
        next_action.refresh_next_actions(session, touched, at=command.at)


def _rest_on_consent(session: Session, command: Command, person_id: UUID) -> None:
    """What was begun without consent, and whose last day is over, goes on by the person's own yes."""
    begun = select(OnwardReferral).where(
        is_record_of(OnwardReferral.person_id, person_id),
        OnwardReferral.state.in_(LIVE_ONWARD_STATES),
        OnwardReferral.sharing_override_id.is_not(None),
    )
    changed = [
        onward.referral_id
        for onward in session.scalars(begun.order_by(OnwardReferral.id)).all()
        if rest_on_consent(session, onward, at=command.at)
    ]
    refresh_share_again_tasks(session, changed, at=command.at)


def _end_beyond(
    session: Session, onward: OnwardReferral, basis: RecordedConsent | RecordedOverride, command: Command
) -> tuple[HandoverPart, ...]:
    """Take back files that the yes does not reach; gives the parts of the handover beyond it."""
    if not isinstance(basis, RecordedConsent) or not basis.scope:
        return ()
    if parts_beyond_scope((HandoverPart.FILES,), basis.scope):
        _end_files(session, onward, command)
    key = encrypted_rows.open_key(session, onward.key_id)
    shared = encrypted_rows.unseal_row(key, HANDOVER, onward.id, onward.handover_sealed)
    return parts_beyond_scope([HandoverPart(part) for part in shared["parts"]], basis.scope)


def _end_files(session: Session, onward: OnwardReferral, command: Command) -> None:
    end_shared_files(session, SharedFile.onward_referral_id == onward.id, at=command.at)
