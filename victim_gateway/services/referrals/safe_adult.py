"""Who may be spoken to about a child: their named safe adult, or the child themselves where they may decide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from victim_gateway import times
from victim_gateway.access.permissions import Permission, is_permitted
from victim_gateway.database import encrypted_rows
from victim_gateway.errors import InvalidInput
from victim_gateway.phone_numbers import normal_phone
from victim_gateway.rules.hold import CAPACITY_ANSWER, SAFE_ADULT_FIELDS
from victim_gateway.rules.safe_adult_changes import SAFE_ANSWER, leaves_not_safe
from victim_gateway.services.people.person_documents import update_person_document
from victim_gateway.services.referrals.forbidden_contacts import refuse_suspects_adult
from victim_gateway.services.referrals.merged_safe_adults import (
    leaves_not_safe_elsewhere,
    spread_protective_answers,
)
from victim_gateway.services.shared import contact_consents, referral_holds
from victim_gateway.services.shared.case_action import EventDetails, ReferralAction, referral_action
from victim_gateway.services.shared.case_locks import LockScope
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import HeldReason, SafeAnswer


@dataclass(frozen=True, slots=True)
class SafeAdult:
    """An adult of a child or represented person, and whether it is safe to speak to them."""

    name: str
    relationship: str
    safe: SafeAnswer
    phone: str | None = None
    other_contact: str | None = None

    def check(self) -> None:
        """Raises InvalidInput for a safe adult whom nobody could reach."""
        wrong = {}
        if not self.name.strip():
            wrong["guardian_name"] = "Enter the adult's name"
        if not self.relationship.strip():
            wrong["guardian_relationship"] = "Enter who they are to the child"
        if self.phone and normal_phone(self.phone) is None:
            wrong["guardian_phone"] = "Enter a phone number, like 01782 960001"
        elif self.safe is SafeAnswer.YES and not (self.phone or self.other_contact):
            wrong["guardian_phone"] = "Enter a phone number, or another way to reach them"
        if wrong:
            raise InvalidInput(next(iter(wrong.values())), fields=wrong)

    def document(self) -> dict[str, str]:
        """The fields of the person's document."""
        phone = normal_phone(self.phone) if self.phone else None
        fields = {
            "guardian_name": self.name.strip(),
            "guardian_relationship": self.relationship.strip(),
            "guardian_phone": phone or "",
            "guardian_other_contact": (self.other_contact or "").strip(),
            "guardian_safe_to_contact": self.safe.value,
        }
        return {name: value for name, value in fields.items() if value}


@dataclass(frozen=True, slots=True)
class CapacityAnswer:
    """That a child may decide about this referral for themselves: who assessed it, when, and why."""

    assessed_by: str
    assessed_on: date
    note: str

    def check(self, today: date) -> None:
        """Raises InvalidInput for what is missing or can't be true."""
        wrong = {}
        if not self.assessed_by.strip():
            wrong["assessed_by"] = "Enter who assessed it"
        if self.assessed_on > today:
            wrong["assessed_on"] = "When it was assessed must be today or in the past"
        if not self.note.strip():
            wrong["note"] = "Enter why the child may decide for themselves"
        if wrong:
            raise InvalidInput(next(iter(wrong.values())), fields=wrong)


def record_safe_adult(
    command: Command, referral_id: UUID, adult: SafeAdult, *, reason: str | None = None
) -> tuple[HeldReason, ...]:
    """Record the person's named adult in place of the one before; gives the reasons for which it stays held.

    It counts for every referral of the person, and no import overwrites it. Raises InvalidInput where "not safe"
    stands and another than a senior caseworker, or one without a reason, would put something else.
    """
    adult.check()
    with referral_action(command, referral_id, lock=LockScope.PERSON_REFERRALS) as action:
        person, key = action.person, action.key
        recorded: dict[str, Any] = encrypted_rows.unseal_row(key, "person", person.id, person.sealed)
        kept = {name: value for name, value in recorded.items() if name not in SAFE_ADULT_FIELDS}
        refuse_suspects_adult(action.session, person.id, kept, {**kept, **adult.document()})
        check_leaving_not_safe(action, recorded, adult.document(), reason)
        update_person_document(action.session, person, key, {**kept, **adult.document()}, at=action.at)
        person.corrected_fields = sorted({*person.corrected_fields, *SAFE_ADULT_FIELDS})
        spread_protective_answers(action.session, person.id, at=action.at)
        action.add_timeline_entry(
            "safe_adult.recorded",
            EventDetails(text=(reason or "").strip() or None, codes={"safe": adult.safe}),
        )
        action.record_audit("safe_adult.recorded", safe=adult.safe)
        agreed = contact_consents.contact_consent(action.session, person.id)
        reasons = referral_holds.reevaluate_hold(action, SAFE_ADULT_FIELDS, agreed=agreed)
        referral_holds.reevaluate_other_referrals(action, SAFE_ADULT_FIELDS, agreed=agreed)
    return reasons


def check_leaving_not_safe(
    action: ReferralAction, before: Mapping[str, Any], after: Mapping[str, Any], reason: str | None
) -> None:
    """Raises InvalidInput where "not safe" of any record of the person would be left without a senior's reason."""
    person_id = action.referral.person_id
    if not leaves_not_safe(before, after) and not leaves_not_safe_elsewhere(action.session, person_id, after):
        return
    if not is_permitted(action.actor.role, Permission.LOOSEN_PROTECTION):
        message = (
            "It is recorded that the adult is not safe. Only a senior caseworker can change that: ask one."
        )
        raise InvalidInput(message, fields={SAFE_ANSWER: message})
    if not (reason or "").strip():
        message = "Enter why it is not recorded as not safe any more"
        raise InvalidInput(message, fields={"reason": message})


def record_capacity_answer(
    command: Command, referral_id: UUID, answer: CapacityAnswer
) -> tuple[HeldReason, ...]:
    """Record that the child may decide about this referral; gives the reasons for which it stays held.

    For this referral only: a child may be able to decide about one matter and not about another.
    """
    answer.check(times.london_date(command.at))
    with referral_action(command, referral_id, lock=LockScope.PERSON) as action:
        document = {
            "assessed_by": answer.assessed_by.strip(),
            "assessed_on": answer.assessed_on.isoformat(),
            "note": answer.note.strip(),
        }
        referral_holds.keep_hold_answer(action, CAPACITY_ANSWER, document)
        action.add_timeline_entry("capacity.recorded", EventDetails(text=answer.note))
        action.record_audit("capacity.recorded")
        agreed = contact_consents.contact_consent(action.session, action.referral.person_id)
        return referral_holds.reevaluate_hold(action, {CAPACITY_ANSWER}, agreed=agreed)
