"""The forms of a reader: putting a reminder aside, and when e-mails come."""

from __future__ import annotations

from datetime import datetime, time

from wtforms import RadioField, SelectField, SelectMultipleField, StringField
from wtforms.validators import InputRequired, Length

from victim_gateway import times
from victim_gateway.rules.mail_times import MailTimes
from victim_gateway.vocabulary import SnoozeReason
from victim_gateway.web.fields import GovDateField, GovTimeField
from victim_gateway.web.filters import format_time
from victim_gateway.web.forms import BaseForm
from victim_gateway.web.labels import SelectChoice, choices_of

DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MORNING = time(8)
_HALF_HOURS = [time(hour, minute) for hour in range(6, 20) for minute in (0, 30)]

_TIME_CHOICES = [SelectChoice(moment.isoformat("minutes"), format_time(moment)) for moment in _HALF_HOURS]


class PlainForm(BaseForm):
    """A button: nothing is asked."""

    is_versioned = False


class SnoozeForm(BaseForm):
    """Until when a reminder is put aside, and why."""

    is_versioned = False

    until_date = GovDateField("Until which day", what="The day", required="Enter a day", not_past=True)
    until_time = GovTimeField("At what time", what="The time")
    reason = RadioField(
        "Why", choices=choices_of(SnoozeReason), validators=[InputRequired("Choose why you put it aside")]
    )
    note = StringField(
        "Note to yourself", validators=[Length(max=200, message="Shorten this to 200 characters")]
    )

    @property
    def until(self) -> datetime:
        """The moment at which the reminder comes back: eight in the morning where no time is given."""
        wall = datetime.combine(self.until_date.data, self.until_time.data or _MORNING)
        return times.from_london_wall(wall)


class MailTimesForm(BaseForm):
    """When an account wants its e-mails."""

    can_be_kept_at_once = False

    digest_time = SelectField(
        "At what time",
        choices=_TIME_CHOICES,
    )
    digest_days = SelectMultipleField(
        "On which days", choices=[SelectChoice(str(number), name) for number, name in enumerate(DAY_NAMES)]
    )
    at_once = RadioField(
        "What is urgent",
        choices=[SelectChoice("yes", "Tell me at once"), SelectChoice("no", "Only with the daily summary")],
        validators=[InputRequired("Choose whether what is urgent comes at once")],
    )
    has_quiet_hours = RadioField(
        "Quiet hours",
        choices=[SelectChoice("yes", "Yes"), SelectChoice("no", "No, at any hour")],
        validators=[InputRequired("Choose whether you want quiet hours")],
    )
    quiet_from = GovTimeField("They begin at", what="The beginning")
    quiet_until = GovTimeField("They end at", what="The end")

    @classmethod
    def showing(cls, chosen: MailTimes, version: int, *, is_provider: bool) -> MailTimesForm:
        """The form with the times that hold. A provider is told at once of what changes, and not asked about it."""
        form = cls(
            digest_time=chosen.digest_time.isoformat("minutes"),
            digest_days=[str(day) for day in chosen.digest_days],
            at_once="yes" if chosen.at_once else "no",
            has_quiet_hours="no" if chosen.quiet_from is None else "yes",
            quiet_from=chosen.quiet_from,
            quiet_until=chosen.quiet_until,
            version=version,
        )
        kept = chosen.digest_time
        if kept not in _HALF_HOURS:
            kept_time = SelectChoice(kept.isoformat("minutes"), format_time(kept))
            form.digest_time.choices = [*_TIME_CHOICES, kept_time]
        if is_provider:
            del form.at_once
        return form

    @property
    def chosen(self) -> MailTimes:
        """The times as typed."""
        is_quiet = self.has_quiet_hours.data == "yes"
        return MailTimes(
            digest_time=time.fromisoformat(str(self.digest_time.data)),
            digest_days=tuple(int(day) for day in self.digest_days.data or ()),
            quiet_from=self.quiet_from.data if is_quiet else None,
            quiet_until=self.quiet_until.data if is_quiet else None,
            at_once="at_once" not in self or self.at_once.data == "yes",
        )
