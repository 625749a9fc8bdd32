"""The text of an e-mail: what to do by when, a reference, a link. No names, no crime, no reason.

One about a notice says what happened and what to do; one about reminders says that something is due, or that there is
a note; a digest lists references by what is asked of their reader. The link is made of the configured address alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from email.utils import parseaddr
from uuid import UUID

from config import Settings
from victim_gateway import times
from victim_gateway.contact_link_vocabulary import ContactLinkBar
from victim_gateway.integrations.mail import Mail
from victim_gateway.rules.digest import DIGEST_HEADINGS, DigestGroup
from victim_gateway.rules.provider_notices import ENDINGS, NOTICE_TEXTS, describe_deadline, describe_to_do
from victim_gateway.services.messages.contact_link_answers import FOOT, describe_link
from victim_gateway.services.messages.contact_links import MadeLink
from victim_gateway.services.messages.send_checks import (
    MailedDigest,
    MailedNotice,
    MailedReminder,
    MailedSubject,
)
from victim_gateway.vocabulary import ReminderKind

# The most references that one e-mail lists; the page has them all.
MOST_REFERENCES = 50
_INBOX = "/inbox"


@dataclass(frozen=True, slots=True)
class SignInAccess:
    """Its reader has an account, and signs in."""


SIGN_IN = SignInAccess()


def compose_email(
    settings: Settings,
    parcel_id: UUID,
    recipient: str,
    subjects: Sequence[MailedSubject],
    at: datetime,
    *,
    access: MadeLink | ContactLinkBar | SignInAccess = SIGN_IN,
) -> Mail:
    """The e-mail about these reminders or notices, of which one is named and more are listed, or a digest.

    `access`: the link of a registered contact, or why there is none; else its reader signs in.
    """
    notices = [subject for subject in subjects if isinstance(subject, MailedNotice)]
    reminders = [subject for subject in subjects if isinstance(subject, MailedReminder)]
    digest = next((subject for subject in subjects if isinstance(subject, MailedDigest)), None)
    if digest is not None:
        title, lines, path = _digest_mail(digest)
    elif notices:
        title, lines, path = _notice_mail(settings, notices, times.london_date(at))
    else:
        title, lines, path = _reminder_mail(reminders)
    return Mail(
        message_id=f"<{parcel_id}@{_domain(settings.mail_from)}>",
        sender=settings.mail_from,
        recipient=recipient,
        subject=f"Victim Gateway: {title}",
        body="\n".join([*lines, *_access_lines(access, f"{settings.public_url}{path}"), "", FOOT, ""]),
        at=at,
    )


def _access_lines(access: MadeLink | ContactLinkBar | SignInAccess, address: str) -> list[str]:
    if isinstance(access, SignInAccess):
        return ["Sign in to see what:", address]
    if isinstance(access, MadeLink):
        return describe_link(access)
    if access is ContactLinkBar.CLOSED:
        return ["There is nothing to open any more. If you have a question, ask your contact at the Gateway."]
    return ["There is no link in this e-mail: the Gateway will ring you."]


def _notice_mail(
    settings: Settings, notices: Sequence[MailedNotice], today: date
) -> tuple[str, list[str], str]:
    if len(notices) > 1:
        lines = [
            line
            for notice in notices[:MOST_REFERENCES]
            for line in (*_notice_lines(settings, notice, today), "")
        ]
        if len(notices) > MOST_REFERENCES:
            lines += [f"and {len(notices) - MOST_REFERENCES} more", ""]
        return f"{len(notices)} changes to referrals", lines, _INBOX
    (notice,) = notices
    path = _INBOX if notice.kind in ENDINGS else f"/onward-referrals/{notice.onward_referral_id}"
    # Short: a mail program folds a long subject, and a phone cuts it off before the reference.
    title = f"{NOTICE_TEXTS[notice.kind].subject}, {notice.reference}"
    return title, [*_notice_lines(settings, notice, today), ""], path


def _notice_lines(settings: Settings, notice: MailedNotice, today: date) -> tuple[str, ...]:
    text = NOTICE_TEXTS[notice.kind]
    return (
        f"Referral {notice.reference}",
        f"{text.title}.",
        f"What to do: {describe_to_do(notice.kind, settings.area.telephone)}",
        f"By when: {describe_deadline(notice.kind, notice.due_on, today)}.",
    )


def _reminder_mail(reminders: Sequence[MailedReminder]) -> tuple[str, list[str], str]:
    references = list(dict.fromkeys(reminder.reference for reminder in reminders))
    are_notes = all(reminder.kind is ReminderKind.NOTE_WRITTEN for reminder in reminders)
    path = f"/reminders/{reminders[0].reminder_id}" if len(reminders) == 1 else "/reminders"
    if len(references) == 1:
        title = f"there is a note on {references[0]}" if are_notes else f"something is due on {references[0]}"
        opening = "There is a note for you on:" if are_notes else "Something is due on:"
    else:
        title = f"{len(references)} notes" if are_notes else f"{len(references)} things are due"
        opening = (
            "There is a note for you on each of these:" if are_notes else "Something is due on each of these:"
        )
    lines = [opening, "", *references[:MOST_REFERENCES]]
    if len(references) > MOST_REFERENCES:
        lines.append(f"and {len(references) - MOST_REFERENCES} more")
    return title, [*lines, ""], path


_COUNTED = {DigestGroup.OVERDUE: "overdue", DigestGroup.STALLED: "stalled", DigestGroup.NEW: "new"}


def _digest_mail(digest: MailedDigest) -> tuple[str, list[str], str]:
    counts = [
        f"{len(digest.groups[group])} {name}" for group, name in _COUNTED.items() if group in digest.groups
    ]
    notes = len(digest.groups.get(DigestGroup.NOTE, ()))
    if notes:
        counts.append("1 note" if notes == 1 else f"{notes} notes")
    lines = []
    for group, references in digest.groups.items():
        lines += [f"{DIGEST_HEADINGS[group]}:", *references[:MOST_REFERENCES]]
        if len(references) > MOST_REFERENCES:
            lines.append(f"and {len(references) - MOST_REFERENCES} more")
        lines.append("")
    day = f"{digest.digest_on.day} {digest.digest_on:%B}"
    return f"{', '.join(counts)} on {day}", lines, "/reminders"


def _domain(address: str) -> str:
    return parseaddr(address)[1].rpartition("@")[2] or "localhost"
