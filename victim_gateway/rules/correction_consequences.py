"""What a correction changes and what it brings with it: told before it is saved, and checked when it is.

Where it is unclear, the rule is what protects the person:
- whatever loosens protection asks for a reason, and nothing that protects is taken off as a side effect: time
  limits that a flag shortened stay, and an assessment's findings stay;
- only a senior caseworker takes off the mark of domestic abuse or a harm of that gravity, records a crime as
  something else, makes a child an adult or of unknown age, and leaves "not safe" of a safe adult;
- a day that time limits or an age are counted from is replaced only with a reason: nobody improves a figure unasked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from victim_gateway import times
from victim_gateway.compliance.victim_categories import ADULT_AGE, ENHANCING_FLAGS
from victim_gateway.rules.harms import (
    EXPLICIT_CONSENT_HARMS,
    NEEDS_SENIOR_YES,
    HarmFacts,
    harms_of_referral,
    order_harms,
)
from victim_gateway.rules.hold import EXPLICIT_CONSENT_VICTIMS
from victim_gateway.rules.recorded_fields import (
    PROTECTIVE_FIELDS,
    RECORDED_FIELDS,
    FieldKind,
    FieldPlace,
    RecordedField,
    field_label,
    fields_kept_in,
    recorded_day,
)
from victim_gateway.rules.safe_adult_changes import leaves_not_safe, reset_safe_answer
from victim_gateway.rules.victim_kinds import describe_new_kind
from victim_gateway.vocabulary import Harm

_GRAVE_HARMS = NEEDS_SENIOR_YES | {Harm.FEMALE_GENITAL_MUTILATION, Harm.MODERN_SLAVERY}
_GRADES = ("standard", "medium", "high")
_OF_HARMS = frozenset(
    {"offence", "chosen_harms", "recorded_as", "domestic_abuse", "serious_crime", "hate_strand"}
)
_OF_DATES = {
    "reported_at": (
        "Time limits that begin with the report are counted again from the new day. Figures of the past stay."
    ),
    "occurred_from": "How old the person was when it happened is worked out again.",
}


@dataclass(frozen=True, slots=True)
class RecordedDocuments:
    """What is recorded of a referral, opened: the person's document, the plain columns, the referral's document.

    `columns` hold beside those that can be corrected the referral's `offence_code`.
    """

    person: Mapping[str, Any]
    columns: Mapping[str, Any]
    details: Mapping[str, Any]

    def part(self, place: FieldPlace) -> Mapping[str, Any]:
        """The values that are kept in one place."""
        return {
            FieldPlace.PERSON: self.person,
            FieldPlace.REFERRAL: self.columns,
            FieldPlace.DOCUMENT: self.details,
        }[place]

    def with_changes(self, changes: Mapping[str, Any]) -> RecordedDocuments:
        """The same after these changes."""
        return RecordedDocuments(
            *(
                {**self.part(place), **{name: changes[name] for name in changes if _place(name) is place}}
                for place in (FieldPlace.PERSON, FieldPlace.REFERRAL, FieldPlace.DOCUMENT)
            )
        )


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field that gets another value; None: nothing is recorded."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class CorrectionConsequence:
    """One thing that follows from a corrected field, in a sentence."""

    field: str
    text: str
    needs_reason: bool = False
    needs_senior: bool = False


@dataclass(frozen=True, slots=True)
class PlannedCorrection:
    """What a correction would change, and what follows."""

    changes: tuple[FieldChange, ...]
    consequences: tuple[CorrectionConsequence, ...]

    @property
    def fields_with_reason(self) -> tuple[str, ...]:
        """The changed fields for which a reason has to be given."""
        loosened = {item.field for item in self.consequences if item.needs_reason or item.needs_senior}
        return tuple(
            change.field
            for change in self.changes
            if change.field in PROTECTIVE_FIELDS or change.field in loosened
        )

    @property
    def fields_for_senior(self) -> tuple[str, ...]:
        """The changed fields that only a senior caseworker may change so."""
        return tuple(item.field for item in self.consequences if item.needs_senior)


def plan_correction(
    recorded: RecordedDocuments, changes: Mapping[str, Any], *, today: date
) -> PlannedCorrection:
    """Work out what these changes would really change, and what follows. `changes` are as they are kept."""
    different = {
        name: value
        for name, value in changes.items()
        if not _is_same(name, _value(recorded.part(_place(name)).get(name)), _value(value))
    }
    differing = reset_safe_answer(recorded.person, different)
    listed = tuple(
        FieldChange(name, _value(recorded.part(_place(name)).get(name)), _value(differing[name]))
        for name in sorted(differing)
    )
    after = recorded.with_changes(differing)
    return PlannedCorrection(listed, tuple(_consequences(recorded, after, set(differing), today)))


def _consequences(
    before: RecordedDocuments, after: RecordedDocuments, changed: set[str], today: date
) -> Iterator[CorrectionConsequence]:
    yield from _of_person(before, after, changed, today)
    if "recorded_as" in changed:
        yield _of_recording(before.columns.get("recorded_as"), after.columns["recorded_as"])
    if "victim_type" in changed:
        kind, is_crime = after.columns["victim_type"], after.columns.get("recorded_as") == "crime"
        yield CorrectionConsequence(
            "victim_type", describe_new_kind(kind, is_crime=is_crime), needs_reason=True
        )
    for flag in [flag for flag in ENHANCING_FLAGS if flag in changed]:
        yield _of_flag(flag, after, is_set=bool(after.columns.get(flag)))
    if "hate_strand" in changed:
        yield _of_strand(after.columns.get("hate_strand"))
    if changed & _OF_HARMS:
        yield from _of_harms(_harms(before), _harms(after), changed)
    if "risk_assessment" in changed:
        yield _of_grade(before.details.get("risk_assessment"), after.details.get("risk_assessment"))
    for name in [name for name in _OF_DATES if name in changed]:
        yield CorrectionConsequence(name, _OF_DATES[name], needs_reason=bool(before.columns.get(name)))


def _of_person(
    before: RecordedDocuments, after: RecordedDocuments, changed: set[str], today: date
) -> Iterator[CorrectionConsequence]:
    if "date_of_birth" in changed:
        yield from _of_age(_is_child(before, today), _is_child(after, today))
    if "guardian_safe_to_contact" in changed:
        yield _of_safe_adult(before.person, after.person)
    if "guardian_name" in changed and before.person.get("guardian_name"):
        yield CorrectionConsequence(
            "guardian_name", "Another name stands for the safe adult, on every referral.", needs_reason=True
        )


def _of_age(was_child: bool | None, is_child: bool | None) -> Iterator[CorrectionConsequence]:
    if was_child is is_child:
        return
    if is_child:
        yield CorrectionConsequence(
            "date_of_birth",
            "The person is a child. They get a child's shorter time limits, and need a safe adult before anybody"
            " contacts them: where nobody has spoken to them yet, the referral is put on hold until there is one.",
        )
    elif was_child and is_child is False:
        yield CorrectionConsequence(
            "date_of_birth",
            "The person is no longer a child. No safe adult is needed any more, and a child's shorter time limits"
            " end. Limits that were shortened for another reason stay.",
            needs_senior=True,
        )
    elif was_child:
        yield CorrectionConsequence(
            "date_of_birth",
            "It is no longer known that the person is a child, so nothing that protects a child is asked for.",
            needs_senior=True,
        )


def _of_recording(before: str | None, recorded_as: str) -> CorrectionConsequence:
    if recorded_as == "crime":
        return CorrectionConsequence(
            "recorded_as", "The Victims' Code applies from now on: its time limits begin to be counted."
        )
    return CorrectionConsequence(
        "recorded_as",
        "The Victims' Code no longer applies: its time limits close, and figures leave them out from now on."
        " Figures of the past stay.",
        needs_reason=True,
        needs_senior=before in (None, "crime"),
    )


def _of_flag(flag: str, after: RecordedDocuments, *, is_set: bool) -> CorrectionConsequence:
    label = field_label(flag)
    if flag == "domestic_abuse" and is_set:
        return CorrectionConsequence(
            flag,
            "A warning of domestic abuse stands on every page. Where nobody has spoken to the person yet, the"
            " referral is put on hold until they agree to be contacted.",
        )
    if is_set:
        return CorrectionConsequence(flag, f"{label}: the person has shorter time limits from today.")
    if flag == "domestic_abuse":
        return CorrectionConsequence(flag, _loss_of_domestic_abuse(after), needs_senior=True)
    return CorrectionConsequence(
        flag, f"{label}: the mark goes. Time limits that it shortened stay.", needs_reason=True
    )


def _loss_of_domestic_abuse(after: RecordedDocuments) -> str:
    still = EXPLICIT_CONSENT_HARMS.intersection(_harms(after))
    if Harm.DOMESTIC_ABUSE in still:
        return (
            "The mark goes, but the crime still counts as domestic abuse by its kind: contact still waits for a"
            " yes of their own. Time limits that it shortened stay."
        )
    waits = bool(still) or after.columns.get("victim_type") in EXPLICIT_CONSENT_VICTIMS
    consent = (
        "Contact still waits for a yes of their own, for another reason."
        if waits
        else "Contact no longer waits for a yes of their own: a hold for that ends."
    )
    return (
        f"The warning of domestic abuse goes from every page. {consent} Time limits that it shortened stay."
    )


def _of_strand(strand: str | None) -> CorrectionConsequence:
    if strand:
        return CorrectionConsequence(
            "hate_strand", "It counts as a hate crime: the person has shorter time limits from today."
        )
    return CorrectionConsequence(
        "hate_strand",
        "It no longer counts as a hate crime. Time limits that it shortened stay.",
        needs_reason=True,
    )


def _of_harms(
    before: tuple[Harm, ...], after: tuple[Harm, ...], changed: set[str]
) -> Iterator[CorrectionConsequence]:
    lost = [harm for harm in before if harm not in after]
    field = next(
        (name for name in ("chosen_harms", "offence") if name in changed), sorted(changed & _OF_HARMS)[0]
    )
    if lost:
        grave = bool(_GRAVE_HARMS & set(lost))
        yield CorrectionConsequence(
            field,
            f"It no longer counts as: {_names(lost)}. Services for that are not offered any more.",
            needs_reason=True,
            needs_senior=grave,
        )
    gained = [harm for harm in after if harm not in before]
    if gained:
        yield CorrectionConsequence(
            field, f"It now counts as: {_names(gained)}. Which services fit is worked out again."
        )


def _of_safe_adult(before: Mapping[str, Any], after: Mapping[str, Any]) -> CorrectionConsequence:
    needs_senior = leaves_not_safe(before, after)
    if after.get("guardian_safe_to_contact") == "yes":
        return CorrectionConsequence(
            "guardian_safe_to_contact",
            "This adult may be contacted about the person from now on.",
            needs_reason=True,
            needs_senior=needs_senior,
        )
    if needs_senior:
        return CorrectionConsequence(
            "guardian_safe_to_contact",
            "It is no longer recorded that this adult is not safe. Nobody may contact them until it is known.",
            needs_senior=True,
        )
    if after.get("guardian_safe_to_contact") == "no":
        return CorrectionConsequence(
            "guardian_safe_to_contact", "Nobody may contact this adult about the person any more."
        )
    return CorrectionConsequence(
        "guardian_safe_to_contact",
        "Whether this adult is safe is not known, so nobody may contact them. If you know that it is safe,"
        " save this, and then name them as the safe adult.",
    )


def _of_grade(before: str | None, after: str | None) -> CorrectionConsequence:
    is_lower = _rank(after) < _rank(before)
    return CorrectionConsequence(
        "risk_assessment",
        "The officer's grade changes. Our own view of the risk stays until somebody assesses it again."
        if is_lower
        else "The officer's grade changes. Where it is above our own view of the risk it counts, and somebody has"
        " to assess it again.",
        needs_reason=is_lower,
        needs_senior=is_lower,
    )


def _rank(grade: str | None) -> int:
    return _GRADES.index(grade) if grade in _GRADES else -1


def _is_child(recorded: RecordedDocuments, today: date) -> bool | None:
    born = recorded.person.get("date_of_birth")
    if not born or recorded.columns.get("victim_type") == "business":
        return None
    return times.age_on(date.fromisoformat(born), today) < ADULT_AGE


def _harms(recorded: RecordedDocuments) -> tuple[Harm, ...]:
    columns = recorded.columns
    return harms_of_referral(
        HarmFacts(
            offence=columns.get("offence"),
            offence_code=columns.get("offence_code"),
            recorded_as=columns.get("recorded_as"),
            victim_type=columns.get("victim_type"),
            domestic_abuse=bool(columns.get("domestic_abuse")),
            serious_crime=bool(columns.get("serious_crime")),
            hate_strand=columns.get("hate_strand"),
            chosen=[Harm(harm) for harm in columns.get("chosen_harms") or ()],
        )
    )


def _names(harms: list[Harm]) -> str:
    return ", ".join(harm.value.replace("_", " ") for harm in harms)


def _value(value: Any) -> Any:
    """A value as it is compared and kept: an empty text or list is nothing, but no is an answer."""
    return None if value in ("", [], ()) else value


def _is_same(name: str, recorded: Any, value: Any) -> bool:
    """Whether nothing is to be changed: a moment whose day is given again keeps its time."""
    if RECORDED_FIELDS[name].kind is FieldKind.DATE and recorded and value:
        return recorded_day(recorded) == recorded_day(value)
    return bool(recorded == value)


def _place(name: str) -> FieldPlace:
    return RECORDED_FIELDS[name].place


CORRECTABLE_FIELDS = frozenset(
    name
    for place in (FieldPlace.PERSON, FieldPlace.REFERRAL, FieldPlace.DOCUMENT)
    for name in fields_kept_in(place)
)
"""The fields that a correction may change; safe contact and consent have actions of their own."""


def recordable_changes(changes: Mapping[str, Any], *, now: datetime) -> dict[str, Any]:
    """What was typed as it is kept: a plain yes or no, a day as a moment, harms in the order of gravity."""
    return {name: _recordable(RECORDED_FIELDS[name], value, now) for name, value in changes.items()}


def _recordable(field: RecordedField, value: Any, now: datetime) -> Any:
    if field.place is not FieldPlace.REFERRAL:
        return value
    if field.kind is FieldKind.YES_NO:
        return bool(value)
    if field.kind is FieldKind.HARMS:
        return [harm.value for harm in order_harms([Harm(item) for item in value or ()])]
    if field.kind is FieldKind.DATE and isinstance(value, str) and value:
        day = recorded_day(value)
        # A day to come stays one, so that it is refused and not taken for today.
        return times.moment_on(day, None if day <= times.london_date(now) else times.MIDDAY, now)
    return value
