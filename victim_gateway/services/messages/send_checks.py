"""The check that every e-mail passes at the moment of sending, whatever was true before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from victim_gateway.vocabulary import OrganisationKind, Role

# Names that no real mailbox can have (RFC 2606, RFC 6761): all that can be reached outside production.
_INVENTED = ("example.com", "example.net", "example.org", "example", "test", "localhost")
_MAILED_ROLES = frozenset({Role.CASEWORKER, Role.SENIOR, Role.PROVIDER})


@dataclass(frozen=True, slots=True)
class ClaimedMessage:
    """A claimed message with what was true of its reminder and its reader in the claiming transaction."""

    message_id: UUID
    reminder_id: UUID
    reference: str
    resolved_at: datetime | None
    recipient_user_id: UUID | None
    recipient_organisation_id: UUID | None
    is_restricted: bool
    may_see_restricted: bool
    user_id: UUID
    email: str
    role: Role
    organisation_id: UUID
    organisation_kind: OrganisationKind
    disabled_at: datetime | None


@dataclass(frozen=True, slots=True)
class SendRefusal:
    """Why a message must not leave. `is_problem`: staff must see it, since nothing else settles it."""

    reason: str
    is_problem: bool = False


def may_send(message: ClaimedMessage, *, is_production: bool) -> SendRefusal | None:
    """Check one message; None when it may be sent. Unclear cases are refused: only staff and providers get e-mail."""
    if message.resolved_at is not None:
        return SendRefusal("It had been settled by then")
    if message.disabled_at is not None:
        return SendRefusal("The account is closed")
    if not _is_reader(message):
        return SendRefusal("The reminder is somebody else's now")
    if message.is_restricted and not message.may_see_restricted:
        return SendRefusal("The referral is kept to named members of staff")
    if not is_production and not is_invented_address(message.email):
        return SendRefusal("Outside production only invented addresses are written to", is_problem=True)
    return None


def is_invented_address(email: str) -> bool:
    """Whether an address is in a domain that no real mailbox can have."""
    domain = email.rpartition("@")[2].lower().rstrip(".")
    return any(domain == name or domain.endswith(f".{name}") for name in _INVENTED)


def _is_reader(message: ClaimedMessage) -> bool:
    if message.role not in _MAILED_ROLES:
        return False
    is_provider = message.role is Role.PROVIDER
    if is_provider is not (message.organisation_kind is OrganisationKind.PROVIDER):
        return False
    if message.recipient_user_id is not None:
        return message.recipient_user_id == message.user_id
    return is_provider and message.recipient_organisation_id == message.organisation_id
