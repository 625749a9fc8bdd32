"""Asking a person how it went: a link for a safe channel, answers typed in during a call, or a no that stands."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.database import encrypted_rows
from victim_gateway.database.current import current_settings
from victim_gateway.errors import InvalidInput, TransitionNotAllowed, UnsafeContact
from victim_gateway.models import Person, Referral, SatisfactionSurvey
from victim_gateway.queries.people.decrypted_people import age_of
from victim_gateway.queries.people.safe_contact_plans import plan_in_force
from victim_gateway.queries.referrals.alerts import contact_facts_of
from victim_gateway.queries.referrals.surveys import survey_history
from victim_gateway.row_ids import new_row_id
from victim_gateway.rules.attempt_safety import SafeContactFacts
from victim_gateway.rules.contact_stops import contact_stops
from victim_gateway.rules.hold import has_safe_adult
from victim_gateway.rules.support import explain_refused_state
from victim_gateway.rules.surveys import (
    SurveyFacts,
    asks_for_person,
    betrays_service,
    explain_no_link,
    explain_no_survey,
    explain_unsafe_link,
    is_satisfied,
    refused_answers_of_survey,
    safe_link_channels,
    stages_reached,
)
from victim_gateway.services.referrals.contact_attempts import (
    AttemptDetails,
    add_contact_attempt,
    check_contact_attempt,
)
from victim_gateway.services.referrals.ended_survey_links import end_survey_links
from victim_gateway.services.referrals.support_activities import find_attempt_of_day
from victim_gateway.services.shared import contact_consents, tasks
from victim_gateway.services.shared.case_action import (
    ActionEffect,
    EventDetails,
    ReferralAction,
    referral_action,
)
from victim_gateway.services.shared.case_locks import LockScope
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.tasks import NewTask
from victim_gateway.vocabulary import (
    AttemptOutcome,
    Channel,
    SupportManner,
    SurveyManner,
    SurveyStage,
    SurveyState,
    TaskKind,
)

SECRET_BYTES = 32
LINK_SENT = "A link to questions about how it went."
_ASKED = "This was asked already. Each stage is asked about once."


@dataclass(frozen=True, slots=True)
class SurveyStanding:
    """What may be asked now: `refusal` says why nothing may, `no_link` why no link, `channels` by which one may go."""

    stages: tuple[SurveyStage, ...]
    refusal: str | None
    no_link: str | None
    channels: tuple[Channel, ...]


@dataclass(frozen=True, slots=True)
class SurveyAnswers:
    """Answers by the key of their question, and what was said in words."""

    answers: Mapping[str, str]
    text: str = ""


def survey_task_key(survey_id: UUID) -> str:
    """The dedupe key of the task that asks a caseworker to read answers and to speak with the person."""
    return f"survey:{survey_id}"


def hash_survey_secret(secret: str) -> bytes:
    """What is kept of a link's secret: 256 random bits need no slow hash."""
    return hashlib.sha256(secret.encode()).digest()


def survey_link(secret: str) -> str:
    """The address that the person gets."""
    area = current_settings().area.support.survey
    return f"{area.link_address or current_settings().public_url}/answers/{secret}"


def survey_standing(
    session: Session, referral: Referral, person: Person, key: bytes, *, at: datetime
) -> SurveyStanding:
    """What may be asked of the person at this moment, by the referral and the safe-contact plan in force."""
    if not current_settings().area.support.survey.questions:
        return SurveyStanding((), "This area asks no questions.", None, ())
    facts, contact = _read_facts(session, referral, person, key, at=at)
    return SurveyStanding(
        stages=stages_reached(facts),
        refusal=explain_no_survey(facts),
        no_link=_explain_no_link(facts, contact),
        channels=_channels(contact, at),
    )


def is_link_safe(
    session: Session,
    referral: Referral,
    survey: SatisfactionSurvey,
    *,
    person: Person,
    key: bytes,
    at: datetime,
) -> bool:
    """Whether a link that went out before could go out now, its way and its hour as they were. Call it as the service.

    A referral that was closed since ends no link: it was sent, and is about that.
    """
    if survey.link_channel is None or survey.link_made_at is None:
        return False
    facts, contact = _read_facts(session, referral, person, key, at=at)
    if explain_no_survey(facts) or explain_unsafe_link(facts, contact):
        return False
    return survey.link_channel in _channels(contact, survey.link_made_at)


def _read_facts(
    session: Session, referral: Referral, person: Person, key: bytes, *, at: datetime
) -> tuple[SurveyFacts, SafeContactFacts]:
    opened = encrypted_rows.unseal_row(key, "person", person.id, person.sealed)
    details = encrypted_rows.unseal_row(key, "referral", referral.id, referral.sealed)
    contact = contact_facts_of(opened, plan_in_force(session, person.id), key)
    history = survey_history(session, referral.id, person.id)
    facts = SurveyFacts(
        state=referral.state,
        risk=referral.risk,
        harms=referral.harms,
        domestic_abuse=referral.domestic_abuse,
        is_intimidated=referral.intimidated,
        is_business=person.kind != "person",
        age=age_of(opened, times.london_date(at)),
        has_safe_adult=has_safe_adult(opened),
        has_stop=bool(contact_stops(opened, details)),
        refused_contact=contact_consents.contact_consent(session, person.id) is False,
        never_contact=history.never_contact,
        has_refused=history.has_refused,
        was_reached=history.was_reached,
        is_court_over=history.is_court_over,
        has_risky_referral=history.has_risky_referral,
    )
    return facts, contact


def offer_survey_link(
    command: Command, referral_id: UUID, *, stage: SurveyStage, channel: Channel, checked: Collection[str]
) -> str:
    """Make the link of one stage, and log the contact by which the caseworker sends it; its secret, shown once.

    The service sends nothing by itself: the text goes out as any other from the Gateway's own telephone or mailbox.
    The command's version is that of the safe-contact plan the user saw. Raises as `log_contact_attempt` does, and
    UnsafeContact where a link may not go to this person, or not by this channel.
    """
    if not checked:
        message = "Choose what you checked first"
        raise InvalidInput(message, fields={"checked": message})
    with referral_action(
        command, referral_id, lock=LockScope.PERSON_REFERRALS, version_is_of_referral=False
    ) as action:
        return add_survey_link(action, stage=stage, channel=channel, checked=checked)[1]


def add_survey_link(
    action: ReferralAction,
    *,
    stage: SurveyStage,
    channel: Channel,
    checked: Collection[str],
    is_sent: bool = True,
) -> tuple[SatisfactionSurvey, str]:
    """Make the link as part of an action that locks every referral of the person; gives its row and its secret.

    `is_sent` is False where a message is yet to carry it: the contact is logged when that has left.

    Raises as `offer_survey_link` does.
    """
    standing = _check_standing(action, stage)
    if standing.no_link:
        raise UnsafeContact(f"{standing.no_link} Ask at the next call.")
    if channel not in standing.channels:
        message = "This way is not safe now. Choose another, or ask at the next call."
        raise UnsafeContact(message, fields={"channel": message})
    if _survey_of_stage(action, stage) is not None:
        raise TransitionNotAllowed(_ASKED)
    attempt = AttemptDetails(
        attempted_at=action.at,
        channel=channel,
        outcome=AttemptOutcome.SENT,
        checked=checked,
        text=LINK_SENT,
    )
    attempt_id = add_contact_attempt(action, attempt) if is_sent else None
    if attempt_id is None:
        check_contact_attempt(action, attempt)
    secret = secrets.token_urlsafe(SECRET_BYTES)
    days = current_settings().area.support.survey.link_days
    survey = SatisfactionSurvey(
        id=new_row_id(),
        referral_id=action.referral.id,
        stage=stage,
        state=SurveyState.OFFERED,
        recorded_at=action.at,
        by_id=action.actor.user_id,
        link_hash=hash_survey_secret(secret),
        link_channel=channel,
        link_made_at=action.at,
        link_expires_at=action.at + timedelta(days=days),
        contact_attempt_id=attempt_id,
    )
    action.session.add(survey)
    _note(action, survey, "survey.link_made")
    return survey, secret


def record_survey_answers(
    command: Command, referral_id: UUID, *, stage: SurveyStage, given: SurveyAnswers
) -> UUID:
    """Record answers that the person gave in a call today, which was logged before. Ends a link that was made.

    Raises TransitionNotAllowed where the person may not be asked or was, and InvalidInput for answers that can't be.
    """
    with referral_action(
        command,
        referral_id,
        lock=LockScope.PERSON,
        effect=ActionEffect.EVENTS_ONLY,
        version_is_of_referral=False,
    ) as action:
        _check_standing(action, stage)
        today = times.london_date(action.at)
        closed_on = times.london_date(action.referral.closed_at) if action.referral.closed_at else None
        refused = explain_refused_state(action.referral.state, closed_on=closed_on, on=today)
        if refused:
            raise TransitionNotAllowed(refused)
        find_attempt_of_day(action, SupportManner.PHONE, today)
        survey = _open_survey(action, stage)
        needs_person = apply_survey_answers(
            survey, given, action.key, manner=SurveyManner.PHONE, at=action.at
        )
        survey.answered_by_id = action.actor.user_id
        if needs_person is not None:
            tasks.open_task(action.session, follow_up_task(survey, is_urgent=needs_person), at=action.at)
        _note(action, survey, "survey.answered")
    return survey.id


def record_survey_refusal(command: Command, referral_id: UUID, *, stage: SurveyStage) -> None:
    """The person does not want to be asked: no stage is asked about again, and no link opens anything any more."""
    with referral_action(
        command,
        referral_id,
        lock=LockScope.PERSON_REFERRALS,
        effect=ActionEffect.NOTHING,
        version_is_of_referral=False,
    ) as action:
        survey = _open_survey(action, stage)
        survey.state, survey.refused_at = SurveyState.REFUSED, action.at
        _note(action, survey, "survey.refused")
        end_survey_links(action.session, action.referral.person_id, at=action.at)


def apply_survey_answers(
    survey: SatisfactionSurvey, given: SurveyAnswers, key: bytes, *, manner: SurveyManner, at: datetime
) -> bool | None:
    """Seal answers into their row. Gives whether a caseworker must look at once, None where no caseworker has to.

    Raises InvalidInput for answers that can't be.
    """
    profile = current_settings().area.support.survey
    questions = [each for each in profile.questions if each.by_link or manner is SurveyManner.PHONE]
    answers = {each.key: given.answers[each.key] for each in questions if given.answers.get(each.key)}
    wrong = refused_answers_of_survey(questions, answers)
    if wrong:
        raise InvalidInput(
            next(iter(wrong.values())), fields={f"answer_{name}": said for name, said in wrong.items()}
        )
    document = {"answers": answers, "words": given.text.strip()}
    survey.state, survey.manner, survey.answered_at = SurveyState.ANSWERED, manner, at
    survey.is_satisfied = is_satisfied(questions, answers, least=profile.satisfied_from)
    survey.sealed = encrypted_rows.seal_row(key, "satisfaction_survey", survey.id, document)
    must_look, is_urgent = asks_for_person(questions, answers, given.text)
    return is_urgent if must_look else None


def follow_up_task(survey: SatisfactionSurvey, *, is_urgent: bool) -> NewTask:
    """The task to read the answers and to speak with the person. It names the stage, never an answer."""
    return NewTask(
        kind=TaskKind.SURVEY_FOLLOW_UP,
        referral_id=survey.referral_id,
        dedupe_key=survey_task_key(survey.id),
        details={"stage": survey.stage.value},
        is_urgent=is_urgent,
    )


def _explain_no_link(facts: SurveyFacts, contact: SafeContactFacts) -> str | None:
    reason = explain_no_link(facts, contact)
    if reason is None and betrays_service(survey_link("")):
        return (
            "The address in a link would say what this service is for. The area's profile can name another."
        )
    return reason


def _channels(contact: SafeContactFacts, at: datetime) -> tuple[Channel, ...]:
    days = current_settings().area.thresholds.safe_contact_recheck_days
    return safe_link_channels(contact, at, recheck_days=days)


def _check_standing(action: ReferralAction, stage: SurveyStage) -> SurveyStanding:
    standing = survey_standing(action.session, action.referral, action.person, action.key, at=action.at)
    if standing.refusal:
        raise TransitionNotAllowed(standing.refusal)
    if stage not in standing.stages:
        raise TransitionNotAllowed("The person has not come to this stage yet.")
    return standing


def _survey_of_stage(action: ReferralAction, stage: SurveyStage) -> SatisfactionSurvey | None:
    """Behind the lock on the referral; a lock of its own would not find a row that has ended (row-level security)."""
    return action.session.scalar(
        select(SatisfactionSurvey).where(
            SatisfactionSurvey.referral_id == action.referral.id, SatisfactionSurvey.stage == stage
        )
    )


def _open_survey(action: ReferralAction, stage: SurveyStage) -> SatisfactionSurvey:
    """The row of a stage that is open still, or a new one. Raises TransitionNotAllowed where it was asked."""
    survey = _survey_of_stage(action, stage)
    if survey is None:
        survey = SatisfactionSurvey(
            id=new_row_id(),
            referral_id=action.referral.id,
            stage=stage,
            recorded_at=action.at,
            by_id=action.actor.user_id,
        )
        action.session.add(survey)
    elif survey.state is not SurveyState.OFFERED:
        raise TransitionNotAllowed(_ASKED)
    return survey


def _note(action: ReferralAction, survey: SatisfactionSurvey, event: str) -> None:
    action.session.flush()
    codes = {"survey_stage": survey.stage.value}
    action.add_timeline_entry(event, EventDetails(codes=codes))
    action.record_audit(event, survey_id=str(survey.id), **codes)
