"""The codes of reminder rules: what they hang on, when they come, who gets them, and what a stalled case waits for."""

from __future__ import annotations

from enum import StrEnum


class ReminderSource(StrEnum):
    """What gives a rule its subjects, and the date or moment that each hangs on."""

    NEXT_ACTION = "next_action"
    """A referral and the day on which its next action is due."""
    OFFER_ANSWER = "offer_answer"
    """An onward referral that its provider has not answered, and the day on which the answer is due."""
    PROVIDER_CLOCK = "provider_clock"
    """A running standard of the area that a provider must meet."""
    OPEN_TASK = "open_task"
    """A task that is not done, and the day on which it is due."""
    PARTNER_DUTY = "partner_duty"
    """The duties of a partner under the Code that fell due on one day with no notice recorded."""
    SAFE_CONTACT_CHECK = "safe_contact_check"
    """The safe-contact plan in force, and the moment from which its answers no longer count."""
    CONSENT_REVIEW = "consent_review"
    """A yes to sharing that an open referral rests on, and the moment at which it was given."""
    FOLLOW_UP_CALL = "follow_up_call"
    """A referral that is supported, and the day of its last talk with the person."""
    WITHHOLDING_REVIEW = "withholding_review"
    """A promise that is kept back, and the day on which that is looked at again."""
    DEVICE_LOAN = "device_loan"
    """A device that is lent, and the day on which it is due back."""
    SURVEY = "survey"
    """A referral that was closed and not asked how it went, and the moment of closing."""
    RETENTION = "retention"
    """A closed referral, and the moment of closing."""
    STALL = "stall"
    """An open referral, and the last step that a person took on it."""
    FEED = "feed"
    """A working day on which the area's feed has not been handed in yet."""


class ReminderUnit(StrEnum):
    """What an offset counts in."""

    WORKING_DAYS = "working_days"
    DAYS = "days"
    HOURS = "hours"


class ReminderDirection(StrEnum):
    """Where an offset lies from the date or moment of its subject."""

    BEFORE = "before"
    ON = "on"
    AFTER = "after"


class ReminderChannel(StrEnum):
    """How a reminder reaches its reader: in the service alone, with the reader's next digest, or at once."""

    SERVICE = "service"
    DIGEST = "digest"
    AT_ONCE = "at_once"


class ReminderRecipient(StrEnum):
    """Who is reminded."""

    CASEWORKER = "caseworker"
    """Who has the referral; the common list where no open account has it."""
    COORDINATOR = "coordinator"
    """The senior caseworkers."""
    PROVIDER = "provider"
    """The people of the provider who work for the service."""
    PROVIDER_WORKER = "provider_worker"
    """The provider's worker who has the onward referral; its people where none has it."""


class ReminderStop(StrEnum):
    """What ends the reminders of a subject, beside its cause being gone."""

    CAUSE_GONE = "cause_gone"
    """Only that."""
    SEEN = "seen"
    """Its reader marked it as seen."""
    ANCHOR_PASSED = "anchor_passed"
    """The day that it hangs on has passed: from then on another rule or a task speaks."""


class StallAnswerCode(StrEnum):
    """What holds a case up, as its answer counts it."""

    WAITING_FOR_PERSON = "waiting_for_person"
    WAITING_FOR_POLICE = "waiting_for_police"
    WAITING_FOR_PROVIDER = "waiting_for_provider"
    NO_CAPACITY = "no_capacity"
    NO_LONGER_NEEDED = "no_longer_needed"
    SOMETHING_ELSE = "something_else"
