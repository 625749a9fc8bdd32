"""What a provider is given about a person: the chosen parts, and always what keeps the person safe.

The risk with its grounds, the harms, domestic abuse, hate crime and childhood, that an interpreter is needed, and how
to contact the person safely go with every handover, whatever was chosen: a provider who does not know them may do
harm. An older handover may lack them; nothing is read into that.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from victim_gateway import times
from victim_gateway.rules.alerts import AlertFacts
from victim_gateway.rules.contact_stops import ContactStop
from victim_gateway.rules.safe_contact import (
    CHANNELS_OF_DETAIL,
    channels_without_detail,
    contact_answers,
    has_safe_channel,
    safe_details,
)
from victim_gateway.vocabulary import (
    Channel,
    ConsentHow,
    HandoverPart,
    Harm,
    OverrideGround,
    ReferralState,
    Risk,
    SafeAnswer,
)

ALWAYS_SHARED = (HandoverPart.RISK,)
"""Parts that nobody can leave out."""
BESIDE_THE_HANDOVER = (HandoverPart.FILES,)
"""Parts that a yes reaches or not, and that are never in the sealed handover: each file is shared by itself."""
ADULT_AGE = 18
_WHAT_A_CHANNEL_LACKS = {
    Channel.PHONE: "phone calls are recorded as safe, but no phone number is",
    Channel.SMS: "text messages are recorded as safe, but no phone number is",
    Channel.EMAIL: "emails are recorded as safe, but no email address is",
    Channel.POST: "letters are recorded as safe, but no full address is",
}
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
    """What the caseworker writes for the provider; empty: nothing. `remarks` belong to no part.

    `kind`: what belongs to the kind of the service, as `service_kinds.compose_kind` makes it; None: nothing does.
    """

    what_happened: str = ""
    wants: str = ""
    remarks: str = ""
    kind: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class RecordedConsent:
    """The person's yes to sharing with one provider: how it was obtained, and when.

    `scope` are the parts it is limited to; empty: none is left out. `is_carried_over`: it was given to the provider
    before, whose work this one took over.
    """

    how: ConsentHow
    given_at: datetime
    scope: tuple[HandoverPart, ...] = ()
    is_carried_over: bool = False


@dataclass(frozen=True, slots=True)
class RecordedOverride:
    """A senior caseworker's yes to sharing with one provider without consent: on what ground, decided when."""

    ground: OverrideGround
    decided_on: date


@dataclass(frozen=True, slots=True)
class SafeContactSource:
    """The safe-contact plan in force; `document` is the opened plan, `person` the person's opened document.

    `is_stale`: the person was asked too long ago, or never.
    """

    safe: SafeAnswer
    checked_on: date | None
    stated_by: str | None
    document: Mapping[str, Any]
    person: Mapping[str, Any] = field(default_factory=dict)
    is_stale: bool = False

    def channels_to_complete(self) -> list[Channel]:
        """The ways that are recorded as safe, but lead nowhere: no number or address is known for them."""
        lacking = channels_without_detail(self.safe, self.document, self.person)
        return [channel for channel in Channel if channel.value in lacking]


@dataclass(frozen=True, slots=True)
class HandoverSource:
    """Everything that could be handed over. Risk, harms, flags and `safe_contact` always go; the rest as chosen.

    `channels_to_complete` are ways recorded as safe without a number or address: nothing goes before they have one.
    """

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
    harms: tuple[Harm, ...] = ()
    hate_strand: str | None = None
    channels_to_complete: tuple[Channel, ...] = ()
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
    basis: RecordedConsent | RecordedOverride,
    on: date,
) -> dict[str, Any]:
    """Build the handover of the chosen parts; the same for the preview and for what is sealed.

    Beside the parts it names them, the consent or the senior caseworker's yes it rests on, and its London date;
    `remarks` where written. What keeps the person safe is in it, chosen or not.
    """
    wanted = {*parts, *ALWAYS_SHARED} - {*BESIDE_THE_HANDOVER}
    chosen = [part for part in HandoverPart if part in wanted]
    age = source.age(on)
    contents: dict[HandoverPart, Mapping[str, Any]] = {
        HandoverPart.NAME: {"name": source.name},
        HandoverPart.AGE: {"age": age},
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
        **_describe_basis(basis),
        "harms": [harm.value for harm in source.harms],
        "domestic_abuse": Harm.DOMESTIC_ABUSE in source.harms,
        "hate_strand": source.hate_strand,
        "is_child": age is not None and age < ADULT_AGE,
        "interpreter_needed": source.interpreter_needed,
    }
    for part in chosen:
        document.update(contents[part])
    if text.remarks:
        document["words"] = text.remarks
    if text.kind:
        document["kind"] = dict(text.kind)
    return document


def _describe_basis(basis: RecordedConsent | RecordedOverride) -> dict[str, Any]:
    if isinstance(basis, RecordedOverride):
        return {"without_consent": {"ground": basis.ground.value, "decided_on": basis.decided_on.isoformat()}}
    return {"agreed": {"how": basis.how.value, "given_on": times.london_date(basis.given_at).isoformat()}}


def read_basis(document: Mapping[str, Any]) -> RecordedConsent | RecordedOverride:
    """What a stored handover rests on; the moment of a yes is the midday of its London date."""
    if override := document.get("without_consent"):
        decided_on = date.fromisoformat(override["decided_on"])
        return RecordedOverride(OverrideGround(override["ground"]), decided_on)
    given_on = date.fromisoformat(document["agreed"]["given_on"])
    moment = times.from_london_wall(datetime.combine(given_on, times.MIDDAY))
    return RecordedConsent(ConsentHow(document["agreed"]["how"]), moment)


def read_handover_values(document: Mapping[str, Any]) -> dict[str, Any]:
    """Turn some fields of a handover into what pages show, such as those of an amendment."""
    shown = dict(document)
    for name in ("shared_on", "occurred_on"):
        if shown.get(name):
            shown[name] = date.fromisoformat(shown[name])
    if shown.get("risk"):
        shown["risk"] = Risk(shown["risk"])
    if shown.get("harms"):
        shown["harms"] = tuple(Harm(harm) for harm in shown["harms"])
    return shown


def read_handover(document: Mapping[str, Any]) -> dict[str, Any]:
    """Turn a stored handover into what pages show: dates and codes are what they stand for again.

    One from before harms and flags always went has none of them.
    """
    shown = read_handover_values(document)
    shown["harms"] = tuple(Harm(harm) for harm in document.get("harms", ()))
    shown["parts"] = tuple(HandoverPart(part) for part in document["parts"])
    basis = read_basis(document)
    if isinstance(basis, RecordedOverride):
        shown["without_consent"] = {"ground": basis.ground, "decided_on": basis.decided_on}
    else:
        shown["agreed"] = {"how": basis.how, "given_on": times.london_date(basis.given_at)}
    return shown


def compose_safe_contact(plan: SafeContactSource | None) -> dict[str, Any]:
    """Build what a provider learns of safe contact: rules in full, numbers only where they are safe.

    A number or address goes only where contact is safe at all and one of its own channels is: the plan's own, else
    the one on record, which is what the caseworker's page shows. A way without one does not read as safe. None: no
    plan is in force, and nothing is known to be safe. An answer that is too old is none: what was safe then may be
    the very way that does harm now.
    """
    if plan is None:
        return {"safe": SafeAnswer.UNKNOWN.value, "channels": {}, "checked_on": None}
    lacking = channels_without_detail(plan.safe, plan.document, plan.person)
    answers = plan.document.get("channels") or {}
    document = {
        "safe": plan.safe.value,
        "channels": {
            channel: SafeAnswer.UNKNOWN.value if channel in lacking else answer
            for channel, answer in answers.items()
        },
        "checked_on": plan.checked_on.isoformat() if plan.checked_on else None,
        "stated_by": plan.stated_by,
        **{name: plan.document[name] for name in _CONTACT_RULES if plan.document.get(name)},
        **safe_details(plan.safe, plan.document, plan.person),
    }
    return withdraw_answers(document) if plan.is_stale else document


def is_check_stale(checked_on: date | None, on: date, recheck_days: int) -> bool:
    """Whether the person was asked too long before a London date, or never: the last day of the limit is past it."""
    return checked_on is None or (on - checked_on).days >= recheck_days


def withdraw_answers(shared: Mapping[str, Any]) -> dict[str, Any]:
    """What a provider learns where the answers are too old: no yes, no number and no address; a no stays.

    The rules (days, times, who may answer) stay too: nothing becomes less careful by age.
    """
    safe = SafeAnswer(shared["safe"])
    kept = {name: value for name, value in shared.items() if name not in CHANNELS_OF_DETAIL}
    unconfirmed = SafeAnswer.UNKNOWN.value
    if safe is SafeAnswer.YES:
        kept["is_stale"] = True
    return {
        **kept,
        "safe": unconfirmed if safe is SafeAnswer.YES else safe.value,
        "channels": {
            channel: unconfirmed if answer == SafeAnswer.YES else answer
            for channel, answer in (shared.get("channels") or {}).items()
        },
    }


def read_safe_contact(shared: Mapping[str, Any], on: date, recheck_days: int) -> dict[str, Any]:
    """What a provider was given of safe contact as it counts on a London date: it grows old after it was sealed."""
    checked_on = date.fromisoformat(shared["checked_on"]) if shared.get("checked_on") else None
    return withdraw_answers(shared) if is_check_stale(checked_on, on, recheck_days) else dict(shared)


def explain_incomplete_channels(channels: Collection[Channel]) -> str:
    """Why nothing can be sent yet, and what to do: a provider would read that a way is safe, and have no number."""
    named = " and ".join(_WHAT_A_CHANNEL_LACKS[channel] for channel in Channel if channel in channels)
    return (
        f"{named[:1].upper()}{named[1:]}. Record it under safe contact, or record that this way is not safe."
    )


def shared_answers(shared: Mapping[str, Any]) -> dict[str, SafeAnswer]:
    """The answer to each channel as a provider may read it: safe only where the number or address came with it."""
    return contact_answers(SafeAnswer(shared["safe"]), shared, {})


def gives_safe_channel(shared: Mapping[str, Any]) -> bool:
    """Whether a provider has been given a way to contact the person; else they find one through us."""
    return has_safe_channel(shared_answers(shared))


def shared_alert_facts(handover: Mapping[str, Any], safe_contact: Mapping[str, Any]) -> AlertFacts:
    """What the alerts of a provider's page are made of: what was shared, and nothing else.

    `handover` is as `read_handover` gives it.
    """
    age = handover.get("age")
    return AlertFacts(
        safe=SafeAnswer(safe_contact["safe"]),
        has_safe_channel=gives_safe_channel(safe_contact),
        risk=handover.get("risk"),
        domestic_abuse=bool(handover.get("domestic_abuse")),
        hate_strand=handover.get("hate_strand"),
        is_child=bool(handover.get("is_child")) or (age is not None and age < ADULT_AGE),
        age=age,
        interpreter_needed=bool(handover.get("interpreter_needed")),
        language=handover.get("language"),
    )


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
