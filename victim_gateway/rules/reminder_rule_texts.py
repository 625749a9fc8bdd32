"""A rule of reminders in plain words: when it speaks, to whom, by which channel."""

from __future__ import annotations

from collections.abc import Mapping

from victim_gateway.reminder_vocabulary import (
    ReminderChannel,
    ReminderDirection,
    ReminderRecipient,
    ReminderSource,
    ReminderUnit,
)
from victim_gateway.rules.reminder_rules import WITH_OVERDUE, ReminderRule

_UNITS = {
    ReminderUnit.WORKING_DAYS: ("working day", "working days"),
    ReminderUnit.DAYS: ("day", "days"),
    ReminderUnit.HOURS: ("hour", "hours"),
}
_ANCHORS: Mapping[ReminderSource, str] = {
    ReminderSource.NEXT_ACTION: "the day it is due",
    ReminderSource.OFFER_ANSWER: "the day the answer is due",
    ReminderSource.PROVIDER_CLOCK: "the day it is due",
    ReminderSource.OPEN_TASK: "the day it is due",
    ReminderSource.PARTNER_DUTY: "the day the duty was due",
    ReminderSource.SAFE_CONTACT_CHECK: "the day from which the answers no longer count",
    ReminderSource.CONSENT_REVIEW: "the day the person agreed",
    ReminderSource.FOLLOW_UP_CALL: "the last talk with a person whom a provider helps",
    ReminderSource.WITHHOLDING_REVIEW: "the day of the review",
    ReminderSource.DEVICE_LOAN: "the day it is due back",
    ReminderSource.SURVEY: "the referral was closed without asking how it went",
    ReminderSource.RETENTION: "the referral was closed",
    ReminderSource.STALL: "the last step on the case",
    ReminderSource.FEED: "each working day without a file",
}
_READERS: Mapping[ReminderRecipient, str] = {
    ReminderRecipient.CASEWORKER: "the caseworker who has the referral",
    ReminderRecipient.COORDINATOR: "the senior caseworkers",
    ReminderRecipient.PROVIDER: "the provider's people",
    ReminderRecipient.PROVIDER_WORKER: "whoever has the case: the caseworker, or the provider's worker",
}
_CHANNELS: Mapping[ReminderChannel, str] = {
    ReminderChannel.SERVICE: "In the service only",
    ReminderChannel.DIGEST: "In the service, and with the reader's next e-mail",
    ReminderChannel.AT_ONCE: "In the service, and by e-mail at once",
}


def count_in_unit(number: int, unit: ReminderUnit) -> str:
    """A number with its unit, like "1 working day"."""
    one, many = _UNITS[unit]
    return f"{number:,} {one if number == 1 else many}"


def describe_when(rule: ReminderRule) -> str:
    """When a rule speaks, in one sentence."""
    anchor = _ANCHORS[rule.source]
    if rule.direction is ReminderDirection.ON:
        said = f"On {anchor}"
    else:
        said = f"{count_in_unit(rule.offset_number, rule.unit).capitalize()} {rule.direction} {anchor}"
    by_risk = [
        f"{number} at {risk} risk"
        for risk, number in (("high", rule.offset_high), ("medium", rule.offset_medium))
        if number is not None
    ]
    said += f" ({', '.join(by_risk)})" if by_risk else ""
    said += f", from {rule.local_time}" if rule.local_time else ""
    said += ", and again once it has passed" if rule.source in WITH_OVERDUE else ""
    if rule.repeat_every is not None:
        again = "once" if rule.repeat_most == 1 else f"up to {rule.repeat_most} times"
        said += f". Again every {count_in_unit(rule.repeat_every, rule.unit)}, {again}"
    return said


def describe_reader(rule: ReminderRule) -> str:
    """Who is reminded, and to whom it is passed on."""
    said = _READERS[rule.recipient]
    if rule.escalate_after is not None:
        said += f"; unanswered for {count_in_unit(rule.escalate_after, rule.unit)}, once to the senior caseworkers"
    return said[0].upper() + said[1:]


def describe_channel(channel: ReminderChannel) -> str:
    """How a reminder reaches its reader."""
    return _CHANNELS[channel]
