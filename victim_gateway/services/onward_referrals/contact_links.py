"""What a caseworker does with the links of one onward referral: send a new one, end them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway.access.permissions import Permission
from victim_gateway.actors import Actor
from victim_gateway.contact_link_vocabulary import ContactLinkBar, ContactLinkEnding, ContactLinkOccasion
from victim_gateway.database.current import current_settings
from victim_gateway.database.outbox import enqueue_task
from victim_gateway.database.transaction import as_service, transaction
from victim_gateway.errors import InvalidInput, TransitionNotAllowed
from victim_gateway.models import ContactLink, OnwardReferral
from victim_gateway.queries.onward_referrals.link_bars import find_link_bar
from victim_gateway.queries.onward_referrals.standing_contacts import find_standing_contact
from victim_gateway.services.messages.contact_link_answers import send_link
from victim_gateway.services.messages.contact_links import complete_link, end_links, lock_links, new_link
from victim_gateway.services.messages.contact_tasks import ask_to_reach_contact, contact_task_key
from victim_gateway.services.shared import tasks
from victim_gateway.services.shared.case_action import ActionEffect, EventDetails
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.onward_referral_action import onward_referral_action
from victim_gateway.vocabulary import TaskName

ASKED, ENDED = "contact_link.sent", "contact_link.ended"
NOT_POSSIBLE = (
    "No link can be sent for this referral: it is not open, what the sharing rests on does not stand, it is kept to"
    " named members of staff, or the directory names no contact for the service."
)
NOT_KNOWN = "It is not known whether the e-mail with the link left: send a new link"
RING_FIRST = "Ring the charity at the number in the directory before you send a link, and say that you have"
NO_MAIL = "No way to send e-mail is set up, so no link can be sent."


def send_new_link(command: Command, onward_referral_id: UUID, *, has_rung: bool = False) -> None:
    """Send a new link to the registered contact; those before it end, and sessions that they began.

    It is written down here, and sent by a task, once, while it is not ended. `has_rung`: the caseworker rang the
    charity, which is asked where no caseworker has sent this contact the referral yet. Raises NotFound, InvalidInput
    without that, TransitionNotAllowed where none may be sent, and AlreadyDone for the same form again.
    """
    if current_settings().smtp_url is None:
        raise TransitionNotAllowed(NO_MAIL)
    with onward_referral_action(
        command, onward_referral_id, Permission.EDIT_CASEWORK, ASKED, effect=ActionEffect.EVENTS_ONLY
    ) as action:
        session = action.session
        contact = find_standing_contact(session, onward_referral_id, at=command.at)
        if contact is None:
            raise TransitionNotAllowed(NOT_POSSIBLE)
        bar = find_link_bar(session, onward_referral_id, contact.contact_id)
        if bar is ContactLinkBar.UNKNOWN_CONTACT and not has_rung:
            raise InvalidInput(RING_FIRST, fields={"has_rung": RING_FIRST})
        mine = ContactLink.onward_referral_id == onward_referral_id
        end_links(session, mine, ending=ContactLinkEnding.REPLACED, at=command.at)
        link = new_link(
            contact, ContactLinkOccasion.CASEWORKER, at=command.at, created_by_id=command.actor.user_id
        )
        action.add_timeline_entry(ASKED, EventDetails(codes={"has_rung": has_rung}))
        with as_service(session):
            session.add(link)
            session.flush()
            tasks.finish_task(session, contact_task_key(onward_referral_id), at=command.at)
        enqueue_task(session, TaskName.SEND_CONTACT_LINK, command.at, link_id=link.id)


def revoke_links(command: Command, onward_referral_id: UUID) -> None:
    """End the links of an onward referral at once; whoever works by one is out at their next request.

    No e-mail brings another until a caseworker sends a link. Raises NotFound, and TransitionNotAllowed where none
    stands and none would be sent.
    """
    with onward_referral_action(
        command, onward_referral_id, Permission.EDIT_CASEWORK, ENDED, effect=ActionEffect.EVENTS_ONLY
    ) as action:
        session, at = action.session, command.at
        mine = ContactLink.onward_referral_id == onward_referral_id
        if not end_links(session, mine, ending=ContactLinkEnding.REVOKED, at=at):
            contact = find_standing_contact(session, onward_referral_id, at=at)
            if contact is None or find_link_bar(session, onward_referral_id, contact.contact_id) is not None:
                raise TransitionNotAllowed("No link stands for this referral: it has ended already.")
            # None has left yet, or all ran out: the next e-mail would bring one.
            with as_service(session):
                ended = new_link(
                    contact, ContactLinkOccasion.NOTICE, at=at, created_by_id=command.actor.user_id
                )
                ended.ended_at, ended.ending = at, ContactLinkEnding.REVOKED
                session.add(ended)
                session.flush()
        action.add_timeline_entry(ENDED)


def send_asked_link(link_id: UUID, *, actor: Actor, at: datetime) -> bool:
    """Send the link that a caseworker asked for, once, while it is not ended; whether it left.

    Where it did not, a task says so: also where a try before may have been cut off, for what left is not known.
    """
    with transaction(actor) as session:
        onward_referral_id = session.scalar(
            select(ContactLink.onward_referral_id).where(ContactLink.id == link_id)
        )
        if onward_referral_id is None:
            return False
        lock_links(session, onward_referral_id)
        link = session.get_one(ContactLink, link_id, populate_existing=True)
        if link.ended_at is not None or link.sent_at is not None:
            return False
        contact = find_standing_contact(session, onward_referral_id, at=at)
        is_possible = contact is not None and contact.contact_id == link.contact_id
        if contact is None or not is_possible or link.token_hash is not None:
            problem = NOT_KNOWN if is_possible else NOT_POSSIBLE
            _ask_to_reach(session, onward_referral_id, problem, at)
            return False
        made = complete_link(session, link, contact, at=at)
    sending_problem = send_link(made, actor=actor, at=at)
    with transaction(actor) as session:
        if sending_problem is None:
            tasks.finish_task(session, contact_task_key(onward_referral_id), at=at)
        else:
            _ask_to_reach(session, onward_referral_id, sending_problem, at)
    return sending_problem is None


def _ask_to_reach(session: Session, onward_referral_id: UUID, problem: str, at: datetime) -> None:
    onward = session.get_one(OnwardReferral, onward_referral_id)
    ask_to_reach_contact(session, onward.id, onward.referral_id, problem=problem, at=at)
