"""Putting right what was recorded: what a caseworker corrected, no import overwrites again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select

from victim_gateway import times
from victim_gateway.access.permissions import Permission, is_permitted
from victim_gateway.actors import Actor
from victim_gateway.compliance.editions import EnhancedCategory
from victim_gateway.compliance.facts import Facts
from victim_gateway.compliance.victim_categories import (
    ENHANCING_FLAGS,
    enhanced_categories,
    opens_code_clocks,
    victim_basis_of,
)
from victim_gateway.crypto import fold_text
from victim_gateway.database import encrypted_rows
from victim_gateway.database.current import current_blind_index
from victim_gateway.database.transaction import as_service
from victim_gateway.errors import InvalidInput, TransitionNotAllowed
from victim_gateway.models import Referral
from victim_gateway.rules.correction_consequences import (
    CORRECTABLE_FIELDS,
    PlannedCorrection,
    RecordedDocuments,
    plan_correction,
    recordable_changes,
)
from victim_gateway.rules.harms import EXPLICIT_CONSENT_HARMS, FLAG_OF_HARM, phrase_offence
from victim_gateway.rules.hold import EXPLICIT_CONSENT_VICTIMS, SAFE_ADULT_FIELDS
from victim_gateway.rules.recorded_fields import CONTACT_FIELDS, FieldPlace, field_label, fields_kept_in
from victim_gateway.rules.risk_rules import keep_high_grade
from victim_gateway.rules.safe_adult_changes import SAFE_ANSWER
from victim_gateway.rules.safe_contact import CHANNELS_OF_FIELD
from victim_gateway.rules.victim_kinds import refusal_of_kind
from victim_gateway.search_parts import reference_parts
from victim_gateway.services import onward_referrals
from victim_gateway.services.compliance import case_facts, stored_clocks
from victim_gateway.services.compliance.case_facts import UNCHANGED, CaseFactChanges
from victim_gateway.services.people.person_documents import update_person_document
from victim_gateway.services.people.person_hashes import HASHED_CONTACT_FIELDS, PERSON_FIELDS
from victim_gateway.services.referrals import coming_of_age, duplicate_alerts, given_values, safe_contact
from victim_gateway.services.referrals.assessment_tasks import heed_higher_grade, open_marac_question
from victim_gateway.services.referrals.corrected_report import correct_report_event
from victim_gateway.services.referrals.forbidden_contacts import forbid_for_linked, refuse_suspects_adult
from victim_gateway.services.referrals.merged_safe_adults import spread_protective_answers
from victim_gateway.services.referrals.safe_adult import check_leaving_not_safe
from victim_gateway.services.shared import contact_consents, next_action, referral_holds
from victim_gateway.services.shared.case_action import (
    ActionEffect,
    EventDetails,
    ReferralAction,
    referral_action,
)
from victim_gateway.services.shared.case_locks import LockScope
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import Harm, HeldReason, ReferralSource, ReferralState

# The importer's own list may lack columns that only a caseworker records.
PERSON_COLUMNS = tuple(dict.fromkeys((*PERSON_FIELDS, *fields_kept_in(FieldPlace.PERSON))))
REFERRAL_COLUMNS = fields_kept_in(FieldPlace.REFERRAL)
REFERRAL_SEALED = fields_kept_in(FieldPlace.DOCUMENT)
# What may be replaced, but never taken away.
_NEVER_EMPTY = {"offence": "Enter what kind of crime it was", "recorded_as": "Choose what it is recorded as"}
# What the harms of a referral are told by.
HARM_FIELDS = frozenset(
    {"domestic_abuse", "chosen_harms", "offence", "recorded_as", "serious_crime", "hate_strand"}
)
_MOMENTS = ("occurred_from", "occurred_to", "reported_at")
_AFTER_IT_HAPPENED = {
    "occurred_to": "Until when it happened must not be before it began",
    "reported_at": "When it was reported must not be before it happened",
}


def correct_details(
    command: Command,
    referral_id: UUID,
    changes: Mapping[str, Any],
    *,
    reason: str | None = None,
    settles: Collection[str] = (),
) -> tuple[str, ...]:
    """Put right fields of the person or the referral; gives the names of those that really changed.

    A changed number or address starts as not known to be safe. The birth date, who was harmed, what kind of crime it
    was, when it happened and was reported, and what opens enhanced rights become facts from now on. What was kept as
    given because it could not be read is settled for each changed field and for those in `settles`, changed or not.
    Providers who were given what changed are to be told again (`share_again`). Raises InvalidInput for a
    field that can't be corrected or must not be empty, for what protects the person without a reason, and for
    what only a senior caseworker may take off.
    """
    with referral_action(command, referral_id, lock=LockScope.PERSON_REFERRALS) as action:
        if action.referral.state is ReferralState.ENTERED_IN_ERROR:
            # A corrected report would open its clocks again.
            raise TransitionNotAllowed(
                "This referral was entered in error: nothing in it is corrected any more."
            )
        return correct_in_action(action, changes, reason=reason, settles=settles)


def correct_in_action(
    action: ReferralAction,
    changes: Mapping[str, Any],
    *,
    reason: str | None = None,
    settles: Collection[str] = (),
) -> tuple[str, ...]:
    """`correct_details` in an action that is open, with every referral of the person locked."""
    changes = complete_harm_changes(action.referral, changes)
    _check(changes)
    check_victim_kind(action.referral, changes)
    today = times.london_date(action.at)
    wanted = recordable_changes(changes, now=action.at)
    planned = plan_correction(_recorded_documents(action), wanted, today=today)
    _check_dates(action, wanted)
    check_loosening(planned, action.actor, reason)
    for_what_changed = {change.field: change.after for change in planned.changes}
    _correct_person(action, for_what_changed, reason)
    _correct_referral(action, for_what_changed)
    changed = sorted(for_what_changed)
    settled = given_values.settle_given_values(action, {*changed, *settles})
    if not (changed or settled or settles):
        action.effect = ActionEffect.NOTHING
        return ()
    _update_facts(action, planned)
    _stop_contact(action, changed)
    # No is an answer: a mark that was taken off, or a death that was not one, ends the hold that it was.
    answered = {name for name, value in for_what_changed.items() if value not in (None, "", [])}
    _reevaluate_holds(action, answered | {*settled, *settles})
    details = _details(planned, settled, reason)
    action.add_timeline_entry("referral.corrected", details)
    action.record_audit("referral.corrected", fields=changed, **({"settled": settled} if settled else {}))
    _ask_to_share_again(action, changed)
    if "date_of_birth" in changed:
        person_id = action.referral.person_id
        coming_of_age.follow_birth_date(action.session, action.command, person_id, within=action)
    return tuple(changed)


def complete_harm_changes(referral: Referral, changes: Mapping[str, Any]) -> Mapping[str, Any]:
    """Add the columns that chosen harms set, which holds and clocks read, and word the crime that was typed by hand.

    Raises InvalidInput for no harm at all, and for a hate crime without its strand.
    """
    if "chosen_harms" not in changes:
        return changes
    chosen = [Harm(harm) for harm in changes["chosen_harms"]]
    if Harm.HATE_CRIME in chosen and not changes.get("hate_strand", referral.hate_strand):
        message = "Choose which kind of hate crime it was, or take the tick off hate crime"
        raise InvalidInput(message, fields={"hate_strand": message})
    before = phrase_offence([Harm(harm) for harm in referral.chosen_harms])
    brought: dict[str, Any] = {flag: True for harm, flag in FLAG_OF_HARM.items() if harm in chosen}
    if before and referral.offence == before == changes.get("offence", before):
        if not chosen:
            message = "Choose at least one kind of harm"
            raise InvalidInput(message, fields={"chosen_harms": message})
        brought["offence"] = phrase_offence(chosen)
    return {**changes, "chosen_harms": [harm.value for harm in chosen], **brought}


def _check(changes: Mapping[str, Any]) -> None:
    for name, value in changes.items():
        if name not in CORRECTABLE_FIELDS and name not in PERSON_COLUMNS:
            raise InvalidInput("This can't be corrected here.")
        if not value and name in _NEVER_EMPTY:
            raise InvalidInput(_NEVER_EMPTY[name], fields={name: _NEVER_EMPTY[name]})


def check_victim_kind(referral: Referral, changes: Mapping[str, Any]) -> None:
    """Raises InvalidInput where another kind of victim can't be put right by a correction."""
    refusal = refusal_of_kind(referral.victim_type, changes.get("victim_type", referral.victim_type))
    if refusal:
        raise InvalidInput(refusal, fields={"victim_type": refusal})


def check_loosening(planned: PlannedCorrection, actor: Actor, reason: str | None) -> None:
    """Raises InvalidInput where a correction takes off what protects without a reason, or without a senior."""
    if planned.fields_for_senior and not is_permitted(actor.role, Permission.LOOSEN_PROTECTION):
        message = "This protects the person, so only a senior caseworker can change it. Ask one to do it."
        raise InvalidInput(message, fields=dict.fromkeys(planned.fields_for_senior, message))
    if planned.fields_with_reason and not (reason or "").strip():
        labels = ", ".join(field_label(name).lower() for name in planned.fields_with_reason)
        message = f"Enter why you change this: {labels}"
        raise InvalidInput(message, fields={"reason": message})


def _check_dates(action: ReferralAction, wanted: Mapping[str, Any]) -> None:
    referral = action.referral
    dates = {name: wanted.get(name, getattr(referral, name)) for name in _MOMENTS}
    wrong = {
        name: f"{field_label(name)} must be today or in the past"
        for name in _MOMENTS
        if name in wanted and dates[name] and dates[name] > action.at
    }
    begun = dates["occurred_from"] and times.london_date(dates["occurred_from"])
    for name, message in _AFTER_IT_HAPPENED.items():
        given = {name, "occurred_from"} & wanted.keys()
        if given and begun and dates[name] and times.london_date(dates[name]) < begun:
            wrong[name] = message
    if (
        "reported_at" in wanted
        and not wanted["reported_at"]
        and referral.source == ReferralSource.POLICE_FEED
    ):
        wrong["reported_at"] = "Enter when it was reported: the police sent this referral"
    if wrong:
        raise InvalidInput(next(iter(wrong.values())), fields=wrong)


def _recorded_documents(action: ReferralAction) -> RecordedDocuments:
    referral, person, key = action.referral, action.person, action.key
    columns = (*REFERRAL_COLUMNS, "offence_code")
    return RecordedDocuments(
        person=encrypted_rows.unseal_row(key, "person", person.id, person.sealed),
        columns={name: getattr(referral, name) for name in columns},
        details=encrypted_rows.unseal_row(key, "referral", referral.id, referral.sealed),
    )


def _details(planned: PlannedCorrection, settled: list[str], reason: str | None) -> EventDetails:
    """Codes, flags and days with from and to; what is sealed is named, and its values sealed with the event.

    A number or an address that was wrong is not kept anywhere.
    """
    plain = [change for change in planned.changes if change.field in REFERRAL_COLUMNS]
    sealed = [
        change
        for change in planned.changes
        if change.field not in REFERRAL_COLUMNS and change.field not in CONTACT_FIELDS
    ]
    codes: dict[str, Any] = {"fields": [change.field for change in planned.changes]}
    if plain:
        codes["before"] = {change.field: _plain(change.before) for change in plain}
        codes["after"] = {change.field: _plain(change.after) for change in plain}
    if settled:
        codes["settled"] = settled
    values = {change.field: {"before": change.before, "after": change.after} for change in sealed}
    return EventDetails(text=reason or None, codes=codes, sealed_values=values)


def _plain(value: Any) -> Any:
    return times.london_date(value).isoformat() if isinstance(value, datetime) else value


def _ask_to_share_again(action: ReferralAction, changed: Collection[str]) -> None:
    """The person's details stand in the handovers of all their referrals."""
    session, referral = action.session, action.referral
    if not set(changed) & {*PERSON_COLUMNS}:
        onward_referrals.refresh_share_again_tasks(session, [referral.id], at=action.at)
        return
    with as_service(session):
        ids = session.scalars(select(Referral.id).where(Referral.person_id == referral.person_id)).all()
    onward_referrals.refresh_share_again_tasks(session, ids, at=action.at)
    next_action.refresh_next_actions(session, [own for own in ids if own != referral.id], at=action.at)


def _without_blanks(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if value not in (None, "", {}, [])}


def _correct_person(action: ReferralAction, changes: Mapping[str, Any], reason: str | None) -> None:
    session, person, key = action.session, action.person, action.key
    recorded: dict[str, Any] = encrypted_rows.unseal_row(key, "person", person.id, person.sealed)
    differing = {name: value for name, value in changes.items() if name in PERSON_COLUMNS}
    if not differing:
        return
    document = _without_blanks({**recorded, **differing})
    if not any(document.get(name) for name in ("given_name", "family_name", "organisation_name")):
        raise InvalidInput("Enter a name", fields={"family_name": "Enter a name"})
    refuse_suspects_adult(session, person.id, recorded, document)
    if SAFE_ANSWER in differing:
        check_leaving_not_safe(action, recorded, document, reason)
    update_person_document(session, person, key, document, at=action.at)
    person.corrected_fields = sorted({*person.corrected_fields, *differing})
    unconfirmed = {channel for name in differing for channel in CHANNELS_OF_FIELD.get(name, ())}
    if unconfirmed:
        session.flush()
        safe_contact.mark_safe_contact_unconfirmed(action, unconfirmed, before=recorded, after=document)
    if {"deceased", *SAFE_ADULT_FIELDS}.intersection(differing):
        spread_protective_answers(session, person.id, at=action.at)
    if HASHED_CONTACT_FIELDS.intersection(differing):
        forbid_for_linked(session, [person.id], at=action.at, with_post="postcode" in differing)
    duplicate_alerts.propose_after_change(action, differing, document)


def _correct_referral(action: ReferralAction, changes: Mapping[str, Any]) -> None:
    session, referral, key = action.session, action.referral, action.key
    recorded: dict[str, Any] = encrypted_rows.unseal_row(key, "referral", referral.id, referral.sealed)
    sealed = {name: value for name, value in changes.items() if name in REFERRAL_SEALED}
    columns = {name: value for name, value in changes.items() if name in REFERRAL_COLUMNS}
    for name, value in columns.items():
        # No harm that was ticked is an empty list in its column.
        setattr(referral, name, [] if name == "chosen_harms" and value is None else value)
    if sealed:
        document = _without_blanks({**recorded, **sealed})
        referral.sealed = encrypted_rows.seal_row(key, "referral", referral.id, document)
    if "risk_assessment" in sealed:
        before, referral.officer_grade = referral.officer_grade, sealed["risk_assessment"] or None
        referral.risk = keep_high_grade(referral.risk, before, referral.officer_grade)
        heed_higher_grade(action, before)
    if "crime_number" in sealed:
        number = fold_text(sealed["crime_number"] or "")
        referral.crime_number_hash = (
            current_blind_index(session).hash_value("crime_number", number) if number else None
        )
        referral.search_parts = reference_parts(
            current_blind_index(session), referral.feed_reference, sealed["crime_number"]
        )
    changed = {*sealed, *columns}
    if changed & HARM_FIELDS:
        open_marac_question(action)
    referral.corrected_fields = sorted({*referral.corrected_fields, *changed})


def _update_facts(action: ReferralAction, planned: PlannedCorrection) -> None:
    referral, changed = action.referral, {change.field for change in planned.changes}
    if "date_of_birth" in changed:
        _update_ages(action)
    elif changed & {"occurred_from", "reported_at"}:
        _update_ages(action, only=referral.id)
    if "reported_at" in changed:
        correct_report_event(action, referral.reported_at)
    changes = CaseFactChanges(
        district=referral.district if "district" in changed else UNCHANGED,
        crime_type=referral.offence if "offence" in changed else UNCHANGED,
        opens_code_clocks=opens_code_clocks(referral.recorded_as, referral.victim_type)
        if changed & {"recorded_as", "victim_type"}
        else UNCHANGED,
        victim_basis=victim_basis_of(referral.victim_type) if "victim_type" in changed else UNCHANGED,
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
        victim_type=referral.victim_type if "victim_type" in changed else None,
        offence=_changed_wording(referral, changed),
    )
    return [(category, on) for category in found]


def _changed_wording(referral: Referral, changed: Collection[str]) -> str | None:
    """What of the crime was put in other words, for the rule that finds the most serious ones."""
    parts = [referral.offence] if "offence" in changed else []
    if "chosen_harms" in changed:
        parts.append(phrase_offence([Harm(harm) for harm in referral.chosen_harms]))
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
    is_relative = action.referral.victim_type in EXPLICIT_CONSENT_VICTIMS
    if (harms and {"domestic_abuse", "chosen_harms", "offence"}.intersection(changed)) or (
        is_relative and "victim_type" in changed
    ):
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


def _update_ages(action: ReferralAction, *, only: UUID | None = None) -> None:
    """A birth date counts for every referral of the person: age at each offence, from now on."""
    session, corrected, person, at = action.session, action.referral, action.person, action.at
    session.flush()
    born = encrypted_rows.unseal_row(action.key, "person", person.id, person.sealed).get("date_of_birth")
    rows = session.scalars(
        select(Referral).where(Referral.person_id == corrected.person_id).order_by(Referral.id)
    ).all()
    for referral in [row for row in rows if only in (None, row.id)]:
        offence_on = times.london_date(referral.occurred_from or referral.reported_at or referral.received_at)
        known = Facts(date_of_birth=date.fromisoformat(born), offence_on=offence_on) if born else None
        is_business = referral.victim_type == "business"
        changes = CaseFactChanges(
            under_17=known.was_younger_than(17) if known and not is_business else None,
            under_18=known.was_younger_than(18) if known and not is_business else None,
        )
        case_facts.update_case_facts(session, referral.id, changes, at=at)
    others = [referral.id for referral in rows if only is None and referral.id != corrected.id]
    stored_clocks.refresh_clocks(session, others, at=at)
    next_action.refresh_next_actions(session, others, at=at)
