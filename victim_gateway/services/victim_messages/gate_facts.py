"""What the gate asks about one message, read in the transaction that decides, behind the locks on the person."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.compliance.guarded_offences import is_guarded_offence
from victim_gateway.crypto import BlindIndex, fold_text
from victim_gateway.database import encrypted_rows
from victim_gateway.database.current import current_blind_index, current_settings
from victim_gateway.models import (
    ContactAttempt,
    MaracDecision,
    OnwardReferral,
    Person,
    Referral,
    SafeContactPlan,
    SatisfactionSurvey,
    ServiceAppointment,
    TriageAssessment,
    VictimMessage,
)
from victim_gateway.phone_numbers import phone_hash
from victim_gateway.queries.people.decrypted_people import age_of
from victim_gateway.queries.people.merged_records import is_record_of
from victim_gateway.queries.people.safe_contact_plans import plan_in_force
from victim_gateway.queries.referrals.alerts import contact_facts_of
from victim_gateway.queries.referrals.surveys import SurveyHistory, survey_history
from victim_gateway.rules.attempt_safety import SafeContactFacts
from victim_gateway.rules.contact_stops import ContactStop, contact_stops
from victim_gateway.rules.contact_windows import read_contact_window
from victim_gateway.rules.hold import ADULT_AGE
from victim_gateway.rules.safe_contact import VOICEMAIL, usable_answers
from victim_gateway.rules.surveys import forbids_link
from victim_gateway.rules.transitions import LIVE_ONWARD_STATES
from victim_gateway.rules.victim_message_gate import VictimMessageFacts
from victim_gateway.rules.victim_message_recipients import (
    Recipient,
    find_recipient,
    is_recipient_allowed,
    plain_recipient,
)
from victim_gateway.service_record_vocabulary import AppointmentState
from victim_gateway.services.referrals import surveys
from victim_gateway.services.shared import case_locks, contact_consents, suspect_contacts
from victim_gateway.services.victim_messages.carriers import (
    MessageCarriers,
    has_template,
    is_template_approved,
    recipient_limits,
)
from victim_gateway.services.victim_messages.unsafe_details import (
    is_of_linked_suspects,
    is_unsafe_for_another,
)
from victim_gateway.victim_message_vocabulary import VictimMessageKind, VictimMessageState
from victim_gateway.vocabulary import AttemptOutcome, Channel, ReferralState, Risk, SafeAnswer, SurveyState

_UNANSWERED = (AttemptOutcome.NO_ANSWER, AttemptOutcome.VOICEMAIL_LEFT)
_DAYS_BETWEEN_LETTERS = 28
_CALL_IS_RECENT = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class MessageSubject:
    """The referral, the person and the plan of a message, opened."""

    referral: Referral
    person: Person
    key: bytes
    plan: SafeContactPlan | None
    contact: SafeContactFacts
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SharedFacts:
    """What is the same for every message about a referral at one moment, read once where several are judged."""

    history: SurveyHistory
    has_refused_contact: bool
    is_protected: bool
    has_risky_referral: bool


@dataclass(frozen=True, slots=True)
class JudgedMessage:
    """The facts of a message, and to whom it would go; None where no number or address can be used."""

    facts: VictimMessageFacts
    recipient: Recipient | None


def open_subject(session: Session, referral: Referral) -> MessageSubject:
    """Read what a message rests on. Raises NotFound for a person who was erased."""
    person, key = case_locks.open_person(session, referral.person_id)
    opened = encrypted_rows.unseal_row(key, "person", person.id, person.sealed)
    plan = plan_in_force(session, person.id)
    return MessageSubject(
        referral=referral,
        person=person,
        key=key,
        plan=plan,
        contact=contact_facts_of(opened, plan, key),
        details=encrypted_rows.unseal_row(key, "referral", referral.id, referral.sealed),
    )


def hash_recipient(index: BlindIndex, recipient: Recipient) -> bytes:
    """The keyed hash of the very number or address, however it is written."""
    plain = plain_recipient(recipient)
    if isinstance(recipient, str) and "@" not in recipient:
        return phone_hash(index, plain)
    return index.hash_value("email" if isinstance(recipient, str) else "postal_address", plain)


def read_shared_facts(session: Session, subject: MessageSubject) -> SharedFacts:
    """Call it as the service, in the transaction that decides."""
    guarded = _is_guarded(session, subject.person.id)
    history = survey_history(session, subject.referral.id, subject.person.id)
    is_own_guarded = guarded.pop(subject.referral.id, True)
    return SharedFacts(
        history=history,
        has_refused_contact=contact_consents.contact_consent(session, subject.person.id) is False,
        is_protected=is_own_guarded or _is_protected(subject.referral),
        has_risky_referral=history.has_risky_referral or any(guarded.values()),
    )


def judge_message(
    session: Session,
    message: VictimMessage,
    subject: MessageSubject,
    carriers: MessageCarriers,
    *,
    at: datetime,
    shared: SharedFacts | None = None,
) -> JudgedMessage:
    """All that is known about a message at this moment. Call it as the service, behind the locks on the person."""
    settings, contact, referral = current_settings(), subject.contact, subject.referral
    recipient = find_recipient(message.channel, contact)
    shared = shared or read_shared_facts(session, subject)
    history = shared.history
    stops = contact_stops(contact.person, subject.details)
    plan, days = subject.plan, settings.area.thresholds.safe_contact_recheck_days
    facts = VictimMessageFacts(
        kind=message.kind,
        channel=message.channel,
        at=at,
        expires_at=message.expires_at,
        window=read_contact_window(contact.document) if plan is not None else None,
        is_released=settings.sends_to_people,
        has_template=has_template(settings, carriers, message.template_code),
        is_template_approved=is_template_approved(carriers, message.template_code),
        is_recipient_allowed=recipient is not None
        and is_recipient_allowed(recipient, recipient_limits(settings, message.channel)),
        is_erased=subject.person.erased_at is not None,
        has_died=ContactStop.PERSON_DIED in stops,
        is_withdrawn_by_force=ContactStop.WITHDRAWN_BY_FORCE in stops,
        never_contact=history.never_contact,
        has_refused_contact=shared.has_refused_contact,
        has_opted_out=_has_opted_out(message, contact, history),
        is_adult=_is_adult(subject, at),
        state=referral.state,
        risk=_gravest_risk(referral),
        is_protected=shared.is_protected,
        has_risky_referral=shared.has_risky_referral,
        has_plan=plan is not None,
        safe=contact.safe,
        channel_safe=_channel_answer(message, contact),
        is_plan_unchanged=plan is not None and plan.version == message.plan_version,
        is_plan_fresh=contact.is_fresh(at, days),
        has_detail=recipient is not None,
        has_same_detail=recipient is not None
        and hash_recipient(current_blind_index(session), recipient) == message.detail_hash,
        is_suspects_detail=_is_suspects(session, subject, message.channel, recipient),
        is_unsafe_for_another=is_unsafe_for_another(
            session, current_blind_index(session), subject.person.id, recipient
        ),
        another_may_answer=bool(contact.document.get("who_may_answer") or contact.document.get("code_word")),
        is_asked_by_hand=message.is_by_hand,
        is_warning_confirmed=message.warned_at is not None,
        has_seniors_yes=message.agreed_at is not None,
        is_right_still=_IS_RIGHT[message.kind](session, message, subject, at),
        was_sent_recently=_was_sent_recently(session, message, at),
    )
    return JudgedMessage(facts, recipient)


def _channel_answer(message: VictimMessage, contact: SafeContactFacts) -> SafeAnswer:
    """Whether the channel is safe; that we tried is said only where a text or voicemail is safe too."""
    answers = usable_answers(contact.safe, contact.document)
    answer = answers[message.channel.value]
    says_that_we_called = message.kind is VictimMessageKind.TRIED_TO_REACH
    if says_that_we_called and SafeAnswer.YES not in (answers[Channel.SMS.value], answers[VOICEMAIL]):
        return SafeAnswer.NO if answer is SafeAnswer.NO else SafeAnswer.UNKNOWN
    return answer


def _has_opted_out(message: VictimMessage, contact: SafeContactFacts, history: SurveyHistory) -> bool:
    """A survey after a no to surveys; a reminder where nobody has said that the person wants reminders."""
    if message.kind is VictimMessageKind.SURVEY:
        return history.has_refused
    if message.kind is VictimMessageKind.APPOINTMENT_TOMORROW:
        return contact.document.get("wants_reminders") is not True
    return False


def _is_adult(subject: MessageSubject, at: datetime) -> bool:
    """A business has no age; of a person it must be known."""
    if subject.person.kind != "person":
        return True
    age = age_of(subject.contact.person, times.london_date(at))
    return age is not None and age >= ADULT_AGE


def _gravest_risk(referral: Referral) -> Risk:
    """Our own view, or the officer's grade where that is higher."""
    return Risk.HIGH if referral.officer_grade == Risk.HIGH.value else referral.risk


def _is_guarded(session: Session, person_id: UUID) -> dict[UUID, bool]:
    """By referral of any record of the person: whether it is domestic abuse or like it, or was asked about.

    By a mark, a harm, the offence, intimidation, a DASH score that was ever taken, or a decision about MARAC. Columns
    alone: a referral that the reader may not see must not stay behind in their session.
    """
    theirs = is_record_of(Referral.person_id, person_id)
    scored = exists().where(
        TriageAssessment.referral_id == Referral.id, TriageAssessment.dash_score.is_not(None)
    )
    decided = exists().where(MaracDecision.referral_id == Referral.id, MaracDecision.taken_back_at.is_(None))
    rows = session.execute(
        select(
            Referral.id,
            Referral.offence,
            Referral.offence_code,
            Referral.state,
            Referral.officer_grade,
            (scored | decided).label("was_asked_about"),
        ).where(theirs)
    ).all()
    return {
        row.id: row.was_asked_about
        or (
            row.state is not ReferralState.ENTERED_IN_ERROR
            and (row.officer_grade == Risk.HIGH.value or is_guarded_offence(row.offence, row.offence_code))
        )
        for row in rows
    }


def _is_protected(referral: Referral) -> bool:
    """Domestic abuse or what is like it: by a mark, a harm or intimidation."""
    return forbids_link(
        Risk.STANDARD,
        referral.harms,
        domestic_abuse=referral.domestic_abuse,
        is_intimidated=referral.intimidated,
    )


def _is_suspects(
    session: Session, subject: MessageSubject, channel: Channel, recipient: Recipient | None
) -> bool | None:
    """Whether it leads to a suspect; by post, whether one lives in the same postcode."""
    if recipient is None:
        return False
    person_id = subject.person.id
    if isinstance(recipient, str):
        forbidden = suspect_contacts.forbidden_of_person(session, person_id)
        detail = "number" if channel is Channel.SMS else "email"
        return suspect_contacts.is_forbidden(session, forbidden, detail, recipient) or is_of_linked_suspects(
            session, person_id, recipient
        )
    linked = suspect_contacts.linked_as_suspects(session, [person_id])
    if not linked:
        return False
    # Of the very address that the letter would bear, which the plan may have instead of the record.
    postcode = current_blind_index(session).hash_repeated("postcode", fold_text(recipient[-1]))
    same = exists().where(
        Person.id.in_(linked),
        or_(
            Person.postcode_hash.in_((postcode, subject.person.postcode_hash)),
            # Where the suspect lives is not known: perhaps there.
            Person.postcode_hash.is_(None),
        ),
    )
    return bool(session.scalar(select(same)))


def _was_sent_recently(session: Session, message: VictimMessage, at: datetime) -> bool:
    """Whether the same was said to the person only days ago; it counts for one kind, on any of their referrals."""
    days = {
        VictimMessageKind.TRIED_TO_REACH: current_settings().area.messages.tried_to_reach_days,
        VictimMessageKind.RIGHTS_LETTER: _DAYS_BETWEEN_LETTERS,
    }.get(message.kind)
    if days is None:
        return False
    since = at - timedelta(days=days)
    return find_recent_message(session, message.person_id, message.kind, since, but=message.id)


def find_recent_message(
    session: Session, person_id: UUID, kind: VictimMessageKind, since: datetime, *, but: UUID | None = None
) -> bool:
    """Whether a message of this kind has left, or may have, since a moment, to any record of the person."""
    left = exists().where(
        is_record_of(VictimMessage.person_id, person_id),
        VictimMessage.kind == kind,
        VictimMessage.id != but,
        VictimMessage.begun_at > since,
        VictimMessage.state.in_(
            (
                VictimMessageState.SENDING,
                VictimMessageState.ACCEPTED,
                VictimMessageState.DELIVERED,
                VictimMessageState.PERHAPS_SENT,
                VictimMessageState.PARKED,
            )
        ),
    )
    return bool(session.scalar(select(left)))


def _has_last_call_failed(
    session: Session, message: VictimMessage, subject: MessageSubject, at: datetime
) -> bool:
    """The last try was a call that nobody answered, days ago at most: whoever was reached need not read that we tried.

    Where another person answered, or it was the wrong number, nothing is written to that number.
    """
    last = session.execute(
        select(ContactAttempt.outcome, ContactAttempt.channel, ContactAttempt.attempted_at)
        .where(ContactAttempt.referral_id == message.referral_id)
        .order_by(ContactAttempt.attempted_at.desc(), ContactAttempt.id.desc())
        .limit(1)
    ).first()
    if last is None or last.channel is not Channel.PHONE or last.outcome not in _UNANSWERED:
        return False
    return bool(at - last.attempted_at <= _CALL_IS_RECENT)


def _is_planned_for_tomorrow(
    session: Session, message: VictimMessage, subject: MessageSubject, at: datetime
) -> bool:
    """The appointment stands at the same time, is tomorrow, and the provider still helps."""
    row = session.execute(
        select(
            ServiceAppointment.starts_at, ServiceAppointment.state, OnwardReferral.state.label("onward_state")
        )
        .join(OnwardReferral, OnwardReferral.id == ServiceAppointment.onward_referral_id)
        .where(ServiceAppointment.id == message.appointment_id)
    ).first()
    if row is None or row.starts_at != message.about_at or row.state is not AppointmentState.PLANNED:
        return False
    tomorrow = times.london_date(at) + timedelta(days=1)
    return times.london_date(row.starts_at) == tomorrow and row.onward_state in LIVE_ONWARD_STATES


def _is_survey_offered(
    session: Session, message: VictimMessage, subject: MessageSubject, at: datetime
) -> bool:
    """The questions are open still, and a link could be made now."""
    survey = session.get(SatisfactionSurvey, message.survey_id) if message.survey_id else None
    if survey is None or survey.state is not SurveyState.OFFERED:
        return False
    standing = surveys.survey_standing(session, subject.referral, subject.person, subject.key, at=at)
    return standing.refusal is None and standing.no_link is None


def _is_always_right(session: Session, message: VictimMessage, subject: MessageSubject, at: datetime) -> bool:
    return True


_IS_RIGHT: Mapping[VictimMessageKind, Callable[[Session, VictimMessage, MessageSubject, datetime], bool]] = {
    VictimMessageKind.TRIED_TO_REACH: _has_last_call_failed,
    VictimMessageKind.APPOINTMENT_TOMORROW: _is_planned_for_tomorrow,
    VictimMessageKind.SURVEY: _is_survey_offered,
    VictimMessageKind.RIGHTS_LETTER: _is_always_right,
}
