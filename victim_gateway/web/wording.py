"""What the service's states and reasons are called on a page, and in which colour; kept in one place."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from flask import Flask
from wtforms.fields.choices import SelectChoice as SelectChoice  # type: ignore[attr-defined]

from victim_gateway import vocabulary as v

# Keyed by the enumeration first: members of two of them with the same value are equal, and would share a key.
_Wording = dict[type[StrEnum], dict[StrEnum, str]]

# Where the value with spaces is good enough English ("in contact"), nothing is listed.
_WORDS: Final[_Wording] = {
    v.Role: {
        v.Role.SENIOR: "Senior caseworker",
        v.Role.ADMIN: "Administrator",
    },
    v.ReferralSource: {
        v.ReferralSource.POLICE_FEED: "Police feed",
        v.ReferralSource.SELF: "The person themselves",
        v.ReferralSource.AGENCY: "Another agency",
    },
    v.HeldReason: {
        v.HeldReason.CONSENT_REFUSED: "The person said no to contact",
        v.HeldReason.EXPLICIT_CONSENT_NEEDED: "Consent has to be asked first",
        v.HeldReason.NO_CONTACT_DETAILS: "No way to reach the person",
    },
    v.NextAct: {
        v.NextAct.ASSIGN: "Give it to a caseworker",
        v.NextAct.RESOLVE_HOLD: "Decide what to do about the hold",
        v.NextAct.MAKE_CONTACT: "Contact the person",
        v.NextAct.ASSESS: "Make a triage assessment",
        v.NextAct.REFER_OR_CLOSE: "Refer on or close",
        v.NextAct.ANSWER_PROVIDER: "Answer the provider's question",
        v.NextAct.PLAN_AFTER_DECLINE: "Decide what to do after a decline",
        v.NextAct.WAIT_FOR_PROVIDER: "Wait for the provider",
        v.NextAct.REVIEW_SUPPORT: "Review the support",
        v.NextAct.DO_TASK: "Deal with a task",
        v.NextAct.NOTHING: "Nothing more to do",
    },
    v.TaskKind: {
        v.TaskKind.FEED_CONFLICT: "The police sent other details than ours",
        v.TaskKind.SAFE_CONTACT_CHECK: "Find out how to contact the person safely",
        v.TaskKind.POSSIBLE_SAME_PERSON: "Somebody with the same name is known already",
        v.TaskKind.PROVIDER_DECLINED: "A provider said no",
        v.TaskKind.OFFER_EXPIRED: "A provider did not answer in time: decide what follows",
        v.TaskKind.PROVIDER_ASKED: "A provider asked for information",
        v.TaskKind.SERVICE_ENDED: "A provider's support has ended",
    },
    v.WaitingOn: {
        v.WaitingOn.GATEWAY: "Us",
    },
    v.CloseOutcome: {
        v.CloseOutcome.DECLINED: "The person did not want support",
        v.CloseOutcome.NO_CONTACT: "Could not reach the person",
        v.CloseOutcome.OUT_OF_AREA: "Lives outside the area",
        v.CloseOutcome.DUPLICATE: "Already referred",
        v.CloseOutcome.REFERRED_ON: "Referred on",
        v.CloseOutcome.OTHER: "Something else",
    },
    v.Risk: {
        v.Risk.UNKNOWN: "Risk not known",
        v.Risk.STANDARD: "Standard risk",
        v.Risk.MEDIUM: "Medium risk",
        v.Risk.HIGH: "High risk",
    },
    v.SafeAnswer: {
        v.SafeAnswer.YES: "Safe",
        v.SafeAnswer.NO: "Not safe",
        v.SafeAnswer.UNKNOWN: "Not known to be safe",
    },
    v.Channel: {
        v.Channel.SMS: "Text message",
    },
    v.AttemptOutcome: {
        v.AttemptOutcome.VOICEMAIL_LEFT: "Left a message",
        v.AttemptOutcome.UNSAFE_STOPPED: "Stopped because it was not safe",
    },
    v.ConsentHow: {
        v.ConsentHow.THROUGH_POLICE: "Through the police",
        v.ConsentHow.THROUGH_AGENCY: "Through another agency",
    },
    v.ConsentPurpose: {
        v.ConsentPurpose.CONTACT: "Contacting them",
        v.ConsentPurpose.SHARE_WITH_PROVIDER: "Sharing with a provider",
        v.ConsentPurpose.SURVEY: "Asking how it went",
    },
    v.OnwardState: {
        v.OnwardState.OFFERED: "Waiting for an answer",
        v.OnwardState.ACKNOWLEDGED: "Seen by the provider",
        v.OnwardState.INFORMATION_REQUESTED: "Provider has a question",
    },
    v.DeclineReason: {
        v.DeclineReason.PERSON_SAID_NO: "The person said no",
        v.DeclineReason.NOT_ELIGIBLE: "Not someone this service is for",
        v.DeclineReason.NEEDS_ANOTHER_SERVICE: "Another service fits better",
        v.DeclineReason.NO_CAPACITY: "No room at the moment",
        v.DeclineReason.CANNOT_REACH_SAFELY: "Could not reach them safely",
        v.DeclineReason.OTHER: "Something else",
    },
    v.WithdrawReason: {
        v.WithdrawReason.PERSON_SAID_NO: "The person does not want it any more",
        v.WithdrawReason.CONSENT_WITHDRAWN: "The person took back their yes to sharing",
        v.WithdrawReason.NO_LONGER_SAFE: "It is no longer safe",
        v.WithdrawReason.MOVED_AWAY: "The person moved away",
        v.WithdrawReason.NO_ANSWER: "The provider did not answer",
        v.WithdrawReason.ANOTHER_SERVICE_CHOSEN: "Another service was chosen",
        v.WithdrawReason.SENT_BY_MISTAKE: "It was sent by mistake",
        v.WithdrawReason.SUPPORT_DOES_NOT_FIT: "The support does not fit",
        v.WithdrawReason.PERSON_CANNOT_BE_REACHED: "The person can't be reached",
        v.WithdrawReason.OTHER: "Something else",
    },
    v.HandoverPart: {
        v.HandoverPart.NAME: "Their name",
        v.HandoverPart.AGE: "Their age",
        v.HandoverPart.CRIME: "What was reported, where and when",
        v.HandoverPart.WHAT_HAPPENED: "What happened, in words",
        v.HandoverPart.NEEDS: "What they need, from the triage assessment",
        v.HandoverPart.RISK: "How much at risk they are, and why",
        v.HandoverPart.WANTS: "What they want",
        v.HandoverPart.COMMUNICATION: "Language and communication needs",
    },
    v.ServiceOutcome: {
        v.ServiceOutcome.NEEDS_MET: "Needs met",
        v.ServiceOutcome.PARTLY_MET: "Needs partly met",
        v.ServiceOutcome.NOT_MET: "Needs not met",
        v.ServiceOutcome.DISENGAGED: "The person stopped coming",
        v.ServiceOutcome.OTHER: "Something else",
    },
    v.EvidenceGrade: {
        v.EvidenceGrade.SYSTEM_RECORD: "From a system's record",
        v.EvidenceGrade.PARTNER_STATEMENT: "A partner told us",
        v.EvidenceGrade.VICTIM_REPORT: "The person told us",
        v.EvidenceGrade.INFERRED: "Worked out",
    },
}

_COLOURS: Final[_Wording] = {
    v.ReferralState: {
        v.ReferralState.RECEIVED: "blue",
        v.ReferralState.HELD: "orange",
        v.ReferralState.ASSIGNED: "blue",
        v.ReferralState.IN_CONTACT: "blue",
        v.ReferralState.TRIAGED: "teal",
        v.ReferralState.SUPPORTED: "green",
        v.ReferralState.REOPENED: "blue",
    },
    v.Risk: {
        v.Risk.HIGH: "red",
        v.Risk.MEDIUM: "orange",
    },
    v.SafeAnswer: {
        v.SafeAnswer.YES: "green",
        v.SafeAnswer.NO: "red",
        v.SafeAnswer.UNKNOWN: "orange",
    },
    v.OnwardState: {
        v.OnwardState.OFFERED: "blue",
        v.OnwardState.ACKNOWLEDGED: "blue",
        v.OnwardState.INFORMATION_REQUESTED: "orange",
        v.OnwardState.ACCEPTED: "teal",
        v.OnwardState.IN_SERVICE: "green",
        v.OnwardState.DECLINED: "red",
        v.OnwardState.EXPIRED: "red",
        v.OnwardState.RETURNED: "orange",
        v.OnwardState.ENDED_EARLY: "orange",
    },
    v.ImportState: {
        v.ImportState.RUNNING: "blue",
        v.ImportState.FINISHED: "green",
        v.ImportState.REFUSED: "red",
        v.ImportState.PARKED: "red",
        v.ImportState.INTERRUPTED: "orange",
    },
    v.RowOutcome: {
        v.RowOutcome.SET_ASIDE: "orange",
    },
    v.MessageState: {
        v.MessageState.SENT: "green",
        v.MessageState.FAILED: "red",
    },
}

# The compliance core's statuses are its own strings (contract, section 6).
_CLOCK: Final[dict[str, tuple[str, str]]] = {
    "met": ("In time", "green"),
    "met_late": ("Late", "orange"),
    "overdue": ("Overdue", "red"),
    "running": ("Still to come", "blue"),
    "unknown": ("Not known", "grey"),
    "declined": ("They did not want it", "grey"),
    "withheld_for_safety": ("Held back for safety", "purple"),
    "not_applicable": ("Does not apply", "grey"),
}


def words(value: StrEnum | None) -> str:
    """What a state, reason or role is called: `In contact`. None is `Not recorded`."""
    if value is None:
        return "Not recorded"
    return _WORDS.get(type(value), {}).get(value) or value.replace("_", " ").capitalize()


def colour(value: StrEnum | None) -> str:
    """The tag colour that goes with the words; grey where colour would say nothing."""
    return "grey" if value is None else _COLOURS.get(type(value), {}).get(value, "grey")


def clock_words(status: str) -> str:
    """What a clock's status is called. Raises KeyError for a status the compliance core doesn't have."""
    return _CLOCK[status][0]


def clock_colour(status: str) -> str:
    """The tag colour of a clock's status."""
    return _CLOCK[status][1]


def choices(members: type[StrEnum], *without: StrEnum) -> list[SelectChoice]:
    """The value and words of every member but those named, for a form field."""
    return [SelectChoice(member.value, words(member)) for member in members if member not in without]


def register_wording(app: Flask) -> None:
    for function in (words, colour, clock_words, clock_colour):
        app.add_template_filter(function)
