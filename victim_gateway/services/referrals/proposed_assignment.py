"""Referrals given to whom the rules propose, by a senior's click; and what the rules read of caseworkers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from sqlalchemy import select

from victim_gateway.access.permissions import Permission, is_permitted
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import (
    AlreadyDone,
    GatewayError,
    InvalidInput,
    NotAllowed,
    NotFound,
    StaleVersion,
)
from victim_gateway.models import CaseworkerAvailability
from victim_gateway.queries.referrals.proposals import (
    caseworkers_for_rules,
    proposal_rules,
    unassigned_facts,
)
from victim_gateway.queries.referrals.workload import assignable_user_ids
from victim_gateway.rules.proposal_rules import ProposalRule, candidates
from victim_gateway.services.referrals.bulk_assignment import (
    BulkAssignment,
    ChosenReferral,
    check_number,
    name_refused,
    submission_of,
)
from victim_gateway.services.referrals.status import assign_referral
from victim_gateway.services.shared import submissions
from victim_gateway.services.shared.command import Command
from victim_gateway.times import london_date

MOST_WEIGHT = 500


def give_as_proposed(
    command: Command, chosen: Sequence[ChosenReferral], proposed: Mapping[UUID, UUID]
) -> BulkAssignment:
    """A senior gives each of the referrals to whom the page proposed; the rule stands on its timeline.

    What the rules say is asked anew: one that they do not propose any more stays, with why. So does one without a
    proposal, a restricted one, and one that somebody took meanwhile.
    """
    if not is_permitted(command.actor.role, Permission.ASSIGN_OTHERS):
        raise NotAllowed("Only a senior caseworker can give a referral to somebody else.")
    check_number(chosen)
    agreed = _still_proposed(command, chosen, proposed)
    reasons: dict[UUID, str] = {}
    for each in chosen:
        rule, target = agreed.get(each.referral_id), proposed.get(each.referral_id)
        if rule is None or target is None:
            reasons[each.referral_id] = (
                "No rule proposes this caseworker for it now: they may be away, or have as much as they can."
                if target
                else "No rule proposes anybody for it. Choose a caseworker yourself."
            )
            continue
        own = replace(command, version=each.version, submission_id=submission_of(command, each, target))
        try:
            assign_referral(own, each.referral_id, to_user_id=target, only_unassigned=True, rule=rule)
        except AlreadyDone:
            continue
        except GatewayError as error:
            reasons[each.referral_id] = error.message
    return BulkAssignment(len(chosen) - len(reasons), name_refused(command, reasons, len(chosen)))


def _still_proposed(
    command: Command, chosen: Sequence[ChosenReferral], proposed: Mapping[UUID, UUID]
) -> dict[UUID, ProposalRule]:
    with transaction(command.actor) as session:
        rules = proposal_rules(session)
        known = {each.user_id: each for each in caseworkers_for_rules(session, london_date(command.at))}
        facts = unassigned_facts(session, [each.referral_id for each in chosen])
    given: dict[UUID, int] = {}
    found: dict[UUID, ProposalRule] = {}
    for each in chosen:
        referral, target = facts.get(each.referral_id), proposed.get(each.referral_id)
        if referral is None or target is None:
            continue
        rule, free = candidates(referral, rules, known, given)
        if rule is not None and target in {one.user_id for one in free}:
            given[target] = given.get(target, 0) + referral.weight
            found[each.referral_id] = rule
    return found


@dataclass(frozen=True, slots=True)
class AvailabilityAnswers:
    """When a caseworker is away, first and last day, and how much they can have; None: not away, no limit."""

    away_from: date | None
    away_until: date | None
    most_weight: int | None


def record_availability(command: Command, user_id: UUID, answers: AvailabilityAnswers) -> None:
    """Record when a caseworker is away and how much they can have. Nothing they have changes hands by it.

    Raises NotAllowed for anybody but a senior, NotFound, StaleVersion, and InvalidInput for days that do not follow.
    """
    if not is_permitted(command.actor.role, Permission.ASSIGN_OTHERS) or command.actor.user_id is None:
        raise NotAllowed("Only a senior caseworker can record when somebody is away.")
    _check_days(answers)
    with transaction(command.actor) as session:
        submissions.claim_submission(session, command)
        if user_id not in assignable_user_ids(session):
            raise NotFound
        found = session.scalar(
            select(CaseworkerAvailability).where(CaseworkerAvailability.user_id == user_id).with_for_update()
        )
        if command.version is not None and command.version != (found.version if found else 0):
            raise StaleVersion("Somebody else changed this after you opened the page.")
        before = _values(found)
        if found is None:
            found = CaseworkerAvailability(user_id=user_id, version=0)
            session.add(found)
        found.away_from, found.away_until = answers.away_from, answers.away_until
        found.most_weight = answers.most_weight
        found.changed_at, found.by_id = command.at, command.actor.user_id
        found.version += 1
        record_audit(
            session,
            "caseworker.availability_changed",
            subject_type="user",
            subject_id=user_id,
            before=before,
            after=_values(found),
        )


def _check_days(answers: AvailabilityAnswers) -> None:
    if (answers.away_from is None) != (answers.away_until is None):
        name = "away_until" if answers.away_until is None else "away_from"
        message = "Enter the first and the last day, or neither"
        raise InvalidInput(message, fields={name: message})
    if answers.away_from and answers.away_until and answers.away_until < answers.away_from:
        message = "The last day must be on or after the first"
        raise InvalidInput(message, fields={"away_until": message})
    if answers.most_weight is not None and not 0 <= answers.most_weight <= MOST_WEIGHT:
        message = f"Enter a whole number from 0 to {MOST_WEIGHT}"
        raise InvalidInput(message, fields={"most_weight": message})


def _values(found: CaseworkerAvailability | None) -> dict[str, str | int | None]:
    if found is None:
        return {}
    return {
        "away_from": found.away_from.isoformat() if found.away_from else None,
        "away_until": found.away_until.isoformat() if found.away_until else None,
        "most_weight": found.most_weight,
    }
