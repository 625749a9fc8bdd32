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
    OfferGroupMember,
    OnwardReferral,
    Organisation,
    Person,
    Provider,
    ProviderService,
    Referral,
    SharedFile,
)
from victim_gateway.provider_vocabulary import DirectoryStep, StayReason
from victim_gateway.queries.onward_referrals.eligibility import gather_eligibility_facts, list_services
from victim_gateway.queries.onward_referrals.handover import (
    HANDOVER,
    SAFE_CONTACT,
    gather_handover_source,
    is_sharing_agreed,
    newest_sharing_answer,
)
from victim_gateway.row_ids import new_row_id
from victim_gateway.rules.eligibility import DirectoryService, assess_service_fit
from victim_gateway.rules.succession import SuccessionFacts, reason_to_stay, says_name
from victim_gateway.rules.transitions import LIVE_ONWARD_STATES, UNANSWERED_ONWARD_STATES
from victim_gateway.services.compliance import case_events, stored_clocks
from victim_gateway.services.messages.provider_notices import tell_provider
from victim_gateway.services.onward_referrals.offer import start_offer_clock
from victim_gateway.services.onward_referrals.withdraw_and_expire import (
    release_first_contact,
    release_offer,
)
from victim_gateway.services.shared import next_action, submissions, tasks
from victim_gateway.services.shared.case_action import EventDetails
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.onward_referral_action import (
    OnwardReferralAction,
    onward_task_key,
    require_permission,
)
from victim_gateway.services.shared.service_capacity import record_directory_change
from victim_gateway.services.shared.service_record_endings import end_service_record
from victim_gateway.services.shared.stored_files import end_shared_files
from victim_gateway.services.shared.tasks import NewTask
from victim_gateway.vocabulary import ConsentPurpose, EventKind, NoticeKind, OnwardState, Risk, TaskKind

MOVED, TAKEN_OVER = "onward_referral.moved_to_successor", "onward_referral.taken_over"
LEFT = "onward_referral.left_by_succession"
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
    """What would happen, as counts; `staying` are references, without those that are restricted."""

    provider_name: str
    successor_name: str
    moving: int
    stays: Mapping[StayReason, int]
    staying: Sequence[tuple[str, UUID, StayReason]]
    digest: str


@dataclass(frozen=True, slots=True)
class _Decision:
    onward_id: UUID
    referral_id: UUID
    reference: str
    version: int
    target_id: UUID | None
    stay: StayReason | None


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
                _carry_out(session, command, plan, decisions[start : start + BATCH])
            _end_provider(session, command, plan, preview)
    return preview


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


def _decide(session: Session, plan: SuccessionPlan, on: date) -> Iterator[_Decision]:
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
    own_yes = {row.id for row in services.values() if row.is_restorative or row.takes_explicit_consent_only}
    ids = session.scalars(
        select(OnwardReferral.id)
        .where(
            OnwardReferral.provider_id == plan.provider_id,
            OnwardReferral.state.in_(LIVE_ONWARD_STATES),
            OnwardReferral.provider_access_ended_at.is_(None),
        )
        .order_by(OnwardReferral.referral_id, OnwardReferral.id)
    ).all()
    for number, onward_id in enumerate(ids, start=1):
        onward = session.get_one(OnwardReferral, onward_id, populate_existing=True)
        target = targets.get(plan.services.get(onward.service_id, onward.service_id))
        facts = _facts(session, onward, target, plan.successor_id, name, on)
        needs_own = onward.service_id in own_yes or bool(
            target and (target.is_restorative or target.takes_explicit_consent_only)
        )
        stay = reason_to_stay(replace(facts, needs_own_yes=needs_own))
        yield _Decision(
            onward.id,
            onward.referral_id,
            onward.reference,
            onward.version,
            target.id if target else None,
            stay,
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
    consent = session.get(Consent, onward.consent_id) if onward.consent_id else None
    if referral.restricted or person.restricted or person.erased_at is not None:
        return SuccessionFacts(is_restricted=True)
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
        names_provider=says_name(
            [each for each in handover.values() if isinstance(each, str)], provider_name
        ),
        is_there_already=there,
        fits=fits,
        can_be_handed_over=not source.stops and not source.channels_to_complete,
    )


def _preview(
    names: tuple[str, str], plan: SuccessionPlan, decisions: Sequence[_Decision]
) -> SuccessionPreview:
    counted = Counter(each.stay for each in decisions if each.stay is not None)
    lines = [f"{each.onward_id}:{each.version}:{each.target_id}:{each.stay}" for each in decisions]
    shown = [
        (each.reference, each.onward_id, each.stay)
        for each in decisions
        if each.stay is not None and each.stay is not StayReason.RESTRICTED
    ]
    whole = "\n".join([str(plan.successor_id), *lines])
    return SuccessionPreview(
        *names,
        moving=sum(each.stay is None for each in decisions),
        stays={reason: counted[reason] for reason in StayReason if counted[reason]},
        staying=shown[:MOST_LISTED],
        digest=hashlib.sha256(whole.encode()).hexdigest(),
    )


def _carry_out(
    session: Session, command: Command, plan: SuccessionPlan, decisions: Sequence[_Decision]
) -> None:
    """A batch of them, with the clocks and next actions of all their referrals at its end."""
    for each in decisions:
        onward = session.scalars(
            select(OnwardReferral)
            .where(OnwardReferral.id == each.onward_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        ).one()
        if each.stay is None and each.target_id is not None:
            _move(session, command, onward, plan.successor_id, each.target_id)
        else:
            _leave(session, command, onward, each.stay or StayReason.NO_SERVICE)
    session.flush()
    referrals = sorted({each.referral_id for each in decisions})
    stored_clocks.refresh_clocks(session, referrals, at=command.at)
    next_action.refresh_next_actions(session, referrals, at=command.at)
    session.flush()
    session.expunge_all()


def _move(
    session: Session, command: Command, onward: OnwardReferral, successor_id: UUID, target_id: UUID
) -> None:
    new = _offered_anew(session, command, onward, successor_id, target_id)
    before = onward.state
    old_action = OnwardReferralAction(session, command, onward, MOVED)
    details = EventDetails(codes={"onward_referral_id": str(new.id), "reference": new.reference})
    old_action.change_state(OnwardState.WITHDRAWN, MOVED, details)
    if before in UNANSWERED_ONWARD_STATES:
        release_offer(old_action)
    elif before is OnwardState.ACCEPTED:
        release_first_contact(old_action)
    for kind in (TaskKind.PROVIDER_ASKED, TaskKind.PROVIDER_DECLINED):
        old_action.finish_task(kind)
    onward.version += 1
    _ask_caseworker(session, command, onward, "moved")
    tell_provider(session, onward, NoticeKind.WITHDRAWN, at=command.at)
    session.add(new)
    session.flush()
    _pass_on_group_place(session, onward, new)
    action = OnwardReferralAction(session, command, new, TAKEN_OVER)
    start_offer_clock(action, from_state=None)
    # To the successor without whose it was: codes are not shown to it.
    action.add_timeline_entry(TAKEN_OVER, EventDetails(codes={"was": before.value}))
    tell_provider(session, new, NoticeKind.NEW_OFFER, at=command.at)


def _pass_on_group_place(session: Session, onward: OnwardReferral, new: OnwardReferral) -> None:
    """Its place in a group of offers is the successor's: otherwise the group would count the old one as taken back."""
    with as_service(session):
        member = session.scalars(
            select(OfferGroupMember).where(OfferGroupMember.onward_referral_id == onward.id)
        ).first()
        if member is None:
            return
        member.onward_referral_id = new.id
        others = select(OfferGroupMember.service_id).where(
            OfferGroupMember.offer_group_id == member.offer_group_id
        )
        if new.service_id not in set(session.scalars(others)):
            member.service_id = new.service_id
        session.flush()


def _offered_anew(
    session: Session, command: Command, onward: OnwardReferral, successor_id: UUID, target_id: UUID
) -> OnwardReferral:
    """The same handover for the successor, sealed under a key of its own; safe contact as it is known now."""
    old_key = encrypted_rows.open_key(session, onward.key_id)
    handover = encrypted_rows.unseal_row(old_key, HANDOVER, onward.id, onward.handover_sealed)
    source = gather_handover_source(session, onward.referral_id, on=times.london_date(command.at))
    number = session.scalar(select(func.count()).where(OnwardReferral.referral_id == onward.referral_id)) or 0
    reference = session.get_one(Referral, onward.referral_id).reference
    key_id, key = encrypted_rows.new_key(
        session, "handover", onward.person_id, command.at, organisation_id=successor_id
    )
    new_id = new_row_id()
    return OnwardReferral(
        id=new_id,
        reference=f"{reference}-{number + 1}",
        referral_id=onward.referral_id,
        person_id=onward.person_id,
        provider_id=successor_id,
        service_id=target_id,
        consent_id=_carried_consent(session, command, onward, successor_id),
        key_id=key_id,
        handover_sealed=encrypted_rows.seal_row(key, HANDOVER, new_id, handover),
        safe_contact_sealed=encrypted_rows.seal_row(key, SAFE_CONTACT, new_id, source.safe_contact),
        shared_risk=Risk(handover["risk"]),
        state=OnwardState.OFFERED,
        offered_at=command.at,
        offered_by_id=command.actor.user_id,
        version=1,
    )


def _carried_consent(session: Session, command: Command, onward: OnwardReferral, successor_id: UUID) -> UUID:
    """The person's yes to the successor: one that they gave, or the one to the old provider, marked as carried over."""
    answer = newest_sharing_answer(session, onward.person_id, successor_id)
    if answer is not None:
        return answer.id
    given = session.get_one(Consent, onward.consent_id)
    carried_id = new_row_id()
    sealed = given.sealed
    if sealed is not None:
        key = encrypted_rows.open_key(session, session.get_one(Person, given.person_id).key_id)
        document = encrypted_rows.unseal_row(key, "consent", given.id, sealed)
        sealed = encrypted_rows.seal_row(key, "consent", carried_id, document)
    session.add(
        Consent(
            id=carried_id,
            person_id=given.person_id,
            referral_id=onward.referral_id,
            purpose=ConsentPurpose.SHARE_WITH_PROVIDER,
            recipient_organisation_id=successor_id,
            agreed=True,
            how=given.how,
            given_by=given.given_by,
            scope=list(given.scope),
            attachment_id=given.attachment_id,
            sealed=sealed,
            carried_from_id=given.id,
            given_at=given.given_at,
            recorded_at=command.at,
            recorded_by_id=command.actor.user_id,
        )
    )
    session.flush()
    return carried_id


def _leave(session: Session, command: Command, onward: OnwardReferral, reason: StayReason) -> None:
    """It stays with the old provider's name and closed to it, until a person has decided."""
    onward.provider_access_ended_at = func.now()
    onward.version += 1
    end_shared_files(session, SharedFile.onward_referral_id == onward.id, at=command.at)
    end_service_record(session, onward.id, at=command.at)
    action = OnwardReferralAction(session, command, onward, LEFT)
    case_events.append_case_event_without_clocks(
        session, action.new_event(LEFT, EventKind.STORY, EventDetails(codes={"stays": reason.value}))
    )
    _ask_caseworker(session, command, onward, reason.value)
    tell_provider(session, onward, NoticeKind.WITHDRAWN, at=command.at)


def _ask_caseworker(session: Session, command: Command, onward: OnwardReferral, why: str) -> None:
    """One task for each: to tell the person who helps now, or to ask them who may."""
    task = NewTask(
        kind=TaskKind.SERVICE_ENDED,
        referral_id=onward.referral_id,
        dedupe_key=onward_task_key(TaskKind.SERVICE_ENDED, onward.id),
        onward_referral_id=onward.id,
        details={"succession": why},
    )
    tasks.open_task(session, task, at=command.at)


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
