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
from victim_gateway.compliance.victim_categories import ENHANCING_FLAGS, enhanced_categories
from victim_gateway.crypto import fold_text
from victim_gateway.database import encrypted_rows
from victim_gateway.database.current import current_blind_index
from victim_gateway.errors import InvalidInput
from victim_gateway.models import Referral
from victim_gateway.rules.harms import EXPLICIT_CONSENT_HARMS, FLAG_OF_HARM, word_offence
from victim_gateway.rules.recorded_fields import (
    PROTECTIVE_FIELDS,
    RECORDED_FIELDS,
    FieldKind,
    FieldPlace,
    field_label,
    fields_kept_in,
    recorded_day,
)
from victim_gateway.rules.safe_contact import CHANNELS_OF_FIELD
from victim_gateway.search_parts import reference_parts
from victim_gateway.services.compliance import case_facts, stored_clocks
from victim_gateway.services.compliance.case_facts import UNCHANGED, CaseFactChanges
from victim_gateway.services.people.person_hashes import PERSON_FIELDS
from victim_gateway.services.referrals import given_values, safe_contact
from victim_gateway.services.referrals.create_referral import update_person_document
from victim_gateway.services.shared import contact_consents, next_action, referral_holds
from victim_gateway.services.shared.case_action import (
    ActionEffect,
    EventDetails,
    ReferralAction,
    referral_action,
)
from victim_gateway.services.shared.case_locks import LockScope
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import Harm, HeldReason, ReferralState

# The importer's own list may lack columns that only a caseworker records.
PERSON_COLUMNS = tuple(dict.fromkeys((*PERSON_FIELDS, *fields_kept_in(FieldPlace.PERSON))))
REFERRAL_COLUMNS = fields_kept_in(FieldPlace.REFERRAL)
REFERRAL_SEALED = fields_kept_in(FieldPlace.DOCUMENT)
# What may be replaced, but never taken away.
_NEVER_EMPTY = {"offence": "Enter what kind of crime it was", "recorded_as": "Choose what it is recorded as"}
_YES_OR_NO = frozenset(
    column for column in REFERRAL_COLUMNS if RECORDED_FIELDS[column].kind is FieldKind.YES_NO
)


def correct_details(
    command: Command,
    referral_id: UUID,
    changes: Mapping[str, Any],
    *,
    reason: str | None = None,
    settles: Collection[str] = (),
) -> tuple[str, ...]:
    """Put right fields of the person or the referral; gives the names of those that really changed.

    A changed number or address starts as not known to be safe. The birth date, what kind of crime it was and
    what opens enhanced rights become facts from now on. What was kept as given because it could not be read
    is settled for each changed field and for those in `settles`, changed or not. Raises InvalidInput for a
    field that can't be corrected or must not be empty, and for a protective answer without a reason.
    """
    with referral_action(command, referral_id, lock=LockScope.PERSON_REFERRALS) as action:
        return correct_in_action(action, changes, reason=reason, settles=settles)


def correct_in_action(
    action: ReferralAction,
    changes: Mapping[str, Any],
    *,
    reason: str | None = None,
    settles: Collection[str] = (),
) -> tuple[str, ...]:
    """`correct_details` in an action that is open, with every referral of the person locked."""
    changes = _with_what_harms_bring(action.referral, changes)
    _check(changes)
    changed = sorted([*_correct_person(action, changes), *_correct_referral(action, changes)])
    _check_reason(changed, reason)
    settled = given_values.settle_given_values(action, {*changed, *settles})
    if not (changed or settled or settles):
        action.effect = ActionEffect.NOTHING
        return ()
    _update_facts(action, changed)
    _stop_contact(action, changed)
    _reevaluate_holds(action, {name for name in changed if changes[name]} | {*settled, *settles})
    codes = {"fields": changed} | ({"settled": settled} if settled else {})
    action.add_timeline_entry("referral.corrected", EventDetails(text=reason or None, codes=codes))
    action.record_audit("referral.corrected", **codes)
    return tuple(changed)


def _with_what_harms_bring(referral: Referral, changes: Mapping[str, Any]) -> Mapping[str, Any]:
    """Chosen harms set the columns that holds and clocks read, and word the crime that was typed by hand."""
    if "chosen_harms" not in changes:
        return changes
    chosen = [Harm(harm) for harm in changes["chosen_harms"]]
    if Harm.HATE_CRIME in chosen and not changes.get("hate_strand", referral.hate_strand):
        message = "Choose which kind of hate crime it was"
        raise InvalidInput(message, fields={"hate_strand": message})
    before = word_offence([Harm(harm) for harm in referral.chosen_harms])
    brought: dict[str, Any] = {flag: True for harm, flag in FLAG_OF_HARM.items() if harm in chosen}
    if before and referral.offence == before == changes.get("offence", before):
        if not chosen:
            message = "Choose at least one kind of harm"
            raise InvalidInput(message, fields={"chosen_harms": message})
        brought["offence"] = word_offence(chosen)
    return {**changes, "chosen_harms": [harm.value for harm in chosen], **brought}


def _check(changes: Mapping[str, Any]) -> None:
    for name, value in changes.items():
        if name not in (*PERSON_COLUMNS, *REFERRAL_COLUMNS, *REFERRAL_SEALED):
            raise InvalidInput("This can't be corrected here.")
        if not value and name in _NEVER_EMPTY:
            raise InvalidInput(_NEVER_EMPTY[name], fields={name: _NEVER_EMPTY[name]})


def _check_reason(changed: Collection[str], reason: str | None) -> None:
    protective = [name for name in changed if name in PROTECTIVE_FIELDS]
    if protective and not (reason or "").strip():
        labels = ", ".join(field_label(name).lower() for name in protective)
        message = f"Enter why you change this: {labels}"
        raise InvalidInput(message, fields={"reason": message})


def _recorded(value: Any) -> Any:
    """A value as it is compared and kept: an empty text is nothing, but no is an answer."""
    return None if value == "" else value


def _differing(
    recorded: Mapping[str, Any], changes: Mapping[str, Any], among: Collection[str]
) -> dict[str, Any]:
    return {
        name: _recorded(value)
        for name, value in changes.items()
        if name in among and not _is_same(name, _recorded(recorded.get(name)), _recorded(value))
    }


def _is_same(name: str, recorded: Any, value: Any) -> bool:
    """Whether nothing is to be changed: a moment whose day is given again keeps its time."""
    field = RECORDED_FIELDS.get(name)
    if field and field.kind is FieldKind.DATE and recorded and value:
        return bool(recorded_day(recorded) == recorded_day(value))
    return bool(recorded == value)


def _without_blanks(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if value not in (None, "", {}, [])}


def _correct_person(action: ReferralAction, changes: Mapping[str, Any]) -> list[str]:
    session, person, key = action.session, action.person, action.key
    recorded: dict[str, Any] = encrypted_rows.unseal_row(key, "person", person.id, person.sealed)
    differing = _differing(recorded, changes, PERSON_COLUMNS)
    if not differing:
        return []
    document = _without_blanks({**recorded, **differing})
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
    asked = {name: bool(value) if name in _YES_OR_NO else value for name, value in changes.items()}
    columns = _differing(
        {name: getattr(referral, name) for name in REFERRAL_COLUMNS}, asked, REFERRAL_COLUMNS
    )
    for name, value in columns.items():
        setattr(referral, name, value)
    if sealed:
        document = _without_blanks({**recorded, **sealed})
        referral.sealed = encrypted_rows.seal_row(key, "referral", referral.id, document)
    if "crime_number" in sealed:
        number = fold_text(sealed["crime_number"] or "")
        referral.crime_number_hash = (
            current_blind_index(session).hash_value("crime_number", number) if number else None
        )
        referral.search_parts = reference_parts(
            current_blind_index(session), referral.feed_reference, sealed["crime_number"]
        )
    changed = {*sealed, *columns}
    referral.corrected_fields = sorted({*referral.corrected_fields, *changed})
    return sorted(changed)


def _update_facts(action: ReferralAction, changed: Collection[str]) -> None:
    referral = action.referral
    changes = CaseFactChanges(
        district=referral.district if "district" in changed else UNCHANGED,
        crime_type=referral.offence if "offence" in changed else UNCHANGED,
        opens_code_clocks=referral.recorded_as == "crime" if "recorded_as" in changed else UNCHANGED,
        add_enhanced=_added_enhanced_rights(referral, changed, times.london_date(action.at)),
    )
    if changes.columns() or changes.add_enhanced:
        action.session.flush()
        case_facts.update_case_facts(action.session, referral.id, changes, at=action.at)


def _added_enhanced_rights(
    referral: Referral, changed: Collection[str], on: date
) -> list[tuple[EnhancedCategory, date]]:
    """The categories that corrected answers open from that day on.

    None ends by a correction: an assessment may have found the same category, and the shorter limits protect.
    """
    found = enhanced_categories(
        [flag for flag in ENHANCING_FLAGS if flag in changed and getattr(referral, flag)],
        hate_strand=referral.hate_strand if "hate_strand" in changed else None,
        victim_type=None,
        offence=_changed_wording(referral, changed),
    )
    return [(category, on) for category in found]


def _changed_wording(referral: Referral, changed: Collection[str]) -> str | None:
    """What of the crime was put in other words, for the rule that finds the most serious ones."""
    parts = [referral.offence] if "offence" in changed else []
    if "chosen_harms" in changed:
        parts.append(word_offence([Harm(harm) for harm in referral.chosen_harms]))
    return "; ".join(parts) or None


def _reevaluate_holds(action: ReferralAction, answered: Collection[str]) -> None:
    """What was corrected may end a hold, or be a reason for one; of a person, for each of their referrals."""
    agreed = contact_consents.contact_consent(action.session, action.referral.person_id)
    referral_holds.reevaluate_hold(action, answered, agreed=agreed)
    referral_holds.reevaluate_other_referrals(action, set(answered) & set(PERSON_FIELDS), agreed=agreed)


def _stop_contact(action: ReferralAction, changed: Collection[str]) -> None:
    """What a corrected answer forbids: all contact after a death, contact without consent after abuse."""
    if "deceased" in changed and _has_died(action):
        safe_contact.refuse_all_contact(action)
    harms = EXPLICIT_CONSENT_HARMS.intersection(action.referral.harms)
    if harms and {"domestic_abuse", "chosen_harms", "offence"}.intersection(changed):
        _hold_for_consent(action)


def _has_died(action: ReferralAction) -> bool:
    person = action.person
    return bool(encrypted_rows.unseal_row(action.key, "person", person.id, person.sealed).get("deceased"))


def _hold_for_consent(action: ReferralAction) -> None:
    """Hold a referral that was taken on while nobody has spoken to the person, as it is held when it comes so."""
    referral = action.referral
    if referral.state is not ReferralState.ASSIGNED:
        return
    if contact_consents.contact_consent(action.session, referral.person_id) is None:
        referral_holds.hold_for(action, (HeldReason.EXPLICIT_CONSENT_NEEDED,))


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
