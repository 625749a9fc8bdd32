"""What a caseworker types about a visit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from wtforms import RadioField, TextAreaField
from wtforms.validators import DataRequired, Length

from victim_gateway.vocabulary import AttemptOutcome
from victim_gateway.web.fields import GovDateField, GovTimeField
from victim_gateway.web.forms import BaseForm
from victim_gateway.web.labels import choices_of


class VisitForm(BaseForm):  # brings csrf_token, submission_id and version
    outcome = RadioField("What happened?", validators=[DataRequired("Choose what happened")])
    visited_on = GovDateField(
        "Which day?", what="The day of the visit", required="Enter the day of the visit", not_future=True
    )
    visited_time = GovTimeField("What time?", what="The time", required="Enter the time")
    notes = TextAreaField("Notes", [Length(max=4000, message="Shorten the notes to 4,000 characters")])

    def __init__(self, outcomes: Sequence[AttemptOutcome], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # Choices that depend on the record are set here, never in a class made inside a function.
        left_out = [outcome for outcome in AttemptOutcome if outcome not in outcomes]
        self.outcome.choices = choices_of(AttemptOutcome, *left_out)

    def validate(self, extra_validators: Mapping[str, Sequence[Any]] | None = None) -> bool:
        """One field may ask for another: such checks stand here."""
        is_valid = super().validate(extra_validators)
        if self.outcome.data == AttemptOutcome.UNSAFE_STOPPED and not self.notes.data:
            self.notes.errors = [*self.notes.errors, "Enter why it was not safe"]
            is_valid = False
        return is_valid
