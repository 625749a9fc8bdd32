"""Choose for which provider one works, at sign-in and later; one at a time."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import NotFound
from victim_gateway.models import Membership
from victim_gateway.services.accounts.sign_in import SignInOver
from victim_gateway.services.accounts.web_sessions import LiveSession, SessionStage, replace_session
from victim_gateway.vocabulary import DatabaseRole


def choose_organisation(live: LiveSession, organisation_id: UUID, *, actor: Actor, at: datetime) -> str:
    """Go on for this provider; gives the cookie of a new session, which replaces the one before.

    Whatever was open for another organisation belongs to the ended session and can't be sent any more.
    Raises NotFound for an organisation that the account does not work for, and SignInOver.
    """
    with transaction(live.actor(actor, DatabaseRole.SIGNIN)) as session:
        if live.stage not in (SessionStage.ORGANISATION, SessionStage.FULL) or not _works_for(
            session, live.user_id, organisation_id
        ):
            raise NotFound
        token = replace_session(session, live.id_hash, organisation_id, at)
        if token is None:
            raise SignInOver
        record_audit(
            session,
            "session.organisation_chosen",
            subject_type="organisation",
            subject_id=organisation_id,
            before=str(live.organisation_id) if live.stage is SessionStage.FULL else None,
        )
    return token


def _works_for(session: Session, user_id: UUID, organisation_id: UUID) -> bool:
    live = select(Membership.id).where(
        Membership.user_id == user_id,
        Membership.organisation_id == organisation_id,
        Membership.ended_at.is_(None),
    )
    return session.scalar(live) is not None
