"""Share again: a provider gets what was corrected of the parts it was given, and the old handover is kept.

Which of them are outdated is worked out wherever a caseworker changes what was handed over: a correction, an
assessment, a row of the police feed. The task names the fields, never their values.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.database import bulk_insert, encrypted_rows
from victim_gateway.database.transaction import as_service
from victim_gateway.errors import InvalidInput, NotFound, TransitionNotAllowed
from victim_gateway.models import HandoverVersion, OnwardReferral
from victim_gateway.queries.onward_referrals.handover import (
    HANDOVER,
    is_sharing_agreed,
    sharing_basis,
)
from victim_gateway.queries.onward_referrals.outdated_handover import (
    AMENDMENT,
    HANDOVER_VERSION,
    compose_current_handover,
)
from victim_gateway.row_ids import new_row_id
from victim_gateway.rules.consent_answers import parts_beyond_scope
from victim_gateway.rules.handover import RecordedConsent
from victim_gateway.rules.handover_changes import ALWAYS_AMENDED, handover_changes, keep_fields
from victim_gateway.rules.transitions import LIVE_ONWARD_STATES
from victim_gateway.services.messages.provider_notices import tell_provider
from victim_gateway.services.onward_referrals._consent_basis import rest_on_consent
from victim_gateway.services.onward_referrals._offer_checks import (
    gather_shareable_source,
    require_own_yes,
    require_restorative_yes,
    waits_for_senior,
)
from victim_gateway.services.onward_referrals._text import check_text
from victim_gateway.services.onward_referrals.handover_safe_contact import reseal_handover_safe_contact
from victim_gateway.services.shared import case_locks, tasks
from victim_gateway.services.shared.case_action import EventDetails
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.onward_referral_action import (
    OnwardReferralAction,
    onward_referral_action,
    onward_task_key,
)
from victim_gateway.services.shared.tasks import NewTask
from victim_gateway.vocabulary import HandoverPart, NoticeKind, Risk, TaskKind

SHARED_AGAIN = "onward_referral.shared_again"


@dataclass(frozen=True, slots=True)
class Amendment:
    """Why something is shared again, and which of the outdated fields; None: every one of them."""

    reason: str = ""
    fields: frozenset[str] | None = None


def share_again(
    command: Command, onward_referral_id: UUID, amendment: Amendment | None = None
) -> tuple[str, ...]:
    """Seal what is recorded now of the parts that were shared; the provider is told at once. Gives what changed.

    Both sides see the amendment: old value, new value, why, who and when. Fields that were not chosen stay as they
    were told, and their task stays open. The consent that was given covers these parts and no others.

    Raises TransitionNotAllowed where nothing is outdated, the provider sees nothing any more, something stops all
    contact or a senior caseworker's yes to restorative justice is missing; InvalidInput where the person took their yes
    back; UnsafeContact where a channel is recorded as safe without its number or address.
    """
    chosen = amendment or Amendment()
    reason = check_text(chosen.reason, "reason_text")
    with onward_referral_action(
        command, onward_referral_id, Permission.EDIT_CASEWORK, SHARED_AGAIN
    ) as action:
        session, onward = action.session, action.onward
        if onward.state not in LIVE_ONWARD_STATES or onward.provider_access_ended_at is not None:
            raise TransitionNotAllowed("This onward referral has ended: nothing can be shared with it.")
        _check_still_agreed(action)
        case_locks.lock_person_row(session, onward.person_id)
        require_restorative_yes(session, onward)
        require_own_yes(session, onward)
        gather_shareable_source(session, onward.referral_id, times.london_date(action.at))
        fields = renew_handover(action, Amendment(reason, chosen.fields))
        if not fields:
            raise TransitionNotAllowed("The provider has what is recorded now: there is nothing to share.")
        reseal_handover_safe_contact(session, [onward], onward.person_id, at=action.at)
        action.add_timeline_entry(SHARED_AGAIN, EventDetails(codes={"shared": list(fields)}))
        session.flush()
        refresh_share_again_tasks(session, [onward.referral_id], at=action.at)
        tell_provider(session, onward, NoticeKind.SHARED_AGAIN, at=action.at, fields=fields)
    return fields


def renew_handover(action: OnwardReferralAction, amendment: Amendment | None = None) -> tuple[str, ...]:
    """Compose the parts that were shared anew and keep the handover before; gives what changed, often nothing."""
    amendment = amendment or Amendment()
    session, onward = action.session, action.onward
    before = encrypted_rows.unseal_row(action.handover_key, HANDOVER, onward.id, onward.handover_sealed)
    on = times.london_date(action.at)
    rest_on_consent(session, onward, at=action.at)
    _check_scope(session, onward, before, on)
    outdated = _changed_fields(session, onward, before)
    wanted = outdated if amendment.fields is None else amendment.fields | ALWAYS_AMENDED
    fields = tuple(field for field in outdated if field in wanted)
    if fields:
        current = compose_current_handover(session, onward, before, on)
        current = keep_fields(before, current, [field for field in outdated if field not in fields])
        _keep_version(action, before, current, AmendedFields(fields, amendment.reason))
        onward.handover_sealed = encrypted_rows.seal_row(action.handover_key, HANDOVER, onward.id, current)
        onward.shared_risk = Risk(current["risk"])
    return fields


def refresh_share_again_tasks(session: Session, referral_ids: Collection[UUID], *, at: datetime) -> int:
    """Open, change or end the task of each live onward referral of these referrals; how many are outdated.

    Where one is to restorative justice and the senior caseworker's yes does not reach what is recorded now, a
    senior is asked: they say yes to it as it is, or their no takes it back. In the transaction of the change,
    before the next actions are computed. As the service: an onward referral that the actor may not see is
    outdated too.
    """
    if not referral_ids:
        return 0
    session.flush()
    with as_service(session):
        live = session.scalars(
            select(OnwardReferral)
            .where(
                bulk_insert.column_in(OnwardReferral.referral_id, referral_ids),
                OnwardReferral.state.in_(LIVE_ONWARD_STATES),
                OnwardReferral.provider_access_ended_at.is_(None),
            )
            .order_by(OnwardReferral.id)
        ).all()
        return sum(_refresh_task(session, onward, at) for onward in live)


def _refresh_task(session: Session, onward: OnwardReferral, at: datetime) -> bool:
    if waits_for_senior(session, onward):
        _ask_senior(session, onward, at)
    key = encrypted_rows.open_key(session, onward.key_id)
    shared = encrypted_rows.unseal_row(key, HANDOVER, onward.id, onward.handover_sealed)
    try:
        fields = _changed_fields(session, onward, shared)
    except NotFound:
        # The person was erased: what the provider has is dealt with there.
        return False
    dedupe_key = onward_task_key(TaskKind.SHARE_AGAIN, onward.id)
    if not fields:
        tasks.finish_task(session, dedupe_key, at=at)
        return False
    open_share_again_task(session, onward, fields, at=at)
    return True


def open_share_again_task(
    session: Session, onward: OnwardReferral, fields: Collection[str], *, at: datetime
) -> None:
    """Ask a caseworker to share again what is no longer right; the task names the fields. As the service."""
    task = NewTask(
        kind=TaskKind.SHARE_AGAIN,
        referral_id=onward.referral_id,
        dedupe_key=onward_task_key(TaskKind.SHARE_AGAIN, onward.id),
        onward_referral_id=onward.id,
        details={"shared": list(fields)},
    )
    tasks.open_task(session, task, at=at)


def _ask_senior(session: Session, onward: OnwardReferral, at: datetime) -> None:
    task = NewTask(
        kind=TaskKind.RESTORATIVE_JUSTICE_DECISION,
        referral_id=onward.referral_id,
        dedupe_key=tasks.restorative_decision_key(onward.referral_id),
    )
    tasks.open_task(session, task, at=at)


def _changed_fields(session: Session, onward: OnwardReferral, shared: Mapping[str, Any]) -> tuple[str, ...]:
    # As on the day of the sharing: that somebody had a birthday since corrects nothing.
    on = date.fromisoformat(shared["shared_on"])
    current = compose_current_handover(session, onward, shared, on)
    return tuple(change.field for change in handover_changes(shared, current))


@dataclass(frozen=True, slots=True)
class AmendedFields:
    """Which fields of a handover changed with a sharing, and why."""

    fields: tuple[str, ...]
    reason: str


def _keep_version(
    action: OnwardReferralAction, before: Mapping[str, Any], now: Mapping[str, Any], amended: AmendedFields
) -> None:
    session, onward = action.session, action.onward
    version_id = new_row_id()
    kept = select(func.count()).where(HandoverVersion.onward_referral_id == onward.id)
    amendment = {
        "changes": [
            {"field": name, "before": before.get(name), "now": now.get(name)} for name in amended.fields
        ],
        "reason": amended.reason,
        "by": action.actor.name,
    }
    session.add(
        HandoverVersion(
            id=version_id,
            onward_referral_id=onward.id,
            number=(session.scalar(kept) or 0) + 1,
            sealed=encrypted_rows.seal_row(action.handover_key, HANDOVER_VERSION, version_id, dict(before)),
            amendment_sealed=encrypted_rows.seal_row(action.handover_key, AMENDMENT, version_id, amendment),
            fields=list(amended.fields),
            replaced_at=action.at,
            replaced_by_id=action.actor.user_id,
        )
    )


def _check_still_agreed(action: OnwardReferralAction) -> None:
    if not is_sharing_agreed(action.session, action.onward, times.london_date(action.at)):
        if action.onward.sharing_override_id is not None:
            raise InvalidInput("Sharing without consent is over, so nothing more may be shared.")
        raise InvalidInput("The person has taken back their yes to sharing, so nothing more may be shared.")


def _check_scope(session: Session, onward: OnwardReferral, shared: Mapping[str, Any], on: date) -> None:
    """Raises InvalidInput where the person's newest yes does not reach every part that was shared before."""
    basis = sharing_basis(session, onward, on)
    parts = [HandoverPart(part) for part in shared["parts"]]
    if isinstance(basis, RecordedConsent) and parts_beyond_scope(parts, basis.scope):
        message = (
            "The person's newest yes does not reach all that was shared. Ask them before you share again."
        )
        raise InvalidInput(message, fields={"reason_text": message})
