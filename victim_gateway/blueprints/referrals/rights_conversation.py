"""The rights conversation: what they should have been told by now, what they say about it, what comes next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from wtforms import Field, RadioField, TextAreaField
from wtforms.validators import Length, Optional

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.referrals.page import bp, render_referral_page
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import StaleVersion
from victim_gateway.queries.referrals.header import ReferralHeader
from victim_gateway.queries.referrals.rights_conversation import (
    RightsConversation,
    RightToDiscuss,
    rights_conversation,
)
from victim_gateway.services.referrals.rights_conversation import AnsweredRight, record_rights_conversation
from victim_gateway.vocabulary import RightsAnswer
from victim_gateway.web import flashes
from victim_gateway.web.fields import GovDateField
from victim_gateway.web.forms import BaseForm, save_or_refuse
from victim_gateway.web.labels import choices_of
from victim_gateway.web.permissions import requires
from victim_gateway.web.sessions import signed_in_actor


class ConversationForm(BaseForm):
    """An answer to each promise, and what they said in their own words. None has to be answered."""

    is_versioned = False

    said = TextAreaField(
        "What else did they say?", [Length(max=4000, message="Shorten this to 4,000 characters")]
    )

    def answer_field(self, clock_id: UUID) -> Field:
        """The answer to one promise."""
        field: Field = self[f"answer_{clock_id.hex}"]
        return field

    def day_field(self, clock_id: UUID) -> Field:
        """The day on which they say it was done."""
        field: Field = self[f"told_on_{clock_id.hex}"]
        return field

    def answered(self, rights: Sequence[RightToDiscuss]) -> list[AnsweredRight]:
        """What was answered; a promise that was not spoken of is left out."""
        chosen = [(right.clock_id, self.answer_field(right.clock_id).data) for right in rights]
        return [
            AnsweredRight(clock_id, RightsAnswer(answer), self._named_day(clock_id, answer))
            for clock_id, answer in chosen
            if answer
        ]

    def _named_day(self, clock_id: UUID, answer: str) -> date | None:
        told_on: date | None = self.day_field(clock_id).data
        return told_on if answer == RightsAnswer.YES else None


def build_conversation_form(rights: Sequence[RightToDiscuss]) -> ConversationForm:
    """The form with the fields of these promises."""
    fields: dict[str, Any] = {}
    for right in rights:
        fields[f"answer_{right.clock_id.hex}"] = RadioField(
            right.plain.question, choices=choices_of(RightsAnswer), validators=[Optional()]
        )
        fields[f"told_on_{right.clock_id.hex}"] = GovDateField("Which day?", what="The day", not_future=True)
    form_class = type("ConversationFormOfReferral", (ConversationForm,), fields)
    form: ConversationForm = form_class()
    return form


@bp.route("/rights/conversation", methods=["GET", "POST"])
@requires(Permission.EDIT_CASEWORK)
def rights_talk(referral_id: UUID) -> ResponseReturnValue:
    """Talk about rights, and record everything that they say in one go."""
    with transaction(signed_in_actor()) as session:
        talk = rights_conversation(session, referral_id, at=times.now())
    form, after = build_conversation_form(talk.asked), url_for("referrals.rights", referral_id=referral_id)
    if form.validate_on_submit() and not _refuse_lost_answers(form):
        with save_or_refuse(form, then=after):
            record_rights_conversation(
                form.command(), referral_id, form.answered(talk.asked), text=form.said.data or None
            )
            flashes.flash_success(f"What they say was recorded. {_next_sentence(talk)}")
            return redirect(after)

    def shown(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
        return {"talk": talk}

    return render_referral_page(
        "referrals/rights_talk.html", referral_id, section="rights", form=form, more=shown
    )


def _refuse_lost_answers(form: ConversationForm) -> bool:
    """Refuse the form when an answer is about a promise that is not asked about any more: none is dropped unsaid."""
    sent = {name for name, answer in request.form.items() if name.startswith("answer_") and answer}
    if all(name in form for name in sent):
        return False
    form.refuse(
        StaleVersion("A promise has changed since you opened the page. Check your answers and save again.")
    )
    return True


def _next_sentence(talk: RightsConversation) -> str:
    """What to tell the person comes next."""
    if talk.to_come:
        return f"Tell them what comes next: {talk.to_come[0].plain.promise}"
    return "Tell them that you will ask again."
