"""What a caseworker says of goals, of support that was given, of readings and of what became of needs."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any
from uuid import UUID

from wtforms import Field, RadioField, SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length, ValidationError

from config.area_profile import NeedsScale
from config.area_support import OutcomeMeasure
from victim_gateway.database.kept_wordings import current_area, offered_entries_of
from victim_gateway.queries.referrals.support_record import (
    GoalVersion,
    NeedResultNow,
    PlannedGoal,
    SupportEntry,
)
from victim_gateway.rules.kept_lists import ACTIVITY_KINDS, LONGEST_LABEL, VENUES
from victim_gateway.rules.support import LEAST_MINUTES, MOST_MINUTES
from victim_gateway.services.referrals.outcome_readings import NeedAnswer, NewReading
from victim_gateway.services.referrals.support_activities import SupportGiven
from victim_gateway.services.referrals.support_plan import GoalAnswers
from victim_gateway.vocabulary import GoalState, NeedOutcome, ReadingStage, SupportedParty, SupportManner
from victim_gateway.web.fields import GovDateField, OptionalRadioField
from victim_gateway.web.forms import BaseForm
from victim_gateway.web.labels import SelectChoice, choices_of

_SHORT = Length(max=4000, message="Shorten this to 4,000 characters")
_MINUTES = f"Minutes must be a whole number from {LEAST_MINUTES} to {MOST_MINUTES}"
_WHOLE_NUMBER = re.compile(r"[0-9]{1,4}")


class GoalForm(BaseForm):
    """A goal in the person's own terms; `state` is asked once there is one."""

    goal_text = TextAreaField(
        "What does the person want to reach?",
        [
            DataRequired("Enter what the person wants to reach"),
            Length(max=1000, message="Shorten the goal to 1,000 characters"),
        ],
        description="As they would say it",
    )
    # That it is one of the area's needs is for the service to say, in plain words.
    need = SelectField(
        "Which need is it for?",
        validators=[DataRequired("Choose which need it is for")],
        validate_choice=False,
    )
    agreed_on = GovDateField(
        "When did they agree to it?",
        what="The day they agreed",
        required="Enter the day they agreed",
        not_future=True,
    )
    target_on = GovDateField("By when, if a day was agreed?", what="The day to reach it by")

    def __init__(self, scale: NeedsScale, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.need.choices = [
            SelectChoice("", "Choose a need"),
            *(SelectChoice(key, label) for key, label in scale.areas),
        ]

    def answers(self) -> GoalAnswers:
        """What the service is asked to record."""
        return GoalAnswers(
            text=self.goal_text.data or "",
            need=self.need.data,
            agreed_on=self.agreed_on.data,
            target_on=self.target_on.data,
        )


class GoalChangeForm(GoalForm):
    """A goal that is there: what it is, and what became of it."""

    state = RadioField(
        "What became of it?",
        choices=choices_of(GoalState),
        validators=[DataRequired("Choose what became of it")],
    )
    remarks = TextAreaField(
        "In a few words", [_SHORT], description="Needed for everything but a goal that is still open"
    )

    def fill(self, goal: GoalVersion) -> None:
        """The goal as it stands."""
        self.goal_text.data, self.need.data = goal.text, goal.need
        self.agreed_on.data, self.target_on.data = goal.agreed_on, goal.target_on
        self.state.data, self.remarks.data = goal.state.value, goal.remarks

    def answers(self) -> GoalAnswers:
        return GoalAnswers(
            text=self.goal_text.data or "",
            need=self.need.data,
            agreed_on=self.agreed_on.data,
            target_on=self.target_on.data,
            state=GoalState(self.state.data),
            remarks=self.remarks.data or "",
        )


class PlanReviewForm(BaseForm):
    """When the plan is looked at again."""

    review_on = GovDateField(
        "When will you look at the plan again?", what="The day", required="Enter the day", not_past=True
    )


class ActivityForm(BaseForm):
    """Support that was given once."""

    is_versioned = False

    kind = SelectField("What did you do?", validators=[DataRequired("Choose what you did")])
    manner = RadioField(
        "How?", choices=choices_of(SupportManner), validators=[DataRequired("Choose how you did it")]
    )
    given_on = GovDateField("Which day?", what="The day", required="Enter the day", not_future=True)
    minutes = StringField("How many minutes did it take?", [DataRequired(f"Enter the minutes. {_MINUTES}.")])
    for_party = SelectField(
        "For whom?", choices=choices_of(SupportedParty), default=SupportedParty.PERSON.value
    )
    # Its answers are sealed, so they are offered when the page is shown; the service says whether one fits.
    goal = SelectField("Which goal does it serve?", validate_choice=False)
    # The wording itself is kept: a corrected entry may name a venue that is not offered any more.
    place = SelectField("Where?", [Length(max=LONGEST_LABEL)], validate_choice=False)
    notes = TextAreaField("What you did, and what came of it", [_SHORT])
    unsafe_reason = TextAreaField(
        "If you met although contact was not recorded as safe, how did it come about?",
        [_SHORT],
        description="Leave this empty for every other entry. Somebody is asked to check safe contact.",
    )

    def __init__(self, *, may_choose: Collection[str] = (), **kwargs: Any) -> None:
        """`may_choose`: kinds that can be chosen although they are not offered any more."""
        super().__init__(**kwargs)
        offered = {entry.code for entry in offered_entries_of(ACTIVITY_KINDS)} | set(may_choose)
        self.kind.choices = [
            SelectChoice("", "Choose what you did"),
            *(
                SelectChoice(kind.key, kind.label)
                for kind in current_area().support.activities
                if kind.key in offered
            ),
        ]
        self.goal.choices = []
        self.place.choices = [
            SelectChoice("", "Somewhere else"),
            *(SelectChoice(entry.label, entry.label) for entry in offered_entries_of(VENUES)),
        ]

    def offer(self, goals: Iterable[PlannedGoal]) -> None:
        """Show the goals of the plan as answers."""
        self.goal.choices = [
            SelectChoice("", "None of them"),
            *(SelectChoice(str(goal.now.goal_id), shorten_goal(goal.now.text)) for goal in goals),
        ]

    def validate_goal(self, field: Field) -> None:
        if not field.data:
            return
        try:
            UUID(field.data)
        except ValueError:
            raise ValidationError("Choose a goal of this person") from None

    def validate_minutes(self, field: Field) -> None:
        if (
            not _WHOLE_NUMBER.fullmatch(field.data or "")
            or not LEAST_MINUTES <= int(field.data) <= MOST_MINUTES
        ):
            raise ValidationError(_MINUTES)

    def fill(self, entry: SupportEntry) -> None:
        """The entry that is corrected."""
        self.kind.data, self.manner.data = entry.kind, entry.manner.value
        self.given_on.data, self.minutes.data = entry.given_on, str(entry.minutes)
        self.for_party.data = entry.for_party.value
        self.goal.data = str(entry.goal_id) if entry.goal_id else ""
        self.notes.data = entry.text
        self.place.data = entry.place or ""
        if entry.place and entry.place not in [choice[0] for choice in self.place.iter_choices()]:
            self.place.choices = [*(self.place.choices or ()), SelectChoice(entry.place, entry.place)]

    def given(self) -> SupportGiven:
        """What the service is asked to record."""
        return SupportGiven(
            kind=self.kind.data,
            manner=SupportManner(self.manner.data),
            given_on=self.given_on.data,
            minutes=int(self.minutes.data or 0),
            for_party=SupportedParty(self.for_party.data),
            goal_id=UUID(self.goal.data) if self.goal.data else None,
            text=self.notes.data or "",
            place=self.place.data or None,
            unsafe_reason=self.unsafe_reason.data or "",
        )


class ActivityCorrectionForm(ActivityForm):
    """Another entry in the place of one that was wrong; its kind may be one that is not offered any more."""

    def __init__(self, **kwargs: Any) -> None:
        kinds = [kind.key for kind in current_area().support.activities]
        super().__init__(may_choose=kinds, **kwargs)

    reason_text = TextAreaField("What was wrong?", [DataRequired("Enter what was wrong"), _SHORT])


class TakeBackForm(BaseForm):
    """Why an entry should never have been made."""

    is_versioned = False

    reason_text = TextAreaField("What was wrong?", [DataRequired("Enter what was wrong"), _SHORT])


class ReadingForm(BaseForm):
    """One number for each area of the measure: `area_<key>`."""

    is_versioned = False

    stage = RadioField(
        "When in their support is this?",
        choices=choices_of(ReadingStage),
        validators=[DataRequired("Choose when in their support this is")],
    )
    taken_on = GovDateField(
        "Which day did they say so?", what="The day", required="Enter the day", not_future=True
    )
    remarks = TextAreaField("What they said about it", [_SHORT])

    def __init__(self, measure: OutcomeMeasure, **kwargs: Any) -> None:
        own: list[tuple[str, Field]] = [*vars(type(self))["_unbound_fields"], *_area_fields(measure).items()]
        self._unbound_fields = own
        super().__init__(**kwargs)

    def __iter__(self) -> Iterator[Field]:
        """In the order of the page: the remarks come last."""
        return iter(sorted(super().__iter__(), key=lambda field: field.short_name == "remarks"))

    def reading(self, measure: OutcomeMeasure) -> NewReading:
        """What the service is asked to record."""
        return NewReading(
            stage=ReadingStage(self.stage.data),
            taken_on=self.taken_on.data,
            values={key: int(self[f"area_{key}"].data) for key, _ in measure.areas},
            text=self.remarks.data or "",
        )


class NeedResultsForm(BaseForm):
    """What became of each need: `outcome_<need>` and `remarks_<need>`; one may be left unanswered."""

    is_versioned = False

    def __init__(self, needs: Iterable[tuple[str, str]], **kwargs: Any) -> None:
        self.needs = tuple(needs)
        asked: dict[str, Field] = {}
        for key, label in self.needs:
            asked[f"outcome_{key}"] = OptionalRadioField(label, choices=choices_of(NeedOutcome))
            asked[f"remarks_{key}"] = TextAreaField(f"In a few words: {label.lower()}", [_SHORT])
        self._unbound_fields = [*vars(type(self))["_unbound_fields"], *asked.items()]
        super().__init__(**kwargs)

    def fill(self, results: Mapping[str, NeedResultNow]) -> None:
        """The answers as they stand."""
        for key, _ in self.needs:
            if key in results:
                self[f"outcome_{key}"].data = results[key].outcome.value
                self[f"remarks_{key}"].data = results[key].text

    def answers(self) -> dict[str, NeedAnswer]:
        """The needs that were answered for."""
        return {
            key: NeedAnswer(NeedOutcome(self[f"outcome_{key}"].data), self[f"remarks_{key}"].data or "")
            for key, _ in self.needs
            if self[f"outcome_{key}"].data
        }


def _area_fields(measure: OutcomeMeasure) -> dict[str, Field]:
    steps = [SelectChoice(str(step), str(step)) for step in range(measure.least, measure.most + 1)]
    return {
        f"area_{key}": RadioField(
            label,
            choices=steps,
            validators=[
                DataRequired(
                    f"Choose a number from {measure.least} to {measure.most} for {label[0].lower()}{label[1:]}"
                )
            ],
        )
        for key, label in measure.areas
    }


def shorten_goal(text: str, most: int = 70) -> str:
    """The first line of a goal, cut where it is long."""
    first = text.strip().splitlines()[0] if text.strip() else ""
    return first if len(first) <= most else f"{first[: most - 1].rstrip()}…"


def activity_label(key: str) -> str:
    """What a kind of activity is called; one that the area no longer counts is shown as it was written."""
    kind = current_area().support.activity_kind(key)
    return kind.label if kind else key.replace("_", " ").capitalize()


def room_label(key: str) -> str:
    """What a room is called; one that the area no longer has is shown as it was written."""
    return dict(current_area().support.video_link.rooms).get(key) or _as_written(key)


def authority_label(key: str) -> str:
    """What an authority is called that reviews cases; one that is no longer listed is shown as it was written."""
    return dict(current_area().support.case_review.authorities).get(key) or _as_written(key)


def _as_written(key: str) -> str:
    return key.replace("_", " ").capitalize()


def device_label(key: str) -> str:
    """What a kind of device is called; one that the area no longer has is shown as it was written."""
    kinds = {kind.key: kind.label for kind in current_area().support.devices}
    return kinds.get(key) or key.replace("_", " ").capitalize()
