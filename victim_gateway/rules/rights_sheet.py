"""Whether a printed rights sheet may be given to a person: it lies in a home that an abuser may share."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from victim_gateway.rules.attempt_safety import SafeContactFacts, explain_unsafe_attempt
from victim_gateway.rules.contact_stops import ContactStop
from victim_gateway.vocabulary import Channel, SafeAnswer, SheetDelivery


@dataclass(frozen=True, slots=True)
class WantedSheet:
    """What is asked for: how it reaches the person, whether they say it is safe, and what they want on it."""

    delivery: SheetDelivery
    is_safe_at_home: bool = False
    with_reference: bool = False


def refused_sheet(
    wanted: WantedSheet,
    facts: SafeContactFacts,
    *,
    stops: Collection[ContactStop],
    domestic_abuse: bool,
    at: datetime,
    recheck_days: int,
) -> Mapping[str, str]:
    """Why the sheet may not be given so, as a sentence for each answer; empty where it may."""
    if stops:
        return {"delivery": "Nobody may contact this person now. Decide what happens to the referral first."}
    refused: dict[str, str] = {}
    if wanted.delivery is SheetDelivery.BY_POST:
        unsafe = explain_unsafe_attempt(facts, Channel.POST.value, attempted_at=at, recheck_days=recheck_days)
        if unsafe:
            refused["delivery"] = f"It can't be posted. {unsafe}"
    elif facts.safe is SafeAnswer.NO:
        refused["delivery"] = "The person said that contact is not safe, so give them nothing to take home."
    if not wanted.is_safe_at_home:
        refused["is_safe_at_home"] = (
            "Ask whether the sheet is safe where they live. If it is not, read it to them instead"
        )
    if wanted.with_reference and domestic_abuse:
        refused["with_reference"] = "After domestic abuse nothing about the case goes on the sheet"
    return refused
