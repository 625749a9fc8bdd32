"""When restorative justice waits for a senior caseworker's yes, and how far a yes that was given reaches.

After domestic or sexual abuse whoever did it may use a meeting to go on harming. "Violence and sexual offences"
leaves open which it was, so it waits as well until somebody records what happened. A yes is given for the harms
that were known: one that is recorded later asks anew.
"""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from victim_gateway.compliance.harm_taxonomy import is_unspecific_violence
from victim_gateway.rules.harms import HARM_PHRASES, NEEDS_SENIOR_YES, order_harms
from victim_gateway.vocabulary import Harm, Risk

_RISING = (Risk.UNKNOWN, Risk.STANDARD, Risk.MEDIUM, Risk.HIGH)
PERHAPS_SEXUAL = "violence that may have been sexual"


def may_be_sexual(harms: Collection[Harm], offence: str | None) -> bool:
    """Whether the offence leaves open if it was a sexual one, and nothing else says so."""
    return is_unspecific_violence(offence) and Harm.SEXUAL_ABUSE not in harms


def harms_needing_yes(harms: Collection[Harm], *, is_open: bool) -> tuple[Harm, ...]:
    """The harms for which a senior caseworker's yes is needed, the gravest first; none where none is needed.

    `is_open` is what `may_be_sexual` says: such violence is one of them.
    """
    needing = NEEDS_SENIOR_YES | {Harm.VIOLENCE} if is_open else NEEDS_SENIOR_YES
    return order_harms(needing.intersection({*harms, Harm.VIOLENCE} if is_open else harms))


def yes_stands(
    needed: Collection[Harm],
    agreed_for: Collection[Harm],
    *,
    risk: Risk,
    is_assessed_since: bool,
    risk_then: Risk | None = None,
) -> bool:
    """Whether a yes given for `agreed_for` still counts: for no harm beyond them, nor once the risk has risen.

    `risk_then` is how high it was when the yes was given; None: a yes from before that was kept. One that is found
    high by an assessment since asks anew, even where it was high before.
    """
    if not set(needed) <= set(agreed_for):
        return False
    if risk_then is not None and _RISING.index(risk) > _RISING.index(risk_then):
        return False
    return not (is_assessed_since and risk is Risk.HIGH)


def refusal_of_decider(asked_by: UUID | None, decides: UUID | None) -> str | None:
    """Why an account can't say yes: it asked itself. Two people look at it, whatever their roles are."""
    if asked_by is not None and asked_by == decides:
        return "You asked for this yourself. Another senior caseworker has to decide."
    return None


def refusal_of_sender(agreed_by: UUID | None, sends: UUID | None) -> str | None:
    """Why an account can't send the offer: it said yes itself."""
    if agreed_by is not None and agreed_by == sends:
        return "You said yes to this yourself. Somebody else has to send it: two people look at it."
    return None


def phrase_needed(needed: Collection[Harm]) -> list[str]:
    """The harms as a sentence can use them; violence stands here only because it may have been sexual."""
    recorded = [HARM_PHRASES[harm] for harm in needed if harm is not Harm.VIOLENCE]
    return recorded or [PERHAPS_SEXUAL for harm in needed if harm is Harm.VIOLENCE]
