"""Whether a step of a kind of service can be recorded: its day, its minutes, and what stands already."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from victim_gateway.rules.service_kinds import StepRule
from victim_gateway.service_record_vocabulary import KindStep


@dataclass(frozen=True, slots=True)
class StepFacts:
    """What a step is checked against: today, the day of the offer, what stands already and the free time.

    `recorded` are the steps that stand with their days, `used_minutes` what was given so far.
    """

    today: date
    offered_on: date
    recorded: Mapping[KindStep, date] = field(default_factory=dict)
    used_minutes: int = 0
    free_minutes: int = 0


MOST_MINUTES = 720
OLDEST_STEP = timedelta(days=3660)


def find_step_mistakes(
    rule: StepRule, happened_on: date, minutes: int | None, text: str, facts: StepFacts
) -> Mapping[str, str]:
    """Why a step can't be recorded so, by field; empty where it can."""
    if message := _find_day_mistake(rule, happened_on, facts):
        return {"happened_on": message}
    if rule.is_once and rule.step in facts.recorded:
        return {"step": "That is recorded already. Take it back first if it was wrong"}
    if not rule.counts_minutes:
        return {"minutes": "Only help is counted in minutes: leave this empty"} if minutes else {}
    if minutes is None or not 1 <= minutes <= MOST_MINUTES:
        return {"minutes": f"Enter how many minutes it took, from 1 to {MOST_MINUTES}"}
    beyond = facts.used_minutes + minutes - facts.free_minutes
    if beyond > 0 and not text.strip():
        return {"text": f"That is {beyond} minutes more than the free time. Say why"}
    return {}


def remaining_minutes(used: int, free: int) -> int:
    """What is left of the free time; never below nothing."""
    return max(0, free - used)


def _find_day_mistake(rule: StepRule, happened_on: date, facts: StepFacts) -> str | None:
    if happened_on > facts.today:
        return "The day must be today or in the past"
    if happened_on < facts.today - OLDEST_STEP:
        return "The day lies too far back"
    if not rule.may_precede_offer and happened_on < facts.offered_on:
        return "The day must be on or after the day of the offer"
    asked_on = facts.recorded.get(KindStep.ASKED_FOR_SERVICE)
    if rule.step is KindStep.ENGAGED and asked_on is not None and happened_on < asked_on:
        return "They can't have engaged before they asked"
    return None
