"""The question about a case that stands still, as caseworkers and providers answer it."""

from __future__ import annotations

from wtforms import RadioField
from wtforms.validators import InputRequired

from victim_gateway.reminder_vocabulary import StallAnswerCode
from victim_gateway.services.shared.stall_answers import StalledCaseAnswer
from victim_gateway.web.fields import GovDateField
from victim_gateway.web.forms import BaseForm
from victim_gateway.web.labels import label_of, offered_choices


class StallAnswerForm(BaseForm):
    """What holds a case up, and when it is looked at again."""

    is_versioned = False

    answer = RadioField(
        "What holds it up?",
        choices=offered_choices(StallAnswerCode),
        validators=[InputRequired("Choose what holds it up")],
    )
    look_again_on = GovDateField("When will you look at it again?", what="The day")

    def given(self) -> StalledCaseAnswer:
        """The answer, with the wording that was offered."""
        code = StallAnswerCode(self.answer.data)
        return StalledCaseAnswer(code, label_of(code), self.look_again_on.data)
