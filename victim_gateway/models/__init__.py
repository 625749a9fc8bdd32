"""The tables, one file per aggregate; what must never be false is a constraint here."""

from victim_gateway.models.accounts import (
    CaseworkerAvailability,
    Membership,
    Organisation,
    SignInAttempt,
    User,
    WebSession,
)
from victim_gateway.models.attachments import Attachment, AttachmentChunk
from victim_gateway.models.audit import AuditCheckpoint, AuditEntry
from victim_gateway.models.calendar_links import CalendarLink
from victim_gateway.models.contact_links import ContactLink, ContactLinkSession
from victim_gateway.models.court_and_review import CaseReview, VideoLinkBooking
from victim_gateway.models.database_area import DatabaseArea
from victim_gateway.models.devices import DeviceLoan, SafetyDevice
from victim_gateway.models.drafts import Draft
from victim_gateway.models.events import CaseEvent, CaseFacts, EntitlementClock
from victim_gateway.models.figures import (
    ClockDayCount,
    ClockRecompute,
    ClockRecomputeRange,
    FactName,
    ServiceDayCount,
    StaleFigureDay,
    StaleServiceDay,
)
from victim_gateway.models.group_reviews import ReviewAttendee, ReviewItem, ReviewMeeting
from victim_gateway.models.imports import ImportBatch, ImportFile, ImportRow
from victim_gateway.models.incidents import Incident, IncidentDescription, IncidentReferral
from victim_gateway.models.kept_lists import ListEntry, ListEntryChange
from victim_gateway.models.keys import WrappedKey
from victim_gateway.models.mail_readers import DigestSchedule, MailPace, MailPreference, ReminderSnooze
from victim_gateway.models.messages import (
    Message,
    NoticeReading,
    Outbox,
    ParkedMessage,
    ProviderNotice,
    Reminder,
    Submission,
)
from victim_gateway.models.offers import OfferGroup, OfferGroupMember, ServicePause
from victim_gateway.models.onward import HandoverVersion, OnwardReferral
from victim_gateway.models.people import Consent, Person, SafeContactPlan
from victim_gateway.models.person_relations import (
    PersonDistinction,
    PersonLink,
    PersonMerge,
    SuspectContact,
    TargetingAssessment,
)
from victim_gateway.models.providers import (
    DirectoryChange,
    DirectoryUpload,
    Provider,
    ProviderService,
)
from victim_gateway.models.reference import CalendarDay, CodeEntitlement
from victim_gateway.models.referrals import (
    ContactAttempt,
    Note,
    Referral,
    ReferralAccess,
    Task,
    TriageAssessment,
)
from victim_gateway.models.reminder_rules import (
    ReminderGap,
    ReminderRuleChange,
    ReminderRuleSetting,
    ReminderWatch,
    StallAnswer,
)
from victim_gateway.models.rights import Complaint, Withholding
from victim_gateway.models.service_records import (
    ProgressNote,
    RecordedKindStep,
    ServedNeed,
    ServiceAppointment,
    WorkerAssignment,
)
from victim_gateway.models.shared_files import SharedFile, SharedFileChunk
from victim_gateway.models.sharing_overrides import SharingOverride
from victim_gateway.models.successions import Succession, SuccessionItem
from victim_gateway.models.support import (
    NeedResult,
    OutcomeReading,
    SupportActivity,
    SupportGoal,
    SupportPlan,
)
from victim_gateway.models.surveys import SatisfactionSurvey
from victim_gateway.models.triage import AssessmentReview, MaracDecision
from victim_gateway.models.victim_messages import VictimMessage
from victim_gateway.models.watch import ProcessBeat, ServiceAlarm

__all__ = [
    "AssessmentReview",
    "Attachment",
    "AttachmentChunk",
    "AuditCheckpoint",
    "AuditEntry",
    "CalendarDay",
    "CalendarLink",
    "CaseEvent",
    "CaseFacts",
    "CaseReview",
    "CaseworkerAvailability",
    "ClockDayCount",
    "ClockRecompute",
    "ClockRecomputeRange",
    "CodeEntitlement",
    "Complaint",
    "Consent",
    "ContactAttempt",
    "ContactLink",
    "ContactLinkSession",
    "DatabaseArea",
    "DeviceLoan",
    "DigestSchedule",
    "DirectoryChange",
    "DirectoryUpload",
    "Draft",
    "EntitlementClock",
    "FactName",
    "HandoverVersion",
    "ImportBatch",
    "ImportFile",
    "ImportRow",
    "Incident",
    "IncidentDescription",
    "IncidentReferral",
    "ListEntry",
    "ListEntryChange",
    "MailPace",
    "MailPreference",
    "MaracDecision",
    "Membership",
    "Message",
    "NeedResult",
    "Note",
    "NoticeReading",
    "OfferGroup",
    "OfferGroupMember",
    "OnwardReferral",
    "Organisation",
    "Outbox",
    "OutcomeReading",
    "ParkedMessage",
    "Person",
    "PersonDistinction",
    "PersonLink",
    "PersonMerge",
    "ProcessBeat",
    "ProgressNote",
    "Provider",
    "ProviderNotice",
    "ProviderService",
    "Referral",
    "ReferralAccess",
    "Reminder",
    "ReminderGap",
    "ReminderRuleChange",
    "ReminderRuleSetting",
    "ReminderSnooze",
    "ReminderWatch",
    "ReviewAttendee",
    "ReviewItem",
    "ReviewMeeting",
    "SafeContactPlan",
    "SafetyDevice",
    "SatisfactionSurvey",
    "RecordedKindStep",
    "ServedNeed",
    "ServiceAlarm",
    "ServiceAppointment",
    "ServiceDayCount",
    "ServicePause",
    "SharedFile",
    "SharedFileChunk",
    "SharingOverride",
    "SignInAttempt",
    "StaleFigureDay",
    "StaleServiceDay",
    "StallAnswer",
    "Submission",
    "SuspectContact",
    "TargetingAssessment",
    "Succession",
    "SuccessionItem",
    "SupportActivity",
    "SupportGoal",
    "SupportPlan",
    "SuspectContact",
    "TargetingAssessment",
    "Task",
    "TriageAssessment",
    "User",
    "VideoLinkBooking",
    "VictimMessage",
    "WebSession",
    "Withholding",
    "WorkerAssignment",
    "WrappedKey",
]
