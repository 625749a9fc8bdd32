"""When a referral may change hands, and what goes along with it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from victim_gateway.database.transaction import as_service
from victim_gateway.errors import TransitionNotAllowed
from victim_gateway.models import Referral, ReferralAccess, Reminder, User
from victim_gateway.vocabulary import HandoverReason, ReferralState, ReminderKind

_ENDED = (ReferralState.CLOSED, ReferralState.ENTERED_IN_ERROR)


@dataclass(frozen=True, slots=True)
class HandoverWhy:
    """Why a referral changes hands. `text` is sealed with the entry of the timeline."""

    reason: HandoverReason
    text: str | None = None


def refuse_assignment(session: Session, referral: Referral, user: User, *, only_unassigned: bool) -> None:
    """Raises TransitionNotAllowed, with what to do instead, for a referral that this caseworker can't be given."""
    before_id = referral.assigned_to_id
    if referral.state in _ENDED:
        raise TransitionNotAllowed("This referral is closed. Reopen it before you give it to anybody.")
    if referral.state is ReferralState.HELD and before_id is None:
        raise TransitionNotAllowed("This referral is held. Decide about the hold first.")
    if only_unassigned and before_id not in (None, user.id):
        # Not null here, as None is among those that pass.
        name = caseworker_names(session, [before_id])[before_id] if before_id else ""
        raise TransitionNotAllowed(
            f"{name} looks after this referral. Open it, or ask a senior caseworker to hand it over."
        )
    if referral.restricted and user.id not in readers_of_restricted(session, [referral.id])[referral.id]:
        raise TransitionNotAllowed(
            "This referral is restricted, and the caseworker you chose may not see it. Choose one who may."
        )


def readers_of_restricted(session: Session, referral_ids: Collection[UUID]) -> Mapping[UUID, set[UUID]]:
    """Who may see those of these referrals that are restricted; one that is open to all is not among them.

    As the service: nobody but the named few may read who is named.
    """
    readers: defaultdict[UUID, set[UUID]] = defaultdict(set)
    with as_service(session):
        rows = session.execute(
            select(Referral.id, ReferralAccess.user_id)
            .outerjoin(ReferralAccess, ReferralAccess.referral_id == Referral.id)
            .where(Referral.id.in_(referral_ids), Referral.restricted)
        )
        for referral_id, user_id in rows:
            readers[referral_id] |= {user_id} if user_id else set()
    return readers


def caseworker_names(session: Session, user_ids: Collection[UUID]) -> Mapping[UUID, str]:
    """The names of these accounts."""
    rows = session.execute(select(User.id, User.name).where(User.id.in_(user_ids)))
    return {row.id: row.name for row in rows}


def pass_on_unread_notes(
    session: Session, referral_id: UUID, *, from_user_id: UUID, to_user_id: UUID
) -> None:
    """Show the new caseworker the notes that the one before has not read.

    What is due needs no such step: the reminder pass addresses it to whoever has the referral.
    """
    with as_service(session):
        session.execute(
            update(Reminder)
            .where(
                Reminder.referral_id == referral_id,
                Reminder.kind == ReminderKind.NOTE_WRITTEN,
                Reminder.recipient_user_id == from_user_id,
                Reminder.resolved_at.is_(None),
            )
            .values(recipient_user_id=to_user_id)
        )
