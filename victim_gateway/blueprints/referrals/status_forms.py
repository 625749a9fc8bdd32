"""What is asked before a referral changes hands or stands still."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from wtforms import RadioField, SelectField, TextAreaField
from wtforms.validators import DataRequired, Length

from victim_gateway.vocabulary import CloseOutcome, ConsentHow, HeldReason
from victim_gateway.web.drafts import DraftedForm
from victim_gateway.web.fields import GovDateField, OptionalRadioField
from victim_gateway.web.forms import BaseForm
from victim_gateway.web.labels import SelectChoice, choices_of, offered_choices

_SHORT = [Length(max=4000, message="Shorten this to 4,000 characters")]


class AssignForm(BaseForm):
    """Who has it next."""

    to_user = SelectField("Who looks after it from now on?", validators=[DataRequired("Choose a caseworker")])

    def __init__(self, caseworkers: list[tuple[UUID, str]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.to_user.choices = [
            SelectChoice("", "Choose a caseworker"),
            *(SelectChoice(str(user_id), name) for user_id, name in caseworkers),
        ]


class HoldForm(DraftedForm):
    """Why nobody may act."""

    reason = RadioField(
        "Why is it put on hold?",
        # What could not be read comes from a file only; a death and a withdrawal stop contact, on pages of their own.
        choices=offered_choices(
            HeldReason,
            HeldReason.UNREADABLE_ANSWERS,
            HeldReason.PERSON_DIED,
            HeldReason.WITHDRAWN_BY_FORCE,
        ),
        validators=[DataRequired("Choose a reason")],
    )
    notes = TextAreaField("Notes", _SHORT)


class ReleaseForm(BaseForm):
    """What ends the hold: for consent, the person's yes."""

    how = OptionalRadioField("How did the person agree?", choices=choices_of(ConsentHow))
    given_on = GovDateField("When did they agree?", what="The day they agreed", not_future=True)
    notes = TextAreaField("Notes", _SHORT)


class CloseReferralForm(DraftedForm):
    """How it ended."""

    outcome = RadioField(
        "How did it end?",
        choices=offered_choices(CloseOutcome),
        validators=[DataRequired("Choose how it ended")],
    )
    outcome_text = TextAreaField(
        "In a few words", _SHORT, description="Needed if you choose “Already referred” or “Something else”"
    )


class EnterInErrorForm(BaseForm):
    """Why it should never have been here."""

    reason_text = TextAreaField(
        "Why should this referral never have been here?",
        [DataRequired("Enter why it should never have been here"), *_SHORT],
    )


class CloseHighRiskForm(CloseReferralForm):
    """How it ended, and what keeps a person safe whose risk is high."""

    risk_text = TextAreaField(
        "The risk is high: what keeps the person safe from now on?",
        [DataRequired("Say in a few words what keeps the person safe from now on"), *_SHORT],
        description="Your name and today’s date are recorded with it",
    )


class ReopenForm(BaseForm):
    """Why it goes on."""

    reason_text = TextAreaField("Why is it reopened?", [DataRequired("Enter why it is reopened"), *_SHORT])
