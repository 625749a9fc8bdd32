"""When restorative justice waits for a senior caseworker's yes, and how far a yes that was given reaches.

After domestic or sexual abuse whoever did it may use a meeting to go on harming. "Violence and sexual offences"
leaves open which it was, so it waits as well until somebody records what happened. A yes is given for the harms
that were known: one that is recorded later asks anew.
"""

from __future__ import annotations

from collections.abc import Collection

from victim_gateway.compliance.harm_taxonomy import is_unspecific_violence
from victim_gateway.rules.harms import HARM_PHRASES, NEEDS_SENIOR_YES, order_harms
from victim_gateway.vocabulary import Harm, Risk

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
    needed: Collection[Harm], agreed_for: Collection[Harm], *, risk: Risk, is_assessed_since: bool
) -> bool:
    """Whether a yes given for `agreed_for` still counts: for no harm beyond them, nor once the risk is found high."""
    return set(needed) <= set(agreed_for) and not (is_assessed_since and risk is Risk.HIGH)


def phrase_needed(needed: Collection[Harm]) -> list[str]:
    """The harms as a sentence can use them; violence stands here only because it may have been sexual."""
    recorded = [HARM_PHRASES[harm] for harm in needed if harm is not Harm.VIOLENCE]
    return recorded or [PERHAPS_SEXUAL for harm in needed if harm is Harm.VIOLENCE]
