"""Offering a person to a provider, with their yes and exactly what they agreed to share."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.compliance.calendar import england_and_wales
from victim_gateway.database import encrypted_rows
from victim_gateway.database.current import current_settings
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import NotFound, StaleVersion, TransitionNotAllowed
from victim_gateway.models import (
    CaseEvent,
    EntitlementClock,
    OnwardReferral,
    ProviderService,
    Referral,
    Task,
)
from victim_gateway.queries.onward_referrals.handover import (
    HANDOVER,
    SAFE_CONTACT,
    can_be_referred_on,
)
from victim_gateway.queries.onward_referrals.sharing_overrides import recorded_override
from victim_gateway.row_ids import new_row_id
from victim_gateway.rules.eligibility import DirectoryService
from victim_gateway.rules.handover import (
    HandoverText,
    RecordedConsent,
    RecordedOverride,
    compose_handover,
)
from victim_gateway.rules.response_standard import answer_due_by_standard
from victim_gateway.rules.step_dates import PROVIDER_ANSWER, find_step_limit, risk_band, step_due_on
from victim_gateway.services.compliance import case_events, stored_clocks
from victim_gateway.services.messages.provider_notices import tell_provider
from victim_gateway.services.onward_referrals._contact_from_report import start_contact_from_report
from victim_gateway.services.onward_referrals._kind_of_offer import (
    record_asked,
    refuse_single_person,
    refuse_withheld_parts,
    settle_kind,
)
from victim_gateway.services.onward_referrals._offer_checks import (
    gather_shareable_source,
    record_full_override,
    require_fitting_service,
)
from victim_gateway.services.onward_referrals._offer_consent import (
    SharingConsent,
    check_scope,
    require_override,
    settle_sharing_consent,
)
from victim_gateway.services.onward_referrals._text import check_text
from victim_gateway.services.shared import case_locks, submissions, tasks
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.onward_referral_action import (
    LocalEvent,
    OnwardReferralAction,
    count_offers,
    nth_offer_subject,
    require_permission,
)
from victim_gateway.services.shared.tasks import restorative_wish_key
from victim_gateway.vocabulary import (
    EventKind,
    HandoverPart,
    NoticeKind,
    OnwardState,
    Risk,
    TaskKind,
)

PROVIDER_RESPONSE = "provider_response"


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferToProvider:
    """What is offered: to which service, which parts are shared, with which text.

    `consent` None: a yes for this provider is already recorded. `without_consent`: it rests on a senior
    caseworker's yes to sharing without the person's instead. `offered_by_id`: who decided it, where the service
    carries it out: then it answers no question that waits for a person.
    """

    service_id: UUID
    share: Collection[HandoverPart]
    texts: HandoverText
    consent: SharingConsent | None = None
    without_consent: bool = False
    offered_by_id: UUID | None = None
    full_reason: str = ""
    """Why it is offered to a service that is full; empty: it is not."""
    answers: Mapping[str, str] = field(default_factory=dict)
    """The answers to the questions of the service's kind, by question; days as ISO text."""


def offer_onward_referral(command: Command, referral_id: UUID, offer: OfferToProvider) -> UUID:
    """Offer the person to a service and give the onward referral's id; the provider-response clock runs.

    What is handed over is sealed now; later changes are not seen by the provider, except how to reach the
    person safely, which always is. The command's version is the referral's. Raises NotFound, StaleVersion,
    AlreadyDone, TransitionNotAllowed unless the referral was triaged and, for restorative justice after domestic
    or sexual abuse, a senior has said yes; InvalidInput without the person's yes or where the service does not fit;
    UnsafeContact where a channel is recorded as safe without its number or address.
    """
    require_permission(command.actor, Permission.EDIT_CASEWORK)
    with transaction(command.actor) as session:
        submissions.claim_submission(session, command)
        referral = lock_offerable_referral(session, referral_id, command.version)
        case_locks.lock_person_row(session, referral.person_id)
        onward = offer_in_transaction(session, command, referral, offer)
    return onward.id


def offer_in_transaction(
    session: Session, command: Command, referral: Referral, offer: OfferToProvider
) -> OnwardReferral:
    """One offer as a step of another action; referral and person are locked. Raises as `offer_onward_referral` does."""
    on = times.london_date(command.at)
    source = gather_shareable_source(session, referral.id, on)
    full_reason = check_text(offer.full_reason, "full_reason")
    service, rests_on, basis = settle_offer_basis(session, command, referral, offer)
    texts = settle_kind(session, referral, service, offer.answers, check_handover_texts(offer.texts), on)
    onward = _new_onward_referral(session, command, referral, service, rests_on, offer.offered_by_id)
    key = encrypted_rows.open_key(session, onward.key_id)
    contents = compose_handover(source, offer.share, texts, basis, on)
    onward.handover_sealed = encrypted_rows.seal_row(key, HANDOVER, onward.id, contents)
    onward.shared_risk = Risk(contents["risk"])
    onward.safe_contact_sealed = encrypted_rows.seal_row(key, SAFE_CONTACT, onward.id, source.safe_contact)
    session.add(onward)
    session.flush()
    record_asked(session, command, onward, service, texts)
    if service.is_restorative:
        tasks.finish_task(session, restorative_wish_key(referral.id), at=command.at)
    action = OnwardReferralAction(session, command, onward, "onward_referral.offered")
    start_offer_clock(action, from_state=None)
    record_full_override(action, service, full_reason)
    tell_provider(session, onward, NoticeKind.NEW_OFFER, at=command.at)
    if offer.offered_by_id is None:
        _finish_review(session, referral.id, command.at)
    referral.version += 1
    action.finish()
    return onward


def settle_offer_basis(
    session: Session, command: Command, referral: Referral, offer: OfferToProvider
) -> tuple[DirectoryService, Mapping[str, UUID], RecordedConsent | RecordedOverride]:
    """The service of an offer and what the sharing rests on, as it stands at this moment; a new yes is written down.

    Raises as `offer_onward_referral` does. Of the fields that a refusal names, `service` is about the service,
    `agreed` about the yes and `share` about what the yes reaches.
    """
    on = times.london_date(command.at)
    service = require_fitting_service(
        session, referral.id, offer.service_id, on, full_reason=check_text(offer.full_reason, "full_reason")
    )
    refuse_single_person(referral, service, offer.offered_by_id or command.actor.user_id)
    refuse_withheld_parts(service, offer.share)
    if offer.without_consent:
        override = require_override(session, referral, service, on)
        return service, {"sharing_override_id": override.id}, recorded_override(override)
    answer = settle_sharing_consent(session, command, referral, service, offer.consent)
    check_scope(offer.share, answer)
    return service, {"consent_id": answer.id}, RecordedConsent(answer.how, answer.given_at)


def _finish_review(session: Session, referral_id: UUID, at: datetime) -> None:
    """To refer on is one of the answers to support that has ended, or to the question which help comes next."""
    asked = select(Task.id).where(
        Task.referral_id == referral_id,
        Task.kind.in_((TaskKind.SERVICE_ENDED, TaskKind.ONWARD_DECISION)),
        Task.done_at.is_(None),
    )
    for task_id in session.scalars(asked).all():
        tasks.finish_task(session, task_id, at=at)


def start_offer_clock(action: OnwardReferralAction, *, from_state: OnwardState | None) -> None:
    """Append the event that starts the provider's clock, and set the day by which an answer is due."""
    event_id = append_offer_event(action, from_state=from_state)
    action.session.flush()
    stored_clocks.refresh_clocks(action.session, [action.referral_id], at=action.at)
    set_answer_day(action, event_id)


def append_offer_event(action: OnwardReferralAction, *, from_state: OnwardState | None) -> UUID:
    """The event that starts the provider's clock, for callers that refresh the clocks of many at once; gives its id."""
    session, onward = action.session, action.onward
    event = replace(
        action.new_event(LocalEvent.OFFERED, EventKind.LOCAL),
        subject=nth_offer_subject(onward.reference, count_offers(session, onward) + 1),
        from_state=from_state.value if from_state else None,
        to_state=onward.state.value,
    )
    action.subject = None
    return case_events.append_case_event_without_clocks(session, event)


def set_answer_day(action: OnwardReferralAction, offer_event_id: UUID) -> None:
    """Set the day by which an answer is due: of the offer's clock, the risk, the service and its kind the earliest."""
    session, onward = action.session, action.onward
    days = (
        _clock_due_on(session, offer_event_id),
        _answer_due_by_risk(session, onward.referral_id, action.at),
        _answer_due_by_service(session, onward, action.at),
        # Who contacts by then has answered by then.
        start_contact_from_report(action, session.get_one(CaseEvent, offer_event_id).subject),
    )
    onward.answer_due_on = min(day for day in days if day)


def _clock_due_on(session: Session, event_id: UUID) -> date | None:
    return session.scalar(
        select(EntitlementClock.due_on).where(
            EntitlementClock.start_event_id == event_id,
            EntitlementClock.entitlement_id == PROVIDER_RESPONSE,
        )
    )


def _answer_due_by_service(session: Session, onward: OnwardReferral, at: datetime) -> date | None:
    """The day by which the service itself says that it answers; it shortens what the area allows, never prolongs it."""
    row = session.execute(
        select(ProviderService.answer_within, ProviderService.answer_unit).where(
            ProviderService.id == onward.service_id
        )
    ).one()
    return answer_due_by_standard(at, row.answer_within, row.answer_unit, england_and_wales())


def _answer_due_by_risk(session: Session, referral_id: UUID, at: datetime) -> date:
    """A person at high risk waits no longer for the provider's answer than for ours, whatever the standard says."""
    row = session.execute(
        select(Referral.risk, Referral.domestic_abuse, Referral.officer_grade).where(
            Referral.id == referral_id
        )
    ).one()
    limits = current_settings().area.thresholds.next_action_working_days
    band = risk_band(row.risk, domestic_abuse=row.domestic_abuse, officer_grade=row.officer_grade)
    return step_due_on(times.london_date(at), find_step_limit(limits, PROVIDER_ANSWER), band)


def lock_offerable_referral(session: Session, referral_id: UUID, version: int | None) -> Referral:
    """The referral, locked. Raises NotFound, StaleVersion, and TransitionNotAllowed before it was triaged."""
    # The reader's own right first: the lock is taken as the service.
    if session.scalar(select(Referral.id).where(Referral.id == referral_id)) is None:
        raise NotFound()
    case_locks.lock_referral_row(session, referral_id)
    referral = session.get_one(Referral, referral_id, populate_existing=True)
    if version is not None and version != referral.version:
        raise StaleVersion(case_locks.describe_last_change(session, referral_id))
    if not can_be_referred_on(session, referral):
        raise TransitionNotAllowed(
            "Make a triage assessment first: only then can this person be referred on."
        )
    return referral


def _new_onward_referral(
    session: Session,
    command: Command,
    referral: Referral,
    service: DirectoryService,
    rests_on: Mapping[str, UUID],
    offered_by_id: UUID | None,
) -> OnwardReferral:
    number = session.scalar(select(func.count()).where(OnwardReferral.referral_id == referral.id)) or 0
    key_id, _ = encrypted_rows.new_key(
        session, "handover", referral.person_id, command.at, organisation_id=service.provider_id
    )
    return OnwardReferral(
        id=new_row_id(),
        reference=f"{referral.reference}-{number + 1}",
        referral_id=referral.id,
        person_id=referral.person_id,
        provider_id=service.provider_id,
        service_id=service.id,
        **rests_on,
        key_id=key_id,
        state=OnwardState.OFFERED,
        offered_at=command.at,
        offered_by_id=offered_by_id or command.actor.user_id,
        version=0,
    )


def check_handover_texts(texts: HandoverText) -> HandoverText:
    """The texts, trimmed. Raises InvalidInput where one is too long."""
    return HandoverText(
        what_happened=check_text(texts.what_happened, "what_happened"),
        wants=check_text(texts.wants, "wants"),
        remarks=check_text(texts.remarks, "remarks"),
    )
