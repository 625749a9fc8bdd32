"""The alerts of every page about a person: which apply, and the order of danger."""

from __future__ import annotations

from typing import Any

import pytest

from victim_gateway.rules.alerts import AlertFacts, AlertKind, PersonAlert, list_alerts
from victim_gateway.vocabulary import Risk, SafeAnswer

SAFE = {"safe": SafeAnswer.YES, "has_safe_channel": True}


def kinds(**said: Any) -> list[str]:
    return [alert.kind.value for alert in list_alerts(AlertFacts(**{**SAFE, **said}))]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, []),
        ({"safe": SafeAnswer.NO}, ["do_not_contact"]),
        ({"safe": SafeAnswer.NO, "has_safe_channel": False}, ["do_not_contact"]),
        ({"safe": SafeAnswer.UNKNOWN}, ["not_known_to_be_safe"]),
        ({"has_safe_channel": False}, ["not_known_to_be_safe"]),
        ({"deceased": True}, ["do_not_contact", "deceased"]),
        ({"deceased": True, "has_safe_channel": False}, ["do_not_contact", "deceased"]),
        ({"risk": Risk.HIGH}, ["high_risk"]),
        ({"risk": Risk.MEDIUM}, []),
        ({"risk": Risk.UNKNOWN, "officer_grade": "high"}, ["high_risk"]),
        ({"risk": Risk.UNKNOWN, "officer_grade": "medium"}, []),
        ({"risk": Risk.STANDARD, "officer_grade": "high"}, []),
        ({"risk": None}, []),
        ({"marac": "referred"}, ["marac"]),
        ({"domestic_abuse": True}, ["domestic_abuse"]),
        ({"hate_strand": "race"}, ["hate_crime"]),
        ({"is_child": True}, ["child"]),
        ({"interpreter_needed": True, "language": "Polish"}, ["interpreter"]),
        ({"language": "Polish"}, ["language"]),
        ({"restricted": True}, ["restricted"]),
        ({"withdrawn": True}, ["withdrawn"]),
        ({"held": True}, ["held"]),
    ],
)
def test_each_alert_by_itself(said: dict[str, Any], expected: list[str]) -> None:
    assert kinds(**said) == expected


def test_all_at_once_stand_in_the_order_of_danger() -> None:
    everything = AlertFacts(
        safe=SafeAnswer.NO,
        has_safe_channel=False,
        never_contact=True,
        risk=Risk.HIGH,
        marac="referred",
        domestic_abuse=True,
        hate_strand="race",
        is_child=True,
        age=13,
        interpreter_needed=True,
        language="Polish",
        restricted=True,
        deceased=True,
        withdrawn=True,
        held=True,
    )
    found = list_alerts(everything)
    assert [alert.kind for alert in found] == [
        kind for kind in AlertKind if kind not in (AlertKind.NOT_KNOWN_TO_BE_SAFE, AlertKind.LANGUAGE)
    ]
    details = {alert.kind: alert.detail for alert in found if alert.detail}
    assert details == {
        AlertKind.MARAC: "referred",
        AlertKind.HATE_CRIME: "race",
        AlertKind.CHILD: "aged 13",
        AlertKind.INTERPRETER: "Polish",
    }
    assert PersonAlert(AlertKind.CHILD) in list_alerts(AlertFacts(**SAFE, is_child=True))  # type: ignore[arg-type]
