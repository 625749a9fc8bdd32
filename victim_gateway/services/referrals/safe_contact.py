"""How and when a person may be reached without harm: recorded by an action of its own, never as a side effect."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway.database import encrypted_rows
from victim_gateway.database.transaction import as_service
from victim_gateway.errors import InvalidInput, StaleVersion
from victim_gateway.models import Referral, Task
from victim_gateway.queries.people.merged_records import is_record_of
from victim_gateway.queries.people.safe_contact_plans import describe_plan_origin, plan_in_force
from victim_gateway.rules import safe_contact
from victim_gateway.rules.safe_contact import DETAIL_OF_CHANNEL
from victim_gateway.rules.suspect_contacts import SUSPECTS_EMAIL, SUSPECTS_NUMBER
from victim_gateway.services import onward_referrals
from victim_gateway.services.referrals import given_values
from victim_gateway.services.referrals.safe_contact_plans import (
    SafeContactAnswer as SafeContactAnswer,
)
from victim_gateway.services.referrals.safe_contact_plans import from_document, open_plan, write_plan
from victim_gateway.services.shared import (
    contact_consents,
    next_action,
    referral_holds,
    suspect_contacts,
    tasks,
)
from victim_gateway.services.shared.case_action import (
    ActionEffect,
    EventDetails,
    ReferralAction,
    referral_action,
)
from victim_gateway.services.shared.case_locks import LockScope
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import SafeAnswer, TaskKind

_NEEDED_DETAILS = {
    "number": "Enter the phone number that is safe: none is recorded",
    "email": "Enter the email address that is safe: none is recorded",
    "address": "Enter the address that is safe for post: no full address is recorded",
}
_TO_CONFIRM = {
    "number": "Type the phone number, or tick that it is the same as before",
    "email": "Type the email address, or tick that it is the same as before",
    "address": "Type the address, or tick that it is the same as before",
}
_KEPT = ("number", "email", "address", "code_word")
_OF_A_SUSPECT = {"number": SUSPECTS_NUMBER, "email": SUSPECTS_EMAIL}


def record_safe_contact(command: Command, referral_id: UUID, plan: SafeContactAnswer) -> None:
    """Record what the person says now. It replaces the plan before, ends the checks that were asked for,
    and reaches every provider who is helping at once.

    A number or address that was safe, and the code word, stay as they were where they are not given: pages do not
    show them. One that becomes safe now is typed, or said to be the same as before: InvalidInput where it is
    neither, or where there is none. The command's version is that of the plan the user saw, 0 for none.
    Raises StaleVersion when another was recorded since: an old form must not turn "unsafe" back to "safe".
    """
    plan.check()
    with referral_action(
        command,
        referral_id,
        lock=LockScope.PERSON_REFERRALS,
        effect=ActionEffect.NOTHING,
        version_is_of_referral=False,
    ) as action:
        session, person = action.session, action.person
        in_force = plan_in_force(session, person.id)
        if command.version != (in_force.version if in_force else 0):
            raise StaleVersion(describe_plan_origin(session, in_force))
        before = open_plan(in_force, action.key)
        details: dict[str, Any] = {name: getattr(plan, name) or before.get(name) for name in _KEPT}
        kept = replace(plan, **details)
        known = encrypted_rows.unseal_row(action.key, "person", person.id, person.sealed)
        _refuse_contacts_of_suspects(session, kept, person.id, known)
        _refuse_channels_without_detail(kept, known)
        _refuse_unconfirmed_details(plan, (in_force.safe if in_force else SafeAnswer.UNKNOWN, before))
        write_plan(session, person, action.key, kept, at=action.at, checked_at=action.at)
        _finish_checks(action)
        if given_values.settle_given_values(action, ["safe_to_contact"]):
            agreed = contact_consents.contact_consent(action.session, action.referral.person_id)
            referral_holds.reevaluate_hold(action, {"safe_to_contact"}, agreed=agreed)
        action.add_timeline_entry("safe_contact.recorded", EventDetails(codes={"safe": plan.safe}))
        action.record_audit("safe_contact.recorded", safe=plan.safe)
        session.flush()
        onward_referrals.refresh_handover_safe_contact(session, person.id, at=action.at)
        # Of every referral of the person: a check that was asked for on another has ended too.
        session.flush()
        next_action.refresh_person_referrals(session, person.id, at=action.at)


def merge_safe_contact(action: ReferralAction, answer: SafeContactAnswer) -> None:
    """Join what was said with a new referral to the plan in force, which the speaker may not have seen.

    The stricter answer wins: a yes said here does not undo a no said before, but makes a caseworker ask again.
    Providers who are helping read the outcome at once.
    """
    session, person, key, at = action.session, action.person, action.key, action.at
    in_force = plan_in_force(session, person.id)
    asked_at = None if answer.safe is SafeAnswer.UNKNOWN else at
    if in_force is None:
        write_plan(session, person, key, answer, at=at, checked_at=asked_at)
        _refresh_other_referrals(action)
        return
    before = open_plan(in_force, key)
    safe, document = safe_contact.merge_answers(
        (in_force.safe, before),
        (answer.safe, answer.document()),
        encrypted_rows.unseal_row(key, "person", person.id, person.sealed),
    )
    if safe is not in_force.safe or document != before:
        # A way that only the older answer calls safe was not asked about now: that answer keeps its age.
        was_asked = asked_at and set(safe_contact.safe_channels(safe, document)) <= set(answer.safe_channels)
        stated_by = answer.stated_by if was_asked else in_force.stated_by
        plan = from_document(document, safe, stated_by)
        write_plan(
            session, person, key, plan, at=at, checked_at=asked_at if was_asked else in_force.checked_at
        )
        onward_referrals.refresh_handover_safe_contact(session, person.id, at=at)
    if answer.safe is SafeAnswer.YES and safe is not SafeAnswer.YES:
        open_safe_contact_check(action)
    _refresh_other_referrals(action)


def mark_safe_contact_unconfirmed(
    action: ReferralAction,
    channels: Collection[str],
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    is_wrong: bool = False,
) -> None:
    """A number or address is new or uncertain: its channels are not known to be safe, and a caseworker must ask.

    Providers who are helping read it at once, and the person's other referrals wait for the answer too: the action
    has locked them (LockScope.PERSON_REFERRALS).
    `before` and `after` are the person's document around a correction: the number that was wrong is not
    kept in the plan either, where it would be shown and handed on as the safe one. `is_wrong`: the number or
    address of these channels is another person's, and leaves the plan too.
    """
    session, person, key = action.session, action.person, action.key
    in_force = plan_in_force(session, person.id)
    if in_force is not None:
        document = encrypted_rows.unseal_row(key, "safe_contact_plan", in_force.id, in_force.sealed)
        document = safe_contact.drop_replaced_details(document, before or {}, after or {})
        if is_wrong:
            document = safe_contact.drop_wrong_details(document, channels)
        safe, document = safe_contact.mark_channels_unconfirmed(in_force.safe, document, set(channels))
        plan = from_document(document, safe, in_force.stated_by)
        write_plan(session, person, key, plan, at=action.at, checked_at=in_force.checked_at)
        onward_referrals.refresh_handover_safe_contact(session, person.id, at=action.at)
    open_safe_contact_check(action)
    _refresh_other_referrals(action)


def refuse_all_contact(action: ReferralAction) -> None:
    """No way of contact is safe from now on: the person has died. Providers who are helping read it at once.

    What was said about contact before stays in the plan, for whoever must speak to the family.
    """
    session, person, key = action.session, action.person, action.key
    in_force = plan_in_force(session, person.id)
    before: Mapping[str, Any] = {}
    if in_force is not None:
        before = encrypted_rows.unseal_row(key, "safe_contact_plan", in_force.id, in_force.sealed)
    document = safe_contact.refuse_all_channels(before)
    stated_by = in_force.stated_by if in_force else "caseworker"
    plan = from_document(document, SafeAnswer.NO, stated_by)
    write_plan(session, person, key, plan, at=action.at, checked_at=in_force.checked_at if in_force else None)
    session.flush()
    onward_referrals.refresh_handover_safe_contact(session, person.id, at=action.at)
    _refresh_other_referrals(action)


def open_safe_contact_check(action: ReferralAction) -> None:
    """Open the task that a caseworker finds out how to reach the person safely."""
    action.open_task(
        TaskKind.SAFE_CONTACT_CHECK,
        dedupe_key=tasks.safe_contact_check_key(action.referral.person_id),
    )


def _refresh_other_referrals(action: ReferralAction) -> None:
    """The plan and the check are the person's: what happens next on their other referrals follows from them too."""
    action.session.flush()
    person_id = action.referral.person_id
    next_action.refresh_person_referrals(action.session, person_id, at=action.at, but=action.referral.id)


def _refuse_contacts_of_suspects(
    session: Session, plan: SafeContactAnswer, person_id: UUID, known: Mapping[str, Any]
) -> None:
    """A suspect's number is refused where it was typed, or would be used; a plan that calls it unsafe is not."""
    forbidden = suspect_contacts.forbidden_of_person(session, person_id)
    found = suspect_contacts.forbidden_details(session, forbidden, plan.document(), known)
    used = {DETAIL_OF_CHANNEL[channel] for channel in plan.safe_channels}
    fields = {name: _OF_A_SUSPECT[name] for name in sorted(found) if getattr(plan, name) or name in used}
    if fields:
        raise InvalidInput(next(iter(fields.values())), fields=fields)


def _refuse_channels_without_detail(plan: SafeContactAnswer, person: Mapping[str, Any]) -> None:
    """A way that is safe needs the number or address it is safe at: a yes to nothing is no yes."""
    lacking = {
        DETAIL_OF_CHANNEL[channel]
        for channel in safe_contact.channels_without_detail(plan.safe, plan.document(), person)
    }
    fields = {name: message for name, message in _NEEDED_DETAILS.items() if name in lacking}
    if fields:
        raise InvalidInput(next(iter(fields.values())), fields=fields)


def _refuse_unconfirmed_details(
    plan: SafeContactAnswer, before: tuple[SafeAnswer, Mapping[str, Any]]
) -> None:
    """An empty box makes no number safe that was not: another person may have answered at it."""
    open_names = safe_contact.details_to_confirm(before, plan.safe, plan.document(), plan.same_details)
    fields = {name: _TO_CONFIRM[name] for name in open_names}
    if fields:
        raise InvalidInput(next(iter(fields.values())), fields=fields)


def _finish_checks(action: ReferralAction) -> None:
    asked = (
        select(Task.id)
        .join(Referral, Referral.id == Task.referral_id)
        .where(
            is_record_of(Referral.person_id, action.referral.person_id),
            Task.kind == TaskKind.SAFE_CONTACT_CHECK,
            Task.done_at.is_(None),
        )
    )
    # As the service: the check may hang on a referral that the actor may not see, and is the person's.
    with as_service(action.session):
        for task_id in action.session.scalars(asked).all():
            action.finish_task(task_id)
