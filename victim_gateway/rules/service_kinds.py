"""What belongs to each kind of service: questions at the offer, cautions, and the steps that its provider records.

Forms, handovers, the pages of both sides, timelines and figures read this table; nothing asks for a service by name.
What is not known is never read as harmless: an unknown day or age of a sexual assault is asked for, and counts as
urgent until it is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from victim_gateway.provider_vocabulary import ServiceKind
from victim_gateway.service_record_vocabulary import KindStep
from victim_gateway.vocabulary import HandoverPart

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
    `brings_together`: the two sides come closer by it, so that a yes that is needed must stand.
    """

    step: KindStep
    label: str
    group: str
    counts_minutes: bool = False
    may_precede_offer: bool = False
    is_once: bool = False
    brings_together: bool = False


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
            StepRule(KindStep.PREPARATION, "Preparation", _FAR, brings_together=True),
            StepRule(KindStep.LETTER, "A letter was exchanged", _FAR, brings_together=True),
            StepRule(
                KindStep.SHUTTLE,
                "Messages went through the hub, without a meeting",
                _FAR,
                brings_together=True,
            ),
            StepRule(KindStep.CONFERENCE, "A meeting took place", _FAR, brings_together=True),
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


def step_rule(kind: ServiceKind, step: KindStep) -> StepRule | None:
    """The rule of a step where the kind has it."""
    return next((each for each in KIND_RULES[kind].steps if each.step is step), None)


def label_of_step(step: KindStep) -> str:
    """What a step is called on pages, whichever kind it belongs to."""
    rules = (each for kind in KIND_RULES.values() for each in kind.steps)
    return next((each.label for each in rules if each.step is step), step.value.replace("_", " "))
