"""Referrals that were ticked in a list, and what is asked before they change hands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from wtforms import Field, HiddenField, IntegerField, RadioField, SelectMultipleField, TextAreaField
from wtforms.validators import DataRequired, Length, Optional, ValidationError
from wtforms.widgets import CheckboxInput, ListWidget

from victim_gateway.queries.referrals.workload import Workload
from victim_gateway.services.referrals.assignment import HandoverWhy
from victim_gateway.services.referrals.bulk_assignment import MOST_AT_ONCE, ChosenReferral
from victim_gateway.vocabulary import HandoverReason
from victim_gateway.web.fields import GovDateField
from victim_gateway.web.forms import OUT_OF_DATE, BaseForm
from victim_gateway.web.labels import SelectChoice, offered_choices

NONE_TICKED = "Tick at least one referral"
LONGEST_TEXT = 1000


class TickedReferralsField(Field):
    """The boxes of a list; each holds the referral and the version that the page showed."""

    widget = ListWidget()
    data: list[ChosenReferral]

    def process_formdata(self, valuelist: list[Any]) -> None:
        # Twice in one form is once.
        self.data = [_read_row(text) for text in dict.fromkeys(valuelist)]
        if len(self.data) > MOST_AT_ONCE:
            raise ValidationError(
                f"Tick {MOST_AT_ONCE} referrals or fewer at once: you ticked {len(self.data)}"
            )

    def _value(self) -> str:
        return ""


def _read_row(text: str) -> ChosenReferral:
    referral_id, _, version = text.partition(".")
    try:
        return ChosenReferral(UUID(referral_id), int(version))
    except ValueError as error:
        raise ValidationError(OUT_OF_DATE) from error


class ProposedCaseworkersField(Field):
    """Whom the page proposed, by referral: a hidden value in each row, which the service asks the rules about anew."""

    widget = ListWidget()
    data: dict[UUID, UUID]

    def process_formdata(self, valuelist: list[Any]) -> None:
        self.data = {}
        for text in valuelist:
            referral_id, _, user_id = text.partition(".")
            try:
                self.data[UUID(referral_id)] = UUID(user_id)
            except ValueError as error:
                raise ValidationError(OUT_OF_DATE) from error

    def _value(self) -> str:
        return ""


class AvailabilityForm(BaseForm):
    """When a caseworker is away, and how much they can have."""

    away_from = GovDateField("First day away", what="The first day")
    away_until = GovDateField("Last day away", what="The last day")
    most_weight = IntegerField("How much can they have at most?", [Optional()])


class TickedForm(BaseForm):
    """What was ticked in a list, and the address of the list. `one` is the button in a row, for that row alone."""

    is_versioned = False

    rows = TickedReferralsField("Referrals", default=list)
    one = TickedReferralsField("Referral", default=list)
    back = HiddenField()

    @property
    def chosen(self) -> list[ChosenReferral]:
        return self.one.data or self.rows.data

    def has_ticked(self) -> bool:
        """Whether what was ticked can be worked with, before anything else is asked."""
        return bool(self.rows.validate(self, [type(self).validate_rows]))

    def validate_rows(self, field: TickedReferralsField) -> None:
        if not self.chosen and not field.errors:
            raise ValidationError(NONE_TICKED)


class ProposedForm(TickedForm):
    """What was ticked, and whom the page proposed for each row."""

    proposed = ProposedCaseworkersField("Proposed", default=dict)


class HandOverForm(TickedForm):
    """Who has the referrals next, and why. With several they are shared out in turn."""

    to_users = SelectMultipleField(
        "Who looks after them from now on?",
        validators=[DataRequired("Choose at least one caseworker")],
        description="Tick several to share them out in turn. Everybody is given as many at high risk.",
        widget=ListWidget(),
        option_widget=CheckboxInput(),
    )
    reason = RadioField(
        "Why do they change hands?",
        choices=offered_choices(HandoverReason),
        validators=[DataRequired("Choose why they change hands")],
    )
    reason_text = TextAreaField(
        "In a few words",
        [Length(max=LONGEST_TEXT, message=f"Shorten this to {LONGEST_TEXT:,} characters")],
        description="Needed if you choose “Something else”. It stands on the timeline of each referral.",
    )

    def __init__(self, caseworkers: Sequence[Workload], **kwargs: Any) -> None:
        """`caseworkers` can be given a referral."""
        super().__init__(**kwargs)
        self.to_users.choices = [SelectChoice(str(each.user_id), each.name) for each in caseworkers]

    def validate_reason_text(self, field: TextAreaField) -> None:
        if self.reason.data == HandoverReason.OTHER and not field.data:
            raise ValidationError("Enter why they change hands")

    @property
    def to_user_ids(self) -> list[UUID]:
        return [UUID(text) for text in self.to_users.data or ()]

    @property
    def why(self) -> HandoverWhy:
        return HandoverWhy(HandoverReason(self.reason.data), self.reason_text.data or None)


class CaseloadForm(HandOverForm):
    """All of a caseworker's referrals that the page shows, or those that are ticked."""

    whole = RadioField(
        "Which referrals?",
        choices=[
            SelectChoice("all", "All that are listed below"),
            SelectChoice("ticked", "Those I have ticked"),
        ],
        validators=[DataRequired("Choose which referrals")],
    )
    shown = TickedReferralsField("Listed", default=list)

    @property
    def chosen(self) -> list[ChosenReferral]:
        return self.shown.data if self.whole.data == "all" else self.rows.data
