"""Pairings of a person and a service: stopped by a decline that was confirmed, lifted by a caseworker with a reason."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.errors import TransitionNotAllowed
from victim_gateway.models import ServicePause
from victim_gateway.offer_vocabulary import DeclineConsequence, PairingStop
from victim_gateway.queries.people.merged_records import is_record_of
from victim_gateway.row_ids import new_row_id
from victim_gateway.rules.decline_consequences import last_day_of_pause
from victim_gateway.services.onward_referrals._text import require_text
from victim_gateway.services.shared.case_action import ActionEffect, EventDetails, referral_action
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.onward_referral_action import OnwardReferralAction, require_permission

LIFTED = "service_pause.lifted"
_STOPS = {
    DeclineConsequence.PAUSE_PAIRING: PairingStop.PAUSED,
    DeclineConsequence.NOT_ELIGIBLE: PairingStop.NOT_ELIGIBLE,
}


def stop_pairing(action: OnwardReferralAction, consequence: DeclineConsequence) -> None:
    """Keep the person of an onward referral and its service apart, as the consequence says; nothing for the others."""
    kind = _STOPS.get(consequence)
    if kind is None:
        return
    onward = action.onward
    last_day_on = last_day_of_pause(times.london_date(action.at)) if kind is PairingStop.PAUSED else None
    statement = insert(ServicePause).values(
        id=new_row_id(),
        person_id=onward.person_id,
        service_id=onward.service_id,
        onward_referral_id=onward.id,
        kind=kind,
        last_day_on=last_day_on,
        created_at=action.at,
        created_by_id=action.actor.user_id,
    )
    changed = {name: statement.excluded[name] for name in ("kind", "last_day_on", "onward_referral_id")}
    action.session.execute(
        statement.on_conflict_do_update(
            index_elements=[ServicePause.person_id, ServicePause.service_id],
            index_where=ServicePause.lifted_at.is_(None),
            set_=changed,
        )
    )


def lift_service_pause(command: Command, referral_id: UUID, service_id: UUID, *, text: str) -> None:
    """Let the person be offered to a service again; the reason stands on the timeline.

    Raises NotFound, InvalidInput without a reason, and TransitionNotAllowed where nothing stands between them.
    """
    require_permission(command.actor, Permission.EDIT_CASEWORK)
    reason = require_text(text, "reason_text", "Say why they can be offered to this service again")
    with referral_action(command, referral_id, effect=ActionEffect.EVENTS_ONLY) as action:
        pauses = action.session.scalars(
            select(ServicePause)
            .where(
                is_record_of(ServicePause.person_id, action.referral.person_id),
                ServicePause.service_id == service_id,
                ServicePause.lifted_at.is_(None),
            )
            .order_by(ServicePause.id)
            .with_for_update()
        ).all()
        if not pauses:
            raise TransitionNotAllowed("Nothing stands in the way of offering them to this service.")
        for pause in pauses:
            pause.lifted_at, pause.lifted_by_id = action.at, action.actor.user_id
        action.add_timeline_entry(LIFTED, EventDetails(text=reason))
        action.record_audit(LIFTED, service_id=str(service_id))
