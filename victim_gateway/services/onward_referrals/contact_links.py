"""What a caseworker does with the links of one onward referral: send a new one, end them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from victim_gateway.access.permissions import Permission
from victim_gateway.actors import Actor
from victim_gateway.contact_link_vocabulary import ContactLinkEnding, ContactLinkOccasion
from victim_gateway.database.current import current_settings
from victim_gateway.database.outbox import enqueue_task
from victim_gateway.database.transaction import as_service, transaction
from victim_gateway.errors import TransitionNotAllowed
from victim_gateway.models import ContactLink, OnwardReferral
from victim_gateway.queries.onward_referrals.standing_contacts import find_standing_contact
from victim_gateway.services.messages.contact_link_answers import send_link
from victim_gateway.services.messages.contact_links import end_links, make_link
from victim_gateway.services.messages.registered_contacts import ask_to_reach_contact, contact_task_key
from victim_gateway.services.shared import tasks
from victim_gateway.services.shared.case_action import ActionEffect
from victim_gateway.services.shared.command import Command
from victim_gateway.services.shared.onward_referral_action import onward_referral_action
from victim_gateway.vocabulary import TaskName

ASKED, ENDED = "contact_link.sent", "contact_link.ended"
NOT_POSSIBLE = (
    "No link can be sent for this referral: it is not open, what the sharing rests on does not stand, it is kept to"
    " named members of staff, or the directory names no contact for the service."
)
NO_MAIL = "No way to send e-mail is set up, so no link can be sent."


def send_new_link(command: Command, onward_referral_id: UUID) -> None:
    """Send a new link to the registered contact; those before it end, and sessions that they began.

    Raises NotFound, TransitionNotAllowed where none may be sent, and AlreadyDone for the same form again.
    """
    if current_settings().smtp_url is None:
        raise TransitionNotAllowed(NO_MAIL)
    with onward_referral_action(
        command, onward_referral_id, Permission.EDIT_CASEWORK, ASKED, effect=ActionEffect.EVENTS_ONLY
    ) as action:
        session = action.session
        if find_standing_contact(session, onward_referral_id, at=command.at) is None:
            raise TransitionNotAllowed(NOT_POSSIBLE)
        mine = ContactLink.onward_referral_id == onward_referral_id
        end_links(session, mine, ending=ContactLinkEnding.REPLACED, at=command.at)
        action.add_timeline_entry(ASKED)
        with as_service(session):
            tasks.finish_task(session, contact_task_key(onward_referral_id), at=command.at)
        enqueue_task(
            session,
            TaskName.SEND_CONTACT_LINK,
            command.at,
            onward_referral_id=onward_referral_id,
            by_id=command.actor.user_id,
        )


def revoke_links(command: Command, onward_referral_id: UUID) -> None:
    """End the links of an onward referral at once; whoever works by one is out at their next request.

    Raises NotFound, and TransitionNotAllowed where no link stands.
    """
    with onward_referral_action(
        command, onward_referral_id, Permission.EDIT_CASEWORK, ENDED, effect=ActionEffect.EVENTS_ONLY
    ) as action:
        mine = ContactLink.onward_referral_id == onward_referral_id
        if not end_links(action.session, mine, ending=ContactLinkEnding.REVOKED, at=command.at):
            raise TransitionNotAllowed("No link stands for this referral: it has ended already.")
        action.add_timeline_entry(ENDED)


def send_asked_link(onward_referral_id: UUID, by_id: UUID, *, actor: Actor, at: datetime) -> bool:
    """Make and send the link that a caseworker asked for; whether it left. Where it did not, a task says so."""
    with transaction(actor) as session:
        made = make_link(
            session, onward_referral_id, ContactLinkOccasion.CASEWORKER, at=at, created_by_id=by_id
        )
    problem = NOT_POSSIBLE if made is None else send_link(made, actor=actor, at=at)
    if problem is None:
        return True
    with transaction(actor) as session:
        onward = session.get(OnwardReferral, onward_referral_id)
        if onward is not None:
            ask_to_reach_contact(session, onward.id, onward.referral_id, problem=problem, at=at)
    return False
