"""Asked once a stage, by a way that is safe then; what is answered is sealed, counted and read by a person."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import ProgrammingError

from tests.factories import casework as make
from tests.factories.casework import DAY, HOUR, MONDAY
from tests.factories.feeds import feed_row
from tests.factories.imports import import_rows, imported_referral
from tests.plumbing.accounts import MakeActor
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import (
    AlreadyDone,
    InvalidInput,
    NotFound,
    StaleVersion,
    TransitionNotAllowed,
    UnsafeContact,
)
from victim_gateway.models import ContactAttempt, Referral, SatisfactionSurvey
from victim_gateway.queries.compliance.satisfaction import satisfaction_by_stage
from victim_gateway.reporting.small_shares import SmallShare
from victim_gateway.services.accounts import rate_limits
from victim_gateway.services.referrals import merged_people, surveys
from victim_gateway.services.referrals.consents import ConsentAnswer, record_consent
from victim_gateway.services.referrals.survey_links import answer_survey_link, open_survey_link
from victim_gateway.services.referrals.surveys import SurveyAnswers
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import (
    Channel,
    ConsentHow,
    ConsentPurpose,
    Risk,
    Role,
    SafeAnswer,
    SurveyStage,
    SurveyState,
    TaskKind,
)

FIRST, CLOSING = SurveyStage.AFTER_FIRST_CONTACT, SurveyStage.AT_CLOSING
CHECKED = ("read_plan", "right_number")
SATISFIED = SurveyAnswers({"overall": "5"})
HOLDER = Actor.signing_in("192.0.2.7")
LATER = MONDAY + 3 * HOUR


def reached(caseworker: Actor, **overrides: object) -> UUID:
    """An adult at standard risk, reached and assessed, whom a text message may reach."""
    referral_id = make.assessed(caseworker, **overrides)  # type: ignore[arg-type]
    plan = make.safe_to_phone(channels={"phone": SafeAnswer.YES, "sms": SafeAnswer.YES})
    make.record_plan(referral_id, caseworker, plan, at=MONDAY + 2 * HOUR)
    return referral_id


def send_link(caseworker: Actor, referral_id: UUID, *, stage: SurveyStage = FIRST, **given: object) -> str:
    version = make.plan_version(referral_id, caseworker)
    said = {"stage": stage, "channel": Channel.SMS, "checked": CHECKED} | given
    return surveys.offer_survey_link(Command(caseworker, LATER, version=version), referral_id, **said)  # type: ignore[arg-type]


def test_a_link_is_sent_once_as_a_logged_contact_opens_nothing_about_anybody_and_is_answered_once(
    caseworker: Actor, owner: Owner
) -> None:
    referral_id = reached(caseworker)
    with pytest.raises(UnsafeContact, match="not safe now"):
        send_link(caseworker, referral_id, channel=Channel.EMAIL)
    with pytest.raises(InvalidInput, match="checked first"):
        send_link(caseworker, referral_id, checked=())
    with pytest.raises(StaleVersion):
        surveys.offer_survey_link(
            Command(caseworker, LATER, version=1),
            referral_id,
            stage=FIRST,
            channel=Channel.SMS,
            checked=CHECKED,
        )
    secret = send_link(caseworker, referral_id)
    with pytest.raises(TransitionNotAllowed, match="asked about once"):
        send_link(caseworker, referral_id)
    with owner() as session:
        survey = session.scalars(select(SatisfactionSurvey)).one()
        assert survey.contact_attempt_id is not None
        attempt = session.get_one(ContactAttempt, survey.contact_attempt_id)
        assert (attempt.channel, attempt.outcome.value) == (Channel.SMS, "sent")
        assert secret.encode() not in bytes(survey.link_hash or b"")
    assert not open_survey_link(secret, actor=HOLDER, at=LATER).is_answered
    with pytest.raises(InvalidInput) as refused:
        answer_survey_link(secret, SurveyAnswers({"respect": "yes"}), actor=HOLDER, at=LATER)
    assert list(refused.value.fields) == ["answer_overall"]
    # What is asked in a call only is not taken from a link.
    given = SurveyAnswers({"overall": "2", "feels_safe": "no"}, "Please ring me")
    answer_survey_link(secret, given, actor=HOLDER, at=LATER + HOUR)
    assert open_survey_link(secret, actor=HOLDER, at=LATER + HOUR).is_answered
    with pytest.raises(AlreadyDone):
        answer_survey_link(secret, SATISFIED, actor=HOLDER, at=LATER + HOUR)
    assert make.open_tasks(referral_id, caseworker) == [TaskKind.SURVEY_FOLLOW_UP]
    assert "survey.answered" in make.events_of(referral_id, caseworker, "story")
    with owner() as session:
        survey = session.scalars(select(SatisfactionSurvey)).one()
        assert (survey.state, survey.is_satisfied) == (SurveyState.ANSWERED, False)
        assert b"ring me" not in bytes(survey.sealed or b"")


@pytest.mark.parametrize(
    "known", [{"risk": Risk.HIGH}, {"flags": frozenset({"domestic_abuse"})}], ids=["high risk", "abuse"]
)
def test_no_link_goes_to_a_person_whom_it_could_harm_and_the_answers_come_by_telephone(
    caseworker: Actor, known: dict[str, object]
) -> None:
    referral_id = reached(caseworker, **known)
    with pytest.raises(UnsafeContact, match="next call"):
        send_link(caseworker, referral_id)
    unsafe = SurveyAnswers({"overall": "4", "feels_safe": "no"})
    with pytest.raises(InvalidInput, match="Log the call first"):
        surveys.record_survey_answers(
            Command(caseworker, MONDAY + DAY), referral_id, stage=FIRST, given=unsafe
        )
    surveys.record_survey_answers(Command(caseworker, LATER), referral_id, stage=FIRST, given=unsafe)
    assert TaskKind.SURVEY_FOLLOW_UP in make.open_tasks(referral_id, caseworker)
    with pytest.raises(TransitionNotAllowed, match="asked about once"):
        surveys.record_survey_answers(Command(caseworker, LATER), referral_id, stage=FIRST, given=SATISFIED)


def test_another_referral_of_the_person_forbids_a_link_and_is_not_betrayed(
    caseworker: Actor, owner: Owner
) -> None:
    referral_id, other_id = reached(caseworker), make.assessed(caseworker)
    with owner() as session:
        other, person_id = (
            session.get_one(Referral, other_id),
            session.get_one(Referral, referral_id).person_id,
        )
        other.person_id, other.restricted = person_id, True
    for harmful in ({"domestic_abuse": True}, {"intimidated": True}, {"chosen_harms": ["modern_slavery"]}):
        with owner() as session:
            session.execute(update(Referral).where(Referral.id == other_id).values(**harmful))
        with pytest.raises(UnsafeContact, match=r"^A message could do harm\. Ask at the next call\.$"):
            send_link(caseworker, referral_id)
        with owner() as session:
            harmless = {"domestic_abuse": False, "intimidated": False, "chosen_harms": []}
            session.execute(update(Referral).where(Referral.id == other_id).values(**harmless))
    with owner() as session:
        session.get_one(Referral, other_id).risk = Risk.UNKNOWN
    with pytest.raises(UnsafeContact, match="could do harm"):
        send_link(caseworker, referral_id)
    with owner() as session:
        session.get_one(Referral, other_id).risk = Risk.STANDARD
    send_link(caseworker, referral_id)


def test_a_no_ends_the_links_and_holds_for_every_stage_and_referral(caseworker: Actor, owner: Owner) -> None:
    referral_id, other_id = reached(caseworker), reached(caseworker)
    secret = send_link(caseworker, referral_id)
    others = [send_link(caseworker, referral_id, stage=CLOSING), send_link(caseworker, other_id)]
    with owner() as session:
        other = session.get_one(Referral, other_id)
        other.person_id, other.restricted = session.get_one(Referral, referral_id).person_id, True
    with pytest.raises(TransitionNotAllowed, match="not come to this stage"):
        surveys.record_survey_answers(
            Command(caseworker, LATER), referral_id, stage=SurveyStage.AFTER_COURT, given=SATISFIED
        )
    surveys.record_survey_refusal(Command(caseworker, LATER), referral_id, stage=FIRST)
    with pytest.raises(NotFound):
        open_survey_link(secret, actor=HOLDER, at=LATER)
    with pytest.raises(NotFound):
        answer_survey_link(secret, SATISFIED, actor=HOLDER, at=LATER)
    for ended in others:
        with pytest.raises(NotFound):
            open_survey_link(ended, actor=HOLDER, at=LATER)
    with owner() as session:
        expiries = session.scalars(
            select(SatisfactionSurvey.link_expires_at).where(SatisfactionSurvey.state == SurveyState.OFFERED)
        )
        assert set(expiries) == {LATER}
    with pytest.raises(TransitionNotAllowed, match="Do not ask again"):
        surveys.record_survey_answers(Command(caseworker, LATER), referral_id, stage=CLOSING, given=SATISFIED)


@pytest.mark.parametrize("imports", [False, True], ids=["by a merge", "by a file"])
def test_a_no_to_contact_that_comes_from_another_record_ends_the_links(
    caseworker: Actor, owner: Owner, imports: bool
) -> None:
    row = feed_row(phone="07700 900201", safe_to_contact="yes", domestic_abuse="no")
    import_rows(row, at=MONDAY)
    imported_id = imported_referral(row).id
    name = {key: row[key] for key in ("given_name", "family_name", "date_of_birth", "phone")}
    referral_id = reached(caseworker, person=make.person_document(**name))
    send_link(caseworker, referral_id)
    refusing = {**row, "consent_to_referral": "no"}
    if not imports:
        import_rows(refusing, at=LATER)
    kept, merged = (make.referral(each, caseworker).person_id for each in (referral_id, imported_id))
    merged_people.merge_people(Command(caseworker, LATER + HOUR), kept, merged)

    def link_ends_at() -> object:
        with owner() as session:
            return session.scalars(select(SatisfactionSurvey.link_expires_at)).one()

    if imports:
        assert link_ends_at() == LATER + timedelta(days=14)
        import_rows(refusing, at=LATER + 2 * HOUR)
    assert link_ends_at() == LATER + (2 if imports else 1) * HOUR


def test_a_link_opens_nothing_and_saves_nothing_once_it_is_not_safe_any_more(
    caseworker: Actor, owner: Owner
) -> None:
    referral_id = reached(caseworker)
    secret = send_link(caseworker, referral_id)

    def assert_ended() -> None:
        with pytest.raises(NotFound):
            open_survey_link(secret, actor=HOLDER, at=LATER + HOUR)
        with pytest.raises(NotFound):
            answer_survey_link(secret, SATISFIED, actor=HOLDER, at=LATER + HOUR)

    unsafe = ({"domestic_abuse": True}, {"risk": Risk.HIGH}, {"intimidated": True})
    safe = {"domestic_abuse": False, "risk": Risk.STANDARD, "intimidated": False}
    for changed in unsafe:
        with owner() as session:
            session.execute(update(Referral).where(Referral.id == referral_id).values(**changed))
        assert_ended()
        with owner() as session:
            session.execute(update(Referral).where(Referral.id == referral_id).values(**safe))
    make.record_plan(referral_id, caseworker, make.safe_to_phone(), at=LATER)
    assert_ended()
    texts = make.safe_to_phone(channels={"phone": SafeAnswer.YES, "sms": SafeAnswer.YES})
    make.record_plan(referral_id, caseworker, texts, at=LATER + timedelta(minutes=1))
    assert not open_survey_link(secret, actor=HOLDER, at=LATER + HOUR).is_answered
    # A no ends the link for good: by the time of a later yes another person may have it.
    for agreed in (False, True):
        said = ConsentAnswer(
            purpose=ConsentPurpose.SURVEY, agreed=agreed, how=ConsentHow.BY_PHONE, given_at=LATER
        )
        record_consent(Command(caseworker, LATER + timedelta(minutes=agreed)), referral_id, said)
        assert_ended()
    with owner() as session:
        assert session.scalars(select(SatisfactionSurvey.state)).one() is SurveyState.OFFERED


def test_a_link_ends_and_wrong_ones_are_counted_against_their_source_alone(caseworker: Actor) -> None:
    secret = send_link(caseworker, reached(caseworker))
    with pytest.raises(NotFound):
        open_survey_link(secret, actor=HOLDER, at=LATER + timedelta(days=14))
    for _ in range(rate_limits.PER_ACCOUNT):
        with pytest.raises(NotFound):
            answer_survey_link("no such link", SATISFIED, actor=HOLDER, at=LATER)
    with pytest.raises(rate_limits.TooManyAttempts):
        answer_survey_link(secret, SATISFIED, actor=HOLDER, at=LATER)
    answer_survey_link(secret, SATISFIED, actor=replace(HOLDER, address="192.0.2.8"), at=LATER)


def test_a_manager_counts_stages_and_reads_neither_whose_answers_nor_what_was_said(
    caseworker: Actor, make_actor: MakeActor
) -> None:
    for said in ("5", "5", "4", "4", "4"):
        surveys.record_survey_answers(
            Command(caseworker, LATER),
            reached(caseworker),
            stage=FIRST,
            given=SurveyAnswers({"overall": said}),
        )
    one = reached(caseworker)
    surveys.record_survey_answers(Command(caseworker, LATER), one, stage=CLOSING, given=SATISFIED)
    manager = make_actor(Role.MANAGER)
    with transaction(manager) as session:
        shares = satisfaction_by_stage(session, MONDAY.date(), MONDAY.date())
    assert shares[FIRST] == SmallShare(5, 5)
    assert shares[CLOSING] == SmallShare(None, None)
    assert shares[SurveyStage.AFTER_COURT] == SmallShare(0, 0)
    for column in ("referral_id", "sealed", "by_id"):
        with pytest.raises(ProgrammingError), transaction(manager) as session:
            session.execute(text(f"SELECT {column} FROM satisfaction_survey"))
    with pytest.raises(ProgrammingError), transaction(HOLDER) as session:
        session.execute(text("SELECT referral_id FROM satisfaction_survey"))
