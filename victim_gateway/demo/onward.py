"""Onward referrals in the scenarios: actions of caseworkers and providers."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from sqlalchemy import select

from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.demo import phrases
from victim_gateway.demo.accounts import DOMESTIC_ABUSE, RESTORATIVE
from victim_gateway.demo.case import DemoCase
from victim_gateway.models import Consent
from victim_gateway.provider_vocabulary import ServiceKind
from victim_gateway.queries.onward_referrals.eligibility import gather_eligibility_facts
from victim_gateway.queries.onward_referrals.service_records import service_record
from victim_gateway.rules.eligibility import ServiceFit, assess_service_fit
from victim_gateway.rules.handover import HandoverText
from victim_gateway.rules.service_records import AppointmentTimes
from victim_gateway.service_record_vocabulary import AppointmentManner
from victim_gateway.services import onward_referrals
from victim_gateway.services.onward_referrals import SharingConsent
from victim_gateway.services.referrals import consents, notes
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import (
    ConsentHow,
    ConsentPurpose,
    DeclineReason,
    HandoverPart,
    ServiceOutcome,
    WithdrawReason,
)

ALWAYS_SHARED = (HandoverPart.NAME, HandoverPart.NEEDS, HandoverPart.RISK, HandoverPart.WANTS)
SOMETIMES_SHARED = (
    HandoverPart.AGE,
    HandoverPart.CRIME,
    HandoverPart.WHAT_HAPPENED,
    HandoverPart.COMMUNICATION,
)
# Services for one kind of harm, in the order in which they are thought of; a directory may lack any of them.
FOR_BUSINESS = "business-crime-advisor"
FOR_HATE_CRIME = "challenge-hate-crime"
FOR_CHILDREN = "catch22-child-exploitation"


def offer_case(case: DemoCase, to: str) -> None:
    """Offer the person to a provider, with their yes: `rj`, `da`, or what is fitting."""
    fit = _best_fit(case, to)
    service = fit.service
    if fit.needs_senior_yes:
        _get_senior_yes(case)
    crime = case.planned.crime.crime_type
    case.provider = case.staff.providers[case.staff.provider_keys[service.provider_id]]
    case.onward_id = onward_referrals.offer_onward_referral(
        Command(case.owner, case.at),
        case.id,
        onward_referrals.OfferToProvider(
            service_id=service.id,
            share=(*ALWAYS_SHARED, *case.several(list(SOMETIMES_SHARED), case.pick(2, 3, 4))),
            texts=HandoverText(
                what_happened=phrases.WHAT_HAPPENED.get(crime, phrases.SOMETHING_HAPPENED),
                wants=phrases.WANTS[to],
            ),
            consent=SharingConsent(agreed=True, how=ConsentHow.SPOKEN, given_at=case.at),
            answers=_kind_answers(case, service.kind),
        ),
    )


def _kind_answers(case: DemoCase, kind: ServiceKind) -> dict[str, str]:
    """What a caseworker answers to the questions of the service's kind."""
    if kind is ServiceKind.RESTORATIVE_JUSTICE:
        return {
            "stage": case.pick("before", "during", "after"),
            "approach": case.pick("person_asked", "gateway_offered", "officer"),
            "purpose": "information",
        }
    if kind in (ServiceKind.IDVA, ServiceKind.ISVA):
        asked_on = times.london_date(case.at).isoformat()
        return {"adviser_gender": "no_preference", "asked_for_service": "yes", "asked_on": asked_on}
    return {}


def ask_senior(case: DemoCase) -> None:
    """Ask a senior caseworker about restorative justice after domestic or sexual abuse."""
    onward_referrals.request_restorative_justice(
        Command(case.owner, case.at), case.id, text=phrases.RESTORATIVE_PLAN
    )


def acknowledge_offer_of(case: DemoCase) -> None:
    onward_referrals.acknowledge_offer(Command(_provider(case), case.at), _offered(case))


def accept_case(case: DemoCase) -> None:
    onward_referrals.accept_onward_referral(
        Command(_provider(case), case.at),
        _offered(case),
        first_contact_planned_on=times.london_date(case.at) if case.likely(0.5) else None,
        worker_id=_provider(case).user_id,
    )


def decline_case(case: DemoCase) -> None:
    reason, said = case.pick(*phrases.DECLINED)
    onward_referrals.decline_onward_referral(
        Command(_provider(case), case.at), _offered(case), reason=DeclineReason(reason), text=said
    )


def ask_about_case(case: DemoCase) -> None:
    onward_referrals.request_information(
        Command(_provider(case), case.at), _offered(case), text=case.pick(*phrases.QUESTIONS)
    )


def begin_support(case: DemoCase) -> None:
    """Some people ring the provider themselves, at a time of their own: that is said with the tick it needs."""
    onward_referrals.record_provider_first_contact(
        Command(_provider(case), case.at),
        _offered(case),
        contacted_at=case.at,
        text=phrases.CONTACTED,
        although_unsafe=True,
        unsafe_reason=phrases.RANG_THE_PROVIDER,
    )
    _plan_appointment(case)


def _plan_appointment(case: DemoCase) -> None:
    """A week later, at the provider's own place: safe for whoever comes there themselves."""
    worker_id, begins = _provider(case).user_id, case.at + timedelta(days=7)
    if worker_id is None:
        return
    onward_referrals.make_appointment(
        Command(_provider(case), case.at),
        _offered(case),
        onward_referrals.AppointmentAnswers(
            times=AppointmentTimes(begins, begins + timedelta(hours=1)),
            manner=AppointmentManner.OFFICE,
            worker_id=worker_id,
            although_clash=True,
            although_unsafe=True,
            unsafe_reason=phrases.RANG_THE_PROVIDER,
        ),
    )


def end_support(case: DemoCase) -> None:
    outcome = case.pick(ServiceOutcome.NEEDS_MET, ServiceOutcome.NEEDS_MET, ServiceOutcome.PARTLY_MET)
    with transaction(_provider(case)) as session:
        record = service_record(session, _offered(case), is_provider=True)
    for appointment in record.due_attendance(case.at):
        onward_referrals.record_attendance(
            Command(_provider(case), case.at), _offered(case), appointment.appointment_id, attended=True
        )
    onward_referrals.close_onward_referral(
        Command(_provider(case), case.at),
        _offered(case),
        outcome=outcome,
        text=phrases.SERVICE_ENDED_TEXT,
        person_knows=True,
    )


def end_early(case: DemoCase) -> None:
    onward_referrals.close_onward_referral(
        Command(_provider(case), case.at),
        _offered(case),
        outcome=ServiceOutcome.DISENGAGED,
        text=phrases.ENDED_EARLY,
        person_knows=True,
    )


def answer_question(case: DemoCase) -> None:
    onward_referrals.answer_request(Command(case.owner, case.at), _offered(case), text=phrases.ANSWER)


def confirm_decline(case: DemoCase) -> None:
    onward_referrals.confirm_decline(Command(case.owner, case.at), _offered(case))


def overturn_decline(case: DemoCase) -> None:
    onward_referrals.overturn_decline(Command(case.owner, case.at), _offered(case), text=phrases.OFFER_AGAIN)


def withdraw_case(case: DemoCase) -> None:
    reason = case.pick(WithdrawReason.PERSON_SAID_NO, WithdrawReason.ANOTHER_SERVICE_CHOSEN)
    onward_referrals.withdraw_onward_referral(Command(case.owner, case.at), _offered(case), reason=reason)


def expire_offer_of(case: DemoCase) -> None:
    """Expire an unanswered offer, as the scheduler does."""
    onward_referrals.expire_offer(Command(Actor.worker("gateway demo"), case.at), _offered(case))


def take_back_consent(case: DemoCase) -> None:
    """Withdraw the consent to share, which withdraws the onward referrals that rest on it."""
    given = select(Consent.id).where(
        Consent.referral_id == case.id,
        Consent.purpose == ConsentPurpose.SHARE_WITH_PROVIDER,
        Consent.recipient_organisation_id == _provider(case).organisation_id,
        Consent.withdrawn_at.is_(None),
    )
    with transaction(case.owner) as session:
        consent_id = session.scalars(given).one()
    consents.withdraw_consent(Command(case.owner, case.at), consent_id, text=phrases.TOOK_BACK)


def share_note(case: DemoCase) -> None:
    """Write a note that the provider reads too."""
    subject, body = case.pick(*phrases.SHARED_NOTES)
    notes.write_note(
        Command(case.owner, case.at),
        case.id,
        notes.NewNote(subject=subject, body=body),
        onward_referral_id=_offered(case),
    )


def reply_to_note(case: DemoCase) -> None:
    """Write the provider's note."""
    subject, body = case.pick(*phrases.REPLIES)
    notes.write_provider_note(
        Command(_provider(case), case.at), _offered(case), notes.NewNote(subject=subject, body=body)
    )


def _offered(case: DemoCase) -> UUID:
    if case.onward_id is None:
        raise ValueError("nothing was offered yet")
    return case.onward_id


def _provider(case: DemoCase) -> Actor:
    if case.provider is None:
        raise ValueError("nothing was offered yet")
    return case.provider


def _best_fit(case: DemoCase, to: str) -> ServiceFit:
    """The first of the services thought of that fits the person; restorative justice is for everybody."""
    on = times.london_date(case.at)
    with transaction(case.owner) as session:
        facts = gather_eligibility_facts(session, case.id, on)
    wanted = {"da": [DOMESTIC_ABUSE], "rj": []}.get(to, [FOR_BUSINESS, FOR_HATE_CRIME, FOR_CHILDREN])
    for name in (*wanted, RESTORATIVE):
        for service in case.staff.services:
            fit = assess_service_fit(service, facts, on)
            if name in (service.key, case.staff.provider_keys[service.provider_id]) and fit.fits:
                return fit
    raise ValueError(f"no service fits {case.planned.scenario.name}")


def _get_senior_yes(case: DemoCase) -> None:
    ask_senior(case)
    onward_referrals.decide_restorative_justice(
        Command(case.staff.senior, case.at), case.id, agreed=True, text=phrases.RESTORATIVE_YES
    )
