"""The check that every e-mail passes at the moment of sending, whatever was true before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeAlias
from uuid import UUID

from victim_gateway import times
from victim_gateway.rules.digest import DigestGroup
from victim_gateway.rules.mail_times import MailTimes, end_of_quiet_hours
from victim_gateway.rules.provider_notices import ENDINGS, is_still_true
from victim_gateway.vocabulary import (
    PROVIDER_ROLES,
    NoticeKind,
    OnwardState,
    OrganisationKind,
    ReminderKind,
    Role,
)

# A provider that goes by an old answer endangers somebody: no quiet hours keep these back.
_SAFETY_NOTICES = frozenset({NoticeKind.SAFE_CONTACT_CHANGED, NoticeKind.SHARED_AGAIN, NoticeKind.WITHDRAWN})
# Names that no real mailbox can have (RFC 2606, RFC 6761): all that can be reached outside production.
_INVENTED = ("example.com", "example.net", "example.org", "example", "test", "localhost")
NOT_INVENTED = "Outside production only invented addresses are written to"
MAILED_ROLES = frozenset({Role.CASEWORKER, Role.SENIOR, *PROVIDER_ROLES})


@dataclass(frozen=True, slots=True)
class MailReader:
    """The account that a message is for, as it stands in the claiming transaction.

    `is_contact`: it is the registered contact of a service, who gets a link.
    """

    user_id: UUID
    email: str
    role: Role
    organisation_id: UUID
    organisation_kind: OrganisationKind
    disabled_at: datetime | None
    is_contact: bool
    times: MailTimes


@dataclass(frozen=True, slots=True)
class MailedReminder:
    """The reminder that a message is about, with what was true of it in the claiming transaction.

    `may_open`: its reader works for the service of the onward referral that it is about. After `expires_at` it is not
    sent. `recipient_role`: of the organisation, only the accounts of this role.
    """

    reminder_id: UUID
    kind: ReminderKind
    rule_code: str | None
    reference: str
    expires_at: datetime | None
    recipient_role: str | None
    resolved_at: datetime | None
    recipient_user_id: UUID | None
    recipient_organisation_id: UUID | None
    is_restricted: bool
    may_see_restricted: bool
    may_open: bool
    onward_referral_id: UUID | None = None
    is_closed_to_links: bool = False


@dataclass(frozen=True, slots=True)
class MailedNotice:
    """The notice that a message is about, with what was true of its onward referral then.

    `is_open`: the provider may still open it. `may_read`: the reader works for its service. `has_later`: the same was
    said again since.
    """

    notice_id: UUID
    kind: NoticeKind
    reference: str
    due_on: date | None
    onward_referral_id: UUID
    provider_id: UUID
    state: OnwardState
    is_open: bool
    may_read: bool
    has_later: bool
    read_by_id: UUID | None
    is_closed_to_links: bool = False


@dataclass(frozen=True, slots=True)
class MailedDigest:
    """A reader's digest of one London day: the references of each part, as they are in the claiming transaction."""

    digest_on: date
    groups: Mapping[DigestGroup, Sequence[str]]

    @property
    def reference(self) -> str:
        """What the audit names it by."""
        return f"digest {self.digest_on}"


MailedSubject: TypeAlias = MailedReminder | MailedNotice | MailedDigest


@dataclass(frozen=True, slots=True)
class ClaimedMessage:
    """A claimed message: what it is about, and for whom."""

    message_id: UUID
    reader: MailReader
    subject: MailedSubject


@dataclass(frozen=True, slots=True)
class SendRefusal:
    """Why a message must not leave. `is_problem`: staff must see it, since nothing else settles it."""

    reason: str
    is_problem: bool = False


def may_send(message: ClaimedMessage, *, is_production: bool) -> SendRefusal | None:
    """Check one message; None when it may be sent. Unclear cases are refused: only staff and providers get e-mail."""
    reader, subject = message.reader, message.subject
    if isinstance(subject, MailedReminder):
        refusal = _refuse_reminder(subject, reader)
    elif isinstance(subject, MailedNotice):
        refusal = _refuse_notice(subject, reader)
    else:
        refusal = _refuse_digest(subject, reader)
    if refusal is not None:
        return SendRefusal(refusal)
    if reader.is_contact and _is_closed_to_links(subject):
        return SendRefusal(
            "The referral is not one for a link: tell the contact by telephone", is_problem=True
        )
    if not is_production and not is_invented_address(reader.email):
        return SendRefusal(NOT_INVENTED, is_problem=True)
    return None


def has_expired(message: ClaimedMessage, at: datetime) -> bool:
    """Whether its time has passed: it is listed for a person, and never sent. A digest is of its own day alone."""
    subject = message.subject
    if isinstance(subject, MailedReminder):
        return subject.expires_at is not None and subject.expires_at <= at
    return isinstance(subject, MailedDigest) and subject.digest_on < times.london_date(at)


def put_off_until(message: ClaimedMessage, at: datetime, on_call_rules: Sequence[str]) -> datetime | None:
    """When the reader's quiet hours end; None where it may leave now.

    A digest comes at the hour that its reader chose, and what keeps a person safe at any hour.
    """
    subject = message.subject
    if isinstance(subject, MailedDigest):
        return None
    if isinstance(subject, MailedNotice) and subject.kind in _SAFETY_NOTICES:
        return None
    if isinstance(subject, MailedReminder) and subject.rule_code in on_call_rules:
        return None
    return end_of_quiet_hours(at, message.reader.times)


def is_invented_address(email: str) -> bool:
    """Whether an address is in a domain that no real mailbox can have."""
    domain = email.rpartition("@")[2].lower().rstrip(".")
    return any(domain == name or domain.endswith(f".{name}") for name in _INVENTED)


def _is_closed_to_links(subject: MailedSubject) -> bool:
    """Whether a registered contact may not hear of it by e-mail; that something ended is said in any case."""
    if isinstance(subject, MailedDigest):
        return True
    is_ending = isinstance(subject, MailedNotice) and subject.kind in ENDINGS
    return subject.is_closed_to_links and not is_ending


def _refuse_reminder(subject: MailedReminder, reader: MailReader) -> str | None:
    if subject.resolved_at is not None:
        return "It had been settled by then"
    if reader.disabled_at is not None:
        return "The account is closed"
    if not _is_addressed(subject, reader):
        return "The reminder is somebody else's now"
    if subject.is_restricted and not subject.may_see_restricted:
        return "The referral is kept to named members of staff"
    return None


def _refuse_notice(subject: MailedNotice, reader: MailReader) -> str | None:
    if reader.disabled_at is not None:
        return "The account is closed"
    if not _works_for_provider(reader) or not subject.may_read:
        return "The account is not the provider's"
    if not is_still_true(subject.kind, subject.state, is_open=subject.is_open):
        return "It was no longer so by then"
    if subject.has_later:
        return "A later e-mail says the same"
    if subject.read_by_id == reader.user_id:
        return "Its reader had seen it by then"
    return None


def _refuse_digest(subject: MailedDigest, reader: MailReader) -> str | None:
    if reader.disabled_at is not None:
        return "The account is closed"
    if reader.role not in MAILED_ROLES or reader.is_contact:
        return "The account works on no list of reminders"
    return None if subject.groups else "Nothing was left to be said by then"


def _is_addressed(subject: MailedReminder, reader: MailReader) -> bool:
    if reader.role not in MAILED_ROLES:
        return False
    is_provider = reader.role in PROVIDER_ROLES
    if is_provider is not (reader.organisation_kind is OrganisationKind.PROVIDER):
        return False
    if subject.recipient_role is not None:
        is_own = subject.recipient_organisation_id == reader.organisation_id
        return is_own and reader.role == subject.recipient_role
    if subject.recipient_user_id is not None:
        return subject.recipient_user_id == reader.user_id and (subject.may_open or not is_provider)
    return is_provider and subject.may_open


def _works_for_provider(reader: MailReader) -> bool:
    return reader.role in PROVIDER_ROLES and reader.organisation_kind is OrganisationKind.PROVIDER
