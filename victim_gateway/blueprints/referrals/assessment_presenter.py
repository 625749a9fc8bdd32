"""A triage assessment in words: its answers, what changed since the one before, what it proposes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import url_for
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.referrals.assessment_fields import (
    ANSWER_LABELS,
    CHILDREN_LABELS,
    DONE_BY_LABELS,
    SAFEGUARDING_LABELS,
)
from victim_gateway.blueprints.referrals.needs_presenter import (
    CATEGORY_LABELS,
    RJ_LABELS,
    NeedLevel,
    need_levels,
)
from victim_gateway.database.kept_wordings import current_area
from victim_gateway.queries.referrals.header import ReferralHeader
from victim_gateway.queries.referrals.overview import AssessmentVersion, RelatedReferral, related_referrals
from victim_gateway.queries.referrals.review_list import possible_reviewers
from victim_gateway.rules.marac import months_before
from victim_gateway.rules.next_steps_of_triage import TriageStep, TriageStepFacts, propose_triage_steps
from victim_gateway.rules.risk_rules import (
    ReviewCause,
    ReviewedRisk,
    RiskFacts,
    list_review_causes,
    list_risk_rules,
    list_standing_agreements,
)
from victim_gateway.rules.triage_questions import (
    COMMUNICATION_LABELS,
    NOT_ASKED,
    HouseholdAnswers,
    label_of_question,
    list_victim_questions,
)
from victim_gateway.vocabulary import Harm, Risk, TaskKind
from victim_gateway.web.filters import long_date
from victim_gateway.web.labels import ground_label, label_of
from victim_gateway.web.permissions import may_use
from victim_gateway.web.sessions import signed_in_actor

REVIEW_CAUSES = {
    "high_risk": "the risk is high",
    "below_officer": "the risk is lower than the officer's grade",
    "lowered": "the risk is lower than before",
}
NOTHING_SAID = "Not recorded"
_STEP_TEXTS = {
    TriageStep.MARAC: "Decide whether to refer to MARAC",
    TriageStep.SAFEGUARDING: "Make the safeguarding referral for the children",
    TriageStep.INTERPRETER: "Book the interpreter before the next call",
    TriageStep.URGENT_NEED: "Deal with the urgent need first",
    TriageStep.WHO_COULD_HELP: "See who could help",
    TriageStep.RESTORATIVE_JUSTICE: "See whether restorative justice is safe",
    TriageStep.SAFE_ADULT: "Check the safe adult and whether the child decides for themselves",
}
_STEP_PAGES = {
    TriageStep.MARAC: "referrals.marac",
    TriageStep.SAFEGUARDING: "referrals.overview",
    TriageStep.INTERPRETER: "referrals.contact",
    TriageStep.URGENT_NEED: "onward_referrals.refer_on",
    TriageStep.WHO_COULD_HELP: "onward_referrals.refer_on",
    TriageStep.RESTORATIVE_JUSTICE: "onward_referrals.restorative_justice",
    TriageStep.SAFE_ADULT: "referrals.safe_adult",
}


@dataclass(frozen=True, slots=True)
class AnswerChange:
    """One answer that differs from the version before."""

    what: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class AssessmentView:
    """One version as its page shows it. `changes` is None where there is no version before."""

    item: AssessmentVersion
    needs: list[NeedLevel]
    answers: list[tuple[str, str]]
    changes: list[AnswerChange] | None
    review_causes: str


@dataclass(frozen=True, slots=True)
class OpenReview:
    """A review that waits: why, which earlier version asked for it, and the names of who can do it."""

    causes: str
    asked_by_version: int | None
    is_own: bool
    reviewers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ProposedStep:
    """Something that the answers propose, and where it is done."""

    text: str
    href: str


def present_version(item: AssessmentVersion, before: Sequence[AssessmentVersion]) -> AssessmentView:
    """A version beside the one before it, where `before` has one."""
    earlier = before[0] if before else None
    return AssessmentView(
        item=item,
        needs=need_levels(item, earlier),
        answers=[(what, said) for what, said in _answers(item).items() if said != NOTHING_SAID],
        changes=_list_changes(earlier, item) if earlier else None,
        review_causes=" and ".join(REVIEW_CAUSES.get(cause, cause) for cause in item.review_causes),
    )


def describe_questions(session: Session, head: ReferralHeader, at: datetime) -> Mapping[str, Any]:
    """What the form tells beside its questions: the rules of risk, the officer's grade, earlier referrals."""
    area = current_area()
    rules = list_risk_rules(area.triage.dash)
    since = months_before(times.london_date(at), area.thresholds.repeat_victim_months)
    earlier = [
        other
        for other in related_referrals(session, head.referral)
        if times.london_date(other.received_at) >= since
    ]
    return {
        "rules_by_risk": [
            (risk, [rule.because for rule in rules if rule.risk is risk]) for risk in (Risk.HIGH, Risk.MEDIUM)
        ],
        "rules_data": json.dumps([rule.as_data() for rule in rules]),
        "escalation_months": area.triage.dash.escalation_months,
        "officer_grade": head.referral.officer_grade,
        "victim_questions": list_victim_questions(head.referral.victim_type, is_child=head.is_child),
        "recent": _describe_recent(earlier),
        "repeat_months": area.thresholds.repeat_victim_months,
        "is_dash_expected": Harm.DOMESTIC_ABUSE in head.referral.harms,
        "review_days": area.triage.review_working_days,
    }


def may_review(head: ReferralHeader, found: Sequence[AssessmentVersion]) -> bool:
    """Whether the reader is a senior who did not make the last assessment, and it waits for a review."""
    is_open = any(task.kind is TaskKind.HIGH_RISK_REVIEW for task in head.tasks)
    return (
        bool(found)
        and is_open
        and may_use(Permission.REVIEW_ASSESSMENT)
        and found[0].by_id != signed_in_actor().user_id
    )


def present_open_review(
    session: Session, head: ReferralHeader, found: Sequence[AssessmentVersion]
) -> OpenReview | None:
    """The review that waits, whichever version asked for it; None where none does."""
    if not found or not any(task.kind is TaskKind.HIGH_RISK_REVIEW for task in head.tasks):
        return None
    asked_by = next((item for item in found if item.waits_for_review), found[0])
    causes = " and ".join(REVIEW_CAUSES.get(cause, cause) for cause in asked_by.review_causes)
    is_earlier = asked_by is not found[0]
    if is_earlier or not causes:
        causes = f"version {asked_by.version} asked for it" + (f": in it {causes}" if causes else "")
    return OpenReview(
        causes=causes,
        asked_by_version=asked_by.version if is_earlier else None,
        is_own=found[0].by_id == signed_in_actor().user_id,
        reviewers=possible_reviewers(session, head.referral, author_id=found[0].by_id),
    )


def has_higher_grade(head: ReferralHeader, found: Sequence[AssessmentVersion]) -> bool:
    """Whether the officer's grade became higher than our risk after the last assessment was made."""
    if not found:
        return False
    last, grade = found[0], head.referral.officer_grade
    facts = RiskFacts(risk=last.risk, officer_grade=grade)
    if ReviewCause.BELOW_OFFICER in last.review_causes and last.review is None:
        # It waits for a senior: only a grade that rose since has asked for another assessment.
        return facts.is_below_officer and any(task.kind is TaskKind.ASSESS_AGAIN for task in head.tasks)
    reviewed = (
        ReviewedRisk(
            item.risk,
            item.review is not None and item.review.agreed,
            item.review.officer_grade if item.review else None,
        )
        for item in found
    )
    agreed = list_standing_agreements(reviewed, grade)
    return ReviewCause.BELOW_OFFICER in list_review_causes(facts, agreed=agreed)


def propose_steps(head: ReferralHeader, item: AssessmentVersion) -> tuple[ProposedStep, ...]:
    """What the last assessment proposes; the caseworker decides."""
    steps = dict(current_area().needs.steps)
    facts = TriageStepFacts(
        risk=item.risk,
        is_marac_open=any(task.kind is TaskKind.MARAC_DECISION for task in head.tasks),
        greatest_need=max(item.needs.values(), default=0),
        top_step=max(steps),
        wanted=item.wanted,
        wants_restorative_justice=item.wants_restorative_justice,
        household=item.household,
        is_child=head.is_child,
    )
    return tuple(
        ProposedStep(_STEP_TEXTS[step], url_for(_STEP_PAGES[step], referral_id=head.referral.id))
        for step in propose_triage_steps(facts)
    )


def _describe_recent(earlier: Sequence[RelatedReferral]) -> list[str]:
    return [f"{other.reference}: {other.offence}, {long_date(other.received_at)}" for other in earlier]


def _list_changes(before: AssessmentVersion, after: AssessmentVersion) -> list[AnswerChange]:
    earlier, later = _comparable(before), _comparable(after)
    return [
        AnswerChange(what, earlier.get(what, NOTHING_SAID), said)
        for what, said in later.items()
        if said != earlier.get(what, NOTHING_SAID)
    ]


def _comparable(item: AssessmentVersion) -> dict[str, str]:
    needs = {need.label: need.step_label for need in need_levels(item)}
    return {"Risk": label_of(item.risk)} | _answers(item) | needs


def _answers(item: AssessmentVersion) -> dict[str, str]:
    """Every answer but risk and needs, by what it is about."""
    wants = dict(current_area().triage.wants)
    dash = NOTHING_SAID
    if item.dash_score is not None and item.dash_on is not None:
        who = DONE_BY_LABELS.get(item.dash_by or "", "").replace("We did", "us").replace("The ", "the ")
        dash = f"{item.dash_score} of 24, {long_date(item.dash_on)}, by {who.replace('Another', 'another')}"
    return {
        "DASH score": dash,
        "Incidents": NOTHING_SAID if item.incidents is None else str(item.incidents),
        "At least, by the rules": label_of(item.least_risk) if item.least_risk else NOTHING_SAID,
        "Grounds": ", ".join(ground_label(ground) for ground in item.risk_grounds) or "None given",
        "Why judgement raises it": item.risk_reason or NOTHING_SAID,
        "Why it is below the officer's grade": item.below_officer_reason or NOTHING_SAID,
        "What they want": "; ".join(wants.get(key, key.replace("_", " ")) for key in item.wanted)
        or NOTHING_SAID,
        "What they want, in their words": item.wants_text or NOTHING_SAID,
        **_household_answers(item.household),
        "Enhanced rights": ", ".join(CATEGORY_LABELS.get(each, each) for each in item.enhanced_categories)
        or "None found",
        "Restorative justice": RJ_LABELS.get(item.wants_restorative_justice, item.wants_restorative_justice),
        "In their words": item.note or NOTHING_SAID,
    }


def _household_answers(said: HouseholdAnswers) -> dict[str, str]:
    children = NOTHING_SAID if said.children == NOT_ASKED else CHILDREN_LABELS[said.children]
    if said.children == "yes":
        number, ages = said.number_of_children, ", ".join(str(age) for age in said.ages)
        children = f"{number or 'Yes'}{f', aged {ages}' if ages else ''}"
    communication = [
        COMMUNICATION_LABELS[code] for code in said.communication if code in COMMUNICATION_LABELS
    ]
    if said.language:
        communication.append(said.language)
    found = {
        "Children in the household": children,
        "With whom they live": said.children_with or NOTHING_SAID,
        "Safeguarding referral": NOTHING_SAID
        if said.safeguarding == NOT_ASKED
        else SAFEGUARDING_LABELS[said.safeguarding].partition(":")[0],
        "Communication": ", ".join(communication) or NOTHING_SAID,
    }
    return found | {label_of_question(key): ANSWER_LABELS[answer] for key, answer in said.answers.items()}
