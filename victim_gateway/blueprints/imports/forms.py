"""The form that sends a file."""

from __future__ import annotations

from typing import Any

from wtforms import BooleanField, FileField, RadioField
from wtforms.validators import DataRequired

from victim_gateway.vocabulary import ImportKind
from victim_gateway.web.forms import BaseForm
from victim_gateway.web.labels import SelectChoice


class UploadForm(BaseForm):
    """The kind of feed, and the file."""

    kind = RadioField(
        "What is in the file?",
        choices=[
            SelectChoice(ImportKind.POLICE_FEED.value, "Referrals from the police"),
            SelectChoice(
                ImportKind.CASE_EVENTS.value, "Events in cases: arrests, charges, what victims were told"
            ),
        ],
        validators=[DataRequired("Choose what is in the file")],
    )
    file = FileField("Choose the CSV file", validators=[DataRequired("Choose a file")])
    history = BooleanField("These are past years: record each row at the time the file gives, not now")
    put_back = BooleanField(
        "This file was imported before: make its values the newest again",
        description="To undo a wrong file that came since. What caseworkers have corrected stays.",
    )
    put_back_confirmed = BooleanField("I have checked that what came since is to be undone")

    def validate(self, extra_validators: Any = None) -> bool:
        valid = bool(super().validate(extra_validators=extra_validators))
        if self.put_back.data and not self.put_back_confirmed.data:
            self.put_back_confirmed.errors = ["Confirm that what came since is to be undone"]
            return False
        return valid
