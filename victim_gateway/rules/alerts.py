"""What a reader must know before anything else about a person: the alerts of every page, in order of danger."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from victim_gateway.vocabulary import Risk, SafeAnswer


class AlertKind(StrEnum):
    """One kind of alert; the order of the members is the order of danger, and of the page."""

    DO_NOT_CONTACT = "do_not_contact"
    NOT_KNOWN_TO_BE_SAFE = "not_known_to_be_safe"
    NEVER_CONTACT = "never_contact"
    HIGH_RISK = "high_risk"
    MARAC = "marac"
    DOMESTIC_ABUSE = "domestic_abuse"
    HATE_CRIME = "hate_crime"
    CHILD = "child"
    INTERPRETER = "interpreter"
    LANGUAGE = "language"
    RESTRICTED = "restricted"
    DECEASED = "deceased"
    WITHDRAWN = "withdrawn"
    HELD = "held"


UNSAFE_ALERTS = frozenset({AlertKind.DO_NOT_CONTACT, AlertKind.NOT_KNOWN_TO_BE_SAFE, AlertKind.NEVER_CONTACT})
"""The alerts that stand as a banner in full; the others are one line of badges."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertFacts:
    """All that the rule reads about one person and referral, or of it what a provider was given.

    `has_safe_channel` is false where contact is said to be safe but no channel with a number or address is.
    `age` is None where it is not known; `is_child` may be known without it. `officer_grade` is the police officer's
    view of the risk in domestic abuse, which counts until a caseworker has assessed it. `marac` says where a referral
    to MARAC stands, in a word or two; a provider is never given it. `never_contact`: the person is linked to somebody
    as a suspect, or as one whom a suspect harms.
    """

    safe: SafeAnswer
    has_safe_channel: bool
    never_contact: bool = False
    risk: Risk | None = None
    officer_grade: str | None = None
    marac: str | None = None
    domestic_abuse: bool = False
    hate_strand: str | None = None
    is_child: bool = False
    age: int | None = None
    interpreter_needed: bool = False
    language: str | None = None
    restricted: bool = False
    deceased: bool = False
    withdrawn: bool = False
    held: bool = False


@dataclass(frozen=True, slots=True)
class PersonAlert:
    """One alert. `detail` is what it adds in a word or two: a strand, an age, a language."""

    kind: AlertKind
    detail: str | None = None


def _must_not_be_contacted(facts: AlertFacts) -> bool:
    return facts.safe is SafeAnswer.NO or facts.deceased


def _is_high_by_officer(facts: AlertFacts) -> bool:
    return facts.risk is Risk.UNKNOWN and facts.officer_grade == Risk.HIGH


_APPLIES: Mapping[AlertKind, Callable[[AlertFacts], bool]] = {
    AlertKind.DO_NOT_CONTACT: _must_not_be_contacted,
    AlertKind.NOT_KNOWN_TO_BE_SAFE: lambda facts: (
        not _must_not_be_contacted(facts) and (facts.safe is SafeAnswer.UNKNOWN or not facts.has_safe_channel)
    ),
    AlertKind.NEVER_CONTACT: lambda facts: facts.never_contact,
    AlertKind.HIGH_RISK: lambda facts: facts.risk is Risk.HIGH or _is_high_by_officer(facts),
    AlertKind.MARAC: lambda facts: bool(facts.marac),
    AlertKind.DOMESTIC_ABUSE: lambda facts: facts.domestic_abuse,
    AlertKind.HATE_CRIME: lambda facts: bool(facts.hate_strand),
    AlertKind.CHILD: lambda facts: facts.is_child,
    AlertKind.INTERPRETER: lambda facts: facts.interpreter_needed,
    AlertKind.LANGUAGE: lambda facts: bool(facts.language) and not facts.interpreter_needed,
    AlertKind.RESTRICTED: lambda facts: facts.restricted,
    AlertKind.DECEASED: lambda facts: facts.deceased,
    AlertKind.WITHDRAWN: lambda facts: facts.withdrawn,
    AlertKind.HELD: lambda facts: facts.held,
}
_DETAIL: Mapping[AlertKind, Callable[[AlertFacts], str | None]] = {
    AlertKind.HIGH_RISK: lambda facts: "by the police" if _is_high_by_officer(facts) else None,
    AlertKind.MARAC: lambda facts: facts.marac,
    AlertKind.HATE_CRIME: lambda facts: facts.hate_strand,
    AlertKind.CHILD: lambda facts: None if facts.age is None else f"aged {facts.age}",
    AlertKind.INTERPRETER: lambda facts: facts.language,
    AlertKind.LANGUAGE: lambda facts: facts.language,
}


def list_alerts(facts: AlertFacts) -> tuple[PersonAlert, ...]:
    """The alerts that apply, the most dangerous first."""
    return tuple(
        PersonAlert(kind, _DETAIL[kind](facts) if kind in _DETAIL else None)
        for kind in AlertKind
        if _APPLIES[kind](facts)
    )
