"""Who is proposed for a new referral: the first rule that fits it and has a caseworker who is free.

Rules are data that administrators keep, in their order. A restricted referral is never proposed to anybody: only the
named few may know that it is there. Nothing is given without a person who says so.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from victim_gateway.name_folding import fold_name
from victim_gateway.vocabulary import Harm, Risk


@dataclass(frozen=True, slots=True)
class ProposalRule:
    """What a referral must be, each empty part being anything, and who may then be proposed."""

    code: str
    name: str
    harms: frozenset[str]
    districts: frozenset[str]
    risks: frozenset[str]
    languages: tuple[str, ...]
    user_ids: tuple[UUID, ...]

    def fits(self, referral: UnassignedFacts) -> bool:
        """Whether every part that the rule names is so."""
        spoken = fold_name(referral.language or "")
        return (
            (not self.harms or bool(self.harms & set(referral.harms)))
            and (not self.districts or referral.district in self.districts)
            and (not self.risks or referral.risk in self.risks)
            and (not self.languages or spoken in {fold_name(each) for each in self.languages})
        )


@dataclass(frozen=True, slots=True)
class UnassignedFacts:
    """What the rules read of an unassigned referral. `language` is the person's, where one is recorded.

    `risk` is the one that counts: the officer's grade, as long as nobody assessed it. `is_ranked_high`: it counts as
    one at high risk in the order of work and in a caseload, as domestic abuse does at any risk.
    """

    referral_id: UUID
    harms: Collection[Harm]
    district: str | None
    risk: Risk
    is_ranked_high: bool
    language: str | None
    restricted: bool

    @property
    def weight(self) -> int:
        """How much it counts in a caseload."""
        return 2 if self.is_ranked_high else 1


@dataclass(frozen=True, slots=True)
class FreeCaseworker:
    """One caseworker as the rules see them. `weight`: open referrals, those at high risk counted twice.

    `most_weight` is None where no limit is set. `is_away`: on leave today, disabled, or in another role.
    """

    user_id: UUID
    name: str
    weight: int
    most_weight: int | None
    is_away: bool

    def is_free(self, weight: int, more: int = 0) -> bool:
        """Whether they can take a referral of this weight, beside `more` that they were given meanwhile."""
        return not self.is_away and (
            self.most_weight is None or self.weight + more + weight <= self.most_weight
        )


@dataclass(frozen=True, slots=True)
class ProposedCaseworker:
    """Who is proposed, and by which rule."""

    user_id: UUID
    name: str
    rule: ProposalRule


def propose_caseworkers(
    referrals: Sequence[UnassignedFacts],
    rules: Sequence[ProposalRule],
    caseworkers: Collection[FreeCaseworker],
) -> Mapping[UUID, ProposedCaseworker]:
    """Who is proposed for each of the referrals, in their order: of several the one with the least to do.

    What was proposed before in the same list counts as theirs, so that a list is shared out and nobody goes over
    their limit by it. A referral that no rule fits has no entry.
    """
    given: dict[UUID, int] = {}
    known = {each.user_id: each for each in caseworkers}
    found: dict[UUID, ProposedCaseworker] = {}
    for referral in referrals:
        rule, free = candidates(referral, rules, known, given)
        if rule is None:
            continue
        chosen = min(
            free, key=lambda each: (each.weight + given.get(each.user_id, 0), each.name, each.user_id)
        )
        given[chosen.user_id] = given.get(chosen.user_id, 0) + referral.weight
        found[referral.referral_id] = ProposedCaseworker(chosen.user_id, chosen.name, rule)
    return found


def candidates(
    referral: UnassignedFacts,
    rules: Sequence[ProposalRule],
    caseworkers: Mapping[UUID, FreeCaseworker],
    given: Mapping[UUID, int],
) -> tuple[ProposalRule | None, list[FreeCaseworker]]:
    """The first rule that fits and has a caseworker who is free, and who of it is; none for a restricted referral."""
    if referral.restricted:
        return None, []
    for rule in rules:
        if not rule.fits(referral):
            continue
        named = [caseworkers[user_id] for user_id in rule.user_ids if user_id in caseworkers]
        free = [each for each in named if each.is_free(referral.weight, given.get(each.user_id, 0))]
        if free:
            return rule, free
    return None, []


def write_rule(parts: Mapping[str, Sequence[str]]) -> str:
    """The parts of a rule as the text that its entry keeps, always in the same order."""
    return json.dumps({name: list(parts.get(name, ())) for name in PARTS}, ensure_ascii=False)


PARTS = ("harms", "districts", "risks", "languages", "to")


def describe_rule(body: str | None, names: Mapping[str, str]) -> str:
    """A rule in one line, for its history. `names`: those of accounts, by their keys."""
    if not body:
        return ""
    rule = read_rule("", "", body)
    parts = {
        "harm": [harm.replace("_", " ") for harm in sorted(rule.harms)],
        "district": sorted(rule.districts),
        "risk": sorted(rule.risks),
        "language": rule.languages,
        "to": [names.get(str(user_id), "an account that is gone") for user_id in rule.user_ids],
    }
    return "; ".join(f"{name}: {', '.join(found)}" for name, found in parts.items() if found)


def read_rule(code: str, name: str, body: str | None) -> ProposalRule:
    """The rule of an entry; what can't be read fits nothing, as it names no caseworker."""
    try:
        parts: Mapping[str, Any] = json.loads(body or "{}")
        return ProposalRule(
            code,
            name,
            frozenset(parts.get("harms", ())),
            frozenset(parts.get("districts", ())),
            frozenset(parts.get("risks", ())),
            tuple(parts.get("languages", ())),
            tuple(UUID(each) for each in parts.get("to", ())),
        )
    except (ValueError, AttributeError, TypeError):
        return ProposalRule(code, name, frozenset(), frozenset(), frozenset(), (), ())
