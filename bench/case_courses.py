"""What happens to an invented case, step by step, by what the published figures say became of such crimes."""

from __future__ import annotations

from victim_gateway.demo.police import PoliceStep

_INFORMED = (
    PoliceStep("rights_information_given", (0.5, 60), 0.65, None, False),
    PoliceStep("needs_assessment_completed", (0.5, 30), 0.72, None, False),
    PoliceStep("vps_opportunity_offered", (1, 90), 0.4, None, False),
)
_ARRESTED = PoliceStep("suspect_arrested", (6, 200), 0.85, "victim_told_suspect_arrested")
_INTERVIEWED = PoliceStep(
    "suspect_interviewed_under_caution", (1, 24), 0.45, "victim_told_suspect_interviewed"
)
_BAILED = PoliceStep("suspect_released_on_police_bail", (1, 12), 0.12, "victim_told_suspect_bailed")
_UNDER_INVESTIGATION = PoliceStep(
    "suspect_released_under_investigation", (1, 12), 0.6, "victim_told_suspect_released_under_investigation"
)
_WITHOUT_CHARGE = PoliceStep(
    "suspect_released_without_charge", (24, 900), 0.65, "victim_told_suspect_released_without_charge"
)
_COURSES: dict[str, tuple[PoliceStep, ...]] = {
    "none": (
        *_INFORMED,
        PoliceStep(
            "police_decided_not_to_investigate", (24, 300), 0.42, "victim_told_not_investigating", False
        ),
    ),
    "open": (*_INFORMED, _ARRESTED, _INTERVIEWED, _BAILED),
    "no_suspect": (
        *_INFORMED,
        PoliceStep(
            "police_decided_not_to_investigate", (60, 900), 0.95, "victim_told_not_investigating", False
        ),
    ),
    "not_prosecuted": (
        *_INFORMED,
        _ARRESTED,
        _INTERVIEWED,
        _BAILED,
        _UNDER_INVESTIGATION,
        _WITHOUT_CHARGE,
        PoliceStep(
            "police_decided_not_to_prosecute",
            (100, 1500),
            1,
            "victim_told_police_decision_not_to_prosecute",
            False,
        ),
    ),
    "out_of_court": (
        *_INFORMED,
        _INTERVIEWED,
        PoliceStep("out_of_court_disposal_given", (48, 600), 1, "victim_told_out_of_court_disposal"),
    ),
    "charged": (
        *_INFORMED,
        _ARRESTED,
        _INTERVIEWED,
        PoliceStep("suspect_charged", (4, 400), 1, "victim_told_suspect_charged"),
        PoliceStep("wcu_received_hearing_details", (24, 200), 0.95, "victim_told_hearing_details"),
        PoliceStep(
            "wcu_received_witness_requirement", (100, 900), 0.15, "victim_told_required_to_give_evidence"
        ),
        PoliceStep("case_outcome_decided", (500, 4000), 0.4, None),
        PoliceStep("wcu_received_case_outcome", (1, 24), 0.4, "victim_told_case_outcome"),
    ),
}


def course_of(outcome: str) -> tuple[PoliceStep, ...]:
    """The steps of a case with this outcome, each so many hours after the one before."""
    return _COURSES[outcome]
