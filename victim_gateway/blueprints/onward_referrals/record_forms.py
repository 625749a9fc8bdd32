"""What a provider types about its work: who has a referral, attempts, appointments, notes, needs, the closing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from wtforms import (
    BooleanField,
    Field,
    IntegerField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
)
from wtforms.validators import InputRequired, Length, Optional

from victim_gateway import times
from victim_gateway.blueprints.onward_referrals.forms import NO, YES, CloseOnwardForm
from victim_gateway.blueprints.onward_referrals.typed_fields import (
    optional_text,
    required_choice,
    required_text,
)
from victim_gateway.queries.onward_referrals.inbox_filters import MINE, UNASSIGNED, InboxDue, InboxFilter
from victim_gateway.queries.onward_referrals.provider_workers import ProviderWorker
from victim_gateway.queries.onward_referrals.service_records import AppointmentEntry, NeedEntry
from victim_gateway.rules.provider_urgency import HARM_TEXTS, WaitingHarm
from victim_gateway.rules.service_records import (
    BULK_REASONS,
    REASONS_TO_CHOOSE,
    AppointmentTimes,
    refused_need_outcomes,
)
from victim_gateway.service_record_vocabulary import (
    AppointmentManner,
    AppointmentState,
    ContactManner,
    ServedNeedOutcome,
    WorkerChangeReason,
)
from victim_gateway.services.onward_referrals import AppointmentAnswers, ProviderAttempt, ServedNeedAnswer
from victim_gateway.services.onward_referrals.support import OUTCOMES_WITH_TEXT
from victim_gateway.vocabulary import AttemptOutcome, ServiceOutcome
from victim_gateway.web.fields import GovDateField, GovTimeField, OptionalRadioField
from victim_gateway.web.forms import BaseForm
from victim_gateway.web.labels import SelectChoice, choices_among, choices_of, offered_choices
from victim_gateway.web.list_pages import QueryForm

_UNSAFE_LABEL = "It was a way, or a time, that is not recorded as safe"
NO_READING = SelectChoice("", "No reading")
DUE_TEXTS = {
    InboxDue.LATE: "Overdue",
    InboxDue.TODAY: "Due today",
    InboxDue.WEEK: "Due in the 7 days after",
    InboxDue.ATTENDANCE: "Nobody recorded whether they came",
}


def worker_choices(workers: Iterable[ProviderWorker]) -> list[SelectChoice]:
    """The workers as choices, by name."""
    return [SelectChoice(str(worker.user_id), worker.name) for worker in workers]


def inbox_workers(workers: Iterable[ProviderWorker]) -> list[SelectChoice]:
    """Whose part of the inbox can be shown: one's own, nobody's, or a colleague's."""
    return [
        SelectChoice(MINE, "Mine"),
        SelectChoice(UNASSIGNED, "Not given to a worker"),
        *worker_choices(workers),
    ]


class InboxFilterForm(QueryForm):
    """Which part of the inbox is shown."""

    worker = SelectField("Worker", validators=[Optional()])
    harm = SelectField(
        "What can’t wait",
        choices=[SelectChoice(harm.value, HARM_TEXTS[harm]) for harm in WaitingHarm],
        validators=[Optional()],
    )
    due = SelectField(
        "Due",
        choices=[SelectChoice(due.value, DUE_TEXTS[due]) for due in InboxDue],
        validators=[Optional()],
    )

    def chosen(self, user_id: UUID | None) -> InboxFilter:
        """What was chosen; `user_id` is who looks."""
        worker = self.worker.data or None
        return InboxFilter(
            worker_id=user_id
            if worker == MINE
            else UUID(worker)
            if worker and worker != UNASSIGNED
            else None,
            is_unassigned=worker == UNASSIGNED,
            harm=WaitingHarm(self.harm.data) if self.harm.data else None,
            due=InboxDue(self.due.data) if self.due.data else None,
        )


class AcceptForm(BaseForm):
    """Taking the person on: when they are contacted, and who has them."""

    first_contact_planned_on = GovDateField(
        "When do you plan to contact the person?",
        what="The day of the first contact",
        not_past=True,
        description="Leave it empty if you do not know yet.",
    )
    worker = SelectField("Who works with them?", validators=[Optional()])

    def __init__(self, workers: Sequence[ProviderWorker], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.worker.choices = [SelectChoice("", "Decide later"), *worker_choices(workers)]

    @property
    def worker_id(self) -> UUID | None:
        """Who was chosen."""
        return UUID(self.worker.data) if self.worker.data else None


class WorkerForm(BaseForm):
    """To whom an onward referral goes."""

    worker = RadioField("Who works with this person?", validators=[InputRequired("Choose who gets it")])
    reason = RadioField(
        "Why?",
        choices=[
            choice for choice in choices_of(WorkerChangeReason) if choice.value in set(REASONS_TO_CHOOSE)
        ],
        validators=[InputRequired("Choose why")],
    )
    reason_text = optional_text(
        "Say more, if you need to",
        description="Your organisation reads this, the Gateway does not. Needed for 'something else'.",
    )

    def __init__(self, *, workers: Sequence[ProviderWorker], has_worker: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        no_worker = [SelectChoice("none", "Nobody for now")] if has_worker else []
        self.worker.choices = [*worker_choices(workers), *no_worker]


class WorkerHandoverForm(BaseForm):
    """All that one worker has, to one or several others."""

    is_versioned = False

    to_workers = SelectMultipleField("Who gets them?")
    reason = RadioField(
        "Why?",
        choices=[choice for choice in choices_of(WorkerChangeReason) if choice.value in set(BULK_REASONS)],
        validators=[InputRequired("Choose why")],
    )

    def __init__(self, *, workers: Sequence[ProviderWorker], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.to_workers.choices = worker_choices(workers)

    def validate(self, extra_validators: Mapping[str, Sequence[Any]] | None = None) -> bool:
        """At least one of them."""
        valid = super().validate(extra_validators=extra_validators)
        if not self.to_workers.data and not self.to_workers.errors:
            self.to_workers.errors = ["Choose at least one colleague"]
        return valid and not self.to_workers.errors


class ProviderAttemptForm(BaseForm):
    """One attempt to reach the person; it overwrites nothing."""

    is_versioned = False

    manner = required_choice("How did you try?", choices_of(ContactManner), "Choose how you tried")
    result = required_choice("What came of it?", offered_choices(AttemptOutcome), "Choose what came of it")
    attempted_on = GovDateField(
        "When did you try?", what="The day", required="Enter the day on which you tried", not_future=True
    )
    attempted_at = GovTimeField("What time?", required="Enter the time, like 2:30pm", what="The time")
    although_unsafe = BooleanField(_UNSAFE_LABEL)
    unsafe_reason = optional_text(
        "How did it come about?", description="The Gateway reads this, to check that the person is safe."
    )

    def offer(self, outcomes: Sequence[AttemptOutcome]) -> None:
        """Show the results that fit the onward referral's state."""
        self.result.choices = choices_among(outcomes)

    def attempt(self) -> ProviderAttempt:
        """What was typed, for the service."""
        wall = datetime.combine(self.attempted_on.data, self.attempted_at.data)
        return ProviderAttempt(
            attempted_at=times.from_london_wall(wall),
            manner=ContactManner(self.manner.data),
            outcome=AttemptOutcome(self.result.data),
            although_unsafe=bool(self.although_unsafe.data),
            unsafe_reason=self.unsafe_reason.data,
        )


class AppointmentForm(BaseForm):
    """When, how and with whom; the version is the appointment's own, where one is changed."""

    on = GovDateField(
        "Which day?", what="The day of the appointment", required="Enter the day", not_past=True
    )
    begins_at = GovTimeField("What time?", required="Enter the time, like 2:30pm", what="The time")
    minutes = IntegerField(
        "How many minutes?", [InputRequired("Enter how many minutes it takes, like 60")], default=60
    )
    manner = required_choice("How do you meet?", choices_of(AppointmentManner), "Choose how you meet")
    worker = SelectField("With whom?", validators=[InputRequired("Choose with whom")])
    place = StringField(
        "Where exactly",
        [Length(max=500, message="Shorten this to 500 characters")],
        description="Optional. Only your organisation reads this.",
    )
    remarks = optional_text(
        "Anything to remember", description="Optional. Only your organisation reads this."
    )
    although_clash = BooleanField("I know of their other appointment at this time")
    although_unsafe = BooleanField("The person asked for this time or way, though it is not recorded as safe")
    unsafe_reason = optional_text(
        "How did it come about?", description="The Gateway reads this, to check that the person is safe."
    )

    def __init__(self, *, workers: Sequence[ProviderWorker], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.worker.choices = worker_choices(workers)

    def show(self, entry: AppointmentEntry) -> None:
        """Fill the form with an appointment that is to be changed."""
        begins = entry.times.starts_at.astimezone(times.LONDON)
        self.on.data, self.begins_at.data = begins.date(), begins.time()
        self.minutes.data = int((entry.times.ends_at - entry.times.starts_at).total_seconds() // 60)
        self.manner.data, self.worker.data = entry.manner.value, str(entry.worker_id)
        self.place.data, self.remarks.data = entry.place, entry.remarks

    def answers(self) -> AppointmentAnswers:
        """What was typed, for the service."""
        starts_at = times.from_london_wall(datetime.combine(self.on.data, self.begins_at.data))
        # A length that makes no sense is refused by the rule, not by the calendar.
        length = timedelta(minutes=max(0, min(self.minutes.data or 0, 10_000)))
        return AppointmentAnswers(
            times=AppointmentTimes(starts_at, starts_at + length),
            manner=AppointmentManner(self.manner.data),
            worker_id=UUID(self.worker.data),
            place=self.place.data,
            remarks=self.remarks.data,
            although_clash=bool(self.although_clash.data),
            although_unsafe=bool(self.although_unsafe.data),
            unsafe_reason=self.unsafe_reason.data,
        )


class CancelAppointmentForm(BaseForm):
    """Who cancelled it."""

    cancelled_by = RadioField(
        "Who cancelled it?",
        choices=[
            SelectChoice(AppointmentState.CANCELLED_BY_PERSON.value, "The person"),
            SelectChoice(AppointmentState.CANCELLED_BY_PROVIDER.value, "We did"),
        ],
        validators=[InputRequired("Choose who cancelled it")],
    )


class AttendanceForm(BaseForm):
    """Whether the person came."""

    came = RadioField(
        "Did they come?",
        choices=[SelectChoice("yes", "Yes, they came"), SelectChoice("no", "No, they did not")],
        validators=[InputRequired("Choose whether they came")],
    )


class ProgressNoteForm(BaseForm):
    """A note of the provider's own."""

    is_versioned = False

    note = required_text("Note", "Enter your note")
    is_shared = BooleanField("Share this note with the Gateway")


def _need_fields(
    needs: Sequence[Mapping[str, Any]], steps: Mapping[int, str], *, required: bool
) -> dict[str, Field]:
    """Two questions for each need: what became of it, and the reading on the area's scale."""
    readings = [NO_READING, *(SelectChoice(str(step), meaning) for step, meaning in steps.items())]
    asked: dict[str, Field] = {}
    for need in needs:
        label = str(need["label"])
        needed = [InputRequired(f"Say what became of this need: {label.lower()}")] if required else []
        kind = RadioField if required else OptionalRadioField
        asked[f"outcome_{need['key']}"] = kind(
            label, choices=choices_of(ServedNeedOutcome), validators=needed
        )
        asked[f"step_{need['key']}"] = SelectField(
            f"How it is now: {label.lower()}", choices=readings, validators=[Optional()]
        )
    return asked


class _NeedQuestions:
    """What the two forms below share: the fields of each need, and what was answered."""

    needs: tuple[Mapping[str, Any], ...]

    def fill(self, recorded: Mapping[str, NeedEntry]) -> None:
        """The answers as they stand."""
        for need in self.needs:
            entry = recorded.get(need["key"])
            if entry is not None:
                self[f"outcome_{need['key']}"].data = entry.outcome.value  # type: ignore[index]
                self[f"step_{need['key']}"].data = "" if entry.step is None else str(entry.step)  # type: ignore[index]

    def answers(self) -> dict[str, ServedNeedAnswer]:
        """What was answered, by need; one without an answer is left out."""
        found = {}
        for need in self.needs:
            outcome, step = self[f"outcome_{need['key']}"].data, self[f"step_{need['key']}"].data  # type: ignore[index]
            if outcome:
                found[need["key"]] = ServedNeedAnswer(ServedNeedOutcome(outcome), int(step) if step else None)
        return found


class NeedsForm(_NeedQuestions, BaseForm):
    """What became of each need so far: `outcome_<need>` and `step_<need>`; one may be left unanswered."""

    is_versioned = False

    def __init__(self, needs: Iterable[Mapping[str, Any]], steps: Mapping[int, str], **kwargs: Any) -> None:
        self.needs = tuple(needs)
        asked = _need_fields(self.needs, steps, required=False)
        self._unbound_fields = [*vars(type(self))["_unbound_fields"], *asked.items()]
        super().__init__(**kwargs)


class ClosingForm(_NeedQuestions, CloseOnwardForm):
    """How support ended, with what became of each need; all of them are asked once support has begun."""

    person_knows = OptionalRadioField(
        "Do they know that these appointments will not take place?",
        choices=[
            SelectChoice(YES, "Yes, they know it"),
            SelectChoice(NO, "No, or I am not sure: the caseworker makes sure"),
        ],
    )

    def __init__(self, needs: Iterable[Mapping[str, Any]], steps: Mapping[int, str], **kwargs: Any) -> None:
        self.needs = tuple(needs)
        asked = _need_fields(self.needs, steps, required=True)
        self._unbound_fields = [*vars(type(self))["_unbound_fields"], *asked.items()]
        super().__init__(**kwargs)

    def validate(self, extra_validators: Mapping[str, Sequence[Any]] | None = None) -> bool:
        """What one answer means for another is said before it is looked at once more, and not after."""
        valid = super().validate(extra_validators=extra_validators)
        if not valid:
            return False
        outcome = ServiceOutcome(self.outcome.data)
        if outcome in OUTCOMES_WITH_TEXT and not self.outcome_text.data:
            self.outcome_text.errors = [*self.outcome_text.errors, "Say in a few words how it ended"]
        outcomes = {key: answer.outcome for key, answer in self.answers().items()}
        if refused := refused_need_outcomes(outcomes, [need["key"] for need in self.needs], outcome):
            self.outcome.errors = [*self.outcome.errors, refused]
        return not self.errors

    def knows(self) -> bool | None:
        """Whether the person knows; None where that was not answered."""
        return {YES: True, NO: False}.get(self.person_knows.data or "")
