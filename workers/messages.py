"""The task that sends e-mail to members of staff and providers."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.extensions import celery
from victim_gateway.services.messages import sending
from victim_gateway.services.messages.contact_link_answers import LinkRequest, answer_link_request
from victim_gateway.services.onward_referrals.contact_links import send_asked_link
from victim_gateway.vocabulary import TaskName

_CONTACT_LINKS = Actor.worker("contact links")


@celery.task(name=TaskName.SEND_MESSAGE)  # type: ignore[untyped-decorator]
def send_messages() -> None:
    """Send everything that is due; several workers share it out among themselves."""
    sending.send_due_messages(actor=Actor.worker("messages"), at=times.now())


@celery.task(name=TaskName.SEND_LINK_CODE)  # type: ignore[untyped-decorator]
def send_link_code(token_id: str, asked_at: str) -> None:
    """Send the code that was asked for with a link, where it is one."""
    answer_link_request(
        LinkRequest.CODE,
        UUID(token_id),
        actor=_CONTACT_LINKS,
        at=times.now(),
        asked_at=datetime.fromisoformat(asked_at),
    )


@celery.task(name=TaskName.RENEW_CONTACT_LINK)  # type: ignore[untyped-decorator]
def renew_contact_link(token_id: str, asked_at: str) -> None:
    """Send the new link that was asked for with a link, where it is one."""
    answer_link_request(
        LinkRequest.NEW_LINK,
        UUID(token_id),
        actor=_CONTACT_LINKS,
        at=times.now(),
        asked_at=datetime.fromisoformat(asked_at),
    )


@celery.task(name=TaskName.SEND_CONTACT_LINK)  # type: ignore[untyped-decorator]
def send_contact_link(link_id: str) -> None:
    """Send the link that a caseworker asked for."""
    send_asked_link(UUID(link_id), actor=_CONTACT_LINKS, at=times.now())
