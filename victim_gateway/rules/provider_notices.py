"""What a provider is told at once: what happened, what to do, and by when. Never a name, never a reason.

Where it is unclear what to say, the provider is told to stop and to ask: a contact that was not made can be
made up for, one that was made by an old answer can't.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from victim_gateway.rules.transitions import UNANSWERED_ONWARD_STATES
from victim_gateway.vocabulary import NoticeKind, OnwardState


@dataclass(frozen=True, slots=True)
class NoticeText:
    """`subject` heads an e-mail, `title` is a line on a page, `by_when` stands where no day is set."""

    subject: str
    title: str
    to_do: str
    by_when: str


NOTICE_TEXTS: Mapping[NoticeKind, NoticeText] = {
    NoticeKind.NEW_OFFER: NoticeText(
        "New referral to answer",
        "A new referral waits for your answer",
        "Accept it, ask a question or decline it.",
        "As soon as you can",
    ),
    NoticeKind.OFFERED_AGAIN: NoticeText(
        "Offered to you again",
        "The Gateway offers you this referral again",
        "Read why, then accept it, ask a question or decline it.",
        "As soon as you can",
    ),
    NoticeKind.ANSWERED: NoticeText(
        "Your question is answered",
        "The Gateway answered your question",
        "Read the answer, then accept or decline.",
        "As soon as you can",
    ),
    NoticeKind.WITHDRAWN: NoticeText(
        "Taken back",
        "The Gateway has taken this referral back",
        "Do not contact the person about it any more.",
        "At once",
    ),
    NoticeKind.EXPIRED: NoticeText(
        "Offer ended",
        "This offer has ended: it was not answered in time",
        "Do not contact the person about it. There is nothing else to do.",
        "At once",
    ),
    NoticeKind.SAFE_CONTACT_CHANGED: NoticeText(
        "Safe contact changed",
        "How to contact the person safely has changed",
        "Read it before you contact them again. Do not go by older notes.",
        "Before you contact the person again",
    ),
    NoticeKind.SHARED_AGAIN: NoticeText(
        "Correction to read",
        "The Gateway corrected what it told you",
        "Read what has changed before you contact the person again.",
        "Before you contact the person again",
    ),
    NoticeKind.DECLINED: NoticeText(
        "You declined",
        "You declined this referral, and the Gateway has not decided about it yet",
        "If you declined by mistake, say so.",
        "As soon as you can",
    ),
}
CORRECTIONS = frozenset({NoticeKind.SAFE_CONTACT_CHANGED, NoticeKind.SHARED_AGAIN})
"""What makes older knowledge wrong: it must be read, so a caseworker asks when it is not."""
ENDINGS = frozenset({NoticeKind.WITHDRAWN, NoticeKind.EXPIRED})
"""What the provider is told of although it sees nothing of the onward referral any more."""
ASKING_FOR_ANSWER = frozenset({NoticeKind.NEW_OFFER, NoticeKind.OFFERED_AGAIN, NoticeKind.ANSWERED})


def is_still_true(kind: NoticeKind, state: OnwardState, *, is_open: bool) -> bool:
    """Whether what a notice says holds for an onward referral in this state that the provider may open or not."""
    if kind in (*ENDINGS, NoticeKind.DECLINED):
        return not is_open
    if kind in ASKING_FOR_ANSWER:
        return is_open and state in UNANSWERED_ONWARD_STATES
    return is_open


def is_shown_as_new(kind: NoticeKind, state: OnwardState) -> bool:
    """Whether a notice that nobody has read still says something new beside an onward referral in this state.

    An offer that was acknowledged or answered has been seen, whichever page it was seen on.
    """
    if kind in (NoticeKind.NEW_OFFER, NoticeKind.OFFERED_AGAIN):
        return state is OnwardState.OFFERED
    if kind is NoticeKind.ANSWERED:
        return state is OnwardState.ACKNOWLEDGED
    return True


def describe_to_do(kind: NoticeKind, telephone: str | None) -> str:
    """What to do, in sentences; `telephone` is where providers ring the Gateway, where the area has such a number."""
    to_do = NOTICE_TEXTS[kind].to_do
    return f"{to_do} {describe_planned_contact(telephone)}" if kind is NoticeKind.WITHDRAWN else to_do


def describe_planned_contact(telephone: str | None) -> str:
    """What to do about a contact that was planned before an end: a meeting called off may itself be a danger."""
    asked = f"ring the Gateway first: {telephone}" if telephone else "ask your contact at the Gateway first"
    return f"If something is already planned, {asked}."


def describe_deadline(kind: NoticeKind, due_on: date | None, today: date) -> str:
    """By when to do it, as a sentence without its full stop."""
    by_when = NOTICE_TEXTS[kind].by_when
    if due_on is None:
        return by_when
    day = f"{due_on:%A} {due_on.day} {due_on:%B %Y}"
    if kind in CORRECTIONS:
        return f"{by_when}, and by {day}"
    return day if due_on >= today else f"{by_when}: it was due on {day}"
