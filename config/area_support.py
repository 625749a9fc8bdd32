"""What an area counts as support, and the outcome measure it reads: parts of an area profile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, post_load, validate, validates_schema

from config.area_survey import SurveyProfile, SurveySchema

# How support was given: with the person there, by a way of contact, or for them without any contact.
SUPPORT_MANNERS = ("in_person", "phone", "sms", "email", "post", "without_contact")
_ID = validate.Regexp(r"^[a-z][a-z0-9_]*$", error="use small letters, digits and _")
_TEXT = validate.Length(min=1, max=80)


@dataclass(frozen=True, slots=True)
class ActivityKind:
    """One kind of support that the area counts, and the manners in which it can be given."""

    key: str
    label: str
    manners: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DeviceKind:
    """One kind of safety device that the area lends out."""

    key: str
    label: str


@dataclass(frozen=True, slots=True)
class OutcomeMeasure:
    """The areas of life that a reading gives a whole number for, from `least` (worst) to `most` (best)."""

    key: str
    name: str
    areas: tuple[tuple[str, str], ...]
    least: int
    most: int

    def allows(self, value: object) -> bool:
        """Whether a value lies on the scale."""
        return isinstance(value, int) and not isinstance(value, bool) and self.least <= value <= self.most


@dataclass(frozen=True, slots=True)
class VideoLinkProfile:
    """Rooms with a video link, special measures, and how many working days before a booking staff are reminded."""

    rooms: tuple[tuple[str, str], ...] = ()
    measures: tuple[tuple[str, str], ...] = ()
    warn_working_days: int = 2


@dataclass(frozen=True, slots=True)
class CaseReviewProfile:
    """Reviews of cases of anti-social behaviour: who answers them, and from how many incidents on one is owed.

    Days are working days; None: the area sets none, and no clock runs.
    """

    authorities: tuple[tuple[str, str], ...] = ()
    threshold_incidents: int = 3
    threshold_months: int = 6
    threshold_working_days: int | None = None
    answer_working_days: int | None = None


@dataclass(frozen=True, slots=True)
class SupportProfile:
    """The kinds of activity, the most days until a plan is looked at again, the outcome measure, and the rest."""

    activities: tuple[ActivityKind, ...]
    longest_review_days: int
    outcome_measure: OutcomeMeasure
    devices: tuple[DeviceKind, ...]
    video_link: VideoLinkProfile
    case_review: CaseReviewProfile
    survey: SurveyProfile

    def activity_kind(self, key: str) -> ActivityKind | None:
        """The kind of this key; None where the area does not count such a kind (any more)."""
        return next((kind for kind in self.activities if kind.key == key), None)


class _StrictSupport(Schema):
    class Meta:
        unknown = RAISE


class _ActivitySchema(_StrictSupport):
    key = fields.String(required=True, validate=_ID)
    label = fields.String(required=True, validate=_TEXT)
    manners = fields.List(
        fields.String(validate=validate.OneOf(SUPPORT_MANNERS)),
        load_default=lambda: list(SUPPORT_MANNERS),
        validate=validate.Length(min=1),
    )

    @post_load
    def build_activity(self, data: dict[str, Any], **_: Any) -> ActivityKind:
        return ActivityKind(data["key"], data["label"], tuple(data["manners"]))


class _DeviceSchema(_StrictSupport):
    key = fields.String(required=True, validate=_ID)
    label = fields.String(required=True, validate=_TEXT)

    @post_load
    def build_device(self, data: dict[str, Any], **_: Any) -> DeviceKind:
        return DeviceKind(data["key"], data["label"])


class _MeasureAreaSchema(_StrictSupport):
    key = fields.String(required=True, validate=_ID)
    label = fields.String(required=True, validate=_TEXT)


class _MeasureSchema(_StrictSupport):
    key = fields.String(required=True, validate=_ID)
    name = fields.String(required=True, validate=_TEXT)
    areas = fields.List(
        fields.Nested(_MeasureAreaSchema), required=True, validate=validate.Length(min=3, max=12)
    )
    least = fields.Integer(required=True, strict=True, validate=validate.Range(0, 1))
    most = fields.Integer(required=True, strict=True, validate=validate.Range(2, 10))

    @validates_schema
    def areas_have_one_key_each(self, data: dict[str, Any], **_: Any) -> None:
        keys = [area["key"] for area in data.get("areas", [])]
        if len(set(keys)) != len(keys):
            raise ValidationError("names the same area twice", "areas")

    @post_load
    def build_measure(self, data: dict[str, Any], **_: Any) -> OutcomeMeasure:
        areas = tuple((area["key"], area["label"]) for area in data["areas"])
        return OutcomeMeasure(data["key"], data["name"], areas, data["least"], data["most"])


class _LabelSchema(_StrictSupport):
    key = fields.String(required=True, validate=_ID)
    label = fields.String(required=True, validate=_TEXT)

    @post_load
    def build_label(self, data: dict[str, Any], **_: Any) -> tuple[str, str]:
        return data["key"], data["label"]


def _labels() -> fields.Field[Any]:
    return fields.List(fields.Nested(_LabelSchema), load_default=list)


class _VideoLinkSchema(_StrictSupport):
    rooms = _labels()
    measures = _labels()
    warn_working_days = fields.Integer(load_default=2, strict=True, validate=validate.Range(0, 20))

    @post_load
    def build_video_link(self, data: dict[str, Any], **_: Any) -> VideoLinkProfile:
        return VideoLinkProfile(tuple(data["rooms"]), tuple(data["measures"]), data["warn_working_days"])


class _CaseReviewSchema(_StrictSupport):
    authorities = _labels()
    threshold_incidents = fields.Integer(load_default=3, strict=True, validate=validate.Range(1, 20))
    threshold_months = fields.Integer(load_default=6, strict=True, validate=validate.Range(1, 60))
    threshold_working_days = fields.Integer(
        load_default=None, allow_none=True, strict=True, validate=validate.Range(1, 120)
    )
    answer_working_days = fields.Integer(
        load_default=None, allow_none=True, strict=True, validate=validate.Range(1, 120)
    )

    @post_load
    def build_case_review(self, data: dict[str, Any], **_: Any) -> CaseReviewProfile:
        return CaseReviewProfile(**{**data, "authorities": tuple(data["authorities"])})


class SupportSchema(_StrictSupport):
    """The `support` of an area profile."""

    activities = fields.List(fields.Nested(_ActivitySchema), required=True, validate=validate.Length(min=1))
    longest_review_days = fields.Integer(required=True, strict=True, validate=validate.Range(7, 366))
    outcome_measure = fields.Nested(_MeasureSchema, required=True)
    devices = fields.List(fields.Nested(_DeviceSchema), load_default=list)
    video_link = fields.Nested(_VideoLinkSchema, load_default=lambda: _VideoLinkSchema().load({}))
    case_review = fields.Nested(_CaseReviewSchema, load_default=lambda: _CaseReviewSchema().load({}))
    survey = fields.Nested(SurveySchema, load_default=lambda: SurveySchema().load({}))

    @validates_schema
    def activities_have_one_key_each(self, data: dict[str, Any], **_: Any) -> None:
        keys = [kind.key for kind in data.get("activities", [])]
        if len(set(keys)) != len(keys):
            raise ValidationError("names the same kind twice", "activities")

    @post_load
    def build_support(self, data: dict[str, Any], **_: Any) -> SupportProfile:
        return SupportProfile(
            tuple(data["activities"]),
            data["longest_review_days"],
            data["outcome_measure"],
            tuple(data["devices"]),
            data["video_link"],
            data["case_review"],
            data["survey"],
        )
