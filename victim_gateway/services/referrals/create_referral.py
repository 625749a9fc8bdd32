"""A referral that did not come by a feed: recorded by a caseworker for the person or another agency."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.compliance.facts import NAMED_CONTACT, Facts
from victim_gateway.compliance.victim_categories import (
    BASIS_BY_HAND,
    ENHANCING_FLAGS,
    enhanced_categories,
    is_child_on,
    opens_code_clocks,
    victim_basis_of,
)
from victim_gateway.crypto import fold_text
from victim_gateway.database import encrypted_rows
from victim_gateway.database.current import current_blind_index, current_settings
from victim_gateway.database.transaction import actor_of, as_service, transaction
from victim_gateway.errors import InvalidInput
from victim_gateway.models import OnwardReferral, Person, Referral
from victim_gateway.queries.people.safe_contact_plans import plan_in_force
from victim_gateway.row_ids import new_row_id
from victim_gateway.rules.harms import FLAG_OF_HARM, order_harms, phrase_offence
from victim_gateway.rules.hold import CONTACT_CONSENT, SAFE_ADULT_FIELDS, reasons_to_hold
from victim_gateway.rules.safe_adult_changes import SAFE_ANSWER, joined_safe_answer
from victim_gateway.rules.safe_contact import CHANNELS_OF_FIELD, safe_channels
from victim_gateway.rules.transitions import LIVE_ONWARD_STATES
from victim_gateway.search_parts import reference_parts
from victim_gateway.services import onward_referrals
from victim_gateway.services.compliance import case_facts
from victim_gateway.services.compliance.case_facts import NewCaseFacts
from victim_gateway.services.people.person_documents import update_person_document
from victim_gateway.services.people.person_hashes import HASHED_CONTACT_FIELDS, person_index_values
from victim_gateway.services.people.restricted_access import copy_access_list
from victim_gateway.services.referrals import coming_of_age, consents, contact_attempts, safe_contact
from victim_gateway.services.referrals.consents import ConsentAnswer
from victim_gateway.services.referrals.forbidden_contacts import forbid_for_linked, refuse_suspects_adult
from victim_gateway.services.referrals.merged_safe_adults import spread_protective_answers
from victim_gateway.services.referrals.reference_numbers import allocate_references
from victim_gateway.services.referrals.safe_contact import SafeContactAnswer
from victim_gateway.services.shared import (
    case_locks,
    contact_consents,
    next_action,
    referral_holds,
    submissions,
)
from victim_gateway.services.shared.case_action import EventDetails, ReferralAction
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import (
    ConsentHow,
    ConsentPurpose,
    EventKind,
    EvidenceGrade,
    Harm,
    ReferralSource,
    ReferralState,
    SafeAnswer,
)

ANTI_SOCIAL = "Anti-social behaviour"


@dataclass(frozen=True, slots=True)
class NewReferral:
    """What was typed. `person_id` is one found before, None for a new one; `person` holds PERSON_FIELDS.

    `agreed` is the answer to being contacted by us: yes, no, or None where it was not asked for. `flags` are some of
    ENHANCING_FLAGS. `harms` are those that were ticked; `district` is where it happened, `residence_district` where
    the person lives, None where nobody has asked. `called_us`: the person asks for themselves, and is or was on the
    phone. `reported_at` is None where the crime was not reported to the police.
    """

    source: ReferralSource
    person: Mapping[str, Any]
    offence: str
    safe_contact: SafeContactAnswer
    person_id: UUID | None = None
    victim_type: str = "person"
    source_organisation: str | None = None
    source_contact: str | None = None
    what_happened: str | None = None
    district: str | None = None
    residence_district: str | None = None
    harms: frozenset[Harm] = frozenset()
    crime_number: str | None = None
    occurred_at: datetime | None = None
    reported_at: datetime | None = None
    flags: frozenset[str] = field(default_factory=frozenset)
    hate_strand: str | None = None
    interpreter_needed: bool = False
    agreed: bool | None = None
    how: ConsentHow = ConsentHow.SPOKEN
    take: bool = False
    called_us: bool = False

    @property
    def all_flags(self) -> frozenset[str]:
        """The flags that were ticked, and those that a ticked harm brings with it."""
        return self.flags | {flag for harm, flag in FLAG_OF_HARM.items() if harm in self.harms}

    def check(self, at: datetime) -> None:
        """Raises InvalidInput for what can't be true or is missing."""
        wrong = {}
        if self.source is ReferralSource.AGENCY and not self.source_organisation:
            wrong["source_organisation"] = "Enter the name of the agency"
        if self.victim_type not in BASIS_BY_HAND:
            wrong["victim_type"] = "Choose who was harmed"
        if Harm.HATE_CRIME in self.harms and not self.hate_strand:
            wrong["hate_strand"] = "Choose which kind of hate crime it was"
        if self.person_id is None and not _has_name(self.person):
            wrong["family_name"] = "Enter a name"
        if self.occurred_at and self.occurred_at > at:
            wrong["occurred_on"] = "When it happened must be today or in the past"
        if self.reported_at and self.reported_at > at:
            wrong["reported_on"] = "When it was reported must be today or in the past"
        elif self.reported_at and self.occurred_at and self.reported_at < self.occurred_at:
            wrong["reported_on"] = "When it was reported must not be before it happened"
        if _birth_date(self.person) and _birth_date(self.person) > times.london_date(self.occurred_at or at):  # type: ignore[operator]
            wrong["date_of_birth"] = "The date of birth must be before the crime happened"
        if wrong:
            raise InvalidInput(next(iter(wrong.values())), fields=wrong)
        self.safe_contact.check()


def record_referral(command: Command, new: NewReferral) -> UUID:
    """Record a referral received now, held or ready for a caseworker by the same rules as the feed's."""
    new.check(command.at)
    with transaction(command.actor) as session:
        submissions.claim_submission(session, command)
        if new.person_id is not None:
            case_locks.lock_person_referrals(session, new.person_id)
        person, key, document, added = _find_or_add_person(session, new, command.at)
        referral = _add_referral(session, new, person, key, document, command.at)
        action = ReferralAction(session, command, referral, opened_person=(person, key))
        safe_contact.merge_safe_contact(action, new.safe_contact)
        _mark_added_unconfirmed(action, new, added)
        if added & HASHED_CONTACT_FIELDS:
            forbid_for_linked(session, [person.id], at=command.at, with_post="postcode" in added)
        if new.agreed is not None:
            answer = ConsentAnswer(
                purpose=ConsentPurpose.CONTACT, agreed=new.agreed, how=new.how, given_at=command.at
            )
            consents.write_consent(session, referral, answer, at=command.at)
        if new.agreed is False:
            consents.hold_other_referrals(action)
        if added:
            _ask_to_share_again(action)
        _create_facts(session, new, referral, document, command.at)
        _record_events(action, new)
        if referral.standing_reasons:
            referral_holds.open_hold_task(action, referral.standing_reasons)
        _reevaluate_others(action, new, added)
        if new.called_us:
            contact_attempts.record_call_from_person(action)
        if new.take and referral.state is ReferralState.RECEIVED:
            referral.assigned_to_id = command.actor.user_id
            action.change_state(ReferralState.ASSIGNED, "referral.assigned")
        action.record_audit("referral.recorded", source=new.source)
        if new.person_id is not None:
            coming_of_age.hand_over_if_due(session, command, person.id, within=action)
        action.finish()
    return referral.id


def _has_name(person: Mapping[str, Any]) -> bool:
    return any(person.get(name) for name in ("given_name", "family_name", "organisation_name"))


def _birth_date(person: Mapping[str, Any]) -> date | None:
    born = person.get("date_of_birth")
    return date.fromisoformat(born) if born else None


def _find_or_add_person(
    session: Session, new: NewReferral, at: datetime
) -> tuple[Person, bytes, dict[str, Any], frozenset[str]]:
    """The person found before, with what was not known of them filled in, or a new one.

    With the key, the document, and the names of what was filled in, or made stricter.
    """
    typed = {name: value for name, value in new.person.items() if value}
    if new.person_id is None:
        person_id, document = new_row_id(), typed
        key_id, key = encrypted_rows.new_key(session, "person", person_id, at)
        person = Person(
            id=person_id,
            kind="business" if new.victim_type == "business" else "person",
            key_id=key_id,
            sealed=encrypted_rows.seal_row(key, "person", person_id, document),
            created_at=at,
            updated_at=at,
            **person_index_values(current_blind_index(session), document),
        )
        session.add(person)
        session.flush()
        return person, key, document, frozenset()
    person, key = case_locks.open_person(session, new.person_id, lock=True)
    recorded: dict[str, Any] = encrypted_rows.unseal_row(key, "person", person.id, person.sealed)
    document = {**typed, **{name: value for name, value in recorded.items() if value}}
    if typed.get(SAFE_ANSWER) == "no" and (answer := joined_safe_answer(document, [typed])):
        # What was recorded stands against what is typed now, but for a no: that protects.
        document[SAFE_ANSWER] = answer
        person.corrected_fields = sorted({*person.corrected_fields, SAFE_ANSWER})
    refuse_suspects_adult(session, person.id, recorded, document)
    changed = frozenset(name for name in document if document[name] != recorded.get(name))
    if changed:
        update_person_document(session, person, key, document, at=at)
    if changed & set(SAFE_ADULT_FIELDS):
        spread_protective_answers(session, person.id, at=at)
    return person, key, document, changed


def _mark_added_unconfirmed(action: ReferralAction, new: NewReferral, added: frozenset[str]) -> None:
    """An older yes was said of no number or address at all, and so not of one that is filled in now."""
    plan = plan_in_force(action.session, action.person.id)
    unconfirmed = {channel for name in added for channel in CHANNELS_OF_FIELD.get(name, ())}
    if plan is None:
        return
    if new.safe_contact.safe is SafeAnswer.YES:
        unconfirmed -= set(new.safe_contact.safe_channels)
    # The yes stands in the answers themselves: the plan's row keeps only what had a number or an address.
    document = encrypted_rows.unseal_row(action.key, "safe_contact_plan", plan.id, plan.sealed)
    if unconfirmed & set(safe_channels(plan.safe, document)):
        safe_contact.mark_safe_contact_unconfirmed(action, unconfirmed)


def _ask_to_share_again(action: ReferralAction) -> None:
    """What was filled in about a known person stands in no handover of their other referrals yet."""
    session = action.session
    with as_service(session):
        helped = session.scalars(
            select(OnwardReferral.referral_id)
            .where(OnwardReferral.person_id == action.person.id, OnwardReferral.state.in_(LIVE_ONWARD_STATES))
            .distinct()
        ).all()
    onward_referrals.refresh_share_again_tasks(session, helped, at=action.at)
    next_action.refresh_next_actions(session, helped, at=action.at)


def _reevaluate_others(action: ReferralAction, new: NewReferral, added: frozenset[str]) -> None:
    """A yes, or what was filled in about a known person, counts for what was held before too."""
    if new.person_id is None or new.agreed is False:
        return
    answered = added | ({CONTACT_CONSENT} if new.agreed else set())
    if answered:
        agreed = contact_consents.contact_consent(action.session, new.person_id)
        referral_holds.reevaluate_other_referrals(action, answered, agreed=agreed)


def _add_referral(
    session: Session, new: NewReferral, person: Person, key: bytes, document: Mapping[str, Any], at: datetime
) -> Referral:
    referral_id = new_row_id()
    typed = {
        "crime_number": new.crime_number,
        "what_happened": new.what_happened,
        "source_contact": new.source_contact,
    }
    # Nobody asked this time: what the person said before still holds.
    agreed = contact_consents.contact_consent(session, person.id) if new.agreed is None else new.agreed
    recorded_as = "asb" if new.offence == ANTI_SOCIAL else "crime"
    columns = {
        "domestic_abuse": "domestic_abuse" in new.all_flags,
        "victim_type": new.victim_type,
        "offence": new.offence,
        "recorded_as": recorded_as,
        "chosen_harms": new.harms,
    }
    reasons = reasons_to_hold(
        referral_holds.hold_facts(columns, document, {}, agreed=agreed, on=times.london_date(at))
    )
    number = fold_text(new.crime_number) if new.crime_number else None
    referral = Referral(
        id=referral_id,
        reference=allocate_references(session, [at])[0],
        person_id=person.id,
        source=new.source,
        source_organisation=new.source_organisation,
        force=current_settings().area.force if new.reported_at else None,
        received_at=at,
        received_by_id=actor_of(session).user_id,
        recorded_as=recorded_as,
        offence=new.offence,
        chosen_harms=[harm.value for harm in order_harms(new.harms)],
        district=new.district,
        residence_district=new.residence_district,
        victim_type=new.victim_type,
        occurred_from=new.occurred_at,
        reported_at=new.reported_at,
        hate_strand=new.hate_strand,
        interpreter_needed=new.interpreter_needed,
        sealed=encrypted_rows.seal_row(
            key, "referral", referral_id, {name: value for name, value in typed.items() if value}
        ),
        crime_number_hash=current_blind_index(session).hash_value("crime_number", number) if number else None,
        search_parts=reference_parts(current_blind_index(session), new.crime_number),
        state=ReferralState.HELD if reasons else ReferralState.RECEIVED,
        held_reason=next(iter(reasons), None),
        held_reasons=[reason.value for reason in reasons],
        next_since=at,
        version=0,
        restricted=person.restricted,
        **{flag: flag in new.all_flags for flag in ENHANCING_FLAGS},
    )
    if person.restricted:
        # The policy asks for the list before it lets the row be seen: it is written as the service.
        with as_service(session):
            session.add(referral)
            session.flush()
            copy_access_list(session, [referral.id], at=at)
        return referral
    session.add(referral)
    session.flush()
    return referral


def _create_facts(
    session: Session, new: NewReferral, referral: Referral, document: Mapping[str, Any], at: datetime
) -> None:
    is_business = new.victim_type == "business"
    conditions = {NAMED_CONTACT: bool(document.get("organisation_contact"))} if is_business else {}
    if new.agreed is False:
        conditions["not_opted_out"] = False
    born, known_from = _birth_date(document), new.reported_at or at
    offence_on = times.london_date(new.occurred_at or known_from)
    ages: dict[int, bool | None] = {17: None, 18: None}
    if born and not is_business:
        known = Facts(date_of_birth=born, offence_on=offence_on)
        ages = {age: known.was_younger_than(age) for age in ages}
    categories = enhanced_categories(
        new.all_flags,
        hate_strand=new.hate_strand,
        victim_type=new.victim_type,
        is_child=is_child_on(born, times.london_date(known_from), victim_type=new.victim_type),
        offence=new.offence,
    )
    facts = NewCaseFacts(
        # Figures count one kind of crime for a referral: the gravest.
        crime_type=phrase_offence(order_harms(new.harms)[:1]) or new.offence,
        opens_code_clocks=opens_code_clocks(referral.recorded_as, referral.victim_type),
        observers=current_settings().area.observers,
        victim_basis=victim_basis_of(new.victim_type),
        under_17=ages[17],
        under_18=ages[18],
        enhanced=[(category, times.london_date(known_from)) for category in categories],
        conditions=conditions,
        force=referral.force,
        district=new.district,
    )
    case_facts.create_case_facts(session, referral.id, facts, at=at)


def _record_events(action: ReferralAction, new: NewReferral) -> None:
    referral = action.referral
    entry = action.new_event("referral.recorded", EventKind.STORY)
    action.append_event(replace(entry, to_state=referral.state, reason_code=referral.held_reason))
    action.record_local_event("referral_received")
    if new.victim_type == "business":
        # From the report, as the area promises a business, however late the report reached us.
        reported_at = min(new.reported_at or action.at, action.at)
        action.record_local_event("business_referral_received", EventDetails(occurred_at=reported_at))
    if new.reported_at is None:
        return
    # Only the person's or the agency's own statement: the force has told us nothing.
    by_person = new.source is ReferralSource.SELF
    report = replace(
        action.new_event("reported_to_police", EventKind.CODE),
        occurred_at=new.reported_at,
        source="victim" if by_person else "agency",
        grade=EvidenceGrade.VICTIM_REPORT if by_person else EvidenceGrade.PARTNER_STATEMENT,
    )
    action.append_event(report)
