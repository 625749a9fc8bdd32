"""The registered contact of a service as one who can act: made, and ended, as the directory says."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from victim_gateway.contact_link_vocabulary import ContactLinkEnding
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.transaction import as_service
from victim_gateway.models import ContactLink, Membership, OnwardReferral, ProviderService, User
from victim_gateway.row_ids import new_row_id
from victim_gateway.rules.transitions import LIVE_ONWARD_STATES
from victim_gateway.services.messages.contact_links import end_links
from victim_gateway.services.messages.contact_tasks import ask_to_reach_contact
from victim_gateway.vocabulary import Role

CONTACT_CHANGED = (
    "The registered contact has changed. The onward referral says from whom to whom and by whom: ring the charity at"
    " the number in the directory before you send a link"
)
# No mailbox: who could sign in with it is looked for by its address (RFC 2606).
_NO_MAILBOX = "by-link.invalid"


def keep_registered_contact(session: Session, service: ProviderService, *, at: datetime) -> None:
    """Let the contact of the directory be the one who can act, in the transaction that wrote the service.

    Another name or address is another contact: who was it before can do nothing more, links that were sent end, and
    nothing goes to the new one by itself. For each referral that is open a caseworker is asked.
    """
    with as_service(session):
        before = session.execute(
            select(User.id, User.name, User.contact_email).where(
                User.contact_service_id == service.id, User.disabled_at.is_(None)
            )
        ).one_or_none()
        now = (service.contact_name, service.contact_email)
        if now == ((before.name, before.contact_email) if before is not None else (None, None)):
            return
        if before is not None:
            _end_contact(session, before.id, at)
        if service.contact_email is not None:
            session.add(_new_contact(service, at))
        session.flush()
        if before is not None:
            _ask_caseworkers(session, service.id, at)
    record_audit(
        session,
        "contact_link.contact_changed",
        subject_type="provider_service",
        subject_id=service.id,
        had_contact=before is not None,
    )


def _end_contact(session: Session, contact_id: UUID, at: datetime) -> None:
    session.execute(update(User).where(User.id == contact_id).values(disabled_at=at))
    mine = update(Membership).where(Membership.user_id == contact_id, Membership.ended_at.is_(None))
    session.execute(mine.values(ended_at=at))
    end_links(session, ContactLink.contact_id == contact_id, ending=ContactLinkEnding.CONTACT_CHANGED, at=at)


def _new_contact(service: ProviderService, at: datetime) -> User:
    contact_id = new_row_id()
    return User(
        id=contact_id,
        organisation_id=service.provider_id,
        email=f"{contact_id}@{_NO_MAILBOX}",
        name=service.contact_name,
        role=Role.PROVIDER,
        password_hash="",
        totp_last_step=0,
        created_at=at,
        contact_service_id=service.id,
        contact_email=service.contact_email,
    )


def _ask_caseworkers(session: Session, service_id: UUID, at: datetime) -> None:
    live = session.execute(
        select(OnwardReferral.id, OnwardReferral.referral_id).where(
            OnwardReferral.service_id == service_id,
            OnwardReferral.state.in_(LIVE_ONWARD_STATES),
            OnwardReferral.provider_access_ended_at.is_(None),
        )
    ).all()
    for onward_referral_id, referral_id in live:
        ask_to_reach_contact(session, onward_referral_id, referral_id, problem=CONTACT_CHANGED, at=at)
