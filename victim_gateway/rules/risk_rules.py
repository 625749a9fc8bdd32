"""How much at risk a person is at least: grounds, the DASH score and incidents as one table of rules.

The page tells the same rows before the form is sent, its script reads them while the form is filled in, and the
service refuses what is below them. A caseworker's judgement may raise the risk with a reason, never lower it.

Where the sources are silent, the rule is what protects the person:
- a risk below the officer's grade needs a reason and a senior's agreement, and until then the officer's grade counts;
- a high risk, or one that a senior questions, is lowered only once a senior agrees;
- an officer's grade that could not be read loosens nothing and asks nothing: it holds the referral by itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from victim_gateway.vocabulary import Risk

if TYPE_CHECKING:
    from config.triage_profile import DashBands

VISIBLE_HIGH_RISK = "visible_high_risk"
PROFESSIONAL_JUDGEMENT = "professional_judgement"
POTENTIAL_ESCALATION = "potential_escalation"
REPEAT = "repeat"
GROUNDS = (VISIBLE_HIGH_RISK, PROFESSIONAL_JUDGEMENT, POTENTIAL_ESCALATION, REPEAT)
DASH_SCORE = "dash_score"
INCIDENTS = "incidents"
"""Grounds that the numbers give by themselves; nobody ticks them."""
_LEVEL = {Risk.UNKNOWN: 0, Risk.STANDARD: 1, Risk.MEDIUM: 2, Risk.HIGH: 3}


@dataclass(frozen=True, slots=True)
class RiskRule:
    """One row: an answer that means at least this risk. `at_least` is of a number, `value` of a ticked box."""

    field: str
    risk: Risk
    because: str
    at_least: int | None = None
    value: str | None = None

    def as_data(self) -> dict[str, Any]:
        """The row as the page's script reads it."""
        return {
            "field": self.field,
            "risk": self.risk.value,
            "because": self.because,
            "atLeast": self.at_least,
            "value": self.value,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskFacts:
    """What the rules read of an assessment. A number that nobody gave is None."""

    risk: Risk
    grounds: Collection[str] = ()
    dash_score: int | None = None
    incidents: int | None = None
    officer_grade: str | None = None
    reason: str | None = None
    below_officer_reason: str | None = None

    @property
    def is_below_officer(self) -> bool:
        """Whether our risk is lower than the officer's grade."""
        return self.officer_grade is not None and _LEVEL[self.risk] < _LEVEL[Risk(self.officer_grade)]


@dataclass(frozen=True, slots=True)
class ReviewedRisk:
    """The risk of one version, whether a senior agreed to it, and the officer's grade when they did."""

    risk: Risk
    is_agreed: bool
    officer_grade: str | None


class ReviewCause(StrEnum):
    """Why a senior caseworker reviews an assessment."""

    HIGH_RISK = "high_risk"
    BELOW_OFFICER = "below_officer"
    LOWERED = "lowered"


@dataclass(frozen=True, slots=True)
class RiskBefore:
    """What counts before an assessment: the referral's risk, and whether a senior questions it or has yet to see it."""

    risk: Risk = Risk.UNKNOWN
    is_questioned: bool = False

    def is_lowered_to(self, risk: Risk) -> bool:
        """Whether this risk takes off what only a senior may: a high one, or one that is being questioned."""
        return _LEVEL[risk] < _LEVEL[self.risk] and (self.risk is Risk.HIGH or self.is_questioned)


def list_risk_rules(bands: DashBands) -> tuple[RiskRule, ...]:
    """Every rule, in the order in which the page tells them."""
    months = f"the last {bands.escalation_months} months"
    return (
        RiskRule("risk_grounds", Risk.HIGH, "it is visible high risk", value=VISIBLE_HIGH_RISK),
        RiskRule("risk_grounds", Risk.HIGH, "it may be escalating", value=POTENTIAL_ESCALATION),
        RiskRule("risk_grounds", Risk.HIGH, "it has happened again", value=REPEAT),
        RiskRule(
            DASH_SCORE, Risk.HIGH, f"the DASH score is {bands.high_from} or more", at_least=bands.high_from
        ),
        RiskRule(
            DASH_SCORE,
            Risk.MEDIUM,
            f"the DASH score is {bands.medium_from} or more",
            at_least=bands.medium_from,
        ),
        RiskRule(
            INCIDENTS,
            Risk.HIGH,
            f"there were {bands.escalation_from} or more incidents in {months}",
            at_least=bands.escalation_from,
        ),
    )


def list_rules_that_hold(facts: RiskFacts, bands: DashBands) -> tuple[RiskRule, ...]:
    """The rules that the answers meet, those of the highest risk first."""
    numbers = {DASH_SCORE: facts.dash_score, INCIDENTS: facts.incidents}
    met = [
        rule
        for rule in list_risk_rules(bands)
        if (rule.value is not None and rule.value in facts.grounds)
        or (rule.at_least is not None and (numbers[rule.field] or 0) >= rule.at_least)
    ]
    return tuple(sorted(met, key=lambda rule: -_LEVEL[rule.risk]))


def least_risk(facts: RiskFacts, bands: DashBands) -> Risk:
    """The lowest risk that the answers allow; standard where no rule holds."""
    return next((rule.risk for rule in list_rules_that_hold(facts, bands)), Risk.STANDARD)


def grounds_of_numbers(facts: RiskFacts, bands: DashBands) -> tuple[str, ...]:
    """The grounds that the score and the incidents give by themselves, to be kept with those that were ticked."""
    held = {rule.field for rule in list_rules_that_hold(facts, bands) if rule.at_least is not None}
    return tuple(field for field in (DASH_SCORE, INCIDENTS) if field in held)


def find_risk_mistakes(facts: RiskFacts, bands: DashBands) -> dict[str, str]:
    """What the answers on risk contradict: a message for each field; empty where they fit together."""
    wrong: dict[str, str] = {}
    rules, least = list_rules_that_hold(facts, bands), least_risk(facts, bands)
    has_judged = PROFESSIONAL_JUDGEMENT in facts.grounds
    is_above_score = facts.dash_score is not None and _LEVEL[facts.risk] > _LEVEL[least]
    if facts.risk is Risk.UNKNOWN:
        wrong["risk"] = "Choose how much at risk the person is"
    elif _LEVEL[facts.risk] < _LEVEL[least]:
        wrong["risk"] = (
            f"Choose at least {least.value} risk, because {rules[0].because}:"
            " your judgement may raise the risk, never lower it"
        )
    elif has_judged and facts.risk is Risk.STANDARD:
        wrong["risk"] = "Judgement as a ground means more than standard"
    if facts.risk is Risk.HIGH and not facts.grounds and least is not Risk.HIGH:
        wrong["risk_grounds"] = "Choose at least one ground for high risk"
    elif is_above_score and not has_judged and "risk" not in wrong:
        wrong["risk_grounds"] = "Choose professional judgement: the risk is above what the score says"
    if has_judged and not (facts.reason or "").strip():
        wrong["risk_reason"] = "Say why your judgement raises the risk"
    if (
        facts.risk is not Risk.UNKNOWN
        and facts.is_below_officer
        and not (facts.below_officer_reason or "").strip()
    ):
        wrong["below_officer_reason"] = (
            f"Say why the risk is lower than the officer's grade, {facts.officer_grade}"
        )
    return wrong


def higher_risk(risk: Risk, officer_grade: str | None) -> Risk:
    """The higher of our risk and the officer's grade."""
    return risk if officer_grade is None else max(risk, Risk(officer_grade), key=lambda found: _LEVEL[found])


def is_grade_above(grade: str | None, other: str | None) -> bool:
    """Whether a grade, or a risk, is higher than another; none is the lowest."""
    levels = [-1 if each is None else _LEVEL[Risk(each)] for each in (grade, other)]
    return levels[0] > levels[1]


def list_standing_agreements(versions: Iterable[ReviewedRisk], officer_grade: str | None) -> tuple[Risk, ...]:
    """The risks that a senior agreed to against this grade or a higher one, since the last assessment of high risk.

    `versions` are the newest first.
    """
    standing = takewhile(lambda version: version.risk is not Risk.HIGH, versions)
    return tuple(
        version.risk
        for version in standing
        if version.is_agreed and not is_grade_above(officer_grade, version.officer_grade)
    )


def risk_that_counts(facts: RiskFacts, before: RiskBefore, causes: Collection[ReviewCause]) -> Risk:
    """The referral's risk once this is assessed: never lower than what a senior has yet to take off."""
    risk = facts.risk
    if ReviewCause.BELOW_OFFICER in causes:
        risk = higher_risk(risk, facts.officer_grade)
    return higher_risk(risk, before.risk) if ReviewCause.LOWERED in causes else risk


def list_review_causes(
    facts: RiskFacts, *, agreed: Collection[Risk] = (), before: RiskBefore | None = None
) -> tuple[ReviewCause, ...]:
    """Why a senior must see the assessment; none where nobody must.

    `agreed` are the risks of earlier versions that a senior agreed to: one that was agreed below the officer's
    grade need not be agreed again, nor anything above it. `before` is what counts until now: nobody takes off a high
    risk alone, nor one that a senior questions.
    """
    lowest = min((_LEVEL[risk] for risk in agreed), default=_LEVEL[Risk.HIGH] + 1)
    causes = []
    if facts.risk is Risk.HIGH:
        causes.append(ReviewCause.HIGH_RISK)
    if facts.is_below_officer and _LEVEL[facts.risk] < lowest:
        causes.append(ReviewCause.BELOW_OFFICER)
    if before is not None and before.is_lowered_to(facts.risk):
        causes.append(ReviewCause.LOWERED)
    return tuple(causes)


def keep_high_grade(risk: Risk, before: str | None, after: str | None) -> Risk:
    """The risk once an officer's grade was changed, by a file or a correction.

    That takes off no high risk: one that was never assessed counts on until a caseworker assessed it and a senior
    agreed.
    """
    return Risk.HIGH if risk is Risk.UNKNOWN and before == Risk.HIGH != after else risk
