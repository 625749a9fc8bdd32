"""The task that sends e-mail to members of staff and providers."""

from __future__ import annotations

from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.extensions import celery
from victim_gateway.services.messages import sending
from victim_gateway.vocabulary import TaskName


@celery.task(name=TaskName.SEND_MESSAGE)  # type: ignore[untyped-decorator]
def send_messages() -> None:
    """Send everything that is due; several workers share it out among themselves."""
    sending.send_due_messages(actor=Actor.worker("messages"), at=times.now())
