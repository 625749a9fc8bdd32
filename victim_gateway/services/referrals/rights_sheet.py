"""Printing a rights sheet to be given to a person: refused where it could endanger them, and written down."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from victim_gateway.database import encrypted_rows
from victim_gateway.database.current import current_settings
from victim_gateway.errors import InvalidInput
from victim_gateway.queries.people.safe_contact_plans import plan_in_force
from victim_gateway.queries.referrals.alerts import contact_facts_of
from victim_gateway.rules.rights_sheet import WantedSheet, refused_sheet
from victim_gateway.services.referrals.contact_stops import recorded_stops
from victim_gateway.services.shared.case_action import (
    ActionEffect,
    EventDetails,
    ReferralAction,
    referral_action,
)
from victim_gateway.services.shared.case_locks import LockScope
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import Harm

SHEET_EVENT = "rights.sheet_given"


def give_rights_sheet(command: Command, referral_id: UUID, wanted: WantedSheet) -> UUID:
    """Record that a sheet is given, how and with what on it; gives the id under which it is printed.

    Decided under a lock on the person, by the safe-contact plan in force. Raises InvalidInput with the reason
    where it may not be given so.
    """
    with referral_action(command, referral_id, lock=LockScope.PERSON, effect=ActionEffect.NOTHING) as action:
        plan = plan_in_force(action.session, action.referral.person_id)
        stops = recorded_stops(action)
        refused = refused_sheet(
            wanted,
            contact_facts_of(_person_document(action), plan, action.key),
            stops=stops,
            domestic_abuse=Harm.DOMESTIC_ABUSE in action.referral.harms,
            at=action.at,
            recheck_days=current_settings().area.thresholds.safe_contact_recheck_days,
        )
        if refused:
            raise InvalidInput("The sheet can't be given like this", fields=dict(refused))
        codes = {"delivery": wanted.delivery.value, "with_reference": wanted.with_reference}
        event_id = action.add_timeline_entry(SHEET_EVENT, EventDetails(codes=codes))
        action.record_audit(SHEET_EVENT, **codes)
    return event_id


def _person_document(action: ReferralAction) -> dict[str, Any]:
    person = action.person
    document: dict[str, Any] = encrypted_rows.unseal_row(action.key, "person", person.id, person.sealed)
    return document
