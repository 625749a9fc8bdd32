"""The codes of messages to a person: what they are about, where they stand, why one may not leave."""

from __future__ import annotations

from enum import StrEnum


class VictimMessageKind(StrEnum):
    """What a message to a person is about."""

    TRIED_TO_REACH = "tried_to_reach"
    APPOINTMENT_TOMORROW = "appointment_tomorrow"
    SURVEY = "survey"
    RIGHTS_LETTER = "rights_letter"


class VictimMessageState(StrEnum):
    """Where a message stands; which step may follow which is one table, in Python and in the database."""

    QUEUED = "queued"
    SENDING = "sending"
    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    FAILED = "failed"
    REFUSED = "refused"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    PERHAPS_SENT = "perhaps_sent"
    PARKED = "parked"


class MessageRefusal(StrEnum):
    """Why the gate lets a message not leave."""

    NOT_RELEASED = "not_released"
    NO_TEMPLATE = "no_template"
    TEMPLATE_DIFFERS = "template_differs"
    RECIPIENT_NOT_LISTED = "recipient_not_listed"
    ERASED = "erased"
    DIED = "died"
    WITHDRAWN_BY_FORCE = "withdrawn_by_force"
    REFERRAL_NOT_OPEN = "referral_not_open"
    NEVER_CONTACT = "never_contact"
    REFUSED_CONTACT = "refused_contact"
    OPTED_OUT = "opted_out"
    CHILD_OR_AGE_UNKNOWN = "child_or_age_unknown"
    NO_PLAN = "no_plan"
    CONTACT_NOT_SAFE = "contact_not_safe"
    CHANNEL_NOT_SAFE = "channel_not_safe"
    PLAN_CHANGED = "plan_changed"
    PLAN_TOO_OLD = "plan_too_old"
    NO_DETAIL = "no_detail"
    OTHER_DETAIL = "other_detail"
    SUSPECTS_DETAIL = "suspects_detail"
    UNSAFE_FOR_ANOTHER = "unsafe_for_another"
    ANOTHER_MAY_ANSWER = "another_may_answer"
    OTHER_REFERRAL = "other_referral"
    PROTECTED = "protected"
    NOT_CONFIRMED = "not_confirmed"
    SENIOR_NEEDED = "senior_needed"
    NOT_RIGHT_ANY_MORE = "not_right_any_more"
    SENT_RECENTLY = "sent_recently"
    EXPIRED = "expired"
    OUTSIDE_WINDOW = "outside_window"
