"""Labels and tag colours of the service's states and reasons on pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import partial
from typing import Final

from flask import Flask
from wtforms.fields.choices import SelectChoice as SelectChoice  # type: ignore[attr-defined]

from victim_gateway.contact_link_vocabulary import ContactLinkEnding
from victim_gateway.database.kept_wordings import current_wordings, offered_entries_of
from victim_gateway.offer_vocabulary import ReturnReason
from victim_gateway.rules.alerts import AlertKind
from victim_gateway.rules.contact_stops import ContactStop
from victim_gateway.rules.group_review import AgendaCause, ReviewDecision
from victim_gateway.rules.kept_lists import LIST_OF_MEMBERS, fold_label
from victim_gateway.rules.kept_wordings import WordedEntry
from victim_gateway.rules.listed_labels import LISTED_LABELS, shipped_label
from victim_gateway.rules.marac import MaracOutcome, MaracReason
from victim_gateway.victim_message_vocabulary import VictimMessageKind, VictimMessageState
from victim_gateway.vocabulary import (
    AttachmentKind,
    AttachmentState,
    CaseReviewOutcome,
    CaseReviewState,
    Channel,
    ComplaintOutcome,
    ComplaintState,
    ComplaintSubject,
    ConsentGiver,
    ConsentHow,
    ConsentPurpose,
    DraftKind,
    EvidenceGrade,
    GoalState,
    HandoverPart,
    IdentityDecision,
    ImportState,
    MessageState,
    NeedOutcome,
    NextAction,
    OnwardState,
    OverrideGround,
    OverrideState,
    ReadingStage,
    ReferralSource,
    ReferralState,
    RightsAnswer,
    Risk,
    Role,
    RowOutcome,
    SafeAnswer,
    SharedFileState,
    SheetDelivery,
    SnoozeReason,
    SupportedParty,
    SupportManner,
    SurveyManner,
    SurveyState,
    TaskKind,
    WaitingOn,
    WithholdingState,
)

# Keyed by the enumeration first: members of two of them with the same value are equal, and would share a key.
_Wording = dict[type[StrEnum], dict[StrEnum, str]]

# Why a risk was judged as it was: a text in the database, not an enumeration.
GROUND_LABELS: Final = {
    "visible_high_risk": "Visible high risk",
    "professional_judgement": "Professional judgement",
    "potential_escalation": "It may be escalating",
    "repeat": "It has happened again",
    "dash_score": "The DASH score",
    "incidents": "How many incidents there were",
}

SURVEY_ANSWERS: Final = {
    "5": "Very satisfied",
    "4": "Satisfied",
    "3": "Neither",
    "2": "Dissatisfied",
    "1": "Very dissatisfied",
    "yes": "Yes",
    "no": "No",
}

MARAC_REASONS: Final = {
    MaracReason.SCORE: "The DASH score",
    MaracReason.JUDGEMENT: "Professional judgement",
    MaracReason.ESCALATION: "It is escalating",
    MaracReason.REPEAT: "A repeat: heard before, and it has happened again",
}
MARAC_OUTCOMES: Final = {
    MaracOutcome.HEARD: "It was heard at the meeting",
    MaracOutcome.NOT_ACCEPTED: "It was not accepted",
    MaracOutcome.WITHDRAWN: "We took it back",
}
REVIEW_CAUSES: Final = {
    AgendaCause.CARRIED_OVER: "Left over from the last meeting",
    AgendaCause.HIGH_RISK: "High risk",
    AgendaCause.STEP_OVERDUE: "Long past its day",
    AgendaCause.LONG_ON_HOLD: "Held for long",
    AgendaCause.OFFER_UNANSWERED: "A provider has not answered for long",
    AgendaCause.REVIEW_WAITING: "The assessment waits for a senior’s review",
}
REVIEW_DECISIONS: Final = {
    ReviewDecision.CONTINUE: "Go on as we do",
    ReviewDecision.CHANGE_PLAN: "Change the plan",
    ReviewDecision.REFER_ON: "Refer on to a provider",
    ReviewDecision.MARAC: "Refer to MARAC",
    ReviewDecision.SENIOR_REVIEW: "A senior caseworker reviews it",
    ReviewDecision.CLOSE: "Close the referral",
    ReviewDecision.OTHER: "Something else",
}

# Where the value with spaces is good enough English ("in contact"), nothing is listed.
_LABELS: Final[_Wording] = {
    DraftKind: {
        DraftKind.REFERRAL: "Recording a referral",
        DraftKind.ASSESSMENT: "Triage assessment",
        DraftKind.OFFER: "Referring on to a provider",
        DraftKind.CLOSING: "Closing a referral",
        DraftKind.SAFE_CONTACT: "Safe contact",
        DraftKind.ATTEMPT: "Contact attempt",
        DraftKind.NOTE: "Note",
        DraftKind.CORRECTION: "Correcting details",
        DraftKind.HOLD: "Putting on hold",
    },
    Role: {
        Role.SENIOR: "Senior caseworker",
        Role.ADMIN: "Administrator",
    },
    GoalState: {GoalState.DROPPED: "No longer a goal"},
    SupportManner: {
        SupportManner.IN_PERSON: "Face to face",
        SupportManner.PHONE: "By telephone",
        SupportManner.SMS: "By text message",
        SupportManner.EMAIL: "By email",
        SupportManner.POST: "By letter",
        SupportManner.WITHOUT_CONTACT: "For them, without any contact",
    },
    SupportedParty: {
        SupportedParty.PERSON: "The person",
        SupportedParty.HOUSEHOLD: "Somebody in their household",
        SupportedParty.PARENT_OR_GUARDIAN: "Their parent or guardian",
        SupportedParty.CHILD: "Their child",
        SupportedParty.SPOKESPERSON: "Somebody who speaks for them",
        SupportedParty.BEREAVED_RELATIVE: "A bereaved relative",
        SupportedParty.BUSINESS_CONTACT: "The contact of the business",
        SupportedParty.WITNESS: "A witness of the same incident",
    },
    ReadingStage: {ReadingStage.START: "At the start", ReadingStage.END: "At the end"},
    NeedOutcome: {
        NeedOutcome.ACHIEVED: "The need was met",
        NeedOutcome.PARTLY_ACHIEVED: "It was partly met",
        NeedOutcome.NOT_ACHIEVED: "It was not met",
        NeedOutcome.NOT_WANTED: "They no longer wanted help with it",
    },
    ReferralSource: {
        ReferralSource.POLICE_FEED: "Police feed",
        ReferralSource.SELF: "The person themselves",
        ReferralSource.AGENCY: "Another agency",
    },
    AlertKind: {
        AlertKind.NOT_KNOWN_TO_BE_SAFE: "Not known to be safe to contact",
        AlertKind.NEVER_CONTACT: "Linked to somebody who must never be contacted",
        AlertKind.HIGH_RISK: "High risk of harm",
        AlertKind.MARAC: "MARAC",
        AlertKind.INTERPRETER: "Interpreter needed",
        AlertKind.RESTRICTED: "Restricted: only named people can see this",
        AlertKind.DECEASED: "Has died",
        AlertKind.WITHDRAWN: "Taken back by the police",
        AlertKind.HELD: "On hold",
    },
    SnoozeReason: {
        SnoozeReason.WAITING_FOR_ANSWER: "I am waiting for an answer",
        SnoozeReason.ARRANGED: "It is arranged for later",
        SnoozeReason.NOT_AT_WORK: "I am not at work",
        SnoozeReason.OTHER_WORK_FIRST: "Other work has to come first",
        SnoozeReason.SOMETHING_ELSE: "Something else",
    },
    NextAction: {
        NextAction.ASSIGN: "Give it to a caseworker",
        NextAction.RESOLVE_HOLD: "Decide what to do about the hold",
        NextAction.FIND_SAFE_CONTACT: "Find a safe way",
        NextAction.MAKE_CONTACT: "Contact the person",
        NextAction.ASSESS: "Make a triage assessment",
        NextAction.REFER_OR_CLOSE: "Refer on or close",
        NextAction.ANSWER_PROVIDER: "Answer the provider's question",
        NextAction.PLAN_AFTER_DECLINE: "Decide what to do after a decline",
        NextAction.WAIT_FOR_PROVIDER: "Wait for the provider",
        NextAction.REVIEW_SUPPORT: "Review the support",
        NextAction.DO_TASK: "Deal with a task",
        NextAction.NOTHING: "Nothing more to do",
    },
    ContactLinkEnding: {
        ContactLinkEnding.REPLACED: "Replaced by a newer one",
        ContactLinkEnding.REVOKED: "Ended by a caseworker",
        ContactLinkEnding.LOCKED: "Ended after too many wrong codes",
        ContactLinkEnding.CONTACT_CHANGED: "Ended as the registered contact changed",
        ContactLinkEnding.FINISHED: "Left by the contact",
    },
    TaskKind: {
        TaskKind.HOLD_DECISION: "Find out what would end the hold",
        TaskKind.FEED_CONFLICT: "The police sent other details than ours",
        TaskKind.SAFE_CONTACT_CHECK: "Find out how to contact the person safely",
        TaskKind.POSSIBLE_SAME_PERSON: "This may be a person we know already: compare",
        TaskKind.REFERENCE_CONFLICT: "The force used this reference for another person too: compare",
        TaskKind.PROVIDER_DECLINED: "A provider said no",
        TaskKind.OFFER_EXPIRED: "A provider did not answer in time: decide what follows",
        TaskKind.PROVIDER_ASKED: "A provider asked for information",
        TaskKind.SERVICE_ENDED: "A provider's support has ended",
        TaskKind.SHARING_REFUSED: "Said no to sharing, or yes to less: decide whether the provider goes on",
        TaskKind.SHARE_AGAIN: "Share again: a provider has details that are no longer right",
        TaskKind.CORRECTION_UNREAD: "A provider has not read a change: ring them",
        TaskKind.MESSAGE_FAILED: "An e-mail could not be delivered",
        TaskKind.PLAN_REVIEW: "Look at the support plan again",
        TaskKind.DEVICE_OVERDUE: "A safety device is due back",
        TaskKind.MESSAGE_TO_PERSON: "A message to the person did not leave: decide how to reach them",
        TaskKind.SURVEY_FOLLOW_UP: "Read what the person said about us, and speak with them",
        TaskKind.VIDEO_LINK_SOON: "A video link is soon: check the room, and who goes with the person",
        TaskKind.CASE_REVIEW_DUE: "A case review of anti-social behaviour is due: ask the authority",
        TaskKind.TARGETING_REVIEW: "Look again at whether the person is persistently targeted",
        TaskKind.ATTACHMENT_REFUSED: "A file could not be kept, copied or checked",
        TaskKind.OVERRIDE_DECISION: "A senior caseworker decides about sharing without consent",
        TaskKind.OVERRIDE_REVIEW: "Sharing without consent has come to its last day: end it, or ask anew",
        TaskKind.GROUP_REVIEW_STEP: "Do what the group review decided",
        TaskKind.ONWARD_DECISION: "Decide which help comes next",
        TaskKind.APPOINTMENT_CANCELLED: "An appointment will not take place: make sure that the person knows",
        TaskKind.PROGRESS_UNREAD: "Read the provider's progress note",
        TaskKind.RESTORATIVE_JUSTICE_WANTED: (
            "The person wants restorative justice: see whether it is safe, then refer on or ask a senior"
        ),
        TaskKind.WITHHOLDING_DECISION: "A senior caseworker decides whether a promise is kept back for safety",
        TaskKind.WITHHOLDING_REVIEW: "Look again at a promise that is kept back for safety",
        TaskKind.COMPLAINT_DUE: "A complaint is due",
        TaskKind.RESTORATIVE_JUSTICE_DECISION: "A senior caseworker decides about restorative justice",
        TaskKind.HIGH_RISK_REVIEW: "A senior caseworker reviews the assessment",
        TaskKind.ASSESS_AGAIN: "A senior caseworker sent the assessment back: read why, and assess again",
        TaskKind.MARAC_DECISION: "Decide whether to refer to MARAC",
        TaskKind.CAME_OF_AGE: "They have turned 18: ask them themselves",
        TaskKind.CHILD_SAFEGUARDING: "Make a safeguarding referral for the children",
    },
    IdentityDecision: {
        IdentityDecision.DIFFERENT_PEOPLE: "They are two different people",
        IdentityDecision.SAME_PERSON: "They are the same person",
    },
    WaitingOn: {
        WaitingOn.GATEWAY: "Us",
    },
    ContactStop: {
        ContactStop.PERSON_DIED: "The person has died",
        ContactStop.WITHDRAWN_BY_FORCE: "The force has taken this referral back",
    },
    Risk: {
        Risk.UNKNOWN: "Risk not known",
        Risk.STANDARD: "Standard risk",
        Risk.MEDIUM: "Medium risk",
        Risk.HIGH: "High risk",
    },
    SafeAnswer: {
        SafeAnswer.YES: "Safe",
        SafeAnswer.NO: "Not safe",
        SafeAnswer.UNKNOWN: "Not known to be safe",
    },
    Channel: {
        Channel.SMS: "Text message",
    },
    ConsentHow: {
        ConsentHow.IN_PERSON: "In person",
        ConsentHow.BY_PHONE: "By telephone",
        ConsentHow.WRITTEN: "In writing",
        ConsentHow.SPOKEN: "Spoken, not known how",
        ConsentHow.THROUGH_POLICE: "Through the police",
        ConsentHow.THROUGH_AGENCY: "Through another agency",
    },
    ConsentPurpose: {
        ConsentPurpose.CONTACT: "Contacting them",
        ConsentPurpose.SHARE_WITH_PROVIDER: "Sharing with a provider",
        ConsentPurpose.SURVEY: "Asking how it went",
    },
    ConsentGiver: {
        ConsentGiver.PERSON: "The person themselves",
        ConsentGiver.PARENT: "A parent or guardian",
        ConsentGiver.ATTORNEY: "An attorney (lasting power of attorney)",
        ConsentGiver.DEPUTY: "A deputy of the Court of Protection",
        ConsentGiver.OTHER: "Another who may decide for them",
    },
    OverrideGround: {
        OverrideGround.VITAL_INTEREST: "Somebody's life or health is in danger",
        OverrideGround.CHILD_AT_RISK: "A child is at risk of harm",
        OverrideGround.ADULT_AT_RISK: "An adult who needs care is at risk of harm",
        OverrideGround.SERIOUS_CRIME: "To prevent a serious crime",
        OverrideGround.MARAC: "High risk, heard or to be heard at MARAC",
        OverrideGround.COURT_ORDER: "A court or the law asks for it",
    },
    OverrideState: {
        OverrideState.ASKED: "Waits for a senior caseworker",
        OverrideState.AGREED: "A senior caseworker said yes",
        OverrideState.REFUSED: "A senior caseworker said no",
    },
    AttachmentKind: {
        AttachmentKind.PDF: "PDF",
        AttachmentKind.JPEG: "Picture (JPEG)",
        AttachmentKind.PNG: "Picture (PNG)",
        AttachmentKind.DOCX: "Word document",
    },
    SharedFileState: {
        SharedFileState.WAITING: "The copy is being made",
        SharedFileState.READY: "Ready, not shared yet",
        SharedFileState.REFUSED: "No copy could be made",
        SharedFileState.SHARED: "Shared",
    },
    AttachmentState: {
        AttachmentState.WAITING: "Being checked",
        AttachmentState.CLEAN: "Checked, no virus found",
        AttachmentState.UNSCANNED: "Not scanned for viruses",
        AttachmentState.REFUSED: "Not kept",
        AttachmentState.INFECTED: "Not kept: a virus was found",
        AttachmentState.REMOVED: "Removed",
    },
    OnwardState: {
        OnwardState.OFFERED: "Waiting for an answer",
        OnwardState.ACKNOWLEDGED: "Seen by the provider",
        OnwardState.INFORMATION_REQUESTED: "Provider has a question",
    },
    HandoverPart: {
        HandoverPart.NAME: "Their name",
        HandoverPart.AGE: "Their age",
        HandoverPart.CRIME: "What was reported, where and when",
        HandoverPart.WHAT_HAPPENED: "What happened, in words",
        HandoverPart.NEEDS: "What they need, from the triage assessment",
        HandoverPart.RISK: "How much at risk they are, and why",
        HandoverPart.WANTS: "What they want",
        HandoverPart.COMMUNICATION: "Language and communication needs",
        HandoverPart.FILES: "Copies of files, each of which they are asked about",
    },
    RightsAnswer: {
        RightsAnswer.YES: "Yes",
        RightsAnswer.YES_DAY_UNKNOWN: "Yes, but they do not know the day",
        RightsAnswer.NOT_SURE: "They are not sure",
    },
    SheetDelivery: {
        SheetDelivery.BY_HAND: "By hand",
        SheetDelivery.BY_POST: "By post",
    },
    WithholdingState: {
        WithholdingState.ASKED: "Waits for a senior caseworker",
        WithholdingState.AGREED: "Kept back for safety",
        WithholdingState.REFUSED: "Not kept back",
        WithholdingState.ENDED: "No longer kept back",
    },
    ComplaintSubject: {
        ComplaintSubject.POLICE: "The police",
        ComplaintSubject.CPS: "The prosecutors (CPS)",
        ComplaintSubject.COURT: "The court",
        ComplaintSubject.WITNESS_CARE_UNIT: "The Witness Care Unit",
        ComplaintSubject.PROBATION: "Probation",
        ComplaintSubject.GATEWAY: "Us",
        ComplaintSubject.PROVIDER: "A provider",
        ComplaintSubject.OTHER: "Another service",
    },
    ReturnReason: {
        ReturnReason.PERSON_ASKED: "The person asked for it",
        ReturnReason.NEEDS_OTHER_HELP: "They need other help than ours",
        ReturnReason.CANNOT_REACH_SAFELY: "Could not reach them safely",
        ReturnReason.NO_CAPACITY: "We have no room any more",
        ReturnReason.CONFLICT_OF_INTEREST: "A conflict of interest",
        ReturnReason.SERVICE_ENDS: "Our service ends",
        ReturnReason.OTHER: "Something else",
    },
    VictimMessageKind: {
        VictimMessageKind.TRIED_TO_REACH: "We tried to reach you",
        VictimMessageKind.APPOINTMENT_TOMORROW: "A reminder of an appointment tomorrow",
        VictimMessageKind.SURVEY: "Questions about us",
        VictimMessageKind.RIGHTS_LETTER: "A letter about the information sheet",
    },
    VictimMessageState: {
        VictimMessageState.QUEUED: "Waits for the next safe time",
        VictimMessageState.SENDING: "Is leaving",
        VictimMessageState.ACCEPTED: "Left",
        VictimMessageState.DELIVERED: "Delivered",
        VictimMessageState.FAILED: "Could not be delivered",
        VictimMessageState.REFUSED: "Not sent: it was not safe or not right",
        VictimMessageState.EXPIRED: "Not sent: its time was over",
        VictimMessageState.CANCELLED: "Cancelled",
        VictimMessageState.PERHAPS_SENT: "Perhaps sent: decide about it",
        VictimMessageState.PARKED: "Stuck: decide about it",
    },
    SurveyState: {
        SurveyState.OFFERED: "Link sent",
        SurveyState.REFUSED: "Does not want to be asked",
    },
    SurveyManner: {
        SurveyManner.LINK: "By link",
        SurveyManner.PHONE: "On the telephone",
    },
    CaseReviewState: {
        CaseReviewState.ASKED: "Asked for",
    },
    CaseReviewOutcome: {
        CaseReviewOutcome.ACTION_PLAN: "They agreed what each of them does",
        CaseReviewOutcome.NOTHING_MORE: "They do nothing more",
        CaseReviewOutcome.OTHER: "Something else",
    },
    ComplaintOutcome: {
        ComplaintOutcome.UPHELD: "They agreed",
        ComplaintOutcome.PARTLY_UPHELD: "They agreed in part",
        ComplaintOutcome.NOT_UPHELD: "They did not agree",
    },
    EvidenceGrade: {
        EvidenceGrade.SYSTEM_RECORD: "From a system's record",
        EvidenceGrade.PARTNER_STATEMENT: "A partner told us",
        EvidenceGrade.VICTIM_REPORT: "The person told us",
        EvidenceGrade.INFERRED: "Worked out",
    },
}

_COLOURS: Final[_Wording] = {
    OverrideState: {
        OverrideState.ASKED: "orange",
        OverrideState.AGREED: "purple",
    },
    SharedFileState: {
        SharedFileState.WAITING: "orange",
        SharedFileState.READY: "yellow",
        SharedFileState.REFUSED: "red",
        SharedFileState.SHARED: "green",
    },
    AttachmentState: {
        AttachmentState.WAITING: "orange",
        AttachmentState.CLEAN: "green",
        AttachmentState.UNSCANNED: "yellow",
        AttachmentState.REFUSED: "red",
        AttachmentState.INFECTED: "red",
    },
    WithholdingState: {
        WithholdingState.ASKED: "orange",
        WithholdingState.AGREED: "purple",
    },
    SurveyState: {
        SurveyState.OFFERED: "blue",
        SurveyState.ANSWERED: "green",
    },
    CaseReviewState: {
        CaseReviewState.ASKED: "orange",
        CaseReviewState.THRESHOLD_MET: "blue",
    },
    ComplaintState: {
        ComplaintState.RECEIVED: "orange",
        ComplaintState.ACKNOWLEDGED: "blue",
        ComplaintState.ANSWERED: "teal",
    },
    GoalState: {
        GoalState.OPEN: "blue",
        GoalState.REACHED: "green",
        GoalState.PARTLY_REACHED: "teal",
        GoalState.NOT_REACHED: "orange",
    },
    NeedOutcome: {
        NeedOutcome.ACHIEVED: "green",
        NeedOutcome.PARTLY_ACHIEVED: "teal",
        NeedOutcome.NOT_ACHIEVED: "orange",
    },
    ReferralState: {
        ReferralState.RECEIVED: "blue",
        ReferralState.HELD: "orange",
        ReferralState.ASSIGNED: "blue",
        ReferralState.IN_CONTACT: "blue",
        ReferralState.TRIAGED: "teal",
        ReferralState.SUPPORTED: "green",
        ReferralState.REOPENED: "blue",
    },
    Risk: {
        Risk.HIGH: "red",
        Risk.MEDIUM: "orange",
    },
    SafeAnswer: {
        SafeAnswer.YES: "green",
        SafeAnswer.NO: "red",
        SafeAnswer.UNKNOWN: "orange",
    },
    OnwardState: {
        OnwardState.OFFERED: "blue",
        OnwardState.ACKNOWLEDGED: "blue",
        OnwardState.INFORMATION_REQUESTED: "orange",
        OnwardState.ACCEPTED: "teal",
        OnwardState.IN_SERVICE: "green",
        OnwardState.DECLINED: "red",
        OnwardState.EXPIRED: "red",
        OnwardState.RETURNED: "orange",
        OnwardState.ENDED_EARLY: "orange",
    },
    ImportState: {
        ImportState.RUNNING: "blue",
        ImportState.FINISHED: "green",
        ImportState.REFUSED: "red",
        ImportState.PARKED: "red",
        ImportState.INTERRUPTED: "orange",
    },
    RowOutcome: {
        RowOutcome.SET_ASIDE: "orange",
    },
    MessageState: {
        MessageState.SENT: "green",
        MessageState.FAILED: "red",
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


def ground_label(ground: str) -> str:
    """The ground of a risk in words; one of other days is shown as it was written."""
    written = ground.replace("_", " ")
    return GROUND_LABELS.get(ground, written[:1].upper() + written[1:])


def label_of(value: StrEnum | None) -> str:
    """What a state, reason or role is called: `In contact`. None is `Not recorded`."""
    if value is None:
        return "Not recorded"
    kind = type(value)
    if kind in LIST_OF_MEMBERS:
        worded = current_wordings().label(LIST_OF_MEMBERS[kind], value)
        return worded or LISTED_LABELS[kind].get(value) or value.replace("_", " ").capitalize()
    return _LABELS.get(kind, {}).get(value) or value.replace("_", " ").capitalize()


def colour_of(value: StrEnum | None) -> str:
    """The tag colour of a value; grey where a colour would mean nothing."""
    return "grey" if value is None else _COLOURS.get(type(value), {}).get(value, "grey")


def clock_label(status: str) -> str:
    """What a clock's status is called. Raises KeyError for a status the compliance core doesn't have."""
    return _CLOCK[status][0]


def clock_colour(status: str) -> str:
    """The tag colour of a clock's status."""
    return _CLOCK[status][1]


def choices_of(members: type[StrEnum], *without: StrEnum) -> list[SelectChoice]:
    """The value and label of every member but those named, for a form field."""
    return [SelectChoice(member.value, label_of(member)) for member in members if member not in without]


def offered_choices(members: type[StrEnum], *without: StrEnum) -> Callable[[], list[SelectChoice]]:
    """The choices of a list that administrators keep, for the `choices` of a field: read when a form is made."""
    return partial(choices_among, [member for member in members if member not in without])


def choices_among(members: Sequence[StrEnum]) -> list[SelectChoice]:
    """Those of the members that are offered for a new record, in the order of their list."""
    if not members:
        return []
    wanted = {member.value for member in members}
    return [
        entry_choice(entry, type(members[0]))
        for entry in offered_entries_of(LIST_OF_MEMBERS[type(members[0])])
        if entry.code in wanted
    ]


def entry_choice(entry: WordedEntry, members: type[StrEnum]) -> SelectChoice:
    """An entry as a choice; where it is worded otherwise than what the rules read, that stands under it."""
    meant = shipped_label(members(entry.stands_for or entry.code))
    if fold_label(meant) == fold_label(entry.label):
        return SelectChoice(entry.code, entry.label)
    return SelectChoice(entry.code, entry.label, {"hint": f"Counts as: {meant}"})


def register_labels(app: Flask) -> None:
    for function in (label_of, ground_label, colour_of, clock_label, clock_colour):
        app.add_template_filter(function)
