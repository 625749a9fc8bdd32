"""The task of a caseworker to see to it that a registered contact can work."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from victim_gateway.contact_link_vocabulary import ContactLinkBar
from victim_gateway.database.transaction import as_service
from victim_gateway.services.shared import next_action, tasks
from victim_gateway.services.shared.tasks import NewTask
from victim_gateway.vocabulary import TaskKind

ABOUT_CONTACT = "contact_link"
RING_INSTEAD = {
    ContactLinkBar.SHUT: (
        "An e-mail went without a link, as the link was ended or locked. Ring the charity, and send a new link if it is"
        " safe"
    ),
    ContactLinkBar.UNKNOWN_CONTACT: (
        "An e-mail went without a link, as no caseworker has sent this contact the referral. Ring the charity at the"
        " number in the directory, and send a link if it is safe"
    ),
}


def ask_to_reach_contact(
    session: Session, onward_referral_id: UUID, referral_id: UUID, *, problem: str, at: datetime
) -> None:
    """Ask a caseworker to see to it that the contact can work: the task of an e-mail that did not arrive."""
    task = NewTask(
        kind=TaskKind.MESSAGE_FAILED,
        referral_id=referral_id,
        dedupe_key=contact_task_key(onward_referral_id),
        onward_referral_id=onward_referral_id,
        details={"messages": [], "about": ABOUT_CONTACT, "problem": problem},
    )
    with as_service(session):
        tasks.open_task(session, task, at=at)
        next_action.refresh_next_actions(session, [referral_id], at=at)


def contact_task_key(onward_referral_id: UUID) -> str:
    """One open task of this kind for one onward referral, apart from that of e-mails that failed."""
    return f"{TaskKind.MESSAGE_FAILED.value}:contact:{onward_referral_id}"
