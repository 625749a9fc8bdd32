"""Who is proposed for unassigned referrals: read with the page of unassigned ones."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway.models import Person, Referral, WrappedKey
from victim_gateway.queries.operations.kept_lists import offered_entries
from victim_gateway.queries.people.decrypted_people import JoinedPerson, SealedPerson, open_joined_people
from victim_gateway.queries.referrals.work_order import HIGH_KEY
from victim_gateway.queries.referrals.work_queue import QueueRow
from victim_gateway.queries.referrals.workload import list_workloads
from victim_gateway.rules.harms import HarmFacts, harms_of_referral
from victim_gateway.rules.kept_lists import PROPOSAL_RULES
from victim_gateway.rules.proposal_rules import (
    FreeCaseworker,
    ProposalRule,
    ProposedCaseworker,
    UnassignedFacts,
    propose_caseworkers,
    read_rule,
)
from victim_gateway.rules.urgency import choose_counting_risk
from victim_gateway.vocabulary import Harm, NextAction

_READ: tuple[Any, ...] = (
    Referral.id,
    Referral.person_id,
    Referral.offence,
    Referral.offence_code,
    Referral.recorded_as,
    Referral.victim_type,
    Referral.domestic_abuse,
    Referral.serious_crime,
    Referral.hate_strand,
    Referral.chosen_harms,
    Referral.district,
    Referral.risk,
    Referral.officer_grade,
    (HIGH_KEY == 0).label("is_ranked_high"),
    Referral.restricted,
    Person.key_id,
    Person.sealed,
    Person.erased_at,
    WrappedKey.keyring_id,
    WrappedKey.wrapped,
)


def proposals_for(
    session: Session, rows: Sequence[QueueRow], today: date
) -> Mapping[UUID, ProposedCaseworker]:
    """Who is proposed for the unassigned ones of the rows; nothing where no rule is kept."""
    waiting = [row for row in rows if row.next_action is NextAction.ASSIGN]
    rules = proposal_rules(session) if waiting else ()
    if not rules:
        return {}
    facts = unassigned_facts(session, [row.referral_id for row in waiting])
    in_order = [facts[row.referral_id] for row in waiting if row.referral_id in facts]
    return propose_caseworkers(in_order, rules, caseworkers_for_rules(session, today))


def proposal_rules(session: Session) -> tuple[ProposalRule, ...]:
    """The rules that are in use, in their order."""
    entries = offered_entries(session, PROPOSAL_RULES)
    return tuple(read_rule(entry.code, entry.label, entry.body) for entry in entries)


def caseworkers_for_rules(session: Session, today: date) -> list[FreeCaseworker]:
    """Everybody who could have referrals, with what they have and whether they are away."""
    return [each.for_rules for each in list_workloads(session, today)]


def unassigned_facts(session: Session, referral_ids: Collection[UUID]) -> dict[UUID, UnassignedFacts]:
    """What the rules read of these referrals, of those that the actor may see."""
    rows = session.execute(
        select(*_READ)
        .join(Person, Person.id == Referral.person_id)
        .outerjoin(WrappedKey, WrappedKey.id == Person.key_id)
        .where(Referral.id.in_(referral_ids))
    ).all()
    people = open_joined_people(
        JoinedPerson(
            SealedPerson(row.person_id, row.key_id, row.sealed, row.erased_at is not None),
            row.keyring_id,
            row.wrapped,
        )
        for row in rows
    )
    return {
        row.id: UnassignedFacts(
            row.id,
            harms_of_referral(
                HarmFacts(
                    offence=row.offence,
                    offence_code=row.offence_code,
                    recorded_as=row.recorded_as,
                    victim_type=row.victim_type,
                    domestic_abuse=row.domestic_abuse,
                    serious_crime=row.serious_crime,
                    hate_strand=row.hate_strand,
                    chosen=[Harm(harm) for harm in row.chosen_harms],
                )
            ),
            row.district,
            choose_counting_risk(row.risk, row.officer_grade),
            row.is_ranked_high,
            people[row.person_id].get("language"),
            row.restricted,
        )
        for row in rows
    }
