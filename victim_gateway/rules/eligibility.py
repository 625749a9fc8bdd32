"""Which services a person can be referred on to, why, and in plain sentences why the others do not fit.

A service fits by harm first: it names a harm that the referral carries, or none, which means every harm. Among
those that fit, one that is full comes last; else the one for the gravest harm comes first, then one with
places before one with a waiting list, then the one that meets most needs, then the shortest wait (one that is not
known comes after all that are), then the name.

Where the sources are silent, the rule is what protects the person:
- where they live decides, never where it happened; not knowing is a caution and no refusal;
- age limits of somebody who acts for a child are the child's, whose age is not recorded: a caution;
- support after hate crime needs a strand on record, because what helps depends on it;
- restorative justice after abuse waits for a senior caseworker's yes (`rules.restorative_justice`);
- a service for people who have harmed others is never listed, whoever wrote it into the directory.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from victim_gateway.provider_vocabulary import ServiceKind
from victim_gateway.rules.harms import HARM_PHRASES
from victim_gateway.rules.restorative_justice import harms_needing_yes, phrase_needed
from victim_gateway.rules.service_capacity import CapacityStatement, capacity_order
from victim_gateway.rules.service_kinds import KIND_RULES, KindRules
from victim_gateway.vocabulary import Harm, Risk

# `victim_type` as a sentence can use it. The feed names the first four; a caseworker records the others by hand.
VICTIM_TYPE_PHRASES = {
    "person": "people who were harmed themselves",
    "business": "businesses",
    "bereaved_relative": "bereaved relatives",
    "parent_or_guardian": "parents or guardians",
    "family_member": "family members",
    "friend": "friends",
    "witness": "witnesses",
}
SEX_PHRASES = {"F": "women and girls", "M": "men and boys"}
# Where a service says that it is for people who have harmed others: a victim's details must have no way of getting
# there. Rather one service too many is refused, which whoever imports the directory sees, than one too few.
_SAID_OF_HARMFUL = (
    "people using abuse",
    "people who use abuse",
    "people using violence",
    "people who use violence",
    "men who use",
    "men using",
    "for people who harm",
    "for people who have harmed",
    "for people who abuse",
    "with people who harm",
    "with people who have harmed",
    "with people who abuse",
    "for those who abuse",
    "for those who harm",
    "for perpetrators",
    "with perpetrators",
    "of perpetrators",
    "perpetrator programme",
    "perpetrator intervention",
    "for offenders",
    "with offenders",
    "of offenders",
    "offender management",
    "offender programme",
    "offender service",
    "for abusers",
    "with abusers",
    "behaviour change programme",
    "behaviour change course",
    "change their abusive behaviour",
    "their own abusive behaviour",
    "reduce reoffending",
    "caring dads",
    "drive project",
)
_NAMES_OF_HARMFUL = (
    *_SAID_OF_HARMFUL,
    "perpetrator",
    "offender",
    "offending",
    "behaviour change",
    "abuser",
    "using abuse",
    "drive programme",
    "drive partnership",
    "probation",
)
# Restorative justice is called so, too.
_NAMES_OF_BOTH = ("victim offender", "victim and offender")


@dataclass(frozen=True, slots=True, kw_only=True)
class EligibilityFacts:
    """What of a referral decides which services fit; None: not known. `needs` are keys of the needs scale.

    `harms` stand with the gravest first. `residence` is where the person lives, `wants_restorative_justice` their
    last answer (yes, no, later, not_asked), `has_senior_yes` whether a senior caseworker has agreed to it for all that
    is recorded; `may_be_sexual`: the offence leaves open whether it was a sexual one.
    """

    harms: tuple[Harm, ...]
    residence: str | None
    victim_type: str
    age: int | None
    needs: frozenset[str] = frozenset()
    risk: Risk = Risk.UNKNOWN
    sex: str | None = None
    hate_strand: str | None = None
    wants_restorative_justice: str = "not_asked"
    has_senior_yes: bool = False
    may_be_sexual: bool = False

    @property
    def is_child_guardian(self) -> bool:
        """Whether the person acts for a child, so that their own age says nothing of it."""
        return self.victim_type == "parent_or_guardian"

    @property
    def needed_yes(self) -> tuple[Harm, ...]:
        """The harms after which restorative justice waits for a senior caseworker's yes."""
        return harms_needing_yes(self.harms, is_open=self.may_be_sexual)


@dataclass(frozen=True, slots=True)
class DirectoryService:
    """A service of the directory with its provider.

    Empty lists: everywhere, every need, every victim type, every harm, every sex. `active_from` and `active_until`
    are the provider's days, `starts_on` and `ends_on` those of the service, where it has its own. `has_reader`: an
    account there sees it, or a registered contact works by link; `only_by_link`: it is the contact alone.
    """

    id: UUID
    key: str
    name: str
    description: str
    provider_id: UUID
    provider_name: str
    active_from: date
    active_until: date | None
    districts: tuple[str, ...]
    needs: tuple[str, ...]
    victim_types: tuple[str, ...]
    min_age: int | None
    max_age: int | None
    capacity: CapacityStatement = CapacityStatement()
    harms: tuple[Harm, ...] = ()
    sexes: tuple[str, ...] = ()
    starts_on: date | None = None
    ends_on: date | None = None
    phone: str | None = None
    kind: ServiceKind = ServiceKind.GENERAL
    urgent_phone: str | None = None
    takes_explicit_consent_only: bool = False
    hours: str | None = None
    languages: tuple[str, ...] = ()
    accessibility: str | None = None
    eligibility: str | None = None
    answers_within: str | None = None
    has_reader: bool = True
    only_by_link: bool = False

    @property
    def is_restorative(self) -> bool:
        """Whether it is restorative justice, with its cautions."""
        return self.kind is ServiceKind.RESTORATIVE_JUSTICE

    @property
    def kind_rules(self) -> KindRules:
        """What its kind asks, warns of and records."""
        return KIND_RULES[self.kind]

    @property
    def needs_own_yes(self) -> bool:
        """Whether it takes people only with a yes that they gave themselves, for this provider."""
        return self.takes_explicit_consent_only or self.kind_rules.needs_own_yes


@dataclass(frozen=True, slots=True)
class ServiceFit:
    """How a service fits: why it does not, what to check first, which harms and needs of the person it is for.

    `harms` are empty for a service that helps after any crime. `is_proposed`: the person asked for restorative
    justice. `is_offered`: they are referred on to it already. `needs_senior_yes`: it can be offered only once a
    senior caseworker has said yes. `pause`: what stands between this person and the service for now, if anything.
    """

    service: DirectoryService
    reasons: tuple[str, ...]
    cautions: tuple[str, ...]
    needs: tuple[str, ...]
    harms: tuple[Harm, ...] = ()
    is_proposed: bool = False
    needs_senior_yes: bool = False
    is_offered: bool = False
    pause: str | None = None

    @property
    def fits(self) -> bool:
        """Whether the person can be referred on to it."""
        return not self.reasons

    @property
    def needs_override(self) -> bool:
        """Whether it is full at the moment, so that an offer needs a reason."""
        return self.service.capacity.is_full


def assess_service_fit(service: DirectoryService, facts: EligibilityFacts, on: date) -> ServiceFit:
    """Say how a service fits a person on a London date.

    What is not known about the person never rules a service out: it is a caution, to be checked first. The harm
    is always known: a referral whose harm no list names carries `Harm.OTHER`.
    """
    reasons = [
        *_not_running(service, on),
        *_without_reader(service),
        *_other_harm(service, facts),
        *_wrong_place(service, facts),
        *_wrong_person(service, facts),
        *_not_wanted(service, facts),
    ]
    asks_senior = service.is_restorative and bool(facts.needed_yes)
    return ServiceFit(
        service=service,
        reasons=tuple(reasons),
        cautions=(*_unchecked(service, facts), *_dangers(service, facts)),
        needs=tuple(need for need in service.needs if need in facts.needs),
        harms=tuple(harm for harm in facts.harms if harm in service.harms),
        is_proposed=service.is_restorative and facts.wants_restorative_justice == "yes",
        needs_senior_yes=asks_senior and not facts.has_senior_yes,
    )


def _without_reader(service: DirectoryService) -> Iterable[str]:
    if not service.has_reader:
        yield (
            f"Nobody at {service.provider_name} could read it: no account there sees {service.name}, and the directory"
            " names no contact who works by link. Ask an administrator to add one."
        )


def rank_service_fits(
    services: Iterable[DirectoryService],
    facts: EligibilityFacts,
    on: date,
    *,
    already_offered: Collection[UUID] = (),
) -> tuple[ServiceFit, ...]:
    """Assess every service, best first: by fit, free places, harm, needs, wait and name.

    `already_offered` are the services that have a live onward referral of the same referral: they do not
    fit a second time.
    """
    fits = [assess_service_fit(service, facts, on) for service in services if not is_for_harmers(service)]
    assessed = [_refuse_second_offer(fit) if fit.service.id in already_offered else fit for fit in fits]
    return tuple(sorted(assessed, key=lambda fit: _rank(fit, facts)))


def is_running(service: DirectoryService, on: date) -> bool:
    """Whether a service and its provider are in their days on a London date, whether it takes people or not."""
    outside = (
        *_outside(service.provider_name, service.active_from, service.active_until, on),
        *_outside(service.name, service.starts_on, service.ends_on, on),
    )
    return not outside


def is_for_harmers(service: DirectoryService) -> bool:
    """Whether a service is for people who have harmed others: a victim is never referred on to one."""
    return says_for_harmers(f"{service.key} {service.name} {service.provider_name}", service.description)


def says_for_harmers(names: str, description: str) -> bool:
    """Whether the names of a service and its provider, or the description, say it is for people who harmed others.

    In a description a single word says nothing: support for victims may tell how it keeps perpetrators away.
    """
    named, said = _fold(names), _fold(description)
    for both in _NAMES_OF_BOTH:
        named = named.replace(both, "")
    return any(name in named for name in _NAMES_OF_HARMFUL) or any(name in said for name in _SAID_OF_HARMFUL)


def _fold(text: str) -> str:
    return " ".join(re.findall(r"[a-z0-9]+", text.casefold().replace("behavior", "behaviour")))


def harms_without_service(fits: Iterable[ServiceFit], facts: EligibilityFacts) -> tuple[Harm, ...]:
    """The harms that no service which fits, or has the person already, names: a page says so plainly."""
    served = {harm for fit in fits if fit.fits or fit.is_offered for harm in fit.harms}
    return tuple(harm for harm in facts.harms if harm not in served)


def _rank(fit: ServiceFit, facts: EligibilityFacts) -> tuple[object, ...]:
    # A service for every harm comes after those that name one of the referral's.
    gravest = min((facts.harms.index(harm) for harm in fit.harms), default=len(facts.harms))
    capacity = fit.service.capacity
    free, wait = capacity_order(capacity), capacity.wait_days
    name = (fit.service.provider_name, fit.service.name, fit.service.key)
    return (
        *(not fit.fits, capacity.is_full, gravest, free, -len(fit.needs)),
        *(wait is None, wait or 0, *name),
    )


def _refuse_second_offer(fit: ServiceFit) -> ServiceFit:
    return replace(fit, reasons=(*fit.reasons, "They are already referred on to it."), is_offered=True)


def _not_running(service: DirectoryService, on: date) -> Iterable[str]:
    yield from _outside(service.provider_name, service.active_from, service.active_until, on)
    yield from _outside(service.name, service.starts_on, service.ends_on, on)


def _outside(name: str, first: date | None, last: date | None, on: date) -> Iterable[str]:
    if first is not None and on < first:
        yield f"{name} starts on {_written_date(first)}."
    elif last is not None and on > last:
        yield f"{name} ended on {_written_date(last)}."


def _other_harm(service: DirectoryService, facts: EligibilityFacts) -> Iterable[str]:
    if not service.harms:
        return
    if not set(service.harms) & set(facts.harms):
        yield f"It is for {_joined([HARM_PHRASES[harm] for harm in service.harms])} only."
    elif _rests_on_hate(service, facts) and not facts.hate_strand:
        yield "It needs to know the kind of hate crime, and none is recorded: record it first."


def _rests_on_hate(service: DirectoryService, facts: EligibilityFacts) -> bool:
    return set(service.harms) & set(facts.harms) == {Harm.HATE_CRIME}


def _wrong_place(service: DirectoryService, facts: EligibilityFacts) -> Iterable[str]:
    if service.districts and facts.residence and facts.residence not in service.districts:
        yield f"It is for people who live in {_joined(service.districts)} only."


def served_victim_types(service: DirectoryService) -> tuple[str, ...]:
    """Whom a service serves: as its entry says, and within that whom its kind is for; empty: everybody."""
    own, of_kind = service.victim_types, service.kind_rules.victim_types
    if not of_kind:
        return own
    return tuple(kind for kind in own or VICTIM_TYPE_PHRASES if kind in of_kind) or tuple(sorted(of_kind))


def _wrong_person(service: DirectoryService, facts: EligibilityFacts) -> Iterable[str]:
    served = served_victim_types(service)
    if served and facts.victim_type not in served:
        yield f"It is for {_joined([VICTIM_TYPE_PHRASES[kind] for kind in served])} only."
    if service.sexes and facts.sex in SEX_PHRASES and facts.sex not in service.sexes:
        yield f"It is for {_joined([SEX_PHRASES[sex] for sex in service.sexes])} only."
    if facts.age is None or facts.is_child_guardian:
        return
    if service.min_age is not None and facts.age < service.min_age:
        yield f"It is for people aged {service.min_age} or over."
    if service.max_age is not None and facts.age > service.max_age:
        yield f"It is for people aged {service.max_age} or under."


def _not_wanted(service: DirectoryService, facts: EligibilityFacts) -> Iterable[str]:
    if service.is_restorative and facts.wants_restorative_justice == "no":
        yield "They said no to restorative justice."


def _unchecked(service: DirectoryService, facts: EligibilityFacts) -> Iterable[str]:
    if service.districts and not facts.residence:
        where = "where the business is" if facts.victim_type == "business" else "where they live"
        yield f"It is for people who live in {_joined(service.districts)} only: check {where}, it is not recorded."
    has_age_limit = service.min_age is not None or service.max_age is not None
    if has_age_limit and facts.is_child_guardian:
        yield "It has an age limit: check the age of the child."
    elif has_age_limit and facts.age is None and facts.victim_type != "business":
        yield "It has an age limit, and no date of birth is recorded: check their age."
    if service.sexes and facts.sex not in SEX_PHRASES and facts.victim_type != "business":
        yield f"It is for {_joined([SEX_PHRASES[sex] for sex in service.sexes])}: ask the person."
    if service.is_restorative and facts.wants_restorative_justice in ("not_asked", "later"):
        asked = (
            "They wanted to think about it" if facts.wants_restorative_justice == "later" else "Not asked yet"
        )
        yield f"{asked}: restorative justice is only for people who want it."


def _dangers(service: DirectoryService, facts: EligibilityFacts) -> Iterable[str]:
    after = phrase_needed(facts.needed_yes)
    if service.is_restorative and after:
        said = "has said yes" if facts.has_senior_yes else "must say yes first"
        yield f"Restorative justice after {_joined(after)}: only with a risk plan. A senior caseworker {said}."
    elif service.is_restorative and facts.risk is Risk.HIGH:
        yield "The person is at high risk: make them safe first. Restorative justice can wait."
    wait_days = service.capacity.wait_days
    if wait_days and facts.risk is Risk.HIGH:
        days = f"{wait_days} day{'' if wait_days == 1 else 's'}"
        yield f"People wait about {days}, and the risk is high: agree how they stay safe until then."


def _joined(phrases: Iterable[str]) -> str:
    *first, last = phrases
    return f"{', '.join(first)} and {last}" if first else last


def _written_date(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
