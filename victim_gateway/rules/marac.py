"""MARAC, the meeting of agencies about domestic abuse at high risk: when it has to be thought of, and what a repeat is.

A repeat is proposed where the person was heard at a meeting within the area's months before and something has been
reported since. A person confirms it, or says with a reason why it is none.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from victim_gateway.vocabulary import Harm, Risk


class MaracReason(StrEnum):
    """Why a person is referred to MARAC."""

    SCORE = "score"
    JUDGEMENT = "judgement"
    ESCALATION = "escalation"
    REPEAT = "repeat"


class MaracOutcome(StrEnum):
    """What became of a referral to MARAC."""

    HEARD = "heard"
    NOT_ACCEPTED = "not_accepted"
    WITHDRAWN = "withdrawn"


def is_marac_question(risk: Risk, harms: Collection[Harm], *, is_dash_high: bool = False) -> bool:
    """Whether it must be decided if the person is referred to MARAC: domestic abuse at high risk.

    A DASH score in the high band asks it by itself: the checklist is for stalking and honour-based abuse too, which
    are recorded as other harms.
    """
    return risk is Risk.HIGH and (Harm.DOMESTIC_ABUSE in harms or is_dash_high)


def last_heard_before(heard_on: Iterable[date], incident_on: date, months: int) -> date | None:
    """The last meeting that makes this incident a repeat: before it, and no longer ago than so many months."""
    earliest = months_before(incident_on, months)
    return max((day for day in heard_on if earliest <= day < incident_on), default=None)


def months_before(day: date, months: int) -> date:
    """The same day so many months earlier, or the last day of a month that is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


@dataclass(frozen=True, slots=True)
class MaracStanding:
    """The last referral of a person to MARAC, as the alert reads it."""

    meeting_on: date | None
    outcome: str | None
    is_repeat: bool


def describe_standing(
    standing: MaracStanding | None, *, incident_on: date, today: date, months: int
) -> str | None:
    """The alert's few words: referred and not heard yet, a repeat, or heard within the months; None for no alert."""
    if standing is None:
        return None
    meeting = f" {_short(standing.meeting_on)}" if standing.meeting_on else ""
    if standing.outcome is None:
        return f"{'repeat, ' if standing.is_repeat else ''}referred{', meeting' + meeting if meeting else ''}"
    if standing.outcome != MaracOutcome.HEARD or standing.meeting_on is None:
        return None
    if standing.meeting_on < months_before(today, months):
        return None
    if last_heard_before((standing.meeting_on,), incident_on, months):
        return f"heard{meeting}, may be a repeat"
    return f"{'repeat, ' if standing.is_repeat else ''}heard{meeting}"


def _short(day: date) -> str:
    return f"{day.day} {day:%b %Y}"


def find_marac_mistakes(
    *, is_referred: bool, reasons: Collection[str], text: str | None, is_repeat: bool | None, proposed: bool
) -> dict[str, str]:
    """What is missing in a decision about MARAC: a message for each field."""
    wrong: dict[str, str] = {}
    has_text = bool((text or "").strip())
    if is_referred and not reasons and not (proposed and is_repeat):
        wrong["reasons"] = "Choose why you refer them"
    if not is_referred and not has_text:
        wrong["text"] = "Say why you do not refer them"
    if is_referred and proposed and is_repeat is None:
        wrong["is_repeat"] = "Choose whether this is a repeat"
    if is_referred and proposed and is_repeat is False and not has_text:
        wrong["text"] = "Say why this is no repeat"
    return wrong
