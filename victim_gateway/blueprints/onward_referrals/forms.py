"""What providers and caseworkers type about onward referrals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from wtforms import BooleanField, HiddenField, RadioField, SelectMultipleField, StringField
from wtforms.validators import DataRequired, InputRequired, Length, Optional

from victim_gateway.blueprints.onward_referrals.kind_forms import PREFIX, KindAnswersForm
from victim_gateway.blueprints.onward_referrals.typed_fields import (
    optional_text,
    required_choice,
    required_text,
)
from victim_gateway.rules.consent_answers import parts_beyond_scope
from victim_gateway.rules.decline_consequences import CONSEQUENCE_PHRASES
from victim_gateway.rules.eligibility import DirectoryService
from victim_gateway.rules.handover import ALWAYS_SHARED, BESIDE_THE_HANDOVER
from victim_gateway.rules.handover_changes import ALWAYS_AMENDED, HandoverChange, handover_field_label
from victim_gateway.rules.kind_answers import KindFacts, find_answer_mistakes, is_own_yes, withheld_parts
from victim_gateway.rules.service_kinds import OWN_YES
from victim_gateway.rules.withdraw_groups import WITHDRAW_GROUP_HEADINGS, grouped_reasons
from victim_gateway.vocabulary import (
    ConsentHow,
    DeclineReason,
    HandoverPart,
    ServiceOutcome,
    WithdrawReason,
)
from victim_gateway.web.fields import GovDateField, GovTimeField
from victim_gateway.web.forms import BaseForm
from victim_gateway.web.labels import SelectChoice, choices_among, choices_of, label_of, offered_choices

YES, NO = "yes", "no"


class ShareAgainForm(BaseForm):
    """What of the changes goes and why; the version makes sure that they still are what the page shows."""

    fields_chosen = SelectMultipleField(
        "What do you share?", validate_choice=False, validators=[DataRequired("Choose what you share")]
    )
    reason_text = required_text(
        "Why is it shared again?",
        "Say in a few words why it is shared again",
        description="The provider reads this. Say no more than the person agreed to share.",
    )

    def offer(self, changes: Sequence[HandoverChange]) -> None:
        """Show the fields that are outdated, all of them ticked when the page is opened."""
        self.fields_chosen.choices = [
            SelectChoice(
                change.field,
                handover_field_label(change.field),
                {"hint": "Always shared"} if change.field in ALWAYS_AMENDED else {},
            )
            for change in changes
        ]
        if not self.is_submitted():
            self.fields_chosen.data = [change.field for change in changes]


class AcknowledgeForm(BaseForm):
    """A button that says no more than that it was pressed."""


class TakeBackStepForm(BaseForm):
    """A button that says no more than that it was pressed."""

    is_versioned = False


class RequestInformationForm(BaseForm):
    question = required_text("Your question", "Enter your question")


class DeclineForm(BaseForm):
    reason = required_choice(
        "Why can you not take the person on?",
        offered_choices(DeclineReason),
        "Choose why you cannot take the person on",
    )
    reason_text = required_text(
        "Say in a few words why",
        "Say in a few words why you cannot take the person on",
        description="The caseworker reads this to find the right help. It is not shown to the person.",
    )


class FirstContactForm(BaseForm):
    contacted_on = GovDateField(
        "When did you first speak to the person?",
        what="The day of the first contact",
        required="Enter the day of the first contact",
        not_future=True,
    )
    contacted_at = GovTimeField("What time?", required="Enter the time, like 2:30pm", what="The time")
    remarks = optional_text("What was agreed?", description="Optional. The caseworker reads this too.")
    although_unsafe = BooleanField("It was a way, or a time, that is not recorded as safe")
    unsafe_reason = optional_text(
        "How did it come about?", description="If the person came to you or rang you, say so."
    )


class CloseOnwardForm(BaseForm):
    """How support ended.

    Every outcome is read from what was sent: which of them fits is for the service to say. The page shows
    those that fit (`offer`).
    """

    outcome = required_choice(
        "How did it end for the person?",
        offered_choices(ServiceOutcome),
        "Choose how it ended for the person",
    )
    outcome_text = optional_text(
        "Closing summary",
        description="The Gateway reads this. Needed unless the person's needs were met, at least partly.",
    )

    def offer(self, outcomes: Sequence[ServiceOutcome]) -> None:
        """Show the outcomes that fit the onward referral's state."""
        self.outcome.choices = choices_among(outcomes)


class MessageForm(BaseForm):
    """A message to the other side; it overwrites nothing."""

    is_versioned = False

    subject = StringField(
        "What is it about?",
        [
            DataRequired("Enter what the message is about"),
            Length(max=200, message="Shorten this to 200 characters"),
        ],
    )
    body = required_text("Message", "Enter your message")


class AnswerForm(BaseForm):
    answer = required_text(
        "Your answer",
        "Enter your answer",
        description="The provider reads this. Tell them only what the person agreed to share.",
    )


class WithdrawOnwardForm(BaseForm):
    """Why an onward referral is taken back.

    Every reason is read from what was sent: which of them fits is for the service to say. The page shows
    those that fit (`offer`).
    """

    reason = required_choice(
        "Why are you taking it back?", offered_choices(WithdrawReason), "Choose why you are taking it back"
    )
    reason_text = optional_text("Say in a few words why")

    def offer(self, reasons: Sequence[WithdrawReason], *, accepted: bool) -> None:
        """Show the reasons that fit the onward referral's state, by group; after an acceptance, text is needed."""
        self.reason.choices = [
            choice for _, members in grouped_reasons(reasons) for choice in choices_among(members)
        ]
        self.reason_text.description = (
            "Needed, because the provider has accepted." if accepted else "Needed only for 'something else'."
        )

    def headings(self, reasons: Sequence[WithdrawReason]) -> dict[str, str]:
        """The heading of each group, by its first reason."""
        return {
            choices[0].value: WITHDRAW_GROUP_HEADINGS[group]
            for group, members in grouped_reasons(reasons)
            if (choices := choices_among(members))
        }


class DeclineDecisionForm(BaseForm):
    decision = RadioField(
        "What do you decide?",
        choices=[
            SelectChoice("confirm", "Agree: they do not take the person on"),
            SelectChoice("overturn", "Disagree: offer it to them again"),
        ],
        validators=[InputRequired("Choose what you decide")],
    )
    consequence = RadioField(
        "What follows?",
        choices=[SelectChoice(each.value, phrase) for each, phrase in CONSEQUENCE_PHRASES.items()],
        validators=[Optional()],
    )
    reason_text = optional_text(
        "Say why",
        description="Needed if you offer it again, which the provider then reads, or if something else follows than"
        " usual.",
    )


class RestorativeRequestForm(BaseForm):
    """Why restorative justice is asked for, for the senior caseworker who decides."""

    reason = required_text(
        "Why, and how does the person stay safe?",
        "Say why, and how the person stays safe",
        description="Say who asked for it, what they hope for, and what is in the way of more harm.",
    )


class RestorativeDecisionForm(BaseForm):
    decision = RadioField(
        "May restorative justice be offered?",
        choices=[SelectChoice(YES, "Yes"), SelectChoice(NO, "No")],
        validators=[InputRequired("Choose whether it may be offered")],
    )
    reason = required_text(
        "Why do you decide so?",
        "Enter why you decide so",
        description="The caseworker reads this. Say what must be in place first.",
    )


class ShareForm(KindAnswersForm):
    """What goes to the provider, and the person's yes to it."""

    # It is looked at once more before it is sent.
    can_be_kept_at_once = False

    share = SelectMultipleField(
        "What else do you share?", choices=choices_of(HandoverPart, *ALWAYS_SHARED, *BESIDE_THE_HANDOVER)
    )
    what_happened = optional_text("What happened, in words")
    wants = optional_text("What the person wants")
    remarks = optional_text("Anything else the provider should know")
    agreed = RadioField(
        "Has the person said yes?",
        choices=[SelectChoice(YES, "Yes"), SelectChoice(NO, "No, or nobody has asked them")],
        validators=[Optional()],
    )
    how = RadioField("How did they say it?", choices=choices_of(ConsentHow), validators=[Optional()])
    given_on = GovDateField("When did they say it?", what="The day of their yes", not_future=True)
    full_reason = optional_text(
        "Why do you offer it although it is full?",
        description="For example, that you agreed it with them by telephone. The provider reads this too.",
    )
    # "yes": it rests on a senior caseworker's yes instead, as the page showed.
    without_consent = HiddenField(default="")

    def __init__(
        self,
        *,
        ask_consent: bool,
        scope: Sequence[HandoverPart] = (),
        is_full: bool = False,
        service: DirectoryService | None = None,
        kind_facts: KindFacts | None = None,
        **kwargs: Any,
    ) -> None:
        """`ask_consent` is False where a yes for this provider is recorded already; `scope` is what it reaches.

        `is_full`: the service takes no more people, so that a reason is needed. `service` with `kind_facts`: its kind's
        questions are checked, and whether it goes by another's word.
        """
        super().__init__(**kwargs)
        self.service, self.kind_facts = service, kind_facts
        self.ask_consent, self.scope, self.is_full = ask_consent, scope, is_full

    def parts(self) -> tuple[HandoverPart, ...]:
        """The chosen parts, in their order."""
        chosen = set(self.share.data or ())
        return tuple(part for part in HandoverPart if part.value in chosen)

    def validate(self, extra_validators: Mapping[str, Sequence[Any]] | None = None) -> bool:
        """What one field means for another; the yes is checked where it is asked for."""
        valid = super().validate(extra_validators=extra_validators)
        self._needs_text(
            "what_happened", HandoverPart.WHAT_HAPPENED, "Enter what happened, or do not share it"
        )
        self._needs_text("wants", HandoverPart.WANTS, "Enter what the person wants, or do not share it")
        beyond = parts_beyond_scope(self.parts(), self.scope)
        if beyond:
            named = ", ".join(label_of(part).lower() for part in beyond)
            self._wrong("share", f"Their yes does not reach this: {named}. Leave it out, or ask them again")
        if self.is_full and not self.full_reason.data:
            self._wrong("full_reason", "Say why you offer it all the same, or choose another service")
        if self.ask_consent:
            self._check_consent()
        self._check_kind()
        return valid and not self.errors

    def _needs_text(self, name: str, part: HandoverPart, message: str) -> None:
        if part in self.parts() and not self[name].data:
            self._wrong(name, message)

    def _check_kind(self) -> None:
        if self.service is None or self.kind_facts is None:
            return
        for key, message in find_answer_mistakes(
            self.service.kind, self.kind_answers(), self.kind_facts
        ).items():
            if not self[f"{PREFIX}{key}"].errors:
                self._wrong(f"{PREFIX}{key}", message)
        withheld = withheld_parts(self.service.kind, self.parts())
        if withheld:
            named = ", ".join(label_of(part).lower() for part in withheld)
            self._wrong("share", f"This never goes to a service for relatives: {named}. Leave it out")

    def _check_consent(self) -> None:
        if not self.agreed.data:
            self._wrong("agreed", "Choose whether the person has said yes")
        elif self.agreed.data == NO:
            self._wrong("agreed", "Ask the person first: without their yes nothing may be shared")
        else:
            if not self.how.data:
                self._wrong("how", "Choose how they said it")
            elif self.service and self.service.needs_own_yes and not is_own_yes(ConsentHow(self.how.data)):
                self._wrong("how", OWN_YES)
            if not self.given_on.data and not self.given_on.errors:
                self._wrong("given_on", "Enter the day on which they said it")

    def _wrong(self, name: str, message: str) -> None:
        self[name].errors = [*self[name].errors, message]


class ContactLinkForm(BaseForm):
    """A button that sends or ends the link of a registered contact; a new contact is rung before."""

    is_versioned = False

    has_rung = BooleanField("I have rung them at the number in the directory")
