"""When restorative justice waits for a senior caseworker's yes, and which yes still counts."""

from __future__ import annotations

import pytest

from victim_gateway.rules.restorative_justice import (
    harms_needing_yes,
    may_be_sexual,
    phrase_needed,
    yes_stands,
)
from victim_gateway.vocabulary import Harm, Risk

DOMESTIC, SEXUAL, VIOLENCE, THEFT = (
    Harm.DOMESTIC_ABUSE,
    Harm.SEXUAL_ABUSE,
    Harm.VIOLENCE,
    Harm.BURGLARY_AND_THEFT,
)
OPEN = "Violence and sexual offences"


@pytest.mark.parametrize(
    ("harms", "offence", "needed", "phrases"),
    [
        ((THEFT,), "Burglary", (), []),
        ((VIOLENCE,), "Assault", (), []),
        ((DOMESTIC, VIOLENCE), "Assault", (DOMESTIC,), ["domestic abuse"]),
        ((DOMESTIC, SEXUAL), "Rape", (DOMESTIC, SEXUAL), ["domestic abuse", "sexual abuse"]),
        ((Harm.HARMFUL_SEXUAL_BEHAVIOUR,), "Other", (Harm.HARMFUL_SEXUAL_BEHAVIOUR,), None),
        ((VIOLENCE,), OPEN, (VIOLENCE,), ["violence that may have been sexual"]),
        ((DOMESTIC, VIOLENCE), OPEN, (DOMESTIC, VIOLENCE), ["domestic abuse"]),
        # Somebody recorded what it was.
        ((SEXUAL, VIOLENCE), OPEN, (SEXUAL,), ["sexual abuse"]),
    ],
)
def test_a_yes_is_needed_after_abuse_and_where_it_is_open_whether_violence_was_sexual(
    harms: tuple[Harm, ...], offence: str, needed: tuple[Harm, ...], phrases: list[str] | None
) -> None:
    found = harms_needing_yes(harms, is_open=may_be_sexual(harms, offence))

    assert found == needed
    if phrases is not None:
        assert phrase_needed(found) == phrases


@pytest.mark.parametrize(
    ("needed", "agreed_for", "risk", "is_assessed_since", "stands"),
    [
        ((DOMESTIC,), (DOMESTIC,), Risk.MEDIUM, True, True),
        ((DOMESTIC,), (DOMESTIC, SEXUAL), Risk.MEDIUM, False, True),
        ((DOMESTIC, SEXUAL), (DOMESTIC,), Risk.MEDIUM, False, False),
        ((SEXUAL,), (VIOLENCE,), Risk.MEDIUM, False, False),
        ((VIOLENCE,), (DOMESTIC,), Risk.MEDIUM, False, False),
        ((DOMESTIC,), (), Risk.MEDIUM, False, False),
        ((DOMESTIC,), (DOMESTIC,), Risk.HIGH, True, False),
        ((DOMESTIC,), (DOMESTIC,), Risk.HIGH, False, True),
    ],
)
def test_a_yes_counts_for_the_harms_it_was_given_for_and_not_once_the_risk_is_found_high(
    needed: tuple[Harm, ...],
    agreed_for: tuple[Harm, ...],
    risk: Risk,
    is_assessed_since: bool,
    stands: bool,
) -> None:
    assert yes_stands(needed, agreed_for, risk=risk, is_assessed_since=is_assessed_since) is stands
