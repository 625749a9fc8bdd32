"""What belongs to each kind of service: questions at the offer, cautions, and the steps that its provider records.

Forms, handovers, the pages of both sides, timelines and figures read this table; nothing asks for a service by name.
What is not known is never read as harmless: an unknown day or age of a sexual assault is asked for, and counts as
urgent until it is known.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from victim_gateway.provider_vocabulary import ServiceKind
from victim_gateway.service_record_vocabulary import KindStep
from victim_gateway.vocabulary import ConsentHow, HandoverPart

ADULT_AGE = 18
LONGEST_ANSWER = 300
YES, NO, NOT_KNOWN = "yes", "no", "not_known"
CHILD, ADULT = "child", "adult"
OWN_YES = (
    "This service takes people only with a yes that they gave themselves, for this provider. A yes that came through"
    " the police or an agency, or from a provider before, is not enough: ask the person, and record what they say"
)
OTHER_SIDE_WARNING = (
    "Write nothing that tells who the other person is: no name, number, address or workplace. Their side is kept by"
    " the hub, never in this record."
)


@dataclass(frozen=True, slots=True)
class KindQuestion:
    """One question at the offer. Without `choices` the answer is a line of text, or a day where `is_day`.

    `asked_after`: another question and the answer to it after which alone this one is asked. `missing` is what a
    refusal says; empty: it may be left out. `is_derived`: worked out from the others, never typed.
    """

    key: str
    label: str
    choices: Mapping[str, str] = field(default_factory=dict)
    hint: str = ""
    missing: str = ""
    is_day: bool = False
    is_derived: bool = False
    asked_after: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class StepRule:
    """One step that a provider records: `counts_minutes` of the free time, or has a day only.

    `may_precede_offer`: what it stands for may lie before the offer. `is_once`: it stands once, until taken back.
    """

    step: KindStep
    label: str
    group: str
    counts_minutes: bool = False
    may_precede_offer: bool = False
    is_once: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class KindRules:
    """Everything that one kind has and another has not.

    `handover_notice` goes with every handover, `offer_notice` is read by the caseworker. `withheld` parts are never
    handed over. `victim_types`: whom it is for, whatever its entry says; empty: as its entry says.
    `keeps_other_side_out`: no text may tell who the other person is. `is_asked_alone`: its questions are its own, so
    that it can't stand in a group of offers. `contact_runs_from_report`: its first contact is due from the report.
    """

    label: str
    questions: tuple[KindQuestion, ...] = ()
    steps: tuple[StepRule, ...] = ()
    handover_notice: str = ""
    offer_notice: str = ""
    withheld: frozenset[HandoverPart] = field(default_factory=frozenset)
    victim_types: frozenset[str] = field(default_factory=frozenset)
    needs_own_yes: bool = False
    keeps_other_side_out: bool = False
    is_asked_alone: bool = False
    shows_urgent_contact: bool = False
    contact_runs_from_report: bool = False
    has_free_time: bool = False
    counts_engagement: bool = False

    @property
    def needs_answers(self) -> bool:
        """Whether an offer can't be sent without answers of its own."""
        return any(question.missing and question.asked_after is None for question in self.questions)


_STAGE, _APPROACH, _FAR = "Stage of the proceedings", "Who approached whom", "How far it went"
_HELP, _CHOICE, _SUPPORT = "Help given", "Choice of adviser", "Asked and engaged"
_ADVISER_QUESTIONS = (
    KindQuestion(
        "adviser_gender",
        "Which adviser do they want?",
        {
            "woman": "A woman",
            "man": "A man",
            "no_preference": "No preference",
            "not_asked": "Not asked yet",
        },
    ),
    KindQuestion("adviser_language", "Language of the adviser", hint="Leave empty where it does not matter."),
    KindQuestion("adviser_wanted", "An adviser whom they know and want"),
    KindQuestion(
        "adviser_not_wanted", "An adviser whom they do not want", hint="The provider reads this: no reasons."
    ),
    KindQuestion(
        "asked_for_service",
        "Did they ask for this service?",
        {YES: "Yes", NO: "No, it was suggested to them"},
        hint="Counted: of those who asked, how many engaged.",
    ),
    KindQuestion(
        "asked_on",
        "When did they ask?",
        is_day=True,
        missing="Enter the day on which they asked for it",
        asked_after=("asked_for_service", YES),
    ),
)
_ADVISER_STEPS = (
    StepRule(
        KindStep.ASKED_FOR_SERVICE,
        "The person asked for the service",
        _SUPPORT,
        may_precede_offer=True,
        is_once=True,
    ),
    StepRule(KindStep.ENGAGED, "The person engaged: support began with them", _SUPPORT, is_once=True),
    StepRule(KindStep.CHOICE_MET, "They have the adviser they chose", _CHOICE),
    StepRule(KindStep.CHOICE_NOT_MET, "Their choice could not be met", _CHOICE),
)
RELATIVES = frozenset({"bereaved_relative", "parent_or_guardian", "family_member"})

KIND_RULES: Mapping[ServiceKind, KindRules] = {
    ServiceKind.GENERAL: KindRules(label="General support"),
    ServiceKind.RESTORATIVE_JUSTICE: KindRules(
        label="Restorative justice",
        offer_notice=f"Only for people who want it, and led by them. {OTHER_SIDE_WARNING}",
        handover_notice="Led by the person who was harmed. Who the other person is stands nowhere in this record.",
        needs_own_yes=True,
        keeps_other_side_out=True,
        is_asked_alone=True,
        questions=(
            KindQuestion(
                "stage",
                "Where do the proceedings stand?",
                {
                    "before": "Before proceedings",
                    "during": "During proceedings",
                    "after": "After proceedings",
                    NOT_KNOWN: "Not known yet",
                },
                missing="Choose where the proceedings stand",
            ),
            KindQuestion(
                "approach",
                "Who approached whom?",
                {
                    "person_asked": "The person asked",
                    "other_side_asked": "The other side asked, through the hub",
                    "officer": "A police officer suggested it",
                    "gateway_offered": "The Gateway offered it",
                },
                hint="Never who the other person is.",
                missing="Choose who approached whom",
            ),
            KindQuestion(
                "purpose",
                "What do they want from the hub?",
                {
                    "information": "To know more, and nothing else yet",
                    "take_part": "To take part, if it can be made safe",
                },
                missing="Choose what they want from the hub",
            ),
        ),
        steps=(
            StepRule(KindStep.BEFORE_PROCEEDINGS, "Before proceedings", _STAGE, may_precede_offer=True),
            StepRule(KindStep.DURING_PROCEEDINGS, "During proceedings", _STAGE, may_precede_offer=True),
            StepRule(KindStep.AFTER_PROCEEDINGS, "After proceedings", _STAGE, may_precede_offer=True),
            StepRule(KindStep.PERSON_ASKED, "The person asked", _APPROACH, may_precede_offer=True),
            StepRule(
                KindStep.OTHER_SIDE_ASKED,
                "The other side asked, through the hub",
                _APPROACH,
                may_precede_offer=True,
            ),
            StepRule(
                KindStep.OFFICER_SUGGESTED, "A police officer suggested it", _APPROACH, may_precede_offer=True
            ),
            StepRule(KindStep.GATEWAY_OFFERED, "The Gateway offered it", _APPROACH, may_precede_offer=True),
            StepRule(KindStep.INFORMATION_GIVEN, "Information given", _FAR),
            StepRule(KindStep.PREPARATION, "Preparation", _FAR),
            StepRule(KindStep.LETTER, "A letter was exchanged", _FAR),
            StepRule(KindStep.SHUTTLE, "Messages went through the hub, without a meeting", _FAR),
            StepRule(KindStep.CONFERENCE, "A meeting took place", _FAR),
            StepRule(KindStep.NO_FURTHER, "It goes no further", _FAR),
        ),
    ),
    ServiceKind.SEXUAL_ASSAULT_REFERRAL_CENTRE: KindRules(
        label="Sexual assault referral centre",
        offer_notice="If the assault may be recent, ring the centre now: nothing waits for this form.",
        is_asked_alone=True,
        shows_urgent_contact=True,
        questions=(
            KindQuestion(
                "day_known",
                "Do they know on which day it was?",
                {YES: "Yes", NOT_KNOWN: "No, or it was not asked"},
                hint="Without a day it counts as recent until it is known.",
                missing="Choose whether the day is known",
            ),
            KindQuestion(
                "assault_on",
                "On which day was it?",
                is_day=True,
                missing="Enter the day on which it was",
                asked_after=("day_known", YES),
            ),
            KindQuestion(
                "age_band",
                "How old are they?",
                {CHILD: "Under 18", ADULT: "18 or over", NOT_KNOWN: "Not known yet"},
                hint="Needed where no date of birth is recorded.",
                missing="Choose whether they are under 18",
            ),
            KindQuestion(
                "acute",
                "Recent",
                {
                    YES: "Yes: see them at once",
                    NO: "No",
                    NOT_KNOWN: "Not known: treat as recent until it is",
                },
                is_derived=True,
            ),
            KindQuestion(
                "route",
                "Route",
                {CHILD: "Child", ADULT: "Adult", NOT_KNOWN: "Age not known: ask first"},
                is_derived=True,
            ),
            KindQuestion("place", "Where recent cases are seen", is_derived=True),
        ),
    ),
    ServiceKind.BUSINESS_CRIME_ADVICE: KindRules(
        label="Business crime advice",
        victim_types=frozenset({"business"}),
        contact_runs_from_report=True,
        has_free_time=True,
        steps=(
            StepRule(KindStep.SECURITY_HELP, "Security", _HELP, counts_minutes=True),
            StepRule(KindStep.ICT_HELP, "Computers and online safety", _HELP, counts_minutes=True),
            StepRule(KindStep.INSURANCE_HELP, "Insurance", _HELP, counts_minutes=True),
        ),
    ),
    ServiceKind.IDVA: KindRules(
        label="Independent domestic violence adviser",
        questions=_ADVISER_QUESTIONS,
        steps=_ADVISER_STEPS,
        counts_engagement=True,
    ),
    ServiceKind.ISVA: KindRules(
        label="Independent sexual violence adviser",
        questions=_ADVISER_QUESTIONS,
        steps=_ADVISER_STEPS,
        counts_engagement=True,
    ),
    ServiceKind.FAMILY_SUPPORT: KindRules(
        label="Support for relatives",
        victim_types=RELATIVES,
        withheld=frozenset({HandoverPart.WHAT_HAPPENED, HandoverPart.CRIME}),
        needs_own_yes=True,
        is_asked_alone=True,
        offer_notice=(
            "The relative is referred, with their own yes. Share what they need themselves: the story of the person who"
            " was harmed is not theirs to give."
        ),
        handover_notice="A relative is referred. This says nothing of what the person who was harmed has told.",
        questions=(
            KindQuestion(
                "relation",
                "What are they to the person who was harmed?",
                {
                    "parent": "Parent or guardian",
                    "partner": "Partner",
                    "child": "Child",
                    "sibling": "Brother or sister",
                    "grandparent": "Grandparent",
                    "other_relative": "Another relative",
                },
                missing="Choose what they are to the person who was harmed",
            ),
        ),
    ),
}


def label_of_kind(kind: ServiceKind) -> str:
    """What a kind is called on a page."""
    return KIND_RULES[kind].label


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


def step_rule(kind: ServiceKind, step: KindStep) -> StepRule | None:
    """The rule of a step where the kind has it."""
    return next((each for each in KIND_RULES[kind].steps if each.step is step), None)


def label_of_step(step: KindStep) -> str:
    """What a step is called on pages, whichever kind it belongs to."""
    rules = (each for kind in KIND_RULES.values() for each in kind.steps)
    return next((each.label for each in rules if each.step is step), step.value.replace("_", " "))


@dataclass(frozen=True, slots=True)
class StepFacts:
    """What a step is checked against: today, the day of the offer, what stands already and the free time.

    `recorded` are the steps that stand with their days, `used_minutes` what was given so far.
    """

    today: date
    offered_on: date
    recorded: Mapping[KindStep, date] = field(default_factory=dict)
    used_minutes: int = 0
    free_minutes: int = 0


MOST_MINUTES = 720
OLDEST_STEP = timedelta(days=3660)


def find_step_mistakes(
    rule: StepRule, happened_on: date, minutes: int | None, text: str, facts: StepFacts
) -> Mapping[str, str]:
    """Why a step can't be recorded so, by field; empty where it can."""
    if message := _find_day_mistake(rule, happened_on, facts):
        return {"happened_on": message}
    if rule.is_once and rule.step in facts.recorded:
        return {"step": "That is recorded already. Take it back first if it was wrong"}
    if not rule.counts_minutes:
        return {"minutes": "Only help is counted in minutes: leave this empty"} if minutes else {}
    if minutes is None or not 1 <= minutes <= MOST_MINUTES:
        return {"minutes": f"Enter how many minutes it took, from 1 to {MOST_MINUTES}"}
    beyond = facts.used_minutes + minutes - facts.free_minutes
    if beyond > 0 and not text.strip():
        return {"text": f"That is {beyond} minutes more than the free time. Say why"}
    return {}


def remaining_minutes(used: int, free: int) -> int:
    """What is left of the free time; never below nothing."""
    return max(0, free - used)


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


def _find_day_mistake(rule: StepRule, happened_on: date, facts: StepFacts) -> str | None:
    if happened_on > facts.today:
        return "The day must be today or in the past"
    if happened_on < facts.today - OLDEST_STEP:
        return "The day lies too far back"
    if not rule.may_precede_offer and happened_on < facts.offered_on:
        return "The day must be on or after the day of the offer"
    asked_on = facts.recorded.get(KindStep.ASKED_FOR_SERVICE)
    if rule.step is KindStep.ENGAGED and asked_on is not None and happened_on < asked_on:
        return "They can't have engaged before they asked"
    return None
