"""A referral that should never have been here: marked by a senior caseworker, for good, and nothing is deleted.

Every event that started or stopped one of its clocks is taken back from now on. So its clocks end and it is in no
figure from this moment, while figures as at an earlier moment stay as they were known. Whichever page asks for it,
`enter_in_error_in_action` does it: there is no other way into the state.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from victim_gateway.access.permissions import Permission, is_permitted
from victim_gateway.database.table_aliases import named_alias
from victim_gateway.database.transaction import as_service
from victim_gateway.errors import InvalidInput, NotAllowed, TransitionNotAllowed
from victim_gateway.models import CaseEvent, OnwardReferral, Referral, Task
from victim_gateway.rules.transitions import LIVE_ONWARD_STATES, REFERRAL_TRANSITIONS
from victim_gateway.services import onward_referrals
from victim_gateway.services.compliance import case_events
from victim_gateway.services.shared import next_action
from victim_gateway.services.shared.case_action import EventDetails, ReferralAction, referral_action
from victim_gateway.services.shared.case_locks import LockScope
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import EventKind, ReferralState, TaskKind, WithdrawReason

ENTERED_IN_ERROR = "entered_in_error"
EVENT = "referral.entered_in_error"


def enter_in_error(command: Command, referral_id: UUID, *, text: str) -> None:
    """Mark a referral as entered in error, with the reason; it can't be taken back.

    What is with providers is withdrawn, and they are told that and not why. Open tasks are done, but for the
    check of safe contact, which moves to another open referral of the person, and e-mails that failed: whoever
    was not told still has to be. Raises NotAllowed for other roles than a senior's, InvalidInput without a
    reason, TransitionNotAllowed for a closed referral.
    """
    with referral_action(command, referral_id, lock=LockScope.PERSON_REFERRALS) as action:
        enter_in_error_in_action(action, text=text)


def enter_in_error_in_action(action: ReferralAction, *, text: str, reason_code: str | None = None) -> None:
    """`enter_in_error` in an action that is open, with every referral of the person locked."""
    referral = action.referral
    if not is_permitted(action.actor.role, Permission.ENTER_IN_ERROR):
        raise NotAllowed("Only a senior caseworker can mark a referral as entered in error.")
    if not text.strip():
        message = "Enter why it should never have been here"
        raise InvalidInput(message, fields={"reason_text": message})
    if ReferralState.ENTERED_IN_ERROR not in REFERRAL_TRANSITIONS[referral.state]:
        raise TransitionNotAllowed(
            "A closed referral has to be reopened first; one that is marked already stays so."
        )
    _withdraw_from_providers(action)
    referral.set_held_reasons(())
    details = EventDetails(text=text.strip(), reason_code=reason_code)
    action.change_state(ReferralState.ENTERED_IN_ERROR, EVENT, details)
    _finish_tasks(action)
    _void_counted_events(action)
    action.record_audit(EVENT, **({"reason": reason_code} if reason_code else {}))


def _withdraw_from_providers(action: ReferralAction) -> None:
    session, referral = action.session, action.referral
    live = session.scalars(
        select(OnwardReferral.id)
        .where(OnwardReferral.referral_id == referral.id, OnwardReferral.state.in_(LIVE_ONWARD_STATES))
        .order_by(OnwardReferral.id)
    ).all()
    for onward_id in live:
        onward_referrals.withdraw_in_transaction(
            session, action.command, onward_id, reason=WithdrawReason.SENT_BY_MISTAKE
        )
    session.flush()
    session.refresh(referral)


def _finish_tasks(action: ReferralAction) -> None:
    session, referral = action.session, action.referral
    with as_service(session):
        other = _other_open_referral(session, referral)
        mine = (Task.referral_id == referral.id, Task.done_at.is_(None))
        if other is not None:
            moved = update(Task).where(*mine, Task.kind == TaskKind.SAFE_CONTACT_CHECK)
            session.execute(moved.values(referral_id=other))
        done = update(Task).where(*mine, Task.kind != TaskKind.MESSAGE_FAILED)
        session.execute(done.values(done_at=action.at, done_by_id=action.actor.user_id))
    if other is not None:
        next_action.refresh_next_actions(session, [other], at=action.at)


def _other_open_referral(session: Session, referral: Referral) -> UUID | None:
    ended = (ReferralState.CLOSED, ReferralState.ENTERED_IN_ERROR)
    return session.scalar(
        select(Referral.id)
        .where(
            Referral.person_id == referral.person_id,
            Referral.id != referral.id,
            Referral.state.not_in(ended),
        )
        .order_by(Referral.received_at.desc(), Referral.id)
        .limit(1)
    )


def _void_counted_events(action: ReferralAction) -> None:
    """Take back what any clock was counted from, as of now."""
    session, voiding = action.session, named_alias(CaseEvent, "voiding")
    with as_service(session):
        counted = session.scalars(
            select(CaseEvent.id)
            .outerjoin(voiding, voiding.voids_id == CaseEvent.id)
            .where(
                CaseEvent.referral_id == action.referral.id,
                CaseEvent.kind.in_((EventKind.CODE, EventKind.LOCAL)),
                CaseEvent.voids_id.is_(None),
                voiding.id.is_(None),
            )
            .order_by(CaseEvent.sequence)
        ).all()
        for event_id in counted:
            case_events.void_case_event_without_clocks(
                session, event_id, at=action.at, reason_code=ENTERED_IN_ERROR
            )
