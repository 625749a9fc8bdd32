"""The one gate for messages to a person: it opens only where everything is known and everything is right.

Each fact starts as not known, and what is not known refuses. Adding a doubt never opens the gate (a property test).
After domestic abuse or what is like it, and at a risk that is high or not judged, no message leaves by itself: a
caseworker asks for one by hand after a warning, and at high risk a senior caseworker agrees.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from victim_gateway.rules.contact_windows import CHANNELS_WITHOUT_WINDOW, ContactWindow
from victim_gateway.victim_message_vocabulary import MessageRefusal, VictimMessageKind
from victim_gateway.vocabulary import Channel, ReferralState, Risk, SafeAnswer

_R = MessageRefusal
OPEN_STATES = frozenset(
    {
        ReferralState.ASSIGNED,
        ReferralState.IN_CONTACT,
        ReferralState.TRIAGED,
        ReferralState.SUPPORTED,
        ReferralState.REOPENED,
    }
)
JUDGED_LOW = frozenset({Risk.STANDARD, Risk.MEDIUM})
# These never go where a message could do harm, whoever asks: nothing is lost by asking or saying it in a call.
# A letter carries no name: whoever lives there opens it.
NEVER_AFTER_ABUSE = frozenset({VictimMessageKind.SURVEY, VictimMessageKind.RIGHTS_LETTER})


@dataclass(frozen=True, slots=True, kw_only=True)
class VictimMessageFacts:
    """All that the gate asks about one message at one moment. None: not known, which refuses.

    `has_same_detail`: the number or address of the plan now is the very one that was checked when it was asked for.
    `is_protected`: domestic abuse or what is like it, by mark, harm, DASH or a suspect who intimidates the person.
    `is_unsafe_for_another`: another person's plan calls the same detail unsafe, or it is a suspect's anywhere.
    `is_right_still`: what it says is true at this moment.
    """

    kind: VictimMessageKind
    channel: Channel
    at: datetime
    expires_at: datetime | None = None
    window: ContactWindow | None = None

    is_released: bool | None = None
    has_template: bool | None = None
    is_template_approved: bool | None = None
    is_recipient_allowed: bool | None = None

    is_erased: bool | None = None
    has_died: bool | None = None
    is_withdrawn_by_force: bool | None = None
    never_contact: bool | None = None
    has_refused_contact: bool | None = None
    has_opted_out: bool | None = None
    is_adult: bool | None = None

    state: ReferralState | None = None
    risk: Risk | None = None
    is_protected: bool | None = None
    has_risky_referral: bool | None = None

    has_plan: bool | None = None
    safe: SafeAnswer | None = None
    channel_safe: SafeAnswer | None = None
    is_plan_unchanged: bool | None = None
    is_plan_fresh: bool | None = None
    has_detail: bool | None = None
    has_same_detail: bool | None = None
    is_suspects_detail: bool | None = None
    is_unsafe_for_another: bool | None = None
    another_may_answer: bool | None = None

    is_asked_by_hand: bool | None = None
    is_warning_confirmed: bool | None = None
    has_seniors_yes: bool | None = None
    is_right_still: bool | None = None
    was_sent_recently: bool | None = None


# Read from top to bottom, the gravest first: the fact, the one value that lets the message go on, else why not.
GATE_CHECKS: tuple[tuple[str, Any, MessageRefusal], ...] = (
    ("is_released", True, _R.NOT_RELEASED),
    ("is_erased", False, _R.ERASED),
    ("has_died", False, _R.DIED),
    ("is_withdrawn_by_force", False, _R.WITHDRAWN_BY_FORCE),
    ("never_contact", False, _R.NEVER_CONTACT),
    ("is_suspects_detail", False, _R.SUSPECTS_DETAIL),
    ("is_unsafe_for_another", False, _R.UNSAFE_FOR_ANOTHER),
    ("has_refused_contact", False, _R.REFUSED_CONTACT),
    ("has_opted_out", False, _R.OPTED_OUT),
    ("has_plan", True, _R.NO_PLAN),
    ("safe", SafeAnswer.YES, _R.CONTACT_NOT_SAFE),
    ("channel_safe", SafeAnswer.YES, _R.CHANNEL_NOT_SAFE),
    ("is_plan_unchanged", True, _R.PLAN_CHANGED),
    ("is_plan_fresh", True, _R.PLAN_TOO_OLD),
    ("has_detail", True, _R.NO_DETAIL),
    ("has_same_detail", True, _R.OTHER_DETAIL),
    ("another_may_answer", False, _R.ANOTHER_MAY_ANSWER),
    ("is_adult", True, _R.CHILD_OR_AGE_UNKNOWN),
    ("has_risky_referral", False, _R.OTHER_REFERRAL),
    ("is_right_still", True, _R.NOT_RIGHT_ANY_MORE),
    ("was_sent_recently", False, _R.SENT_RECENTLY),
    ("has_template", True, _R.NO_TEMPLATE),
    ("is_template_approved", True, _R.TEMPLATE_DIFFERS),
    ("is_recipient_allowed", True, _R.RECIPIENT_NOT_LISTED),
)


def refuse_message(facts: VictimMessageFacts) -> MessageRefusal | None:
    """Why a message may not leave at this moment; None where it may. Only OUTSIDE_WINDOW is a reason to wait."""
    for name, wanted, refusal in GATE_CHECKS:
        if getattr(facts, name) is not wanted:
            return refusal
    if facts.state not in OPEN_STATES:
        return _R.REFERRAL_NOT_OPEN
    return _refuse_in_danger(facts) or _refuse_at_this_time(facts)


def needs_care(*, is_protected: bool | None, risk: Risk | None) -> bool:
    """Whether no message leaves by itself: after abuse, and at a risk that is high or that nobody has judged."""
    return is_protected is not False or risk not in JUDGED_LOW


def needs_seniors_yes(risk: Risk | None) -> bool:
    """Whether a senior caseworker has to agree to a message; a risk that is not known at all counts as high."""
    return risk is None or risk is Risk.HIGH


def _refuse_in_danger(facts: VictimMessageFacts) -> MessageRefusal | None:
    if not needs_care(is_protected=facts.is_protected, risk=facts.risk):
        return None
    if facts.is_asked_by_hand is not True or facts.kind in NEVER_AFTER_ABUSE:
        return _R.PROTECTED
    if facts.is_warning_confirmed is not True:
        return _R.NOT_CONFIRMED
    if needs_seniors_yes(facts.risk) and facts.has_seniors_yes is not True:
        return _R.SENIOR_NEEDED
    return None


def _refuse_at_this_time(facts: VictimMessageFacts) -> MessageRefusal | None:
    if facts.expires_at is None or facts.at >= facts.expires_at:
        return _R.EXPIRED
    if facts.channel.value in CHANNELS_WITHOUT_WINDOW:
        return None
    if facts.window is None or not facts.window.contains(facts.at):
        return _R.OUTSIDE_WINDOW
    return None


def next_leaving(
    window: ContactWindow | None, channel: Channel, at: datetime, *, before: datetime
) -> datetime | None:
    """The first moment from `at` on at which a message may leave, in the person's hours in London; None: none before.

    A letter is bound to no hour.
    """
    if channel.value in CHANNELS_WITHOUT_WINDOW:
        leaving: datetime | None = at
    else:
        leaving = window.next_opening(at) if window is not None else None
    return leaving if leaving is not None and leaving < before else None


@dataclass(frozen=True, slots=True)
class RefusalText:
    """What a caseworker reads about a refusal, and what to do instead. `asks_person`: a task follows."""

    reason: str
    instead: str
    asks_person: bool = True


_CALL = "Reach them in a call, at a time that is safe."
_FIND = "Find a safe way first: ask the police or the agency that knows the person."
REFUSAL_TEXTS: Mapping[MessageRefusal, RefusalText] = {
    _R.NOT_RELEASED: RefusalText(
        "This is a restored copy that sends nothing until it is released.", "Ask an administrator."
    ),
    _R.NO_TEMPLATE: RefusalText("No wording is set up for this message.", _CALL),
    _R.TEMPLATE_DIFFERS: RefusalText(
        "The wording at Notify is not the approved one, so nothing of this kind leaves.",
        "Tell an administrator, and reach the person in a call.",
    ),
    _R.RECIPIENT_NOT_LISTED: RefusalText(
        "This is not the live service: messages go only to numbers that are listed for trying out.",
        "Nothing needs to be done.",
        asks_person=False,
    ),
    _R.ERASED: RefusalText("The person's record was erased.", "Nothing needs to be done.", asks_person=False),
    _R.DIED: RefusalText(
        "It is recorded that this person has died.", "Decide what happens to the referral.", asks_person=False
    ),
    _R.WITHDRAWN_BY_FORCE: RefusalText(
        "The force has taken this referral back.", "Decide what happens to the referral.", asks_person=False
    ),
    _R.REFERRAL_NOT_OPEN: RefusalText(
        "No message leaves while the referral is new, held or closed.",
        "Look at the referral first.",
        asks_person=False,
    ),
    _R.NEVER_CONTACT: RefusalText(
        "This person is linked with another, who must never hear of it, so no message leaves.",
        "Help them in a call that is safe, and never speak of the other person.",
    ),
    _R.REFUSED_CONTACT: RefusalText(
        "The person has said no to being contacted.", "Wait for them to ask.", asks_person=False
    ),
    _R.OPTED_OUT: RefusalText(
        "The person does not want messages of this kind.", "Do not ask again.", asks_person=False
    ),
    _R.CHILD_OR_AGE_UNKNOWN: RefusalText(
        "No message goes to a child, or where the age is not known.", "Speak with the safe adult in a call."
    ),
    _R.NO_PLAN: RefusalText("Nobody has asked how the person can be reached safely.", _FIND),
    _R.CONTACT_NOT_SAFE: RefusalText("Nobody has said that contact is safe.", _FIND),
    _R.CHANNEL_NOT_SAFE: RefusalText("This is not recorded as a safe way.", _CALL),
    _R.PLAN_CHANGED: RefusalText(
        "How to reach the person changed after the message was asked for.",
        "Read the safe-contact plan, and ask for the message again if it is still safe.",
    ),
    _R.PLAN_TOO_OLD: RefusalText("Safe contact was checked too long ago.", _FIND),
    _R.NO_DETAIL: RefusalText("No number or address is recorded for it.", _CALL),
    _R.OTHER_DETAIL: RefusalText(
        "The number or address is another one than when the message was asked for.",
        "Read the safe-contact plan, and ask for the message again if it is still safe.",
    ),
    _R.SUSPECTS_DETAIL: RefusalText(
        "This number or address belongs to a suspect, or to somebody who lives with one.", _FIND
    ),
    # Says nothing of whom it is unsafe for: the reader may not see that record.
    _R.UNSAFE_FOR_ANOTHER: RefusalText("A message to this number or address could do harm.", _FIND),
    _R.ANOTHER_MAY_ANSWER: RefusalText(
        "Somebody else may answer, or a code word was agreed: a message can't ask for it.", _CALL
    ),
    # Says nothing of a referral that the reader may not see.
    _R.OTHER_REFERRAL: RefusalText("A message could do harm.", _CALL),
    _R.PROTECTED: RefusalText(
        "After a crime like this, or at this risk, no message leaves by itself: somebody close may read it.",
        _CALL,
    ),
    _R.NOT_CONFIRMED: RefusalText(
        "A message like this needs your yes after reading the warning.",
        "Read the warning, and ask for it again only if it is still safe.",
    ),
    _R.SENIOR_NEEDED: RefusalText(
        "At high risk a senior caseworker has to agree first.", "Ask a senior caseworker."
    ),
    _R.NOT_RIGHT_ANY_MORE: RefusalText(
        "What it says is not right any more.", "Nothing needs to be sent.", asks_person=False
    ),
    _R.SENT_RECENTLY: RefusalText(
        "The same message left only days ago.", "Wait, or try another call.", asks_person=False
    ),
    _R.EXPIRED: RefusalText("Its time is over.", _CALL),
    _R.OUTSIDE_WINDOW: RefusalText(
        "It is not a safe time for them now.", "It waits for the next safe time.", asks_person=False
    ),
}
# Where a refusal means something of its own for one kind.
_OF_KIND: Mapping[tuple[VictimMessageKind, MessageRefusal], RefusalText] = {
    (VictimMessageKind.TRIED_TO_REACH, _R.NOT_RIGHT_ANY_MORE): RefusalText(
        "The last try was not a call that nobody answered, within the last three days.",
        "Log the call first, or nothing needs to be sent.",
        asks_person=False,
    ),
    (VictimMessageKind.SURVEY, _R.NOT_RIGHT_ANY_MORE): RefusalText(
        "They can't be asked by a link now.",
        "See on the page Support what they can be asked, and how.",
        asks_person=False,
    ),
    (VictimMessageKind.SURVEY, _R.PROTECTED): RefusalText(
        "After a crime like this, or at this risk, no link is sent.",
        "Ask at the next call.",
        asks_person=False,
    ),
    (VictimMessageKind.APPOINTMENT_TOMORROW, _R.NOT_RIGHT_ANY_MORE): RefusalText(
        "The appointment was moved or cancelled.", "Nothing needs to be sent.", asks_person=False
    ),
}


def refusal_text(kind: VictimMessageKind, refusal: MessageRefusal) -> RefusalText:
    """What a caseworker reads about the refusal of a message of this kind."""
    return _OF_KIND.get((kind, refusal), REFUSAL_TEXTS[refusal])
