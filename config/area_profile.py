"""Area profiles: the districts, labels and standards of a deployment. One JSON file per area in `config/areas/`."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, post_load, validate, validates_schema

from config.area_kinds import KindsProfile, KindsProfileSchema
from config.area_mail import MailProfile, MailSchema
from config.area_messages import MessagesProfile, MessagesSchema
from config.area_support import SupportProfile, SupportSchema
from config.identity_weights import IdentitySchema, IdentityWeights
from config.reading import SettingsError
from config.step_limits import StepLimits, StepLimitsSchema
from config.triage_profile import TriageProfile, TriageProfileSchema

AREAS_FOLDER = Path(__file__).parent / "areas"
OBSERVED_BY = ("gateway", "partner", "mixed")
RECORDED_AS = ("crime", "asb", "non_crime")
VICTIM_TYPES = (
    "person",
    "business",
    "bereaved_relative",
    "parent_or_guardian",
    "witness",
    "family_member",
    "friend",
)
_ID = validate.Regexp(r"^[a-z][a-z0-9_]*$", error="use small letters, digits and _")


@dataclass(frozen=True, slots=True)
class AreaStandard:
    """One of the area's own standards: a row of the edition `local`. Limits are in working days."""

    entitlement_id: str
    right: str
    paragraph: str
    entitlement: str
    owner: str
    start_event: str
    stop_event: str
    unit: str
    standard_limit: int
    enhanced_limit: int | None
    applies_when: tuple[str, ...]
    observed_by: str
    confidence: str


@dataclass(frozen=True, slots=True)
class NeedsScale:
    """How needs are read in a triage assessment: the areas of life, and what each step means."""

    name: str
    areas: tuple[tuple[str, str], ...]
    steps: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Numbers that an area sets for itself; days are working days."""

    contact_attempts_before_closing: int
    remind_before_due_working_days: int
    offer_expires_after_working_days: int
    safe_contact_recheck_days: int
    repeat_victim_months: int
    next_action_working_days: StepLimits
    # For complaints to which the Code gives no limit, and for the full answer, to which it gives none either.
    complaint_acknowledge_working_days: int = 10
    complaint_answer_working_days: int = 20
    # How long a provider may say that it declined by mistake, and within which time it reads what was corrected.
    decline_mistake_working_days: int = 3
    safe_contact_read_working_days: int = 1
    correction_read_working_days: int = 1
    # How long what a provider says of its capacity is gone by: calendar days.
    capacity_stale_after_days: int = 14


@dataclass(frozen=True, slots=True)
class AreaScope:
    """The types of referral that an area's service takes; one of another type is held for a decision."""

    recorded_as: frozenset[str]
    victim_types: frozenset[str]

    def takes(self, *, recorded_as: str, victim_type: str) -> bool:
        """Whether a referral of this type is within the scope."""
        return recorded_as in self.recorded_as and victim_type in self.victim_types


@dataclass(frozen=True, slots=True)
class AreaProfile:
    """An area: its name, districts, labels and standards. `key` is the file's name.

    `district_names` and `force_names` are pairs: another spelling that feeds use, and the name it stands for.
    """

    key: str
    name: str
    service_name: str
    force: str
    reference_prefix: str
    districts: tuple[str, ...]
    district_names: tuple[tuple[str, str], ...]
    force_names: tuple[tuple[str, str], ...]
    observers: tuple[str, ...]
    scope: AreaScope
    targets: tuple[tuple[str, float | None], ...]
    needs: NeedsScale
    support: SupportProfile
    thresholds: Thresholds
    identity: IdentityWeights = field(hash=False)
    standards: tuple[AreaStandard, ...]
    triage: TriageProfile
    mail: MailProfile
    kinds: KindsProfile = KindsProfile()
    # Where providers and the public ring the Gateway; None: pages, sheets and e-mails name no number.
    telephone: str | None = None
    # The Gateway's own postal address, line by line, for the rights sheet; empty: the sheet names none.
    address: tuple[str, ...] = ()
    messages: MessagesProfile = MessagesProfile()

    def target_rate(self, edition: str) -> float | None:
        """The rate, from 0 to 1, that the area aims at for an edition's clocks; None: no target."""
        return dict(self.targets).get("local" if edition == "local" else "code")


def _whole_number(least: int, most: int, *, may_be_null: bool = False) -> fields.Integer:
    bounds = validate.Range(min=least, max=most)
    return fields.Integer(required=True, strict=True, allow_none=may_be_null, validate=bounds)


_SPELLING = fields.String(validate=validate.Length(min=1))


class _Strict(Schema):
    class Meta:
        unknown = RAISE


class _StandardSchema(_Strict):
    entitlement_id = fields.String(required=True, validate=_ID)
    right = fields.String(required=True, validate=validate.Equal("local"))
    paragraph = fields.String(required=True, validate=validate.Length(min=1))
    entitlement = fields.String(required=True, validate=validate.Length(min=1))
    owner = fields.String(required=True, validate=validate.OneOf(("gateway", "provider")))
    start_event = fields.String(required=True, validate=_ID)
    stop_event = fields.String(required=True, validate=_ID)
    unit = fields.String(required=True, validate=validate.Equal("working_day"))
    standard_limit = _whole_number(0, 60)
    enhanced_limit = _whole_number(0, 60, may_be_null=True)
    applies_when = fields.List(fields.String(validate=_ID), load_default=list)
    observed_by = fields.String(required=True, validate=validate.OneOf(OBSERVED_BY))
    confidence = fields.String(required=True, validate=validate.Length(min=1))

    @validates_schema
    def enhanced_is_never_longer(self, data: dict[str, Any], **_: Any) -> None:
        enhanced = data["enhanced_limit"]
        if enhanced is not None and enhanced > data["standard_limit"]:
            raise ValidationError("must not be above standard_limit", "enhanced_limit")

    @post_load
    def build_standard(self, data: dict[str, Any], **_: Any) -> AreaStandard:
        return AreaStandard(**{**data, "applies_when": tuple(data["applies_when"])})


class _NeedAreaSchema(_Strict):
    key = fields.String(required=True, validate=_ID)
    label = fields.String(required=True, validate=validate.Length(min=1))


class _StepSchema(_Strict):
    value = fields.Integer(required=True, strict=True)
    label = fields.String(required=True, validate=validate.Length(min=1))


class _NeedsSchema(_Strict):
    name = fields.String(required=True)
    areas = fields.List(fields.Nested(_NeedAreaSchema), required=True, validate=validate.Length(min=1))
    steps = fields.List(fields.Nested(_StepSchema), required=True, validate=validate.Length(min=2))

    @post_load
    def build_needs_scale(self, data: dict[str, Any], **_: Any) -> NeedsScale:
        return NeedsScale(
            name=data["name"],
            areas=tuple((area["key"], area["label"]) for area in data["areas"]),
            steps=tuple((step["value"], step["label"]) for step in data["steps"]),
        )


class _ThresholdsSchema(_Strict):
    contact_attempts_before_closing = fields.Integer(
        required=True, strict=True, validate=validate.Range(1, 20)
    )
    remind_before_due_working_days = fields.Integer(
        required=True, strict=True, validate=validate.Range(0, 10)
    )
    offer_expires_after_working_days = fields.Integer(
        required=True, strict=True, validate=validate.Range(1, 60)
    )
    safe_contact_recheck_days = fields.Integer(required=True, strict=True, validate=validate.Range(1, 365))
    repeat_victim_months = fields.Integer(required=True, strict=True, validate=validate.Range(1, 60))
    complaint_acknowledge_working_days = fields.Integer(
        load_default=10, strict=True, validate=validate.Range(1, 60)
    )
    complaint_answer_working_days = fields.Integer(
        load_default=20, strict=True, validate=validate.Range(1, 120)
    )
    decline_mistake_working_days = fields.Integer(load_default=3, strict=True, validate=validate.Range(1, 20))
    safe_contact_read_working_days = fields.Integer(
        load_default=1, strict=True, validate=validate.Range(1, 5)
    )
    correction_read_working_days = fields.Integer(load_default=1, strict=True, validate=validate.Range(1, 10))
    capacity_stale_after_days = fields.Integer(load_default=14, strict=True, validate=validate.Range(1, 365))
    next_action_working_days = fields.Nested(
        StepLimitsSchema, load_default=lambda: StepLimitsSchema().load({})
    )

    @post_load
    def build_thresholds(self, data: dict[str, Any], **_: Any) -> Thresholds:
        return Thresholds(**data)


class _TargetsSchema(_Strict):
    code = fields.Float(required=True, allow_none=True, validate=validate.Range(0, 1))
    local = fields.Float(required=True, allow_none=True, validate=validate.Range(0, 1))


class _ScopeSchema(_Strict):
    recorded_as = fields.List(
        fields.String(validate=validate.OneOf(RECORDED_AS)), required=True, validate=validate.Length(min=1)
    )
    victim_types = fields.List(
        fields.String(validate=validate.OneOf(VICTIM_TYPES)), required=True, validate=validate.Length(min=1)
    )

    @post_load
    def build_scope(self, data: dict[str, Any], **_: Any) -> AreaScope:
        return AreaScope(frozenset(data["recorded_as"]), frozenset(data["victim_types"]))


class _AreaSchema(_Strict):
    name = fields.String(required=True, validate=validate.Length(min=1))
    service_name = fields.String(required=True, validate=validate.Length(min=1))
    force = fields.String(required=True, validate=validate.Length(min=1))
    reference_prefix = fields.String(required=True, validate=validate.Regexp(r"^[A-Z]{2,4}$"))
    telephone = fields.String(load_default=None, validate=validate.Regexp(r"^[0-9+][0-9 ]{5,19}$"))
    address = fields.List(
        fields.String(validate=validate.Length(1, 80)), load_default=list, validate=validate.Length(max=6)
    )
    districts = fields.List(fields.String(), required=True, validate=validate.Length(min=1))
    district_names = fields.Dict(keys=_SPELLING, values=fields.String(), load_default=dict)
    force_names = fields.Dict(keys=_SPELLING, values=_SPELLING, load_default=dict)
    observers = fields.List(fields.String(validate=validate.OneOf(OBSERVED_BY)), required=True)
    scope = fields.Nested(_ScopeSchema, required=True)
    targets = fields.Nested(_TargetsSchema, required=True)
    needs = fields.Nested(_NeedsSchema, required=True)
    support = fields.Nested(SupportSchema, required=True)
    thresholds = fields.Nested(_ThresholdsSchema, required=True)
    identity = fields.Nested(IdentitySchema, required=True)
    triage = fields.Nested(TriageProfileSchema, load_default=lambda: TriageProfileSchema().load({}))
    kinds = fields.Nested(KindsProfileSchema, load_default=KindsProfile)
    mail = fields.Nested(MailSchema, load_default=lambda: MailSchema().load({}))
    messages = fields.Nested(MessagesSchema, load_default=MessagesProfile)
    standards = fields.List(fields.Nested(_StandardSchema), required=True)

    @validates_schema
    def spellings_name_a_district(self, data: dict[str, Any], **_: Any) -> None:
        unknown = set(data["district_names"].values()) - set(data["districts"])
        if unknown:
            raise ValidationError("gives a spelling to a district that is not listed", "district_names")

    @validates_schema
    def standards_have_one_name_each(self, data: dict[str, Any], **_: Any) -> None:
        names = [standard.entitlement_id for standard in data.get("standards", [])]
        if len(set(names)) != len(names):
            raise ValidationError("names the same entitlement_id twice", "standards")


def shipped_areas() -> tuple[str, ...]:
    """The keys of the profiles in `config/areas/`, in order."""
    return tuple(sorted(path.stem for path in AREAS_FOLDER.glob("*.json")))


@cache
def load_area(key: str) -> AreaProfile:
    """The profile of one area, checked. Raises SettingsError that names GATEWAY_AREA."""
    if key not in shipped_areas():
        raise SettingsError("GATEWAY_AREA", f"must be one of {', '.join(shipped_areas())}, not {key!r}")
    return parse_area(key, (AREAS_FOLDER / f"{key}.json").read_text(encoding="utf-8"))


def parse_area(key: str, text: str) -> AreaProfile:
    """A profile from JSON text. Raises SettingsError with the first thing that is wrong in it."""
    try:
        data: dict[str, Any] = _AreaSchema().loads(text)
    except json.JSONDecodeError as error:
        raise SettingsError("GATEWAY_AREA", f"names areas/{key}.json, which is not JSON: {error}") from None
    except ValidationError as error:
        raise SettingsError(
            "GATEWAY_AREA",
            f"names areas/{key}.json, which has a mistake at {_first_mistake(error.messages)}",
        ) from None
    lists = {name: tuple(data[name]) for name in ("districts", "observers", "standards", "address")}
    pairs = {name: tuple(data[name].items()) for name in ("district_names", "force_names", "targets")}
    return AreaProfile(key=key, **{**data, **lists, **pairs})


def _first_mistake(messages: Any, path: str = "") -> str:
    if isinstance(messages, dict):
        name, inner = next(iter(messages.items()))
        return _first_mistake(inner, f"{path}.{name}" if path else str(name))
    return f"{path}: {messages[0] if isinstance(messages, list) else messages}"
