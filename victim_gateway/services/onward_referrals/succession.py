"""A provider's contract goes to another: its live onward referrals go to the successor in one act.

Each ends at the old provider and is offered anew to the successor with exactly what was handed over, under a key of
its own: nothing that the old provider wrote goes along, and old records keep saying whose they were. What the person,
or anybody for them, meant for the old provider alone stays, closed to it, with a task for a person
(`rules.succession`).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from sqlalchemy import exists, func, select, update
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.database import encrypted_rows
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.transaction import as_service, transaction
from victim_gateway.errors import InvalidInput, NotFound, StaleVersion, TransitionNotAllowed
from victim_gateway.models import (
    Consent,
    OnwardReferral,
    Organisation,
    Person,
    Provider,
    ProviderService,
    Referral,
)
from victim_gateway.provider_vocabulary import DirectoryStep, StayReason
from victim_gateway.queries.onward_referrals.eligibility import gather_eligibility_facts, list_services
from victim_gateway.queries.onward_referrals.handover import (
    HANDOVER,
    gather_handover_source,
    is_sharing_agreed,
    newest_sharing_answer,
)
from victim_gateway.queries.onward_referrals.service_pauses import pauses_in_force
from victim_gateway.rules.consent_answers import parts_beyond_scope
from victim_gateway.rules.eligibility import DirectoryService, assess_service_fit
from victim_gateway.rules.kind_answers import kind_answers_of
from victim_gateway.rules.service_kinds import KIND_RULES
from victim_gateway.rules.succession import SuccessionFacts, reason_to_stay, says_name
from victim_gateway.rules.transitions import LIVE_ONWARD_STATES
from victim_gateway.services.onward_referrals._offer_checks import waits_for_own_answer
from victim_gateway.services.onward_referrals.succession_steps import (
    SuccessionDecision,
    carry_out_decisions,
)
from victim_gateway.services.shared import submissions
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.onward_referral_action import (
    require_permission,
)
from victim_gateway.services.shared.service_capacity import record_directory_change
from victim_gateway.vocabulary import ConsentPurpose, HandoverPart, Risk

BATCH = 100
MOST_LISTED = 100


@dataclass(frozen=True, slots=True)
class SuccessionPlan:
    """Who takes over from whom, and which of the successor's services each service goes to."""

    provider_id: UUID
    successor_id: UUID
    services: Mapping[UUID, UUID]


@dataclass(frozen=True, slots=True)
class SuccessionPreview:
    """What would happen, as counts; `staying` are references without those that are restricted, high risk first.

    `high_risk_staying` counts the restricted ones too.
    """

    provider_name: str
    successor_name: str
    moving: int
    stays: Mapping[StayReason, int]
    high_risk_staying: int
    staying: Sequence[tuple[str, UUID, StayReason]]
    digest: str


def preview_succession(command: Command, plan: SuccessionPlan) -> SuccessionPreview:
    """What a succession would move and what would stay. Raises as `name_successor` does; changes nothing."""
    require_permission(command.actor, Permission.NAME_SUCCESSOR)
    with transaction(command.actor) as session, as_service(session):
        names = _check_plan(session, plan)
        decisions = list(_decide(session, plan, times.london_date(command.at)))
        record_audit(
            session, "provider.succession_previewed", subject_type="provider", subject_id=plan.provider_id
        )
    return _preview(names, plan, decisions)


def name_successor(command: Command, plan: SuccessionPlan, *, digest: str) -> SuccessionPreview:
    """Move all live onward referrals of a provider to its successor, and end the provider today.

    Raises NotFound, InvalidInput for a service without a place to go, TransitionNotAllowed where a successor was named
    before, and StaleVersion where it would now do something else than the preview with this digest showed.
    """
    require_permission(command.actor, Permission.NAME_SUCCESSOR)
    with transaction(command.actor) as session:
        submissions.claim_submission(session, command)
        with as_service(session):
            names = _check_plan(session, plan, lock=True)
            _lock_referrals(session, plan.provider_id)
            decisions = list(_decide(session, plan, times.london_date(command.at)))
            preview = _preview(names, plan, decisions)
            if preview.digest != digest:
                raise StaleVersion("Something changed meanwhile. Look at what would happen now.")
            for start in range(0, len(decisions), BATCH):
                carry_out_decisions(session, command, plan.successor_id, decisions[start : start + BATCH])
            _end_provider(session, command, plan, preview)
    return preview


def close_late_offers(command: Command) -> int:
    """Close what was offered to a provider while its work went to a successor, and ask a caseworker; how many.

    An offer that is being made does not wait for the act, which may take minutes, and is committed beside it.
    """
    late = (
        select(OnwardReferral)
        .join(Provider, Provider.id == OnwardReferral.provider_id)
        .where(
            Provider.successor_id.is_not(None),
            OnwardReferral.state.in_(LIVE_ONWARD_STATES),
            OnwardReferral.provider_access_ended_at.is_(None),
        )
        .order_by(OnwardReferral.referral_id, OnwardReferral.id)
    )
    with transaction(command.actor) as session, as_service(session):
        found = session.scalars(late).all()
        decisions = [
            SuccessionDecision(
                each.id, each.referral_id, each.reference, each.version, None, StayReason.NO_SERVICE
            )
            for each in found
        ]
        for provider_id in {each.provider_id for each in found}:
            _lock_referrals(session, provider_id)
        carry_out_decisions(session, command, None, decisions)
    return len(decisions)


def _check_plan(session: Session, plan: SuccessionPlan, *, lock: bool = False) -> tuple[str, str]:
    """The names of both. The old provider is locked, so that two successions wait for each other."""
    chosen = select(Provider).where(Provider.id == plan.provider_id)
    if lock:
        # Without the key: an offer that is being made meanwhile holds its referral, and must not wait for this.
        chosen = chosen.with_for_update(key_share=True)
    provider = session.scalar(chosen.execution_options(populate_existing=True))
    successor = session.get(Provider, plan.successor_id)
    if provider is None or successor is None:
        raise NotFound
    if provider.successor_id is not None:
        name = session.get_one(Organisation, provider.successor_id).name
        raise TransitionNotAllowed(f"{name} took over its work already. Nothing was done again.")
    if successor.id == provider.id or successor.retired_on is not None or successor.successor_id is not None:
        message = "Choose a provider that is offered"
        raise InvalidInput(message, fields={"successor": message})
    targets = set(
        session.scalars(
            select(ProviderService.id).where(
                ProviderService.provider_id == successor.id, ProviderService.retired_on.is_(None)
            )
        )
    )
    own = set(session.scalars(select(ProviderService.id).where(ProviderService.provider_id == provider.id)))
    if not set(plan.services) <= own or not set(plan.services.values()) <= targets:
        raise NotFound
    return (
        session.get_one(Organisation, provider.id).name,
        session.get_one(Organisation, successor.id).name,
    )


def _lock_referrals(session: Session, provider_id: UUID) -> None:
    """All referrals of what may move, in the one order of the referrals, before any onward referral."""
    mine = select(OnwardReferral.referral_id).where(
        OnwardReferral.provider_id == provider_id, OnwardReferral.state.in_(LIVE_ONWARD_STATES)
    )
    statement = select(Referral.id).where(Referral.id.in_(mine)).order_by(Referral.id)
    session.execute(statement.with_for_update(key_share=True))


def _decide(session: Session, plan: SuccessionPlan, on: date) -> Iterator[SuccessionDecision]:
    """What becomes of each live onward referral, in the order of the referrals; few are in memory at once."""
    targets = {
        service.id: service for service in list_services(session) if service.provider_id == plan.successor_id
    }
    services = {
        row.id: row
        for row in session.scalars(
            select(ProviderService).where(ProviderService.provider_id == plan.provider_id)
        )
    }
    name = session.get_one(Organisation, plan.provider_id).name
    own_yes = {
        row.id
        for row in services.values()
        if KIND_RULES[row.kind].needs_own_yes or row.takes_explicit_consent_only
    }
    ids = session.scalars(
        select(OnwardReferral.id)
        .where(
            OnwardReferral.provider_id == plan.provider_id,
            OnwardReferral.state.in_(LIVE_ONWARD_STATES),
            OnwardReferral.provider_access_ended_at.is_(None),
        )
        .order_by(OnwardReferral.referral_id, OnwardReferral.id)
    ).all()
    moved: set[tuple[UUID, UUID]] = set()
    for number, onward_id in enumerate(ids, start=1):
        onward = session.get_one(OnwardReferral, onward_id, populate_existing=True)
        target = targets.get(plan.services.get(onward.service_id, onward.service_id))
        facts = _facts(session, onward, target, plan.successor_id, name, on)
        place = (onward.referral_id, target.id) if target else None
        # Two of its services go to one of the successor's: the second of one referral is there already.
        facts = replace(facts, is_there_already=facts.is_there_already or place in moved)
        needs_own = onward.service_id in own_yes or bool(target and target.needs_own_yes)
        # Answers of one kind say nothing to another: what its questions need has to be asked.
        needs_answers = bool(
            target and target.kind is not services[onward.service_id].kind and target.kind_rules.needs_answers
        )
        stay = reason_to_stay(replace(facts, needs_own_yes=needs_own, needs_answers=needs_answers))
        if stay is None and place is not None:
            moved.add(place)
        yield SuccessionDecision(
            onward.id,
            onward.referral_id,
            onward.reference,
            onward.version,
            target.id if target else None,
            stay,
            is_high_risk=session.get_one(Referral, onward.referral_id).risk is Risk.HIGH,
        )
        if number % BATCH == 0:
            session.expunge_all()


def _facts(
    session: Session,
    onward: OnwardReferral,
    target: DirectoryService | None,
    successor_id: UUID,
    provider_name: str,
    on: date,
) -> SuccessionFacts:
    referral = session.get_one(Referral, onward.referral_id)
    person = session.get_one(Person, onward.person_id)
    if referral.restricted or person.restricted or person.erased_at is not None:
        return SuccessionFacts(is_restricted=True)
    consent = (
        newest_sharing_answer(session, onward.person_id, onward.provider_id) if onward.consent_id else None
    )
    answer = newest_sharing_answer(session, onward.person_id, successor_id)
    ever = exists().where(
        Consent.person_id == onward.person_id,
        Consent.purpose == ConsentPurpose.SHARE_WITH_PROVIDER,
        Consent.recipient_organisation_id == successor_id,
    )
    has_refused = not answer.agreed if answer is not None else bool(session.scalar(select(ever)))
    source = gather_handover_source(session, onward.referral_id, on=on)
    key = encrypted_rows.open_key(session, onward.key_id)
    handover = encrypted_rows.unseal_row(key, HANDOVER, onward.id, onward.handover_sealed)
    fits = (
        target is not None
        and assess_service_fit(target, gather_eligibility_facts(session, onward.referral_id, on), on).fits
    )
    there = target is not None and bool(
        session.scalar(
            select(
                exists().where(
                    OnwardReferral.referral_id == onward.referral_id,
                    OnwardReferral.service_id == target.id,
                    OnwardReferral.state.in_(LIVE_ONWARD_STATES),
                )
            )
        )
    )
    return SuccessionFacts(
        has_target=target is not None,
        is_sharing_agreed=is_sharing_agreed(session, onward, on),
        consent_how=consent.how if consent else None,
        refused_successor=has_refused,
        is_yes_limited=any(
            parts_beyond_scope(
                [HandoverPart(part) for part in handover["parts"]],
                [HandoverPart(part) for part in yes.scope or ()],
            )
            for yes in (answer, consent)
            if yes is not None and yes.agreed
        ),
        names_provider=says_name(
            [
                each
                for each in (*handover.values(), *kind_answers_of(handover).values())
                if isinstance(each, str)
            ],
            provider_name,
        ),
        is_there_already=there,
        fits=fits,
        is_paused=target is not None
        and target.id in {pause.service_id for pause in pauses_in_force(session, onward.referral_id, on)},
        waits_for_own_answer=waits_for_own_answer(session, onward.referral_id),
        can_be_handed_over=not source.stops and not source.channels_to_complete,
    )


def _preview(
    names: tuple[str, str], plan: SuccessionPlan, decisions: Sequence[SuccessionDecision]
) -> SuccessionPreview:
    counted = Counter(each.stay for each in decisions if each.stay is not None)
    lines = [f"{each.onward_id}:{each.version}:{each.target_id}:{each.stay}" for each in decisions]
    shown = [
        (each.reference, each.onward_id, each.stay)
        for each in sorted(decisions, key=lambda each: not each.is_high_risk)
        if each.stay is not None and each.stay is not StayReason.RESTRICTED
    ]
    whole = "\n".join([str(plan.successor_id), *lines])
    return SuccessionPreview(
        *names,
        moving=sum(each.stay is None for each in decisions),
        stays={reason: counted[reason] for reason in StayReason if counted[reason]},
        high_risk_staying=sum(each.is_high_risk for each in decisions if each.stay is not None),
        staying=shown[:MOST_LISTED],
        digest=hashlib.sha256(whole.encode()).hexdigest(),
    )


def _end_provider(
    session: Session, command: Command, plan: SuccessionPlan, preview: SuccessionPreview
) -> None:
    today = times.london_date(command.at)
    session.execute(
        update(Provider)
        .where(Provider.id == plan.provider_id)
        .values(
            successor_id=plan.successor_id,
            retired_on=today,
            active_until=func.greatest(Provider.active_from, func.least(Provider.active_until, today)),
            version=Provider.version + 1,
        )
        .execution_options(synchronize_session=False)
    )
    stays = {reason.value: count for reason, count in preview.stays.items()}
    record_directory_change(
        session,
        command,
        DirectoryStep.SUCCEEDED,
        provider_id=plan.provider_id,
        values=({"successor": None}, {"successor": preview.successor_name, "provider_retired_on": today}),
    )
    record_audit(
        session,
        "provider.succeeded",
        subject_type="provider",
        subject_id=plan.provider_id,
        successor=str(plan.successor_id),
        moved=preview.moving,
        stayed=stays,
    )
