"""What a triage assessment proposes to do next. The caseworker decides; nothing is done by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from victim_gateway.rules.triage_questions import HouseholdAnswers
from victim_gateway.vocabulary import Risk


class TriageStep(StrEnum):
    """One proposal; the order of the members is that of the page."""

    MARAC = "marac"
    SAFEGUARDING = "safeguarding"
    INTERPRETER = "interpreter"
    URGENT_NEED = "urgent_need"
    WHO_COULD_HELP = "who_could_help"
    RESTORATIVE_JUSTICE = "restorative_justice"
    SAFE_ADULT = "safe_adult"


@dataclass(frozen=True, slots=True, kw_only=True)
class TriageStepFacts:
    """What the proposals read. `greatest_need` is the highest step of any need, `top_step` that of the scale."""

    risk: Risk
    is_marac_open: bool
    greatest_need: int
    top_step: int
    wanted: tuple[str, ...]
    wants_restorative_justice: str
    household: HouseholdAnswers
    is_child: bool


def _wants_nothing(facts: TriageStepFacts) -> bool:
    return facts.wanted == ("nothing_now",)


_APPLIES: Mapping[TriageStep, Callable[[TriageStepFacts], bool]] = {
    TriageStep.MARAC: lambda facts: facts.is_marac_open,
    TriageStep.SAFEGUARDING: lambda facts: facts.household.safeguarding == "needed",
    TriageStep.INTERPRETER: lambda facts: bool(
        {"interpreter", "sign_language"} & {*facts.household.communication}
    ),
    TriageStep.URGENT_NEED: lambda facts: facts.greatest_need >= facts.top_step > 0,
    TriageStep.WHO_COULD_HELP: lambda facts: facts.greatest_need > 0 and not _wants_nothing(facts),
    TriageStep.RESTORATIVE_JUSTICE: lambda facts: facts.wants_restorative_justice == "yes",
    TriageStep.SAFE_ADULT: lambda facts: facts.is_child,
}


def propose_triage_steps(facts: TriageStepFacts) -> tuple[TriageStep, ...]:
    """The proposals that the answers give, in the order of the page."""
    return tuple(step for step in TriageStep if _APPLIES[step](facts))
