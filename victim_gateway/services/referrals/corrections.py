"""Putting right what was recorded: what a caseworker corrected, no import overwrites again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select

from victim_gateway import times
from victim_gateway.compliance.editions import EnhancedCategory
from victim_gateway.compliance.facts import Facts
from victim_gateway.compliance.victim_categories import enhanced_categories
from victim_gateway.crypto import fold_text
from victim_gateway.database import encrypted_rows
from victim_gateway.database.current import current_blind_index
from victim_gateway.errors import InvalidInput
from victim_gateway.models import Referral
from victim_gateway.rules.safe_contact import CHANNELS_OF_FIELD
from victim_gateway.services.compliance import case_facts, stored_clocks
from victim_gateway.services.compliance.case_facts import UNCHANGED, CaseFactChanges
from victim_gateway.services.people.person_hashes import PERSON_FIELDS
from victim_gateway.services.referrals import consents, safe_contact
from victim_gateway.services.referrals.create_referral import update_person_document
from victim_gateway.services.shared import next_action, referral_holds
from victim_gateway.services.shared.case_action import (
    ActionEffect,
    EventDetails,
    ReferralAction,
    referral_action,
)
from victim_gateway.services.shared.case_locks import LockScope
from victim_gateway.services.shared.command import Command

REFERRAL_COLUMNS = ("offence", "district", "hate_strand", "interpreter_needed")
REFERRAL_SEALED = ("crime_number", "incident_number", "location", "what_happened")
# What may be replaced, but never taken away.
_NEVER_EMPTY = {"offence": "Enter what kind of crime it was"}


def correct_details(command: Command, referral_id: UUID, changes: Mapping[str, Any]) -> tuple[str, ...]:
    """Put right fields of the person or the referral; gives the names of those that really changed.

    A changed number or address starts as not known to be safe. The birth date and what kind of crime it was
    become facts from now on. Raises InvalidInput for a field that can't be corrected or must not be empty.
    """
    _check(changes)
    with referral_action(command, referral_id, lock=LockScope.PERSON_REFERRALS) as action:
        changed = sorted([*_correct_person(action, changes), *_correct_referral(action, changes)])
        if changed:
            _update_facts(action, changed)
            _reevaluate_holds(action, {name for name in changed if changes[name]})
            action.add_timeline_entry("referral.corrected", EventDetails(codes={"fields": changed}))
            action.record_audit("referral.corrected", fields=changed)
        else:
            action.effect = ActionEffect.NOTHING
    return tuple(changed)


def _check(changes: Mapping[str, Any]) -> None:
    for name, value in changes.items():
        if name not in (*PERSON_FIELDS, *REFERRAL_COLUMNS, *REFERRAL_SEALED):
            raise InvalidInput("This can't be corrected here.")
        if not value and name in _NEVER_EMPTY:
            raise InvalidInput(_NEVER_EMPTY[name], fields={name: _NEVER_EMPTY[name]})


def _differing(
    recorded: Mapping[str, Any], changes: Mapping[str, Any], among: Collection[str]
) -> dict[str, Any]:
    return {
        name: value or None
        for name, value in changes.items()
        if name in among and (recorded.get(name) or None) != (value or None)
    }


def _correct_person(action: ReferralAction, changes: Mapping[str, Any]) -> list[str]:
    session, person, key = action.session, action.person, action.key
    recorded: dict[str, Any] = encrypted_rows.unseal_row(key, "person", person.id, person.sealed)
    differing = _differing(recorded, changes, PERSON_FIELDS)
    if not differing:
        return []
    document = {name: value for name, value in {**recorded, **differing}.items() if value}
    if not any(document.get(name) for name in ("given_name", "family_name", "organisation_name")):
        raise InvalidInput("Enter a name", fields={"family_name": "Enter a name"})
    update_person_document(session, person, key, document, at=action.at)
    person.corrected_fields = sorted({*person.corrected_fields, *differing})
    unconfirmed = {channel for name in differing for channel in CHANNELS_OF_FIELD.get(name, ())}
    if unconfirmed:
        session.flush()
        safe_contact.mark_safe_contact_unconfirmed(action, unconfirmed, before=recorded, after=document)
    if "date_of_birth" in differing:
        _update_ages(action, document.get("date_of_birth"))
    return sorted(differing)


def _correct_referral(action: ReferralAction, changes: Mapping[str, Any]) -> list[str]:
    session, referral, key = action.session, action.referral, action.key
    recorded: dict[str, Any] = encrypted_rows.unseal_row(key, "referral", referral.id, referral.sealed)
    sealed = _differing(recorded, changes, REFERRAL_SEALED)
    columns = _differing(
        {name: getattr(referral, name) for name in REFERRAL_COLUMNS}, changes, REFERRAL_COLUMNS
    )
    for name, value in columns.items():
        setattr(referral, name, bool(value) if name == "interpreter_needed" else value)
    if sealed:
        document = {name: value for name, value in {**recorded, **sealed}.items() if value}
        referral.sealed = encrypted_rows.seal_row(key, "referral", referral.id, document)
    if "crime_number" in sealed:
        number = fold_text(sealed["crime_number"] or "")
        referral.crime_number_hash = (
            current_blind_index(session).hash_value("crime_number", number) if number else None
        )
    changed = {*sealed, *columns}
    referral.corrected_fields = sorted({*referral.corrected_fields, *changed})
    return sorted(changed)


def _update_facts(action: ReferralAction, changed: Collection[str]) -> None:
    referral = action.referral
    changes = CaseFactChanges(
        district=referral.district if "district" in changed else UNCHANGED,
        crime_type=referral.offence if "offence" in changed else UNCHANGED,
        add_enhanced=_rights_of_corrected_offence(action) if "offence" in changed else (),
    )
    if changes.columns() or changes.add_enhanced:
        action.session.flush()
        case_facts.update_case_facts(action.session, referral.id, changes, at=action.at)


def _rights_of_corrected_offence(action: ReferralAction) -> list[tuple[EnhancedCategory, date]]:
    """A crime that turns out to be most serious shortens limits from that day on; none ends by a correction."""
    found = enhanced_categories((), hate_strand=None, victim_type=None, offence=action.referral.offence)
    return [(category, times.london_date(action.at)) for category in found]


def _reevaluate_holds(action: ReferralAction, answered: Collection[str]) -> None:
    """What was corrected may end a hold, or be a reason for one; of a person, for each of their referrals."""
    agreed = consents.contact_consent(action.session, action.referral.person_id)
    referral_holds.reevaluate_hold(action, answered, agreed=agreed)
    referral_holds.reevaluate_other_referrals(action, set(answered) & set(PERSON_FIELDS), agreed=agreed)


def _update_ages(action: ReferralAction, born: str | None) -> None:
    """A birth date counts for every referral of the person: age at each offence, from now on."""
    session, corrected, at = action.session, action.referral, action.at
    session.flush()
    rows = session.scalars(
        select(Referral).where(Referral.person_id == corrected.person_id).order_by(Referral.id)
    ).all()
    for referral in rows:
        offence_on = times.london_date(referral.occurred_from or referral.reported_at or referral.received_at)
        known = Facts(date_of_birth=date.fromisoformat(born), offence_on=offence_on) if born else None
        changes = CaseFactChanges(
            under_17=known.was_younger_than(17) if known else None,
            under_18=known.was_younger_than(18) if known else None,
        )
        case_facts.update_case_facts(session, referral.id, changes, at=at)
    others = [referral.id for referral in rows if referral.id != corrected.id]
    stored_clocks.refresh_clocks(session, others, at=at)
    next_action.refresh_next_actions(session, others, at=at)
