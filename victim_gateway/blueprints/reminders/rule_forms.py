"""The form with which a senior caseworker changes a rule of reminders."""

from __future__ import annotations

from typing import Any

from wtforms import BooleanField, IntegerField, RadioField, StringField, TextAreaField
from wtforms.validators import DataRequired, InputRequired, Length, Optional, Regexp

from victim_gateway.reminder_vocabulary import ReminderChannel, ReminderDirection, ReminderUnit
from victim_gateway.rules.reminder_rule_texts import describe_channel
from victim_gateway.rules.reminder_rules import BY_RISK, CHANGEABLE, LONGEST_REASON, ReminderRule
from victim_gateway.web.forms import BaseForm
from victim_gateway.web.labels import SelectChoice

_UNITS = {
    ReminderUnit.WORKING_DAYS: "Working days",
    ReminderUnit.DAYS: "Days",
    ReminderUnit.HOURS: "Hours",
}
_DIRECTIONS = {
    ReminderDirection.BEFORE: "Before the day",
    ReminderDirection.ON: "On the day",
    ReminderDirection.AFTER: "After the day",
}


class ReminderRuleForm(BaseForm):
    """Times, channel and switch of one rule, and why they change."""

    # What it does today is looked at first.
    can_be_kept_at_once = False

    is_on = BooleanField("Switched on")
    offset_number = IntegerField("How many", validators=[InputRequired("Enter a whole number, like 3")])
    offset_high = IntegerField("How many at high risk", validators=[Optional()])
    offset_medium = IntegerField("How many at medium risk", validators=[Optional()])
    unit = RadioField(
        "Counted in", choices=[SelectChoice(unit.value, label) for unit, label in _UNITS.items()]
    )
    direction = RadioField(
        "When", choices=[SelectChoice(direction.value, label) for direction, label in _DIRECTIONS.items()]
    )
    local_time = StringField(
        "From which time of day",
        description="Like 08:30; empty for the beginning of the day",
        validators=[Optional(), Regexp(r"^([01]\d|2[0-3]):[0-5]\d$", message="Enter a time, like 08:30")],
    )
    repeat_every = IntegerField("Again after", validators=[Optional()])
    repeat_most = IntegerField(
        "How often again", description="Empty for never", validators=[Optional()], default=0
    )
    escalate_after = IntegerField(
        "To the senior caseworkers after",
        description="Once, where it stands unanswered for so long; empty for never",
        validators=[Optional()],
    )
    channel = RadioField(
        "How it reaches its reader",
        choices=[SelectChoice(channel.value, describe_channel(channel)) for channel in ReminderChannel],
    )
    reason = TextAreaField(
        "Why do you change it?",
        description="It stands in the history of the rule. Never write anything about a person here",
        validators=[
            DataRequired("Enter why"),
            Length(max=LONGEST_REASON, message=f"Shorten this to {LONGEST_REASON} characters"),
        ],
    )

    def __init__(self, rule: ReminderRule, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if rule.source not in BY_RISK:
            del self.offset_high, self.offset_medium

    def fill(self, rule: ReminderRule) -> None:
        """Show a rule as it is in force."""
        for name in CHANGEABLE:
            if name in self:
                value = getattr(rule, name)
                self[name].data = getattr(value, "value", value)
        self.version.data = rule.version

    def changes(self) -> dict[str, Any]:
        """What was typed, by the names of the rule."""
        typed = {name: self[name].data for name in CHANGEABLE if name in self}
        return typed | {
            "unit": ReminderUnit(self.unit.data),
            "direction": ReminderDirection(self.direction.data),
            "channel": ReminderChannel(self.channel.data),
            "local_time": self.local_time.data or None,
            "repeat_most": self.repeat_most.data or 0,
        }
