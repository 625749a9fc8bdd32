"""Enumerations that the whole service shares: roles, states, reasons, task names."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What an account is for; `access.permissions` says what each may do."""

    CASEWORKER = "caseworker"
    SENIOR = "senior"
    MANAGER = "manager"
    ADMIN = "admin"
    AUDITOR = "auditor"
    PROVIDER = "provider"
    PROVIDER_ADMINISTRATOR = "provider_administrator"


PROVIDER_ROLES = frozenset({Role.PROVIDER, Role.PROVIDER_ADMINISTRATOR})


class DatabaseRole(StrEnum):
    """The database role a transaction takes; row-level security is written against these."""

    CASEWORKER = "gateway_caseworker"
    PROVIDER = "gateway_provider"
    MANAGER = "gateway_manager"
    ADMIN = "gateway_admin"
    AUDITOR = "gateway_auditor"
    WORKER = "gateway_worker"
    SIGNIN = "gateway_signin"


class SignInStep(StrEnum):
    """What was tried when signing in."""

    PASSWORD = "password"  # noqa: S105  # pragma: allowlist secret
    CODE = "code"
    SURVEY_LINK = "survey_link"
    CONTACT_LINK_ASK = "contact_link_ask"
    CONTACT_LINK_CODE = "contact_link_code"


class OrganisationKind(StrEnum):
    GATEWAY = "gateway"
    PROVIDER = "provider"


class ReferralSource(StrEnum):
    POLICE_FEED = "police_feed"
    SELF = "self"
    AGENCY = "agency"


class ReferralState(StrEnum):
    RECEIVED = "received"
    HELD = "held"
    ASSIGNED = "assigned"
    IN_CONTACT = "in_contact"
    TRIAGED = "triaged"
    SUPPORTED = "supported"
    CLOSED = "closed"
    REOPENED = "reopened"
    ENTERED_IN_ERROR = "entered_in_error"


class HeldReason(StrEnum):
    """Why a referral is on hold; `rules.hold` says what ends each and who owes that."""

    CONSENT_REFUSED = "consent_refused"
    PERSON_DIED = "person_died"
    WITHDRAWN_BY_FORCE = "withdrawn_by_force"
    UNREADABLE_ANSWERS = "unreadable_answers"
    EXPLICIT_CONSENT_NEEDED = "explicit_consent_needed"
    CHILD_WITHOUT_SAFE_ADULT = "child_without_safe_adult"
    NO_CONTACT_DETAILS = "no_contact_details"
    OUT_OF_SCOPE = "out_of_scope"


class NextAction(StrEnum):
    """What has to happen next on a referral."""

    ASSIGN = "assign"
    RESOLVE_HOLD = "resolve_hold"
    FIND_SAFE_CONTACT = "find_safe_way"
    MAKE_CONTACT = "make_contact"
    ASSESS = "assess"
    REFER_OR_CLOSE = "refer_or_close"
    ANSWER_PROVIDER = "answer_provider"
    PLAN_AFTER_DECLINE = "plan_after_decline"
    WAIT_FOR_PROVIDER = "wait_for_provider"
    REVIEW_SUPPORT = "review_support"
    DO_TASK = "do_task"
    NOTHING = "nothing"


class WaitingOn(StrEnum):
    """Who must take the next action."""

    GATEWAY = "gateway"
    PROVIDER = "provider"
    NO_ONE = "nobody"


class HandoverReason(StrEnum):
    """Why a referral goes from one caseworker to another, or to its first."""

    LEAVING = "caseworker_leaving"
    AWAY = "caseworker_away"
    WORKLOAD = "workload"
    FITS_BETTER = "fits_better"
    CONFLICT = "conflict_of_interest"
    ASKED_FOR = "person_asked"
    OTHER = "other_reason"


class CloseOutcome(StrEnum):
    NEEDS_MET = "needs_met"
    DECLINED = "declined"
    NO_CONTACT = "no_contact"
    OUT_OF_AREA = "out_of_area"
    DUPLICATE = "duplicate"
    REFERRED_ON = "referred_on"
    OTHER = "other"


class Risk(StrEnum):
    """Harm that may come to the person, as a caseworker judged it."""

    UNKNOWN = "unknown"
    STANDARD = "standard"
    MEDIUM = "medium"
    HIGH = "high"


class Harm(StrEnum):
    """The Commissioner's kinds of harm, the gravest first; a referral may carry several.

    Female genital mutilation is one of its own, so that the service for it is offered there and nowhere else.
    """

    DOMESTIC_ABUSE = "domestic_abuse"
    SEXUAL_ABUSE = "sexual_abuse"
    MODERN_SLAVERY = "modern_slavery"
    EXPLOITATION = "exploitation"
    FEMALE_GENITAL_MUTILATION = "female_genital_mutilation"
    HARMFUL_SEXUAL_BEHAVIOUR = "harmful_sexual_behaviour"
    VIOLENCE = "violence"
    HATE_CRIME = "hate_crime"
    ROAD_CRIME = "road_crime"
    ANTI_SOCIAL_BEHAVIOUR = "anti_social_behaviour"
    BURGLARY_AND_THEFT = "burglary_and_theft"
    FRAUD_AND_CYBER = "fraud_and_cyber"
    RURAL_CRIME = "rural_crime"
    BUSINESS_CRIME = "business_crime"
    OTHER = "other"


class SafeAnswer(StrEnum):
    """Whether a way of contact is safe; anything but `yes` means it is not used."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class Channel(StrEnum):
    PHONE = "phone"
    SMS = "sms"
    EMAIL = "email"
    POST = "post"


class AttemptOutcome(StrEnum):
    REACHED = "reached"
    NO_ANSWER = "no_answer"
    VOICEMAIL_LEFT = "voicemail_left"
    SOMEONE_ELSE_ANSWERED = "someone_else_answered"
    WRONG_NUMBER = "wrong_number"
    UNSAFE_STOPPED = "unsafe_stopped"
    SENT = "sent"


class ConsentPurpose(StrEnum):
    CONTACT = "contact"
    SHARE_WITH_PROVIDER = "share_with_provider"
    SURVEY = "survey"
    RESEARCH = "research"


class ConsentHow(StrEnum):
    """How an answer was obtained; SPOKEN: in person or by telephone, it was not said which."""

    IN_PERSON = "in_person"
    BY_PHONE = "by_phone"
    WRITTEN = "written"
    ONLINE = "online"
    THROUGH_POLICE = "through_police"
    THROUGH_AGENCY = "through_agency"
    SPOKEN = "spoken"


class ConsentGiver(StrEnum):
    """Who answered: the person, or one who may decide for them."""

    PERSON = "person"
    PARENT = "parent"
    ATTORNEY = "attorney"
    DEPUTY = "deputy"
    OTHER = "other"


class OverrideGround(StrEnum):
    """Why something is shared without consent to keep a person safe."""

    VITAL_INTEREST = "vital_interest"
    CHILD_AT_RISK = "child_at_risk"
    ADULT_AT_RISK = "adult_at_risk"
    SERIOUS_CRIME = "serious_crime"
    MARAC = "marac"
    COURT_ORDER = "court_order"


class OverrideState(StrEnum):
    """Where a request to share without consent stands."""

    ASKED = "asked"
    AGREED = "agreed"
    REFUSED = "refused"
    ENDED = "ended"


class AttachmentKind(StrEnum):
    """What an attached file is, by its content."""

    PDF = "pdf"
    JPEG = "jpeg"
    PNG = "png"
    DOCX = "docx"


class AttachmentState(StrEnum):
    """Where an attached file stands; only one that is CLEAN, or UNSCANNED outside production, can be fetched."""

    WAITING = "waiting"
    CLEAN = "clean"
    UNSCANNED = "unscanned"
    REFUSED = "refused"
    INFECTED = "infected"
    REMOVED = "removed"


class SharedFileState(StrEnum):
    """Where the copy of a file for a provider stands: a provider reads one that is SHARED, and no other."""

    WAITING = "waiting"
    READY = "ready"
    REFUSED = "refused"
    SHARED = "shared"
    ENDED = "ended"


class GoalState(StrEnum):
    """Where a goal of a support plan stands; DROPPED: the person no longer wants it, or it no longer fits."""

    OPEN = "open"
    REACHED = "reached"
    PARTLY_REACHED = "partly_reached"
    NOT_REACHED = "not_reached"
    DROPPED = "dropped"


class SupportManner(StrEnum):
    """How support was given; the values are those of the area profile."""

    IN_PERSON = "in_person"
    PHONE = "phone"
    SMS = "sms"
    EMAIL = "email"
    POST = "post"
    WITHOUT_CONTACT = "without_contact"


class SupportedParty(StrEnum):
    """For whom support was given: the person, or someone linked to them."""

    PERSON = "person"
    HOUSEHOLD = "household"
    PARENT_OR_GUARDIAN = "parent_or_guardian"
    CHILD = "child"
    SPOKESPERSON = "spokesperson"
    BEREAVED_RELATIVE = "bereaved_relative"
    BUSINESS_CONTACT = "business_contact"
    WITNESS = "witness"


class ReadingStage(StrEnum):
    """When an outcome reading was taken."""

    START = "start"
    REVIEW = "review"
    END = "end"


class NeedOutcome(StrEnum):
    """What became of a need by the end."""

    ACHIEVED = "achieved"
    PARTLY_ACHIEVED = "partly_achieved"
    NOT_ACHIEVED = "not_achieved"
    NOT_WANTED = "not_wanted"


class DeviceState(StrEnum):
    """Where a safety device is."""

    IN_STOCK = "in_stock"
    ISSUED = "issued"
    LOST = "lost"


class LoanEnding(StrEnum):
    """How the loan of a safety device ended; RECORDED_BY_MISTAKE: the person never had it."""

    RETURNED = "returned"
    LOST = "lost"
    RECORDED_BY_MISTAKE = "recorded_by_mistake"


class SurveyStage(StrEnum):
    """When in their support a person is asked how it went; each is asked about once."""

    AFTER_FIRST_CONTACT = "after_first_contact"
    AT_CLOSING = "at_closing"
    AFTER_COURT = "after_court"


class SurveyState(StrEnum):
    """Where the questions of one stage stand; OFFERED: a link was made and not used yet."""

    OFFERED = "offered"
    ANSWERED = "answered"
    REFUSED = "refused"


class SurveyManner(StrEnum):
    """How the answers came."""

    LINK = "link"
    PHONE = "phone"


class BookingEnding(StrEnum):
    """Why a booking no longer holds its room."""

    CANCELLED = "cancelled"
    MOVED = "moved"


class MeasureState(StrEnum):
    """What became of a special measure that was asked for."""

    ASKED = "asked"
    GRANTED = "granted"
    REFUSED = "refused"


class CaseReviewState(StrEnum):
    """Where the review of a case of anti-social behaviour stands."""

    ASKED = "asked"
    THRESHOLD_MET = "threshold_met"
    THRESHOLD_NOT_MET = "threshold_not_met"
    ANSWERED = "answered"
    WITHDRAWN = "withdrawn"


class CaseReviewOutcome(StrEnum):
    """What the authority decided after its review."""

    ACTION_PLAN = "action_plan"
    NOTHING_MORE = "nothing_more"
    OTHER = "other"


class OnwardState(StrEnum):
    DRAFT = "draft"
    OFFERED = "offered"
    ACKNOWLEDGED = "acknowledged"
    INFORMATION_REQUESTED = "information_requested"
    ACCEPTED = "accepted"
    IN_SERVICE = "in_service"
    CLOSED = "closed"
    DECLINED = "declined"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    RETURNED = "returned"
    ENDED_EARLY = "ended_early"
    ENTERED_IN_ERROR = "entered_in_error"


class DeclineReason(StrEnum):
    """Why a provider can't take a person on; the first three are the person's or fit, the rest capacity."""

    PERSON_SAID_NO = "person_said_no"
    NOT_ELIGIBLE = "not_eligible"
    NEEDS_ANOTHER_SERVICE = "needs_another_service"
    NO_CAPACITY = "no_capacity"
    CANNOT_REACH_SAFELY = "cannot_reach_safely"
    CONFLICT_OF_INTEREST = "conflict_of_interest"
    OTHER = "other"


class WithdrawReason(StrEnum):
    """Why the Gateway takes an onward referral back; `transitions` says which fit when."""

    PERSON_SAID_NO = "person_said_no"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    NO_LONGER_SAFE = "no_longer_safe"
    MOVED_AWAY = "moved_away"
    NO_ANSWER = "no_answer"
    ANOTHER_SERVICE_CHOSEN = "another_service_chosen"
    SENT_BY_MISTAKE = "sent_by_mistake"
    SUPPORT_DOES_NOT_FIT = "support_does_not_fit"
    PERSON_CANNOT_BE_REACHED = "person_cannot_be_reached"
    PROVIDER_CANNOT_GO_ON = "provider_cannot_go_on"
    TAKEN_OVER_ELSEWHERE = "taken_over_elsewhere"
    WENT_TO_WRONG_SERVICE = "went_to_wrong_service"
    OTHER = "other"


class HandoverPart(StrEnum):
    """What a caseworker may share with a provider; how to reach the person safely always goes with it."""

    NAME = "name"
    AGE = "age"
    CRIME = "crime"
    WHAT_HAPPENED = "what_happened"
    NEEDS = "needs"
    RISK = "risk"
    WANTS = "wants"
    COMMUNICATION = "communication"
    FILES = "files"
    """Copies of files: never in the handover itself, but a part that a yes reaches or does not."""


class ServiceOutcome(StrEnum):
    NEEDS_MET = "needs_met"
    PARTLY_MET = "partly_met"
    NOT_MET = "not_met"
    DISENGAGED = "disengaged"
    OTHER = "other"


class EventKind(StrEnum):
    """`code` events move the Victims' Code's clocks, `local` ones the area's own, the rest are for the timeline."""

    CODE = "code"
    LOCAL = "local"
    STORY = "story"


class EvidenceGrade(StrEnum):
    SYSTEM_RECORD = "system_record"
    PARTNER_STATEMENT = "partner_statement"
    VICTIM_REPORT = "victim_report"
    INFERRED = "inferred"


class RightsAnswer(StrEnum):
    """What a person says when asked whether a promise of the Code was kept to them."""

    YES = "yes"
    YES_DAY_UNKNOWN = "yes_day_unknown"
    NO = "no"
    NOT_SURE = "not_sure"


class SheetDelivery(StrEnum):
    """How a printed rights sheet reaches the person."""

    BY_HAND = "by_hand"
    BY_POST = "by_post"


class WithholdingState(StrEnum):
    """Where a promise stands that is kept back to keep a person safe."""

    ASKED = "asked"
    AGREED = "agreed"
    REFUSED = "refused"
    ENDED = "ended"


class ComplaintSubject(StrEnum):
    """The service that a complaint is about."""

    POLICE = "police"
    CPS = "cps"
    COURT = "court"
    WITNESS_CARE_UNIT = "witness_care_unit"
    PROBATION = "probation"
    GATEWAY = "gateway"
    PROVIDER = "provider"
    OTHER = "other"


class ComplaintState(StrEnum):
    """Where a complaint stands; it is closed once the person knows what they can do next."""

    RECEIVED = "received"
    ACKNOWLEDGED = "acknowledged"
    ANSWERED = "answered"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"


class ComplaintOutcome(StrEnum):
    UPHELD = "upheld"
    PARTLY_UPHELD = "partly_upheld"
    NOT_UPHELD = "not_upheld"


class ImportKind(StrEnum):
    POLICE_FEED = "police_feed"
    CASE_EVENTS = "case_events"


class ImportState(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    FINISHED = "finished"
    REFUSED = "refused"
    PARKED = "parked"
    INTERRUPTED = "interrupted"


class RowOutcome(StrEnum):
    IMPORTED = "imported"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    SET_ASIDE = "set_aside"


class TaskKind(StrEnum):
    """The kinds of decision or work that only a person can do."""

    FEED_CONFLICT = "feed_conflict"
    HOLD_DECISION = "hold_decision"
    SAFE_CONTACT_CHECK = "safe_contact_check"
    POSSIBLE_SAME_PERSON = "possible_same_person"
    REFERENCE_CONFLICT = "reference_conflict"
    PROVIDER_DECLINED = "provider_declined"
    PROVIDER_ASKED = "provider_asked"
    OFFER_EXPIRED = "offer_expired"
    SERVICE_ENDED = "service_ended"
    RESTORATIVE_JUSTICE_WANTED = "restorative_justice_wanted"
    RESTORATIVE_JUSTICE_DECISION = "restorative_justice_decision"
    SHARE_AGAIN = "share_again"
    CORRECTION_UNREAD = "correction_unread"
    SHARING_REFUSED = "sharing_refused"
    MESSAGE_FAILED = "message_failed"
    HIGH_RISK_REVIEW = "high_risk_review"
    ASSESS_AGAIN = "assess_again"
    MARAC_DECISION = "marac_decision"
    CHILD_SAFEGUARDING = "child_safeguarding"
    WITHHOLDING_DECISION = "withholding_decision"
    WITHHOLDING_REVIEW = "withholding_review"
    COMPLAINT_DUE = "complaint_due"
    PLAN_REVIEW = "plan_review"
    DEVICE_OVERDUE = "device_overdue"
    SURVEY_FOLLOW_UP = "survey_follow_up"
    VIDEO_LINK_SOON = "video_link_soon"
    CASE_REVIEW_DUE = "case_review_due"
    TARGETING_REVIEW = "targeting_review"
    CAME_OF_AGE = "came_of_age"
    ATTACHMENT_REFUSED = "attachment_refused"
    OVERRIDE_DECISION = "override_decision"
    OVERRIDE_REVIEW = "override_review"
    GROUP_REVIEW_STEP = "group_review_step"
    ONWARD_DECISION = "onward_decision"
    APPOINTMENT_CANCELLED = "appointment_cancelled"
    PROGRESS_UNREAD = "progress_unread"
    MESSAGE_TO_PERSON = "message_to_person"


class NoticeKind(StrEnum):
    """What a provider is told of at once, on screen and by e-mail."""

    NEW_OFFER = "new_offer"
    OFFERED_AGAIN = "offered_again"
    ANSWERED = "answered"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    SAFE_CONTACT_CHANGED = "safe_contact_changed"
    SHARED_AGAIN = "shared_again"
    DECLINED = "declined"


class IdentityDecision(StrEnum):
    """What a caseworker says of two records after comparing them. Neither is written over the other."""

    DIFFERENT_PEOPLE = "different_people"
    SAME_PERSON = "same_person"


class LinkRole(StrEnum):
    """What another person is to a person. A child is kept as the parent's link, seen from the other side."""

    HOUSEHOLD = "household"
    PARENT = "parent"
    CHILD = "child"
    SPOKESPERSON = "spokesperson"
    BEREAVED_RELATIVE = "bereaved_relative"
    BUSINESS_CONTACT = "business_contact"
    WITNESS = "witness"
    SUSPECT = "suspect"
    SUSPECT_HOUSEHOLD = "suspect_household"


class ProposalSource(StrEnum):
    """What found two records that may be one person, where it was neither an import nor a correction."""

    WHOLE_POPULATION = "whole_population"


class ReminderKind(StrEnum):
    CLOCK_DUE = "clock_due"
    CLOCK_OVERDUE = "clock_overdue"
    OFFER_UNANSWERED = "offer_unanswered"
    TASK_WAITING = "task_waiting"
    """Anything else that a rule says is due: `rule_code` of the reminder names it."""
    ACTION_DUE = "action_due"
    ACTION_OVERDUE = "action_overdue"
    NOTE_WRITTEN = "note_written"


class MessageState(StrEnum):
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    NOT_SENT = "not_sent"
    PARKED = "parked"
    """Tried as often as anything is: it waits for a person who tries again or gives up."""
    EXPIRED = "expired"
    """Its time had passed before it could be sent: it is listed, and never sent."""


class SnoozeReason(StrEnum):
    """Why a reader puts a reminder aside for a while."""

    WAITING_FOR_ANSWER = "waiting_for_answer"
    ARRANGED = "arranged"
    NOT_AT_WORK = "not_at_work"
    OTHER_WORK_FIRST = "other_work_first"
    SOMETHING_ELSE = "something_else"


class ProcessPart(StrEnum):
    """A program that must run beside the web."""

    WORKER = "worker"
    SCHEDULER = "scheduler"


class AlarmCause(StrEnum):
    """What whoever operates the service is told of within five minutes."""

    MAIL_IS_LATE = "mail_is_late"
    WORKER_SILENT = "worker_silent"
    SCHEDULER_SILENT = "scheduler_silent"
    EMAILS_PARKED = "emails_parked"
    EMAILS_FAIL = "emails_fail"
    PEOPLE_MESSAGES_LATE = "people_messages_late"


class ParkReason(StrEnum):
    """Why a queue item is no task of ours."""

    TOO_LARGE = "too_large"
    NOT_JSON = "not_json"
    NOT_A_TASK = "not_a_task"
    UNKNOWN_TASK = "unknown_task"
    WRONG_ARGUMENTS = "wrong_arguments"
    NO_QUEUE = "no_queue"


class DraftKind(StrEnum):
    """Which long form a draft is of."""

    REFERRAL = "referral"
    ASSESSMENT = "assessment"
    OFFER = "offer"
    CLOSING = "closing"
    SAFE_CONTACT = "safe_contact"
    ATTEMPT = "attempt"
    NOTE = "note"
    CORRECTION = "correction"
    HOLD = "hold"


class TaskName(StrEnum):
    """Explicit names of background tasks: moving a function never orphans a message."""

    SWEEP_REMINDERS = "reminders.sweep"
    SWEEP_OUTBOX = "outbox.sweep"
    RECOMPUTE_COMPLIANCE = "compliance.recompute"
    CONTINUE_RECOMPUTE = "compliance.continue-recompute"
    RETRY_RECOMPUTE = "compliance.retry-recompute"
    REFRESH_NEXT_ACTIONS = "compliance.refresh-next-actions"
    COUNT_CLOCKS = "compliance.count-clocks"
    VERIFY_AUDIT = "audit.verify"
    SEAL_AUDIT = "audit.seal"
    RUN_IMPORT = "imports.run"
    SEND_MESSAGE = "messages.send"
    SEND_LINK_CODE = "messages.send-link-code"
    RENEW_CONTACT_LINK = "messages.renew-contact-link"
    SEND_CONTACT_LINK = "messages.send-contact-link"
    SEND_VICTIM_MESSAGE = "messages.send-to-people"
    SWEEP_VICTIM_MESSAGES = "messages.sweep-to-people"
    INDEX_PEOPLE = "people.index"
    FIND_DUPLICATES = "people.find-duplicates"
    PURGE_DRAFTS = "drafts.purge"
    CHECK_ATTACHMENT = "attachments.check"
    COPY_FOR_PROVIDER = "attachments.copy-for-provider"
    CONTINUE_SUCCESSION = "successions.continue"
    HEARTBEAT = "scheduler.heartbeat"


PROTECTIVE_COLUMNS = frozenset(
    {
        "safe_to_contact",
        "domestic_abuse",
        "consent_to_referral",
        "vulnerable",
        "intimidated",
        "recorded_as",
        "hate_strand",
        "risk_assessment",
        "guardian_safe_to_contact",
        "deceased",
        "withdrawn",
    }
)
"""Columns in which an answer that can't be read holds a new referral and never loosens what is known."""
