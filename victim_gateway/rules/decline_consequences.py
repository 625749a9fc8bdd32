"""What follows from each reason for which a provider declines, as data: what ships, and what an area keeps over it.

A consequence is carried out when the Gateway confirms the decline; a caseworker may choose another with a reason. In a
ranked group the next service may be asked at once, before that, for the reasons that the list says so of. Never where
the person has to be asked first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from victim_gateway.offer_vocabulary import DeclineConsequence
from victim_gateway.rules.listed_labels import shipped_label
from victim_gateway.vocabulary import DeclineReason

PAUSE_DAYS = 60
AT_ONCE = "at_once"
CONSEQUENCE_PHRASES: Mapping[DeclineConsequence, str] = {
    DeclineConsequence.OFFER_NEXT: "Offer the next service",
    DeclineConsequence.PAUSE_PAIRING: f"Do not offer this service to them for {PAUSE_DAYS} days, and offer the next",
    DeclineConsequence.NOT_ELIGIBLE: "This service is not for them, and offer the next",
    DeclineConsequence.ASK_PERSON: "Ask the person again before anything is offered",
}
STOPPING_CONSEQUENCES = (DeclineConsequence.PAUSE_PAIRING, DeclineConsequence.NOT_ELIGIBLE)


@dataclass(frozen=True, slots=True)
class DeclineRule:
    """What follows from a reason; `is_at_once`: a ranked group goes on before the decline is confirmed."""

    consequence: DeclineConsequence
    is_at_once: bool = False

    @property
    def goes_on(self) -> bool:
        """Whether the next service of a ranked group is asked."""
        return self.consequence is not DeclineConsequence.ASK_PERSON


SHIPPED_DECLINE_RULES: Mapping[DeclineReason, DeclineRule] = {
    DeclineReason.PERSON_SAID_NO: DeclineRule(DeclineConsequence.ASK_PERSON),
    DeclineReason.NOT_ELIGIBLE: DeclineRule(DeclineConsequence.NOT_ELIGIBLE),
    DeclineReason.NEEDS_ANOTHER_SERVICE: DeclineRule(DeclineConsequence.OFFER_NEXT),
    DeclineReason.NO_CAPACITY: DeclineRule(DeclineConsequence.PAUSE_PAIRING, is_at_once=True),
    # Another provider would not reach them safely either.
    DeclineReason.CANNOT_REACH_SAFELY: DeclineRule(DeclineConsequence.ASK_PERSON),
    DeclineReason.CONFLICT_OF_INTEREST: DeclineRule(DeclineConsequence.NOT_ELIGIBLE),
    DeclineReason.OTHER: DeclineRule(DeclineConsequence.OFFER_NEXT),
}
# The person's own no, and what is not safe, are never passed over: whatever is kept, they are asked first.
ALWAYS_ASKED = (DeclineReason.PERSON_SAID_NO, DeclineReason.CANNOT_REACH_SAFELY)
DECLINE_RULE_ENTRIES: tuple[tuple[str, str], ...] = tuple(
    (reason.value, shipped_label(reason)) for reason in DeclineReason
)


def write_decline_rule(rule: DeclineRule) -> str:
    """A rule as the text of its entry in the kept list."""
    return f"{rule.consequence.value} {AT_ONCE}" if rule.is_at_once else rule.consequence.value


def read_decline_rule(reason: DeclineReason, body: str | None) -> DeclineRule:
    """The rule of a reason: what is kept where it can be read, else what ships."""
    kept = (body or "").split()
    if reason in ALWAYS_ASKED or not kept or kept[0] not in set(DeclineConsequence):
        return SHIPPED_DECLINE_RULES[reason]
    consequence = DeclineConsequence(kept[0])
    asks = consequence is DeclineConsequence.ASK_PERSON
    return DeclineRule(consequence, is_at_once=AT_ONCE in kept[1:] and not asks)


def describe_decline_rule(reason: DeclineReason, body: str | None) -> str:
    """A rule in one line."""
    rule = read_decline_rule(reason, body)
    at_once = " (in a ranked group at once, before the decline is confirmed)" if rule.is_at_once else ""
    return f"{CONSEQUENCE_PHRASES[rule.consequence]}{at_once}"


def last_day_of_pause(confirmed_on: date) -> date:
    """The last London date on which a paused pairing is not offered."""
    return confirmed_on + timedelta(days=PAUSE_DAYS)
