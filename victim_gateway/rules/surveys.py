"""When a person may be asked how it went, whether by a link, and which answers bring a caseworker to the telephone.

A question is a contact like any other: what stops contact stops it, and a link is sent by a way that is safe now and
not at all where a message that somebody else reads could do harm. Then the questions wait for the next call.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from victim_gateway.rules.attempt_safety import SafeContactFacts, explain_unsafe_attempt
from victim_gateway.rules.hold import ADULT_AGE
from victim_gateway.vocabulary import Channel, Harm, ReferralState, Risk, SafeAnswer, SurveyStage

if TYPE_CHECKING:
    from config.area_survey import SurveyQuestion

LINK_CHANNELS = (Channel.SMS, Channel.EMAIL)
# After one of these the court has said how it ended.
COURT_EVENTS = (
    "case_outcome_decided",
    "wcu_received_case_outcome",
    "defendant_convicted",
    "offender_sentenced",
    "wcu_received_sentence",
    "victim_told_case_outcome",
    "victim_told_sentence",
)
# A person close to them may have done it, and may read the telephone.
HARMS_WITHOUT_LINK = frozenset(
    {
        Harm.DOMESTIC_ABUSE,
        Harm.SEXUAL_ABUSE,
        Harm.MODERN_SLAVERY,
        Harm.EXPLOITATION,
        Harm.FEMALE_GENITAL_MUTILATION,
        Harm.HARMFUL_SEXUAL_BEHAVIOUR,
    }
)
_RISKS_WITHOUT_LINK = (Risk.HIGH, Risk.UNKNOWN)
# Parts of a host's name that say what the service is for.
_BETRAYING = (
    "victim",
    "crime",
    "police",
    "abuse",
    "gateway",
    "witness",
    "support",
    "survivor",
    "justice",
    "safe",
)
_REFUSED_STATES: Mapping[ReferralState, str] = {
    ReferralState.HELD: "This referral is held. Nobody asks the person anything before the hold is decided.",
    ReferralState.ENTERED_IN_ERROR: "This referral was entered in error.",
}


@dataclass(frozen=True, slots=True)
class SurveyFacts:
    """What is known of a referral and its person. `age` is None for a business, and where no birth date is known.

    `has_refused` holds where the person has refused these questions at any stage, or a survey in their consents;
    `has_risky_referral` where another referral of theirs, on any record, forbids a link.
    """

    state: ReferralState
    risk: Risk
    harms: Collection[Harm] = ()
    domestic_abuse: bool = False
    is_intimidated: bool = False
    is_business: bool = False
    age: int | None = None
    has_safe_adult: bool = False
    has_stop: bool = False
    refused_contact: bool = False
    never_contact: bool = False
    has_refused: bool = False
    was_reached: bool = False
    is_court_over: bool = False
    has_risky_referral: bool = False

    @property
    def is_child(self) -> bool:
        """Under 18 as far as is known."""
        return self.age is not None and self.age < ADULT_AGE


def stages_reached(facts: SurveyFacts) -> tuple[SurveyStage, ...]:
    """The stages that the person has come to: those before are what they can be asked about."""
    reached = {
        SurveyStage.AFTER_FIRST_CONTACT: facts.was_reached,
        SurveyStage.AT_CLOSING: facts.was_reached
        and facts.state in (ReferralState.TRIAGED, ReferralState.SUPPORTED, ReferralState.CLOSED),
        SurveyStage.AFTER_COURT: facts.was_reached and facts.is_court_over,
    }
    return tuple(stage for stage, is_reached in reached.items() if is_reached)


def explain_no_survey(facts: SurveyFacts) -> str | None:
    """Why the person may not be asked at all, by whatever way; None where they may."""
    if facts.state in _REFUSED_STATES:
        return _REFUSED_STATES[facts.state]
    if facts.has_stop:
        return "Nobody may contact the person about this referral."
    if facts.refused_contact:
        return "The person has said no to being contacted."
    if facts.never_contact:
        return "This person is linked as somebody who must never be contacted."
    if facts.has_refused:
        return "The person does not want to be asked. Do not ask again."
    if facts.is_child and not facts.has_safe_adult:
        return "A child is asked only where a safe adult is named."
    return None if facts.was_reached else "Reach the person first."


def forbids_link(risk: Risk, harms: Collection[Harm], *, domestic_abuse: bool, is_intimidated: bool) -> bool:
    """Whether a referral alone forbids a link to its person, whichever of their referrals the questions are about."""
    return (
        domestic_abuse
        or is_intimidated
        or risk in _RISKS_WITHOUT_LINK
        or bool(HARMS_WITHOUT_LINK.intersection(harms))
    )


def explain_no_link(facts: SurveyFacts, contact: SafeContactFacts) -> str | None:
    """Why no link is sent whatever the channel, although the person may be asked; None where one may be."""
    if facts.state is ReferralState.CLOSED:
        return "The referral is closed: no message is sent any more."
    return explain_unsafe_link(facts, contact)


def explain_unsafe_link(facts: SurveyFacts, contact: SafeContactFacts) -> str | None:
    """Why a link could harm the person, sent or already on its way; None where it could not."""
    if facts.domestic_abuse or HARMS_WITHOUT_LINK.intersection(facts.harms):
        return "After a crime like this somebody close may read the message."
    if facts.is_intimidated:
        return "The person is intimidated: whoever does it may read the message."
    if facts.risk in _RISKS_WITHOUT_LINK:
        return "The risk is high, or nobody has judged it yet."
    if facts.has_risky_referral:
        # The reader may not see that referral: nothing here says that there is one.
        return "A message could do harm."
    if not facts.is_business and (facts.age is None or facts.is_child):
        return "No link goes to a child, or where the age is not known."
    if contact.safe is not SafeAnswer.YES:
        return "Nobody has said that contact is safe."
    if contact.document.get("who_may_answer") or contact.document.get("code_word"):
        return (
            "Somebody else may answer for the person, or a code word was agreed: a message can't ask for it."
        )
    return None


def safe_link_channels(contact: SafeContactFacts, at: datetime, *, recheck_days: int) -> tuple[Channel, ...]:
    """The ways by which a link may go at this moment, by the plan in force: channel, day, hour and last check."""
    return tuple(
        channel
        for channel in LINK_CHANNELS
        if explain_unsafe_attempt(contact, channel.value, attempted_at=at, recheck_days=recheck_days) is None
    )


def betrays_service(address: str) -> bool:
    """Whether the host of an address says what the service is for, to a person who reads over a shoulder."""
    host = (urlsplit(address).hostname or "").lower()
    return any(part in host for part in _BETRAYING)


def message_with_link(link: str) -> str:
    """What the person reads: no name, no crime, no service."""
    return f"Thank you for your time. Tell us how we did, if you want to: {link}"


def refused_answers_of_survey(
    questions: Iterable[SurveyQuestion], answers: Mapping[str, str]
) -> Mapping[str, str]:
    """What is wrong with the answers, by question; the overall question has to be answered."""
    wrong = {}
    for question in questions:
        answer = answers.get(question.key)
        if answer is None:
            if question.is_overall:
                wrong[question.key] = "Choose how satisfied you are"
        elif answer not in question.answers:
            wrong[question.key] = "Choose one of the answers"
    return wrong


def is_satisfied(
    questions: Iterable[SurveyQuestion], answers: Mapping[str, str], *, least: int
) -> bool | None:
    """Whether the overall answer counts as satisfied; None where there is none."""
    overall = next((question.key for question in questions if question.is_overall), None)
    answer = answers.get(overall) if overall else None
    return int(answer) >= least if answer else None


def asks_for_person(
    questions: Iterable[SurveyQuestion], answers: Mapping[str, str], text: str
) -> tuple[bool, bool]:
    """Whether a caseworker must look at the answers, and whether at once: by an answer that says so, or by words."""
    asking = [question for question in questions if answers.get(question.key) in question.asks_for_person]
    return bool(asking or text.strip()), any(question.is_urgent for question in asking)
