"""What the directory says in words: the rows of a service, and what a change of its history was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from victim_gateway.database.kept_wordings import current_area
from victim_gateway.provider_vocabulary import AnswerUnit, DirectoryStep, ServiceCapacity, ServiceKind
from victim_gateway.queries.providers.directory_pages import DirectoryChangeLine
from victim_gateway.rules.eligibility import SEX_PHRASES, VICTIM_TYPE_PHRASES
from victim_gateway.rules.response_standard import describe_standard
from victim_gateway.rules.service_capacity import CapacityStatement, describe_capacity
from victim_gateway.rules.service_kinds import label_of_kind
from victim_gateway.services.providers.directory_entries import DirectoryEntry
from victim_gateway.vocabulary import Harm
from victim_gateway.web.filters import long_date
from victim_gateway.web.labels import label_of

STEPS = {
    DirectoryStep.ADDED: "Added",
    DirectoryStep.CHANGED: "Changed",
    DirectoryStep.RETIRED: "Retired",
    DirectoryStep.RESTORED: "Offered again",
    DirectoryStep.IMPORTED: "Changed by a file",
    DirectoryStep.SUCCEEDED: "Another provider took over",
    DirectoryStep.CAPACITY_SET: "Said how many people it can take",
    DirectoryStep.CAPACITY_CONFIRMED: "Confirmed how many people it can take",
    DirectoryStep.PLACE_TAKEN: "Accepted a person: one place less",
}
COLUMN_LABELS = {
    "provider_name": "Name",
    "provider_description": "What it does",
    "active_from": "First day",
    "active_until": "Last day",
    "provider_retired_on": "Retired on",
    "service_name": "Name",
    "service_description": "What it does",
    "districts": "Where people must live",
    "needs": "Needs it helps with",
    "victim_types": "Whom it serves",
    "min_age": "Youngest age",
    "max_age": "Oldest age",
    "harms": "Kinds of harm",
    "sexes": "For one sex only",
    "starts_on": "First day of the service",
    "ends_on": "Last day of the service",
    "explicit_consent_only": "Only with explicit consent",
    "restorative_justice": "Restorative justice",
    "eligibility": "Whom it takes, in words",
    "accessibility": "Access",
    "email": "Email address",
    "contact_name": "Registered contact",
    "contact_email": "Email address of the registered contact",
    "phone": "Telephone",
    "kind": "Kind of service",
    "urgent_phone": "Number that answers day and night",
    "contract_starts_on": "Contract starts",
    "contract_ends_on": "Contract ends",
    "answer_unit": "Answers counted in",
    "service_retired_on": "Retired on",
    "capacity": "Can take people",
    "wait_days": "Days people wait",
    "waiting_people": "People who wait",
    "open": "Takes people",
    "capacity_confirmed_at": "Capacity confirmed at",
    "successor": "Successor",
}
EVERYBODY, EVERY_NEED, EVERY_HARM, WHOLE_AREA = "Everybody", "Every need", "Every kind", "The whole area"


@dataclass(frozen=True, slots=True)
class ChangeText:
    """One change in words: what was done, by whom, and what it was before and after."""

    title: str
    by: str
    at: datetime
    lines: Sequence[tuple[str, str, str]]


def _contact(entry: DirectoryEntry) -> str | None:
    return f"{entry.contact_name}, {entry.contact_email}" if entry.contact_email else None


def service_rows(entry: DirectoryEntry) -> list[tuple[str, list[tuple[str, Any]]]]:
    """What a service is, in cards: a title and its rows."""
    ages = [part for part in (_from_age(entry), _to_age(entry)) if part]
    return [
        (
            "Whom it is for",
            [
                ("Kind of service", label_of_kind(entry.kind or ServiceKind.GENERAL)),
                ("What it does", entry.service_description),
                ("Kinds of harm", _listed("harms", entry.harms) or EVERY_HARM),
                ("Needs", _listed("needs", entry.needs) or EVERY_NEED),
                ("Serves", _listed("victim_types", entry.victim_types) or EVERYBODY),
                ("Sex", _listed("sexes", entry.sexes) or EVERYBODY),
                ("Ages", " ".join(ages) if ages else "All ages"),
                ("Where people must live", _listed("districts", entry.districts) or WHOLE_AREA),
                ("Whom it takes, in words", entry.eligibility),
                (
                    "Consent",
                    "Only with their own explicit yes" if entry.explicit_consent_only else "As for all",
                ),
            ],
        ),
        (
            "How to reach it",
            [
                ("Day and night", entry.urgent_phone),
                ("Telephone", entry.phone),
                ("Email address", entry.email),
                ("Website", entry.website),
                ("Hours", entry.hours),
                ("Languages", ", ".join(entry.languages)),
                ("Access", entry.accessibility),
                ("Answers within", describe_standard(entry.answer_within, entry.answer_unit)),
                ("Registered contact, who works by link", _contact(entry)),
            ],
        ),
        (
            "Contract",
            [
                ("Funder", entry.funder),
                ("Contract", _days(entry.contract_starts_on, entry.contract_ends_on)),
                ("Accreditation", entry.accreditation),
                (
                    "Takes people",
                    _days(entry.starts_on or entry.active_from, entry.ends_on or entry.active_until),
                ),
            ],
        ),
    ]


def change_texts(changes: Sequence[DirectoryChangeLine], *, for_provider: bool = False) -> list[ChangeText]:
    """A history in words. To a provider, who did it is its own people by name, and the Gateway."""
    return [
        ChangeText(
            STEPS[change.step],
            change.by_name if change.is_by_provider or not for_provider else "the Gateway",
            change.changed_at,
            _change_lines(change),
        )
        for change in changes
    ]


def planned_lines(before: Mapping[str, str], after: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """What a file would change in one service: column, before, after."""
    return [
        (column_label(name), value_text(name, before.get(name)), value_text(name, value))
        for name, value in after.items()
        if name not in ("provider_key", "service_key", "serves", "open")
    ]


def column_label(name: str) -> str:
    """What a column of the directory is called on a page."""
    return COLUMN_LABELS.get(name) or name.replace("_", " ").capitalize()


def value_text(name: str, value: Any) -> str:
    """A value as the history keeps it, in words; `nothing` for none."""
    if value in (None, "", [], ()):
        return "nothing"
    if name == "capacity":
        return _member_label(ServiceCapacity, value)
    if name == "kind":
        return label_of_kind(ServiceKind(value)) if value in set(ServiceKind) else str(value)
    if name == "answer_unit":
        return _member_label(AnswerUnit, value)
    if name in ("districts", "needs", "victim_types", "harms", "sexes", "languages"):
        parts = value.split(";") if isinstance(value, str) else value
        return _listed(name, parts)
    if name.endswith("_on") or name in ("active_from", "active_until"):
        try:
            return long_date(date.fromisoformat(str(value)))
        except ValueError:
            return str(value)
    return str(value)


def _change_lines(change: DirectoryChangeLine) -> list[tuple[str, str, str]]:
    if change.step in (DirectoryStep.CAPACITY_SET, DirectoryStep.PLACE_TAKEN) and "capacity" in {
        *change.before,
        *change.after,
    }:
        return [("Can take people", _capacity_text(change.before), _capacity_text(change.after))]
    if change.step is DirectoryStep.ADDED:
        return []
    return [
        (column_label(name), value_text(name, change.before.get(name)), value_text(name, value))
        for name, value in change.after.items()
    ]


def _capacity_text(values: Mapping[str, Any]) -> str:
    if "capacity" not in values:
        return "nothing"
    kind = ServiceCapacity(values["capacity"])
    return describe_capacity(
        CapacityStatement(kind, values.get("places"), values.get("waiting_people"), values.get("wait_days"))
    )


def _member_label(members: type[ServiceCapacity] | type[AnswerUnit], value: Any) -> str:
    return label_of(members(value)) if value in {member.value for member in members} else str(value)


def _listed(name: str, parts: Sequence[str]) -> str:
    known: Mapping[str, str] = {}
    if name == "harms":
        known = {harm.value: label_of(harm) for harm in Harm}
    elif name == "needs":
        known = dict(current_area().needs.areas)
    elif name in ("victim_types", "sexes"):
        phrases = VICTIM_TYPE_PHRASES if name == "victim_types" else SEX_PHRASES
        known = {code: text[:1].upper() + text[1:] for code, text in phrases.items()}
    return ", ".join(known.get(part, part) for part in parts)


def _from_age(entry: DirectoryEntry) -> str:
    return f"From {entry.min_age}" if entry.min_age is not None else ""


def _to_age(entry: DirectoryEntry) -> str:
    return f"up to {entry.max_age}" if entry.max_age is not None else ""


def _days(first: date | None, last: date | None) -> str | None:
    if first is None and last is None:
        return None
    parts = [f"from {long_date(first)}" if first else "", f"to {long_date(last)}" if last else ""]
    text = " ".join(part for part in parts if part)
    return text[:1].upper() + text[1:]
