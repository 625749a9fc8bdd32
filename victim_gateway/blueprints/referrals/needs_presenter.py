"""Needs in the words of the area's scale, and what changed since the assessment before."""

from __future__ import annotations

from dataclasses import dataclass

from victim_gateway.database.kept_wordings import current_area
from victim_gateway.queries.referrals.overview import AssessmentVersion

CATEGORY_LABELS = {
    "most_serious_crime": "Victim of one of the most serious crimes",
    "persistently_targeted": "Persistently targeted",
    "vulnerable_or_intimidated": "Vulnerable or intimidated",
}
RJ_LABELS = {
    "yes": "Wants to know more",
    "no": "Does not want it",
    "later": "Ask again later",
    "not_asked": "Not asked yet",
}


@dataclass(frozen=True, slots=True)
class NeedLevel:
    """One need: how great, in words, and how great it was before (None: not assessed before)."""

    key: str
    label: str
    step: int
    step_label: str
    before: str | None
    change: int
    top: int


def need_levels(found: AssessmentVersion, before: AssessmentVersion | None = None) -> list[NeedLevel]:
    """Every need of the scale as this assessment has it. Needs that an earlier scale had are left out."""
    scale = current_area().needs
    steps, top = dict(scale.steps), max(value for value, _ in scale.steps)
    needs = []
    for key, label in scale.areas:
        step = found.needs.get(key, 0)
        earlier = before.needs.get(key) if before else None
        needs.append(
            NeedLevel(
                key=key,
                label=label,
                step=step,
                step_label=steps.get(step, str(step)),
                before=None if earlier is None else steps.get(earlier, str(earlier)),
                change=0 if earlier is None else step - earlier,
                top=top,
            )
        )
    return needs
