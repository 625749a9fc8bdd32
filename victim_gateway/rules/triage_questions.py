"""What a triage assessment asks beside needs and risk: children, communication, and what fits the kind of victim.

A question that was not asked says so: silence is never a no. Names of children are not asked for.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

ADULT_AGE = 18
MOST_CHILDREN = 20
NOT_ASKED = "not_asked"
CHILDREN_ANSWERS = ("yes", "no", NOT_ASKED)
SAFEGUARDING_ANSWERS = ("made", "needed", "not_needed", NOT_ASKED)
COMMUNICATION_CODES = ("interpreter", "sign_language", "easy_read", "large_print", "carer")
COMMUNICATION_LABELS = {
    "interpreter": "An interpreter",
    "sign_language": "British Sign Language",
    "easy_read": "Easy read",
    "large_print": "Large print",
    "carer": "A carer or supporter with them",
}
DASH_DONE_BY = ("gateway", "police", "other_agency")
ANSWERS = ("help", "no", NOT_ASKED)
"""Of a question about the kind of victim: they want help with it, they do not, nobody asked."""


@dataclass(frozen=True, slots=True)
class VictimQuestion:
    """One question of a kind of victim. `hint` says why it is asked."""

    key: str
    label: str
    hint: str


_WITNESS = (
    VictimQuestion(
        "giving_evidence",
        "Giving evidence as a witness",
        "Special measures such as a screen or the video link have to be asked for early",
    ),
    VictimQuestion(
        "witness_safety",
        "Feeling safe as a witness",
        "Somebody may lean on them or their family: tell the officer at once if so",
    ),
)
_SAW_IT = (
    VictimQuestion(
        "what_they_saw",
        "What they saw or heard, and how it follows them",
        "Ask how it is for them now. What happened is for the police: write none of it down here",
    ),
    VictimQuestion(
        "going_to_court",
        "Going to court",
        "A visit beforehand, somebody beside them on the day, and what it costs them",
    ),
)
_STANDS_BY = (
    VictimQuestion(
        "support_of_their_own",
        "Support for themselves",
        "Not only for the person who was harmed: they carry it too",
    ),
    VictimQuestion(
        "helping_them",
        "How to stand by the person who was harmed",
        "What that person says to us is theirs: we pass none of it on without their yes",
    ),
)
_RELATIVE = (
    VictimQuestion(
        "family_liaison",
        "A family liaison officer, and who speaks for the family",
        "So that one person is told, and nobody hears it twice",
    ),
    VictimQuestion(
        "funeral_and_inquest",
        "The funeral, the inquest and what follows a death",
        "Dates and costs come early; BRAKE and the Homicide Service help with them",
    ),
)
_BUSINESS = (
    VictimQuestion("security", "Security of the premises", "What would stop it from happening again"),
    VictimQuestion("loss", "Loss and insurance", "What was taken or damaged, and whether it is insured"),
    VictimQuestion("staff", "The people who work there", "Staff who were there may be victims of their own"),
    VictimQuestion("continuity", "Staying open", "What keeps them from trading now"),
    VictimQuestion(
        "hour_of_support", "The hour of support with an adviser", "Each business may have it free of charge"
    ),
)
_CHILD = (
    VictimQuestion("school", "School or college", "Who there knows, and who may not know"),
    VictimQuestion(
        "safe_adult_support", "Support for their safe adult", "They carry it too, and often alone"
    ),
)
_GUARDIAN = (
    VictimQuestion("for_the_child", "What the child or represented person needs", "They are the victim too"),
)
_QUESTIONS: Mapping[str, tuple[VictimQuestion, ...]] = {
    "business": _BUSINESS,
    "bereaved_relative": (*_RELATIVE, *_WITNESS),
    "parent_or_guardian": (*_GUARDIAN, *_WITNESS),
    "witness": (*_SAW_IT, *_WITNESS),
    "family_member": _STANDS_BY,
    "friend": _STANDS_BY,
}


_EVERY = {question.key: question for group in (_CHILD, *_QUESTIONS.values(), _WITNESS) for question in group}
QUESTION_KEYS = tuple(_EVERY)
"""Every question that some kind of victim is asked."""


def list_victim_questions(victim_type: str, *, is_child: bool) -> tuple[VictimQuestion, ...]:
    """What is asked of this kind of victim beside needs and risk."""
    questions = _QUESTIONS.get(victim_type, _WITNESS)
    return (*_CHILD, *questions) if is_child else questions


def label_of_question(key: str) -> str:
    """The question of an answer that was recorded, whatever kind of victim is asked it now."""
    return _EVERY[key].label if key in _EVERY else key.replace("_", " ")


def read_ages(text: str) -> tuple[int, ...]:
    """The ages in a text such as `3, 7 and 12`. Raises ValueError with what is wrong with it."""
    typed = [part for part in re.split(r"[\s,;]+|\band\b", text.lower()) if part]
    if any(not part.isascii() or not part.isdigit() for part in typed):
        raise ValueError("Enter ages as numbers with commas, like 3, 7, 12")
    ages = tuple(int(part[:4]) for part in typed)
    too_old = [age for age in ages if age >= ADULT_AGE]
    if too_old:
        raise ValueError(f"Enter ages from 0 to 17: somebody of {too_old[0]} is no child")
    return ages


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseholdAnswers:
    """Children in the household and how the person communicates; all of it is sealed."""

    children: str = NOT_ASKED
    number_of_children: int | None = None
    ages: Sequence[int] = ()
    children_with: str | None = None
    safeguarding: str = NOT_ASKED
    communication: Collection[str] = ()
    language: str | None = None
    answers: Mapping[str, str] = field(default_factory=dict)
    """What was answered to the questions of this kind of victim, by key."""

    def document(self) -> dict[str, Any]:
        """What is sealed: only what was answered."""
        found: dict[str, Any] = {
            "children": None if self.children == NOT_ASKED else self.children,
            "number_of_children": self.number_of_children,
            "ages": list(self.ages),
            "children_with": self.children_with,
            "safeguarding": None if self.safeguarding == NOT_ASKED else self.safeguarding,
            "communication": [code for code in COMMUNICATION_CODES if code in self.communication],
            "language": self.language,
            "answers": {key: said for key, said in self.answers.items() if said != NOT_ASKED},
        }
        return {name: value for name, value in found.items() if value not in (None, [], {})}


def read_household(document: Mapping[str, Any]) -> HouseholdAnswers:
    """The answers of a sealed document; what is not there was not asked."""
    return HouseholdAnswers(
        children=document.get("children") or NOT_ASKED,
        number_of_children=document.get("number_of_children"),
        ages=tuple(document.get("ages") or ()),
        children_with=document.get("children_with"),
        safeguarding=document.get("safeguarding") or NOT_ASKED,
        communication=tuple(document.get("communication") or ()),
        language=document.get("language"),
        answers=dict(document.get("answers") or {}),
    )


def find_household_mistakes(said: HouseholdAnswers) -> dict[str, str]:
    """What the answers contradict or lack: a message for each field."""
    wrong: dict[str, str] = {}
    number = said.number_of_children
    if said.children == "yes":
        if number is not None and not 1 <= number <= MOST_CHILDREN:
            wrong["number_of_children"] = f"Enter a number of children from 1 to {MOST_CHILDREN}"
        elif number is None and not said.ages:
            wrong["number_of_children"] = "Enter how many children there are"
        elif number is not None and len(said.ages) > number:
            wrong["ages"] = f"Enter an age for each child: {len(said.ages)} ages, but {number} children"
        if any(not 0 <= age < ADULT_AGE for age in said.ages):
            wrong["ages"] = "Enter ages from 0 to 17"
    elif number or said.ages:
        wrong["children"] = "Choose yes, or take out the number and the ages of the children"
    if said.safeguarding in ("made", "needed") and said.children != "yes" and "children" not in wrong:
        wrong["children"] = "Choose yes, or take back the safeguarding referral"
    if said.language and "interpreter" not in said.communication:
        wrong["communication"] = "Choose an interpreter, or take out the language"
    if "interpreter" in said.communication and not said.language:
        wrong["interpreter_language"] = "Enter the language of the interpreter"
    return wrong


def latest_language(said: HouseholdAnswers, recorded: str | None, *, is_corrected: bool) -> str | None:
    """The person's language as it was said last. A correction, as which an assessment is recorded too, is the latest.

    Where nobody has corrected it since the feed, the assessment knows better.
    """
    return recorded if is_corrected else said.language or recorded


def join_communication(recorded: str | None, said: HouseholdAnswers) -> str | None:
    """What is recorded of the person's communication and what the assessment found, in one line; None for nothing."""
    found = [
        COMMUNICATION_LABELS[code]
        for code in COMMUNICATION_CODES
        if code in said.communication and code != "interpreter"
    ]
    return "; ".join([*([recorded] if recorded else []), *found]) or None
