"""The answers to the questions of a kind of service: what is asked, what is wrong, and how a handover says it.

What is not known is never read as harmless: an unknown day or age of a sexual assault is asked for, and counts as
urgent until it is known.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from victim_gateway.provider_vocabulary import ServiceKind
from victim_gateway.rules.service_kinds import (
    ADULT,
    CHILD,
    KIND_RULES,
    NO,
    NOT_KNOWN,
    YES,
    KindQuestion,
)
from victim_gateway.vocabulary import ConsentHow, HandoverPart

ADULT_AGE = 18
LONGEST_ANSWER = 300


@dataclass(frozen=True, slots=True)
class KindFacts:
    """What is on record and decides with the answers: the day of the offer, the age, the area's days and places.

    `acute_place_of_children`: where children are seen after a recent assault; None: at the service itself.
    `min_age` and `max_age` are the service's.
    """

    today: date
    age: int | None = None
    acute_days: int = 7
    acute_place_of_children: str | None = None
    min_age: int | None = None
    max_age: int | None = None


def is_question_asked(question: KindQuestion, answers: Mapping[str, Any], facts: KindFacts) -> bool:
    """Whether a question is put: not what is worked out, what follows another answer, or an age that is on record."""
    if question.is_derived or (question.key == "age_band" and facts.age is not None):
        return False
    if question.asked_after is None:
        return True
    other, wanted = question.asked_after
    return answers.get(other) == wanted


def questions_to_ask(
    kind: ServiceKind, facts: KindFacts
) -> tuple[tuple[KindQuestion, tuple[KindQuestion, ...]], ...]:
    """The questions of an offer in their order, each with those that follow one of its answers."""
    asked = [
        question
        for question in KIND_RULES[kind].questions
        if question.asked_after is not None or is_question_asked(question, {}, facts)
    ]
    return tuple(
        (
            question,
            tuple(each for each in asked if each.asked_after and each.asked_after[0] == question.key),
        )
        for question in asked
        if question.asked_after is None
    )


def find_answer_mistakes(
    kind: ServiceKind, answers: Mapping[str, Any], facts: KindFacts
) -> Mapping[str, str]:
    """What is wrong with the answers at an offer, by question; days are ISO text. Empty where nothing is."""
    wrong: dict[str, str] = {}
    for question in KIND_RULES[kind].questions:
        if not is_question_asked(question, answers, facts):
            continue
        answer = str(answers.get(question.key) or "").strip()
        if not answer:
            if question.missing:
                wrong[question.key] = question.missing
        elif message := _find_answer_mistake(question, answer, facts):
            wrong[question.key] = message
    if message := _find_age_mistake(answers, facts):
        wrong.setdefault("age_band", message)
    return wrong


def settle_answers(kind: ServiceKind, answers: Mapping[str, Any], facts: KindFacts) -> dict[str, str]:
    """The answers as they are kept, with what follows from them; what was not asked is left out."""
    kept = {
        question.key: str(answers[question.key]).strip()
        for question in KIND_RULES[kind].questions
        if is_question_asked(question, answers, facts) and str(answers.get(question.key) or "").strip()
    }
    if KIND_RULES[kind].shows_urgent_contact:
        kept |= _settle_route(kept, facts)
    return kept


def acute_state(occurred_on: date | None, today: date, acute_days: int) -> str:
    """Whether an assault was recent (yes, no, not_known); without a day nobody knows, and it is asked."""
    if occurred_on is None:
        return NOT_KNOWN
    return YES if (today - occurred_on).days <= acute_days else NO


def route_of_age(age: int | None) -> str:
    """The child or the adult route by an age; not_known without one."""
    if age is None:
        return NOT_KNOWN
    return CHILD if age < ADULT_AGE else ADULT


def compose_kind(kind: ServiceKind, answers: Mapping[str, str]) -> dict[str, Any] | None:
    """What of the kind goes into a handover; None where the kind adds nothing to it."""
    rules = KIND_RULES[kind]
    if not answers and not rules.handover_notice:
        return None
    return {"kind": kind.value, "answers": dict(answers)}


def kind_answers_of(handover: Mapping[str, Any]) -> Mapping[str, str]:
    """The answers that a stored handover holds; none where it has no kind."""
    answers: Mapping[str, str] = (handover.get("kind") or {}).get("answers") or {}
    return answers


def keep_kind(handover: Mapping[str, Any], kind: ServiceKind) -> dict[str, Any]:
    """A handover as it goes to a service of this kind: answers that belong to another kind stay behind."""
    shared = handover.get("kind")
    if not shared or shared["kind"] == kind.value:
        return dict(handover)
    kept = {name: value for name, value in handover.items() if name != "kind"}
    of_kind = compose_kind(kind, {})
    return {**kept, "kind": of_kind} if of_kind else kept


def describe_kind(shared: Mapping[str, Any] | None) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    """The label, the notice and the questions with their answers of what a handover says of the kind."""
    if not shared:
        return "", "", ()
    kind = ServiceKind(shared["kind"])
    rules = KIND_RULES[kind]
    answers: Mapping[str, str] = shared.get("answers") or {}
    return (
        rules.label,
        rules.handover_notice,
        tuple(
            (question.label.rstrip("?"), _say_answer(question, answers[question.key]))
            for question in rules.questions
            if answers.get(question.key)
        ),
    )


def is_own_yes(how: ConsentHow, *, is_carried_over: bool = False) -> bool:
    """Whether a yes was obtained from the person for this very provider, and not told by another or carried over."""
    return not is_carried_over and how not in (ConsentHow.THROUGH_POLICE, ConsentHow.THROUGH_AGENCY)


def withheld_parts(kind: ServiceKind, parts: Collection[HandoverPart]) -> tuple[HandoverPart, ...]:
    """Which of these parts never go to a service of this kind."""
    return tuple(part for part in parts if part in KIND_RULES[kind].withheld)


def _find_answer_mistake(question: KindQuestion, answer: str, facts: KindFacts) -> str | None:
    if question.choices and answer not in question.choices:
        return question.missing or "Choose one of the answers"
    if question.is_day:
        try:
            day = date.fromisoformat(answer)
        except ValueError:
            return question.missing or "Enter a day"
        return "The day must be today or in the past" if day > facts.today else None
    if not question.choices and len(answer) > LONGEST_ANSWER:
        return f"Shorten this to {LONGEST_ANSWER} characters"
    return None


def _find_age_mistake(answers: Mapping[str, Any], facts: KindFacts) -> str | None:
    """An age that is said must fit the service as one on record must."""
    if facts.age is not None:
        return None
    said = answers.get("age_band")
    if said == CHILD and facts.min_age is not None and facts.min_age >= ADULT_AGE:
        return "This service is for adults. Choose the one for children"
    if said == ADULT and facts.max_age is not None and facts.max_age < ADULT_AGE:
        return "This service is for children. Choose the one for adults"
    return None


def _settle_route(answers: Mapping[str, str], facts: KindFacts) -> dict[str, str]:
    said = answers.get("assault_on")
    acute = acute_state(date.fromisoformat(said) if said else None, facts.today, facts.acute_days)
    route = route_of_age(facts.age) if facts.age is not None else answers.get("age_band", NOT_KNOWN)
    settled = {"acute": acute, "route": route}
    if acute != NO and route != ADULT and facts.acute_place_of_children:
        settled["place"] = f"Children: {facts.acute_place_of_children}"
    return settled


def _say_answer(question: KindQuestion, answer: str) -> str:
    if question.is_day:
        day = date.fromisoformat(answer)
        return f"{day.day} {day:%B %Y}"
    return question.choices.get(answer, answer)
