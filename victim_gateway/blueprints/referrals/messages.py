"""Messages to the person: what can be sent now and why not, what has left, what a person decides."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import abort, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from wtforms import BooleanField, RadioField, SelectMultipleField
from wtforms.validators import DataRequired

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.referrals.contact_forms import CHECK_LABELS
from victim_gateway.blueprints.referrals.page import bp, plan_version, render_referral_page
from victim_gateway.blueprints.referrals.support_sections import read_survey_standing
from victim_gateway.database.current import current_settings
from victim_gateway.queries.people.safe_contact_plans import plan_in_force
from victim_gateway.queries.referrals.header import ReferralHeader
from victim_gateway.queries.victim_messages.lists import (
    ListedMessage,
    messages_left_before,
    messages_of_referral,
)
from victim_gateway.rules.victim_message_gate import refusal_text
from victim_gateway.rules.victim_message_texts import ApprovedText
from victim_gateway.services.victim_messages import asking
from victim_gateway.services.victim_messages.asking import MessageOffer, WantedMessage
from victim_gateway.services.victim_messages.carriers import text_of_kind
from victim_gateway.victim_message_vocabulary import VictimMessageKind, VictimMessageState
from victim_gateway.vocabulary import Channel, SurveyStage
from victim_gateway.web import flashes
from victim_gateway.web.forms import BaseForm, save_or_refuse
from victim_gateway.web.labels import SelectChoice, label_of
from victim_gateway.web.permissions import requires
from victim_gateway.web.sessions import signed_in_actor

_ASK = "/messages/ask/<any(tried_to_reach,survey,rights_letter):message_kind>/<any(sms,email,post):message_channel>"
OPEN_STATES_OF_MESSAGE = (
    VictimMessageState.QUEUED,
    VictimMessageState.SENDING,
    VictimMessageState.PARKED,
    VictimMessageState.PERHAPS_SENT,
)
# What a caseworker can decide about a message that waits or is stuck.
DECISIONS = {
    "again": "It is tried again, if it is still safe.",
    "give_up": "It is not sent. Reach the person otherwise.",
    "arrived": "It is written down that it arrived.",
}


class AskForMessageForm(BaseForm):
    """One yes to the very message that the page shows, and a second one where it may do harm."""

    can_be_kept_at_once = False

    is_warned = BooleanField(
        "I have read this, and it is safe that this message is read on this number or address"
    )


class AskForSurveyForm(AskForMessageForm):
    """Besides, what is asked about and what was checked first: the link is a logged contact."""

    stage = RadioField(
        "What are they asked about?", validators=[DataRequired("Choose what they are asked about")]
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

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stage.choices = [SelectChoice(stage.value, label_of(stage)) for stage in SurveyStage]


class MessageDecisionForm(BaseForm):
    """A button; what it decides stands in the button's value."""

    is_versioned = False


@bp.get("/messages")
@requires(Permission.VIEW_REFERRAL)
def messages(referral_id: UUID) -> ResponseReturnValue:
    """What can be sent to the person now, and what was."""
    return render_referral_page("referrals/messages.html", referral_id, section="contact", more=_messages)


@bp.route(_ASK, methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def ask_for_message(referral_id: UUID, message_kind: str, message_channel: str) -> ResponseReturnValue:
    """Show the words and the warning, then ask for the message."""
    kind, channel = VictimMessageKind(message_kind), Channel(message_channel)
    form = AskForSurveyForm() if kind is VictimMessageKind.SURVEY else AskForMessageForm()
    after, at = url_for("referrals.messages", referral_id=referral_id), times.now()
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            asking.ask_for_message(
                form.command(at),
                referral_id,
                WantedMessage(
                    kind=kind,
                    channel=channel,
                    is_warning_confirmed=bool(form.is_warned.data),
                    stage=SurveyStage(form.stage.data) if isinstance(form, AskForSurveyForm) else None,
                    checked=form.checked.data or () if isinstance(form, AskForSurveyForm) else (),
                ),
            )
            flashes.flash_success(
                "The message was asked for. It leaves at the next safe time, if it is still safe."
            )
            return redirect(after)

    def shown(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
        offer = next(
            (each for each in _offers(session, head, at) if (each.kind, each.channel) == (kind, channel)),
            None,
        )
        if offer is None:
            abort(404)
        text = text_of_kind(current_settings(), kind, channel)
        stages = read_survey_standing(session, head, at).stages if kind is VictimMessageKind.SURVEY else ()
        if isinstance(form, AskForSurveyForm):
            form.stage.choices = [SelectChoice(stage.value, label_of(stage)) for stage in stages]
        return {"offer": offer, "text": text, "preview": _preview(text), "refusal_text": refusal_text}

    return render_referral_page(
        "referrals/ask_for_message.html",
        referral_id,
        section="contact",
        form=form,
        version=plan_version,
        more=shown,
    )


@bp.route("/messages/<uuid:victim_message_id>/agree", methods=["GET", "POST"])
@requires(Permission.LOOSEN_PROTECTION)
def agree_to_message(referral_id: UUID, victim_message_id: UUID) -> ResponseReturnValue:
    """A senior caseworker's yes to a message at high risk."""
    form, after = MessageDecisionForm(), url_for("referrals.messages", referral_id=referral_id)
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            asking.agree_to_message(form.command(), referral_id, victim_message_id)
            flashes.flash_success(
                "You agreed to the message. It leaves at the next safe time, if it is still safe."
            )
            return redirect(after)
    return _decision_page("referrals/agree_to_message.html", referral_id, victim_message_id, form)


@bp.route("/messages/<uuid:victim_message_id>/decide", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def decide_message(referral_id: UUID, victim_message_id: UUID) -> ResponseReturnValue:
    """Try a message again, give it up, or say that it arrived."""
    form, after = MessageDecisionForm(), url_for("referrals.messages", referral_id=referral_id)
    if form.validate_on_submit():
        decision = request.form.get("decision", "")
        if decision not in DECISIONS:
            abort(400)
        with save_or_refuse(form, then=after):
            if decision == "again":
                asking.try_message_again(form.command(), referral_id, victim_message_id)
            else:
                asking.give_message_up(
                    form.command(), referral_id, victim_message_id, has_arrived=decision == "arrived"
                )
            flashes.flash_success(DECISIONS[decision])
            return redirect(after)
    return _decision_page("referrals/decide_message.html", referral_id, victim_message_id, form)


def _messages(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
    sent = messages_of_referral(session, head.referral.id, head.key)
    plan = plan_in_force(session, head.referral.person_id)
    left = messages_left_before(session, plan, head.key) if plan else []
    return {
        "offers": _offers(session, head, at),
        "messages": sent,
        "waiting_kinds": {each.kind for each in sent if each.state in OPEN_STATES_OF_MESSAGE},
        "left_before": left,
        "plan_changed_at": plan.recorded_at if plan else None,
        "refusal_text": refusal_text,
        "user_id": signed_in_actor().user_id,
        "stuck_states": (VictimMessageState.PARKED, VictimMessageState.PERHAPS_SENT),
    }


def _preview(text: ApprovedText | None) -> tuple[str | None, str]:
    """The words with what is filled in as a word in brackets."""
    if text is None:
        return None, ""
    return text.fill({name: f"[{name}]" for name in text.placeholders})


def _offers(session: Session, head: ReferralHeader, at: datetime) -> list[MessageOffer]:
    return asking.offered_messages(session, head.referral, at=at)


def _decision_page(
    template: str, referral_id: UUID, message_id: UUID, form: MessageDecisionForm
) -> ResponseReturnValue:
    def found(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
        return {
            "message": _find_message(messages_of_referral(session, referral_id, head.key), message_id),
            "refusal_text": refusal_text,
            "stuck_states": (VictimMessageState.PARKED, VictimMessageState.PERHAPS_SENT),
        }

    return render_referral_page(template, referral_id, section="contact", form=form, more=found)


def _find_message(listed: list[ListedMessage], message_id: UUID) -> ListedMessage:
    found = next((each for each in listed if each.message_id == message_id), None)
    if found is None:
        abort(404)
    return found
