"""Sharing without consent to keep a person safe: a caseworker asks, another, senior caseworker says yes or no.

It stands for the consent to share with one provider, and for nothing else: whether and how the person may be
contacted stays as it is, and restorative justice is never offered on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.database import encrypted_rows
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import InvalidInput, NotFound, TransitionNotAllowed
from victim_gateway.models import OnwardReferral, Provider, Referral, SharingOverride
from victim_gateway.queries.onward_referrals.handover import sharing_consent_in_force
from victim_gateway.queries.onward_referrals.sharing_overrides import onward_resting_on
from victim_gateway.row_ids import new_row_id
from victim_gateway.rules.transitions import LIVE_ONWARD_STATES
from victim_gateway.services.onward_referrals._consent_basis import rest_on_consent
from victim_gateway.services.onward_referrals.withdraw_and_expire import withdraw_in_transaction
from victim_gateway.services.shared import next_action, tasks
from victim_gateway.services.shared.case_action import EventDetails, ReferralAction, referral_action
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.onward_referral_action import require_permission
from victim_gateway.services.shared.tasks import NewTask
from victim_gateway.vocabulary import OverrideGround, OverrideState, ReferralState, TaskKind, WithdrawReason

LONGEST_DAYS = 92
_OVER = (ReferralState.CLOSED, ReferralState.ENTERED_IN_ERROR)


def ask_sharing_override(
    command: Command,
    referral_id: UUID,
    *,
    provider_id: UUID,
    ground: OverrideGround,
    reason: str,
    last_day_on: date,
) -> UUID:
    """Ask a senior caseworker whether a provider may be told without consent; nothing may be shared before.

    Asked again while one is in force, it prolongs that: a yes takes its place, and what rested on it goes on.
    Raises InvalidInput without a reason, for a last day that is over or more than three months off or for what is no
    provider, and TransitionNotAllowed where the person agrees, it was asked already, or the referral is over.
    """
    require_permission(command.actor, Permission.EDIT_CASEWORK)
    reason = _required(reason)
    _check_last_day(last_day_on, command)
    with _asked_once(), referral_action(command, referral_id) as action:
        _check_open(action)
        if action.session.get(Provider, provider_id) is None:
            raise InvalidInput("Choose the provider", fields={"provider": "Choose the provider"})
        consent = sharing_consent_in_force(action.session, action.referral.person_id, provider_id)
        # A yes to less than keeps them safe hinders nothing.
        if consent is not None and not consent.scope:
            raise TransitionNotAllowed("The person has said yes to this provider: refer them on with that.")
        override_id = new_row_id()
        sealed = encrypted_rows.seal_row(action.key, "sharing_override", override_id, {"reason": reason})
        action.session.execute(
            insert(SharingOverride).values(
                id=override_id,
                referral_id=referral_id,
                provider_id=provider_id,
                ground=ground,
                state=OverrideState.ASKED,
                sealed=sealed,
                last_day_on=last_day_on,
                asked_at=action.at,
                asked_by_id=action.actor.user_id,
            )
        )
        action.open_task(TaskKind.OVERRIDE_DECISION, dedupe_key=decision_key(override_id))
        _record(action, "asked", ground, reason)
    return override_id


def decide_sharing_override(
    command: Command, referral_id: UUID, *, override_id: UUID, agreed: bool, reason: str
) -> None:
    """A senior caseworker's yes or no, by another than who asked; with a yes the provider can be offered the person.

    A yes takes the place of an earlier one for the provider: that ends, and what rested on it rests on the new one.
    Raises NotAllowed for anybody else, InvalidInput without a reason, and TransitionNotAllowed where it was decided
    already, its last day is over, or they asked for it themselves.
    """
    require_permission(command.actor, Permission.DECIDE_SHARING_OVERRIDE)
    reason = _required(reason)
    with referral_action(command, referral_id) as action:
        override = _lock(action, override_id, OverrideState.ASKED)
        if override.asked_by_id == command.actor.user_id:
            raise TransitionNotAllowed(
                "You asked for this yourself. Another senior caseworker has to decide."
            )
        if agreed:
            _check_open(action)
            if override.last_day_on < times.london_date(action.at):
                raise TransitionNotAllowed(
                    "Its last day is over. Say no, and ask anew if it is still needed."
                )
            _replace_earlier(action, override)
        override.state = OverrideState.AGREED if agreed else OverrideState.REFUSED
        override.decided_at, override.decided_by_id = action.at, action.actor.user_id
        action.finish_task(decision_key(override_id))
        _record(action, override.state.value, override.ground, reason)


def end_sharing_override(command: Command, referral_id: UUID, *, override_id: UUID, reason: str) -> None:
    """A senior caseworker ends it: what rests on it is taken back, and the provider loses sight at once.

    What the person has agreed to since, in all its parts, goes on by their own yes.

    Raises NotAllowed for anybody else, InvalidInput without a reason, TransitionNotAllowed where it is over.
    """
    require_permission(command.actor, Permission.DECIDE_SHARING_OVERRIDE)
    reason = _required(reason)
    with referral_action(command, referral_id) as action:
        override = _lock(action, override_id, OverrideState.AGREED)
        override.state = OverrideState.ENDED
        override.ended_at, override.ended_by_id = action.at, action.actor.user_id
        action.finish_task(review_key(override_id))
        _record(action, "ended", override.ground, reason)
        session = action.session
        session.flush()
        for onward_id, _ in onward_resting_on(session, override_id):
            if rest_on_consent(session, session.get_one(OnwardReferral, onward_id), at=action.at):
                continue
            withdraw_in_transaction(session, command, onward_id, reason=WithdrawReason.OTHER)
        # The referral's own state may have followed.
        session.flush()
        session.refresh(action.referral)


def ask_for_due_overrides(command: Command) -> int:
    """Ask a senior caseworker about each override whose last day has come. Safe to run late, often or twice at once.

    As the service. What runs goes on until a person ends it: support is never cut by a date. How many were due.
    """
    with transaction(command.actor) as session:
        due = session.execute(
            select(SharingOverride.id, SharingOverride.referral_id)
            .join(Referral, Referral.id == SharingOverride.referral_id)
            .where(
                Referral.state.not_in(_OVER),
                SharingOverride.state == OverrideState.AGREED,
                SharingOverride.last_day_on <= times.london_date(command.at),
                ~tasks.open_task_exists("override-review:", SharingOverride.id),
            )
            .order_by(SharingOverride.id)
            .with_for_update(of=SharingOverride, skip_locked=True)
        ).all()
        for row in due:
            task = NewTask(
                kind=TaskKind.OVERRIDE_REVIEW, referral_id=row.referral_id, dedupe_key=review_key(row.id)
            )
            tasks.open_task(session, task, at=command.at)
        next_action.refresh_next_actions(session, sorted({row.referral_id for row in due}), at=command.at)
    return len(due)


def decision_key(override_id: UUID) -> str:
    """The dedupe key of the question to a senior caseworker."""
    return f"override-decision:{override_id}"


def review_key(override_id: UUID) -> str:
    """The dedupe key of the task to end it."""
    return f"override-review:{override_id}"


def _lock(action: ReferralAction, override_id: UUID, state: OverrideState) -> SharingOverride:
    found = action.session.get(SharingOverride, override_id, with_for_update=True)
    if found is None or found.referral_id != action.referral.id:
        raise NotFound
    if found.state is not state:
        raise TransitionNotAllowed("This was decided since you opened the page. Look at it again.")
    return found


def _replace_earlier(action: ReferralAction, new: SharingOverride) -> None:
    session = action.session
    earlier = session.scalars(
        select(SharingOverride)
        .where(
            SharingOverride.referral_id == new.referral_id,
            SharingOverride.provider_id == new.provider_id,
            SharingOverride.state == OverrideState.AGREED,
        )
        .with_for_update()
    ).all()
    for old in earlier:
        old.state, old.ended_at, old.ended_by_id = OverrideState.ENDED, action.at, action.actor.user_id
        action.finish_task(review_key(old.id))
        # Before the new one is agreed: one is in force at a time.
        session.flush()
        session.execute(
            update(OnwardReferral)
            .where(OnwardReferral.sharing_override_id == old.id, OnwardReferral.state.in_(LIVE_ONWARD_STATES))
            .values(sharing_override_id=new.id)
        )


def _check_open(action: ReferralAction) -> None:
    if action.referral.state in _OVER:
        raise TransitionNotAllowed("This referral is over, so nothing of it can be shared.")


def _check_last_day(last_day_on: date, command: Command) -> None:
    today = times.london_date(command.at)
    wrong = None
    if last_day_on < today:
        wrong = "The last day must be today or after"
    elif last_day_on > today + timedelta(days=LONGEST_DAYS):
        wrong = f"The last day must be within {LONGEST_DAYS} days"
    if wrong:
        raise InvalidInput(wrong, fields={"last_day_on": wrong})


def _required(reason: str) -> str:
    if not reason.strip():
        raise InvalidInput("Enter why", fields={"reason": "Enter why"})
    return reason.strip()


def _record(action: ReferralAction, step: str, ground: OverrideGround, reason: str) -> None:
    codes = {"ground": ground}
    action.add_timeline_entry(f"sharing_override.{step}", EventDetails(text=reason, codes=codes))
    action.record_audit(f"sharing_override.{step}", **codes)


@contextmanager
def _asked_once() -> Iterator[None]:
    """Two caseworkers who ask for the same at once: the second reads that it stands already."""
    try:
        yield
    except IntegrityError as error:
        if "uq_sharing_override_one_open" not in str(error.orig):
            raise
        raise TransitionNotAllowed("This was asked for this provider already.") from error
