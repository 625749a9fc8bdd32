"""What is handed over to a provider: gathered from the record, then cut to exactly what was chosen."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.database import encrypted_rows
from victim_gateway.database.current import current_settings
from victim_gateway.errors import NotFound
from victim_gateway.models import Consent, Person, Referral, SafeContactPlan, TriageAssessment
from victim_gateway.queries.onward_referrals.eligibility import Case
from victim_gateway.vocabulary import (
    ConsentHow,
    ConsentPurpose,
    HandoverPart,
    ReferralState,
    Risk,
    SafeAnswer,
)

# A number or address is handed over only where its own channel is recorded as safe.
REACHED_BY = {"number": ("phone", "sms"), "email": ("email",), "address": ("post",)}
# What the sealed halves of an onward referral are bound to: one can't stand in for the other.
HANDOVER, SAFE_CONTACT = "onward_referral", "onward_referral.safe_contact"
_RULES = (
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
class Texts:
    """What the caseworker writes for the provider; empty: nothing."""

    what_happened: str = ""
    wants: str = ""
    words: str = ""


@dataclass(frozen=True, slots=True)
class Agreed:
    """The person's yes to sharing with this provider: how it was obtained, and when."""

    how: ConsentHow
    given_at: datetime


@dataclass(frozen=True, slots=True)
class Material:
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

    def age(self, on: date) -> int | None:
        """Whole years on a London date, where the date of birth is known."""
        if self.born_on is None:
            return None
        return on.year - self.born_on.year - ((on.month, on.day) < (self.born_on.month, self.born_on.day))

    def case(self, on: date) -> Case:
        """What of it decides which services fit."""
        needs = frozenset(need["key"] for need in self.needs)
        return Case(self.district, self.victim_type, self.age(on), needs)


def material(session: Session, referral_id: UUID) -> Material:
    """What could be handed over of a referral. Raises NotFound when it is absent or not the reader's."""
    referral = session.get(Referral, referral_id)
    person = session.get(Person, referral.person_id) if referral else None
    if referral is None or person is None:
        raise NotFound()
    key = encrypted_rows.open_key(session, person.key_id)
    document = encrypted_rows.unseal_row(key, "person", person.id, person.sealed)
    story = encrypted_rows.unseal_row(key, "referral", referral.id, referral.sealed)
    triage = _last_triage(session, referral_id)
    born = document.get("date_of_birth")
    return Material(
        person_id=person.id,
        name=_name(document),
        born_on=date.fromisoformat(born) if born else None,
        victim_type=referral.victim_type,
        offence=referral.offence,
        recorded_as=referral.recorded_as,
        district=referral.district,
        occurred_on=times.london_date(referral.occurred_from) if referral.occurred_from else None,
        what_happened=story.get("what_happened") or "",
        needs=_needs(triage),
        risk=referral.risk.value,
        risk_grounds=tuple(triage.risk_grounds) if triage else (),
        language=document.get("language"),
        interpreter_needed=referral.interpreter_needed,
        communication_needs=document.get("communication_needs"),
        safe_contact=safe_contact_document(session, person.id, key),
    )


def safe_contact_document(session: Session, person_id: UUID, person_key: bytes) -> dict[str, Any]:
    """How the person may be reached now, for a provider: rules in full, numbers only where they are safe."""
    plan = session.scalar(
        select(SafeContactPlan).where(
            SafeContactPlan.person_id == person_id, SafeContactPlan.superseded_at.is_(None)
        )
    )
    if plan is None:
        return {"safe": SafeAnswer.UNKNOWN.value, "channels": {}, "checked_on": None}
    held = encrypted_rows.unseal_row(person_key, "safe_contact_plan", plan.id, plan.sealed)
    channels = held.get("channels") or {}
    document: dict[str, Any] = {
        "safe": plan.safe.value,
        "channels": channels,
        "checked_on": times.london_date(plan.checked_at).isoformat() if plan.checked_at else None,
        "stated_by": plan.stated_by,
        **{name: held[name] for name in _RULES if held.get(name)},
    }
    if plan.safe is SafeAnswer.YES:
        for name, ways in REACHED_BY.items():
            if held.get(name) and any(channels.get(way) == SafeAnswer.YES for way in ways):
                document[name] = held[name]
    return document


def compose(
    found: Material, parts: Collection[HandoverPart], texts: Texts, agreed: Agreed, on: date
) -> dict[str, Any]:
    """The handover: exactly the chosen parts. The same for the preview and for what is sealed."""
    chosen = [part for part in HandoverPart if part in parts]
    contents: dict[HandoverPart, Mapping[str, Any]] = {
        HandoverPart.NAME: {"name": found.name},
        HandoverPart.AGE: {"age": found.age(on)},
        HandoverPart.CRIME: {
            "offence": found.offence,
            "recorded_as": found.recorded_as,
            "district": found.district,
            "occurred_on": found.occurred_on.isoformat() if found.occurred_on else None,
        },
        HandoverPart.WHAT_HAPPENED: {"what_happened": texts.what_happened},
        HandoverPart.NEEDS: {"needs": list(found.needs)},
        HandoverPart.RISK: {"risk": found.risk, "risk_grounds": list(found.risk_grounds)},
        HandoverPart.WANTS: {"wants": texts.wants},
        HandoverPart.COMMUNICATION: {
            "language": found.language,
            "interpreter_needed": found.interpreter_needed,
            "communication_needs": found.communication_needs,
        },
    }
    document: dict[str, Any] = {
        "parts": [part.value for part in chosen],
        "shared_on": on.isoformat(),
        "agreed": {"how": agreed.how.value, "given_on": times.london_date(agreed.given_at).isoformat()},
    }
    for part in chosen:
        document.update(contents[part])
    if texts.words:
        document["words"] = texts.words
    return document


def recorded_yes(session: Session, person_id: UUID, provider_id: UUID) -> Agreed | None:
    """The person's yes to sharing with a provider, if one is in force."""
    held = session.execute(
        select(Consent.agreed, Consent.how, Consent.given_at).where(
            Consent.person_id == person_id,
            Consent.purpose == ConsentPurpose.SHARE_WITH_PROVIDER,
            Consent.recipient_organisation_id == provider_id,
            Consent.withdrawn_at.is_(None),
        )
    ).first()
    return Agreed(held.how, held.given_at) if held is not None and held.agreed else None


def readable(document: Mapping[str, Any]) -> dict[str, Any]:
    """A handover as pages show it: dates and codes are what they stand for again."""
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


def may_be_referred_on(session: Session, referral: Referral) -> bool:
    """Whether a person's needs are known and the referral is open for it; after a reopening too."""
    if referral.state is ReferralState.REOPENED:
        return _last_triage(session, referral.id) is not None
    return referral.state in (ReferralState.TRIAGED, ReferralState.SUPPORTED)


def _name(document: Mapping[str, Any]) -> str | None:
    person = " ".join(document[part] for part in ("given_name", "family_name") if document.get(part))
    business = document.get("organisation_name")
    if business and (person or document.get("organisation_contact")):
        return f"{business} ({person or document['organisation_contact']})"
    return business or person or None


def _last_triage(session: Session, referral_id: UUID) -> TriageAssessment | None:
    return session.scalar(
        select(TriageAssessment)
        .where(TriageAssessment.referral_id == referral_id)
        .order_by(TriageAssessment.version.desc())
        .limit(1)
    )


def _needs(triage: TriageAssessment | None) -> tuple[dict[str, Any], ...]:
    """The needs above the lowest step of the scale, greatest first, in the words of today's scale."""
    if triage is None:
        return ()
    scale = current_settings().area.needs
    labels, steps = dict(scale.areas), dict(scale.steps)
    none = min(steps)
    present = sorted(
        ((key, value) for key, value in triage.needs.items() if value and value > none),
        key=lambda item: -item[1],
    )
    return tuple(
        {
            "key": key,
            "label": labels.get(key, key.replace("_", " ")),
            "step": value,
            "words": steps.get(value, ""),
        }
        for key, value in present
    )
