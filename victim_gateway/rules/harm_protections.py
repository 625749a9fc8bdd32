"""What the rules do for a person after each harm, in words: for whoever lets a new kind of harm stand for one."""

from __future__ import annotations

from victim_gateway.rules.harms import EXPLICIT_CONSENT_HARMS, FLAG_OF_HARM, NEEDS_SENIOR_YES
from victim_gateway.rules.surveys import HARMS_WITHOUT_LINK
from victim_gateway.vocabulary import Harm

_BY_FLAG = {
    "domestic_abuse": "comes with what is at high risk",
    "serious_crime": "counts among the most serious crimes",
}


def describe_protections(harm: Harm) -> str:
    """One line: what the harm brings with it; says plainly where it brings nothing."""
    found = []
    if harm in EXPLICIT_CONSENT_HARMS:
        found.append("nobody is contacted before they said yes")
    if harm in FLAG_OF_HARM:
        found.append(_BY_FLAG[FLAG_OF_HARM[harm]])
    if harm in HARMS_WITHOUT_LINK:
        found.append("no link goes to their telephone or email")
    if harm in NEEDS_SENIOR_YES:
        found.append("restorative justice only with a senior's yes")
    line = (
        ", ".join(found) or "no protection of its own: the person may be contacted as soon as a way is known"
    )
    return line[:1].upper() + line[1:]
