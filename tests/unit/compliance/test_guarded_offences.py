"""Offences after which no message leaves by itself: by wording, by code, and where neither is known."""

from __future__ import annotations

import pytest

from victim_gateway.compliance.guarded_offences import is_guarded_offence


@pytest.mark.parametrize(
    ("offence", "code"),
    [
        ("Stalking involving fear of violence", "8/66"),
        ("Stalking", "195/94"),
        ("Stalked by a former colleague", None),
        ("Harassment", "195/12"),
        ("Racially aggravated harassment", None),
        ("Pursue a course of conduct which amounts to harassment", None),
        ("Controlling or coercive behaviour in an intimate or family relationship", "8/71"),
        ("Coercive control", None),
        ("Non-fatal strangulation", None),
        ("Intentional strangulation or suffocation", None),
        ("Forced marriage", None),
        ("Breach of non-molestation order", None),
        ("Breach of a restraining order", None),
        ("Breach of Domestic Violence Protection Order", None),
        ("Breach of stalking protection order", None),
        ("Breach of an occupation order", None),
        ("Honour-based violence", None),
        ("So-called honor killing", None),
        ("Rape of a female aged 16 or over", None),
        ("Sexual assault on a male", None),
        ("Sexual activity with a child", None),
        ("Disclosing private sexual photographs", None),
        ("Sharing intimate images", None),
        ("Sextortion", None),
        ("Voyeurism", None),
        ("Kidnapping", None),
        ("False imprisonment", None),
        ("Threats to kill", None),
        ("Threatened to kill her", None),
        ("Conspiracy to murder: death threats", None),
        ("Attempted murder", None),
        ("Human trafficking", None),
        ("Modern slavery: servitude", None),
        ("Forced or compulsory labour", None),
        ("Child sexual exploitation", None),
        ("Cuckooing", None),
        ("Female genital mutilation", None),
        ("Witness intimidation", None),
        ("Malicious communications", None),
        ("Violence and sexual offences", None),
        ("Other crime", "8L"),
        ("Other crime", "8Q"),
        ("Other crime", "3B"),
        ("Other crime", "PH97002"),
        ("Other crime", "SX03001"),
        (None, None),
        ("", " "),
        ("...", None),
    ],
)
def test_somebody_close_may_have_done_it(offence: str | None, code: str | None) -> None:
    assert is_guarded_offence(offence, code)


@pytest.mark.parametrize(
    "offence",
    [
        "Burglary",
        "Burglary in a dwelling (domestic burglary)",
        "Bicycle theft",
        "Theft from the person",
        "Vehicle crime",
        "Shoplifting",
        "Criminal damage and arson",
        "Robbery",
        "Fraud",
    ],
)
def test_an_ordinary_offence_is_not(offence: str) -> None:
    assert not is_guarded_offence(offence)
