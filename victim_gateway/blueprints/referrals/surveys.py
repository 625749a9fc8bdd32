"""Asking the person how it went: a link for a safe channel, answers typed in during a call, or their no."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import redirect
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from wtforms import Field, RadioField, SelectMultipleField, TextAreaField
from wtforms.validators import DataRequired, Length

from config.area_survey import SurveyQuestion
from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.referrals.contact_forms import CHECK_LABELS
from victim_gateway.blueprints.referrals.page import bp, plan_version, render_referral_page
from victim_gateway.blueprints.referrals.support import support_address
from victim_gateway.blueprints.referrals.support_sections import read_survey_standing
from victim_gateway.database.current import current_settings
from victim_gateway.queries.referrals.header import ReferralHeader
from victim_gateway.rules.surveys import LINK_CHANNELS, message_with_link
from victim_gateway.services.referrals import surveys
from victim_gateway.services.referrals.surveys import SurveyAnswers, survey_link
from victim_gateway.vocabulary import Channel, SurveyStage
from victim_gateway.web import flashes
from victim_gateway.web.fields import OptionalRadioField
from victim_gateway.web.forms import BaseForm, save_or_refuse
from victim_gateway.web.labels import SURVEY_ANSWERS, SelectChoice, label_of
from victim_gateway.web.permissions import requires

_STAGE = "/survey/<any(after_first_contact,at_closing,after_court):stage>"


class SurveyLinkForm(BaseForm):
    """By which way the link goes, and what was checked first."""

    can_be_kept_at_once = False

    channel = RadioField(
        "How do you send it?",
        choices=[SelectChoice(channel.value, label_of(channel)) for channel in LINK_CHANNELS],
        validators=[DataRequired("Choose how you send it")],
    )
    checked = SelectMultipleField(
        "What did you check first?",
        choices=[
            SelectChoice(key, label)
            for key, label in CHECK_LABELS.items()
            if key in ("read_plan", "right_number", "right_time")
        ],
        validators=[DataRequired("Choose what you checked first")],
    )

    def offer(self, channels: Iterable[Channel]) -> None:
        """Only the ways that are safe now."""
        self.channel.choices = [SelectChoice(channel.value, label_of(channel)) for channel in channels]


class SurveyQuestionsForm(BaseForm):
    """One answer for each question: `answer_<key>`."""

    is_versioned = False

    remarks = TextAreaField(
        "Is there anything else you want to say?",
        [Length(max=4000, message="Shorten this to 4,000 characters")],
    )

    def __init__(self, questions: Iterable[SurveyQuestion], **kwargs: Any) -> None:
        self.questions = tuple(questions)
        own: list[tuple[str, Field]] = [
            (f"answer_{each.key}", _question_field(each)) for each in self.questions
        ]
        self._unbound_fields = [*own, *vars(type(self))["_unbound_fields"]]
        super().__init__(**kwargs)

    def given(self) -> SurveyAnswers:
        """What the service is asked to keep."""
        answers = {each.key: self[f"answer_{each.key}"].data for each in self.questions}
        return SurveyAnswers({key: said for key, said in answers.items() if said}, self.remarks.data or "")


class _RefusalButton(BaseForm):
    is_versioned = False


@bp.route(f"{_STAGE}/link", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def survey_link_page(referral_id: UUID, stage: str) -> ResponseReturnValue:
    """Make a link; the answer to the POST shows the text to send, and no page shows it again."""
    form, now = SurveyLinkForm(), times.now()
    after = support_address(referral_id, "survey")
    secret = None
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            secret = surveys.offer_survey_link(
                form.command(now),
                referral_id,
                stage=SurveyStage(stage),
                channel=Channel(form.channel.data),
                checked=form.checked.data or (),
            )
    if secret is not None:
        text, channel = message_with_link(survey_link(secret)), Channel(form.channel.data)
        days = current_settings().area.support.survey.link_days
        return render_referral_page(
            "referrals/survey_link_made.html",
            referral_id,
            section="support",
            more=lambda *_: {"text": text, "channel": channel, "days": days},
        )

    def opened(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
        standing = read_survey_standing(session, head, at)
        form.offer(standing.channels)
        return {"stage": SurveyStage(stage), "standing": standing}

    return render_referral_page(
        "referrals/survey_link.html",
        referral_id,
        section="support",
        form=form,
        version=plan_version,
        more=opened,
    )


@bp.route(f"{_STAGE}/call", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def survey_call(referral_id: UUID, stage: str) -> ResponseReturnValue:
    """Type in what the person answers on the telephone; the call is logged first."""
    form = SurveyQuestionsForm(current_settings().area.support.survey.questions)
    after = support_address(referral_id, "survey")
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            surveys.record_survey_answers(
                form.command(), referral_id, stage=SurveyStage(stage), given=form.given()
            )
            flashes.flash_success("The answers were saved")
            return redirect(after)
    return render_referral_page(
        "referrals/survey_call.html",
        referral_id,
        section="support",
        form=form,
        more=lambda session, head, at: {
            "stage": SurveyStage(stage),
            "survey_standing": read_survey_standing(session, head, at),
        },
    )


@bp.route(f"{_STAGE}/refuse", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def survey_refusal(referral_id: UUID, stage: str) -> ResponseReturnValue:
    """The person does not want to be asked, and is never asked again."""
    form, after = _RefusalButton(), support_address(referral_id, "survey")
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            surveys.record_survey_refusal(form.command(), referral_id, stage=SurveyStage(stage))
            flashes.flash_success("The person is not asked again")
            return redirect(after)
    return render_referral_page(
        "referrals/survey_refusal.html",
        referral_id,
        section="support",
        form=form,
        more=lambda *_: {"stage": SurveyStage(stage)},
    )


def _question_field(question: SurveyQuestion) -> Field:
    choices = [SelectChoice(answer, SURVEY_ANSWERS[answer]) for answer in question.answers]
    if question.is_overall:
        return RadioField(
            question.text, choices=choices, validators=[DataRequired("Choose how satisfied you are")]
        )
    return OptionalRadioField(question.text, choices=choices)
