"""What a caseworker says about a try, and what a person says about contacting them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, time
from typing import Any

from wtforms import BooleanField, RadioField, SelectMultipleField, StringField, TextAreaField
from wtforms.validators import DataRequired, Email, Length, Optional

from victim_gateway import times
from victim_gateway.rules.contact_windows import WEEKDAYS
from victim_gateway.rules.safe_contact import CHANNELS_OF_DETAIL, CONTACT_CHANNELS, usable_answers
from victim_gateway.services.referrals.contact_attempts import AttemptDetails
from victim_gateway.services.referrals.safe_contact import SafeContactAnswer
from victim_gateway.times import moment_on
from victim_gateway.vocabulary import AttemptOutcome, Channel, SafeAnswer
from victim_gateway.web.drafts import DraftedForm
from victim_gateway.web.fields import GovDateField, GovTimeField, OptionalRadioField
from victim_gateway.web.labels import SelectChoice, choices_of, offered_choices
from victim_gateway.web.validators import phone_number

CHECK_LABELS = {
    "read_plan": "I read how to contact them safely",
    "right_number": "I checked the number or address",
    "right_time": "It was a time that is safe for them",
    "number_withheld": "Our number was withheld",
    "asked_police_or_agency": "I asked the police or the agency first",
}
CHANNEL_LABELS = {
    "phone": "Phone calls",
    "voicemail": "Leaving a message",
    "sms": "Text messages",
    "email": "Emails",
    "post": "Letters",
}
ANSWERS = [SelectChoice("yes", "Safe"), SelectChoice("no", "Not safe"), SelectChoice("unknown", "Not asked")]


class AttemptForm(DraftedForm):
    """One try, with what was checked before it.

    Only safe channels are answers to "How did you try?"; that another was used all the same is said apart, folded
    away. Every channel is read from what was sent: which of them was safe is for the service to say.
    """

    can_be_kept_at_once = False

    checked = SelectMultipleField(
        "What did you check first?",
        choices=[SelectChoice(key, label) for key, label in CHECK_LABELS.items()],
        validators=[DataRequired("Choose what you checked before you tried")],
    )
    channel = OptionalRadioField("How did you try?", choices=choices_of(Channel))
    other_channel = OptionalRadioField(
        "Which way did you use?",
        choices=choices_of(Channel),
        description="Leave this empty if only the day or the time was not safe.",
    )
    outcome = RadioField(
        "What happened?",
        choices=offered_choices(AttemptOutcome),
        validators=[DataRequired("Choose what happened")],
    )
    attempted_on = GovDateField("Which day?", what="The day", required="Enter the day", not_future=True)
    attempted_time = GovTimeField("What time?", what="The time", required="Enter the time")
    notes = TextAreaField("Notes", [Length(max=4000, message="Shorten the notes to 4,000 characters")])
    although_unsafe = BooleanField("I used a way, or a time, that was not recorded as safe")
    unsafe_reason = TextAreaField(
        "How did it come about?", [Length(max=4000, message="Shorten this to 4,000 characters")]
    )

    def __init__(self, now: datetime, **kwargs: Any) -> None:
        """`now` is the moment of the request: an attempt can't have been made after it."""
        super().__init__(**kwargs)
        self.now = now

    def offer(self, safe: Collection[Channel]) -> None:
        """Show the safe channels as answers, and the others where one owns up to having used them."""
        self.channel.choices = [choice for choice in choices_of(Channel) if choice.value in safe]
        self.other_channel.choices = [choice for choice in choices_of(Channel) if choice.value not in safe]
        if self.channel.data and self.channel.data not in safe:
            self.other_channel.data, self.channel.data = self.channel.data, None

    @property
    def owns_up(self) -> bool:
        """Whether anything of what stands folded away was answered, or is asked for now."""
        names = ("although_unsafe", "other_channel", "unsafe_reason")
        return any(self[name].data or self[name].errors for name in names)

    def suggest_now(self) -> None:
        """Most attempts are written down when they have just been made."""
        wall = self.now.astimezone(times.LONDON)
        self.attempted_on.data = wall.date()
        self.attempted_time.data = wall.time().replace(second=0, microsecond=0)

    def validate(self, extra_validators: Mapping[str, Sequence[Any]] | None = None) -> bool:
        """The day may be today, and the time must then not lie in the future."""
        is_valid = super().validate(extra_validators=extra_validators)
        if not self._has_one_channel() or not is_valid:
            return False
        moment = moment_on(self.attempted_on.data, self.attempted_time.data, self.now)
        if moment is not None and moment <= self.now:
            return True
        self.attempted_time.errors = [*self.attempted_time.errors, "The time must be now or in the past"]
        return False

    def _has_one_channel(self) -> bool:
        if self.channel.data and self.other_channel.data and self.channel.data != self.other_channel.data:
            self.other_channel.errors = [
                "Choose one way here or above, and log the other as a second attempt"
            ]
            return False
        if not self.channel.data and not self.other_channel.data:
            self.channel.errors = ["Choose how you tried"]
            return False
        return True

    def attempt(self) -> AttemptDetails:
        """What the service is asked to record."""
        moment = moment_on(self.attempted_on.data, self.attempted_time.data, self.now) or self.now
        return AttemptDetails(
            attempted_at=moment,
            channel=Channel(self.other_channel.data or self.channel.data),
            outcome=AttemptOutcome(self.outcome.data),
            checked=tuple(self.checked.data or ()),
            text=self.notes.data or None,
            although_unsafe=bool(self.although_unsafe.data),
            unsafe_reason=self.unsafe_reason.data or None,
        )


class SafeContactForm(DraftedForm):
    """Every way is asked about by itself. A number is typed anew, or said to be the same: no empty box confirms it."""

    # An old yes must not take the place of a new no by one click.
    can_be_kept_at_once = False

    safe = RadioField(
        "Is it safe for us to contact the person?",
        choices=[
            SelectChoice("yes", "Yes, in the ways chosen below"),
            SelectChoice("no", "No, do not contact them at all"),
            SelectChoice("unknown", "They did not say"),
        ],
        validators=[DataRequired("Choose whether it is safe to contact the person")],
    )
    channel_phone = OptionalRadioField(CHANNEL_LABELS["phone"], choices=ANSWERS, default="unknown")
    channel_voicemail = OptionalRadioField(CHANNEL_LABELS["voicemail"], choices=ANSWERS, default="unknown")
    channel_sms = OptionalRadioField(CHANNEL_LABELS["sms"], choices=ANSWERS, default="unknown")
    channel_email = OptionalRadioField(CHANNEL_LABELS["email"], choices=ANSWERS, default="unknown")
    channel_post = OptionalRadioField(CHANNEL_LABELS["post"], choices=ANSWERS, default="unknown")
    number = StringField(
        "Safe phone number", [phone_number], description="The number that the answers above are about"
    )
    email = StringField(
        "Safe email address", [Optional(), Email("Enter an email address, like name@example.com")]
    )
    address = TextAreaField("Safe postal address")
    same_number = BooleanField("It is the same number as before")
    same_email = BooleanField("It is the same email address as before")
    same_address = BooleanField("It is the same address as before")
    days = SelectMultipleField(
        "Which days are safe?",
        choices=[SelectChoice(day.lower(), day) for day in WEEKDAYS],
        description="Choose none if every day is safe",
    )
    from_time = GovTimeField("Earliest time", what="The earliest time")
    until_time = GovTimeField("Latest time", what="The latest time")
    who_may_answer = StringField("Who else may answer?")
    say_we_are = StringField("Who do we say we are, if somebody else answers?")
    withhold_number = BooleanField("Our number must not show")
    wants_reminders = BooleanField(
        "They want a reminder the day before an appointment",
        description="By text or email, only where that is safe. Without a tick none is sent.",
    )
    code_word = StringField("Code word")
    remarks = TextAreaField("Anything else", [Length(max=4000, message="Shorten this to 4,000 characters")])
    stated_by = RadioField(
        "Who says so?",
        choices=[
            SelectChoice("person", "The person"),
            SelectChoice("agency", "Another agency"),
            SelectChoice("caseworker", "I worked it out"),
        ],
        # Nothing is chosen beforehand: a tired click must not turn a guess into the person's own word.
        validators=[DataRequired("Choose who says so")],
    )

    def fill(self, safe: SafeAnswer, plan: Mapping[str, Any]) -> None:
        """The answers of the plan in force; numbers, addresses and the code word stay out of the page."""
        if not plan:
            return
        self.safe.data = safe.value
        # As they count: an old plan that says both "do not contact" and "safe" must not be confirmed by a click.
        for channel, answer in usable_answers(safe, plan).items():
            self[f"channel_{channel}"].data = answer.value
        for name in ("who_may_answer", "say_we_are"):
            self[name].data = plan.get(name)
        self.remarks.data = plan.get("words")
        self.days.data = list(plan.get("days") or ())
        self.withhold_number.data = bool(plan.get("withhold_number"))
        self.wants_reminders.data = plan.get("wants_reminders") is True
        for name in ("from_time", "until_time"):
            self[name].data = time.fromisoformat(plan[name]) if plan.get(name) else None

    def plan(self) -> SafeContactAnswer:
        """What the service is asked to record."""
        return SafeContactAnswer(
            safe=SafeAnswer(self.safe.data),
            channels={
                channel: SafeAnswer(self[f"channel_{channel}"].data or "unknown")
                for channel in CONTACT_CHANNELS
            },
            number=self.number.data or None,
            email=self.email.data or None,
            address=self.address.data or None,
            days=tuple(self.days.data or ()),
            from_time=self.from_time.data,
            until_time=self.until_time.data,
            code_word=self.code_word.data or None,
            who_may_answer=self.who_may_answer.data or None,
            say_we_are=self.say_we_are.data or None,
            withhold_number=bool(self.withhold_number.data),
            wants_reminders=bool(self.wants_reminders.data),
            remarks=self.remarks.data or None,
            stated_by=self.stated_by.data,
            same_details=tuple(name for name in CHANNELS_OF_DETAIL if self[f"same_{name}"].data),
        )
