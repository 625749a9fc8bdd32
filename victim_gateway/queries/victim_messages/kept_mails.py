"""The e-mails that the stand-in for a mail server kept, where there is one."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from victim_gateway.actors import Actor
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.transaction import transaction
from victim_gateway.kept_mail import KeptMail, MailFolder


def kept_mails(home: Path, *, actor: Actor, at: datetime) -> list[KeptMail]:
    """The e-mails kept under this GATEWAY_HOME, the newest first. Audited: links and codes in them let a reader in."""
    mails = MailFolder(home).list_mails(at=at)
    with transaction(actor) as session:
        record_audit(session, "outbox.emails_seen", rows=len(mails))
    return mails
