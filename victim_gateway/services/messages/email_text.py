"""The text of an e-mail: something is due, a reference, a link. No names, no crime, no reason."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from email.utils import parseaddr
from uuid import UUID

from config import Settings
from victim_gateway.integrations.mail import Mail

# The most references that one e-mail lists; the page has them all.
MOST_REFERENCES = 50


def compose_email(
    settings: Settings,
    parcel_id: UUID,
    recipient: str,
    reminders: Sequence[tuple[UUID, str]],
    at: datetime,
) -> Mail:
    """The e-mail about these reminders (id, reference): one is named in the subject, more are listed."""
    references = list(dict.fromkeys(reference for _, reference in reminders))
    if len(references) == 1:
        subject = f"Victim Gateway: something is due on {references[0]}"
    else:
        subject = f"Victim Gateway: {len(references)} things are due"
    path = f"/reminders/{reminders[0][0]}" if len(reminders) == 1 else "/reminders"
    return Mail(
        message_id=f"<{parcel_id}@{_domain(settings.mail_from)}>",
        sender=settings.mail_from,
        recipient=recipient,
        subject=subject,
        body=_body(references, f"{settings.public_url}{path}"),
        at=at,
    )


def _body(references: list[str], address: str) -> str:
    lines = ["Something is due on:" if len(references) == 1 else "Something is due on each of these:", ""]
    lines += references[:MOST_REFERENCES]
    if len(references) > MOST_REFERENCES:
        lines.append(f"and {len(references) - MOST_REFERENCES} more")
    return "\n".join(
        [*lines, "", "Sign in to see what:", address, "", "Nobody reads answers to this e-mail.", ""]
    )


def _domain(address: str) -> str:
    return parseaddr(address)[1].rpartition("@")[2] or "localhost"
