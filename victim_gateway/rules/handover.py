"""What a provider is given about a person: exactly the chosen parts, and how to contact them safely."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from victim_gateway import times
from victim_gateway.rules.contact_stops import ContactStop
from victim_gateway.rules.safe_contact import safe_channels
from victim_gateway.vocabulary import ConsentHow, HandoverPart, ReferralState, Risk, SafeAnswer

# A number or address is handed over only where one of its own channels is recorded as safe.
CHANNELS_OF_DETAIL = {"number": ("phone", "sms"), "email": ("email",), "address": ("post",)}
# What of a safe-contact plan has to be kept to, whatever the answers are.
_CONTACT_RULES = (
    "days",
    "from_time",
    "until_time",
    "code_word",
    "who_may_answer",
    "say_we_are",
    "withhold_number",
    "words",
)


@dataclass(frozen=True, slots=True)
class HandoverText:
    """What the caseworker writes for the provider; empty: nothing. `remarks` belong to no part."""

    what_happened: str = ""
    wants: str = ""
    remarks: str = ""


@dataclass(frozen=True, slots=True)
class RecordedConsent:
    """The person's yes to sharing with one provider: how it was obtained, and when."""

    how: ConsentHow
    given_at: datetime


@dataclass(frozen=True, slots=True)
class SafeContactSource:
    """The safe-contact plan in force; `document` is the opened plan."""

    safe: SafeAnswer
    checked_on: date | None
    stated_by: str | None
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class HandoverSource:
    """Everything that could be handed over. `safe_contact` always goes; the rest as chosen."""

    person_id: UUID
    name: str | None
    born_on: date | None
    victim_type: str
    offence: str
    recorded_as: str
    district: str | None
    occurred_on: date | None
    what_happened: str
    needs: tuple[dict[str, Any], ...]
    risk: str
    risk_grounds: tuple[str, ...]
    language: str | None
    interpreter_needed: bool
    communication_needs: str | None
    safe_contact: dict[str, Any]
    stops: tuple[ContactStop, ...] = ()

    def age(self, on: date) -> int | None:
        """Whole years on a London date, where the date of birth is known."""
        if self.born_on is None:
            return None
        return times.age_on(self.born_on, on)


def may_be_referred_on(state: ReferralState, *, has_triage_assessment: bool) -> bool:
    """Whether a referral is open for it and the person's needs are known; after a reopening too."""
    if state is ReferralState.REOPENED:
        return has_triage_assessment
    return state in (ReferralState.TRIAGED, ReferralState.SUPPORTED)


def compose_handover(
    source: HandoverSource,
    parts: Collection[HandoverPart],
    text: HandoverText,
    consent: RecordedConsent,
    on: date,
) -> dict[str, Any]:
    """Build the handover of exactly the chosen parts; the same for the preview and for what is sealed.

    Beside the parts it names them, the consent it rests on and its London date; `remarks` where written.
    """
    chosen = [part for part in HandoverPart if part in parts]
    contents: dict[HandoverPart, Mapping[str, Any]] = {
        HandoverPart.NAME: {"name": source.name},
        HandoverPart.AGE: {"age": source.age(on)},
        HandoverPart.CRIME: {
            "offence": source.offence,
            "recorded_as": source.recorded_as,
            "district": source.district,
            "occurred_on": source.occurred_on.isoformat() if source.occurred_on else None,
        },
        HandoverPart.WHAT_HAPPENED: {"what_happened": text.what_happened},
        HandoverPart.NEEDS: {"needs": list(source.needs)},
        HandoverPart.RISK: {"risk": source.risk, "risk_grounds": list(source.risk_grounds)},
        HandoverPart.WANTS: {"wants": text.wants},
        HandoverPart.COMMUNICATION: {
            "language": source.language,
            "interpreter_needed": source.interpreter_needed,
            "communication_needs": source.communication_needs,
        },
    }
    document: dict[str, Any] = {
        "parts": [part.value for part in chosen],
        "shared_on": on.isoformat(),
        "agreed": {"how": consent.how.value, "given_on": times.london_date(consent.given_at).isoformat()},
    }
    for part in chosen:
        document.update(contents[part])
    if text.remarks:
        document["words"] = text.remarks
    return document


def read_handover(document: Mapping[str, Any]) -> dict[str, Any]:
    """Turn a stored handover into what pages show: dates and codes are what they stand for again."""
    shown = dict(document)
    for name in ("shared_on", "occurred_on"):
        if shown.get(name):
            shown[name] = date.fromisoformat(shown[name])
    if "risk" in shown:
        shown["risk"] = Risk(shown["risk"])
    shown["parts"] = tuple(HandoverPart(part) for part in document["parts"])
    agreed = document["agreed"]
    shown["agreed"] = {"how": ConsentHow(agreed["how"]), "given_on": date.fromisoformat(agreed["given_on"])}
    return shown


def compose_safe_contact(plan: SafeContactSource | None) -> dict[str, Any]:
    """Build what a provider learns of safe contact: rules in full, numbers only where they are safe.

    A number or address goes only where contact is safe at all and one of its own channels is. None: no
    plan is in force, and nothing is known to be safe.
    """
    if plan is None:
        return {"safe": SafeAnswer.UNKNOWN.value, "channels": {}, "checked_on": None}
    channels = plan.document.get("channels") or {}
    document: dict[str, Any] = {
        "safe": plan.safe.value,
        "channels": channels,
        "checked_on": plan.checked_on.isoformat() if plan.checked_on else None,
        "stated_by": plan.stated_by,
        **{name: plan.document[name] for name in _CONTACT_RULES if plan.document.get(name)},
    }
    safe = set(safe_channels(plan.safe, plan.document))
    for name, reached_by in CHANNELS_OF_DETAIL.items():
        if safe.intersection(reached_by) and plan.document.get(name):
            document[name] = plan.document[name]
    return document


def describe_needs(
    assessed: Mapping[str, int], areas: Mapping[str, str], steps: Mapping[int, str]
) -> tuple[dict[str, Any], ...]:
    """List the needs above the lowest step of the scale, greatest first, in the terms of today's scale.

    `areas` are the scale's labels by key, `steps` its meanings. A need that the scale has lost since is
    named by its key.
    """
    none = min(steps)
    present = sorted(
        ((key, step) for key, step in assessed.items() if step and step > none),
        key=lambda item: -item[1],
    )
    return tuple(
        {
            "key": key,
            "label": areas.get(key, key.replace("_", " ")),
            "step": step,
            "words": steps.get(step, ""),
        }
        for key, step in present
    )


def summarize_handover(shared: Mapping[str, Any]) -> str:
    """Say in one line what the person needs, as far as it was shared; else what happened, as far as that was."""
    needs = [need["label"] for need in shared.get("needs", ())]
    if needs:
        return ", ".join(needs)
    return str(shared.get("offence") or "Nothing was shared about what they need")
