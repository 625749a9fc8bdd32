"""Whether an attempt to reach a person was safe: the channel, its number, the day, the hour and the last check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from victim_gateway import times
from victim_gateway.rules.contact_windows import (
    CHANNELS_WITHOUT_WINDOW,
    WEEKDAYS,
    describe_window,
    read_contact_window,
)
from victim_gateway.rules.safe_contact import VOICEMAIL, contact_answers, safe_channels
from victim_gateway.vocabulary import AttemptOutcome, Channel, SafeAnswer

_ASK = "Find a safe way first: ask the police or the agency that knows the person."
_CHANNEL_NAMES = {
    "phone": "a phone call",
    "voicemail": "leaving a message",
    "sms": "a text message",
    "email": "an email",
    "post": "a letter",
}


@dataclass(frozen=True, slots=True)
class SafeContactFacts:
    """What is known about reaching a person: the plan in force, opened, and the person's document.

    Without a plan `safe` is unknown and `document` empty. `checked_at` is when the person was last asked.
    """

    safe: SafeAnswer
    document: Mapping[str, Any]
    person: Mapping[str, Any]
    checked_at: datetime | None = None

    def is_fresh(self, at: datetime, recheck_days: int) -> bool:
        """Whether the person was asked within the area's days before a moment."""
        return self.checked_at is not None and self.checked_at >= at - timedelta(days=recheck_days)

    def offered_channels(self, at: datetime, recheck_days: int) -> list[Channel]:
        """The channels that an attempt may use: none where nothing is safe or the answers are too old."""
        if self.safe is not SafeAnswer.YES or not self.is_fresh(at, recheck_days):
            return []
        answers = contact_answers(self.safe, self.document, self.person)
        return [channel for channel in Channel if answers[channel.value] is SafeAnswer.YES]


def channels_of_attempt(channel: Channel, outcome: AttemptOutcome) -> tuple[str, ...]:
    """What an attempt used: a message was left by way of a call, and both must be safe."""
    if outcome is AttemptOutcome.VOICEMAIL_LEFT:
        return (channel.value, VOICEMAIL)
    return (channel.value,)


def was_recorded_by(recorded_at: datetime, moment: datetime) -> bool:
    """Whether a plan was recorded before an attempt at a moment; the last of those is the one it is judged by.

    Whatever was recorded since does not make an attempt safe that was not, nor the other way round. A person writes
    down minutes: a plan that was recorded within the minute of the attempt came before it.
    """
    return recorded_at.replace(second=0, microsecond=0) <= moment


def explain_unsafe_attempt(
    facts: SafeContactFacts, channel: str, *, attempted_at: datetime, recheck_days: int
) -> str | None:
    """Why an attempt by this channel at this moment was not safe, and what to do instead; None where it was."""
    if facts.safe is SafeAnswer.UNKNOWN:
        return f"Nobody has said that contact is safe. {_ASK}"
    if facts.safe is SafeAnswer.NO:
        return "The person said that contact is not safe. Wait for them, or ask the police or the agency."
    if channel not in safe_channels(facts.safe, facts.document):
        return f"This way of contact is not recorded as safe. {_offer_others(facts)}"
    if contact_answers(facts.safe, facts.document, facts.person)[channel] is not SafeAnswer.YES:
        return "No number or address is recorded for this way of contact. Record the one that is safe first."
    if not facts.is_fresh(attempted_at, recheck_days):
        return f"Safe contact was last checked more than {recheck_days} days ago. {_ASK}"
    return _explain_closed_window(facts, channel, attempted_at)


def _offer_others(facts: SafeContactFacts) -> str:
    answers = contact_answers(facts.safe, facts.document, facts.person)
    safe = [_CHANNEL_NAMES[channel] for channel, answer in answers.items() if answer is SafeAnswer.YES]
    usable = [name for name in safe if name != _CHANNEL_NAMES[VOICEMAIL]]
    return f"Safe is {' or '.join(usable)}." if usable else _ASK


def _explain_closed_window(facts: SafeContactFacts, channel: str, attempted_at: datetime) -> str | None:
    window = read_contact_window(facts.document)
    if channel in CHANNELS_WITHOUT_WINDOW or window.contains(attempted_at):
        return None
    wall = attempted_at.astimezone(times.LONDON)
    return (
        f"{WEEKDAYS[wall.weekday()]} at {wall:%H:%M} is not a safe time for them."
        f" Safe is {describe_window(window)}. Try again then."
    )
