"""Read a postcode: normal spelling, O for 0 and I for 1 mended, invented ones said and left out."""

from __future__ import annotations

import re
from itertools import product

from victim_gateway.feeds.cells import normal_postcode
from victim_gateway.feeds.problems import (
    PLACEHOLDER,
    REPAIRED,
    UNREADABLE,
    CellError,
    MendedValue,
    PlaceholderFound,
)

# Every postcode area of the United Kingdom and the islands, with those for the forces and for large users.
POSTCODE_AREAS = frozenset(
    "AB AL B BA BB BD BF BH BL BN BR BS BT BX CA CB CF CH CM CO CR CT CV CW DA DD DE DG DH DL DN DT DY E EC EH EN "
    "EX FK FY G GIR GL GU GY HA HD HG HP HR HS HU HX IG IM IP IV JE KA KT KW KY L LA LD LE LL LN LS LU M ME MK ML "
    "N NE NG NN NP NR NW OL OX PA PE PH PL PO PR RG RH RM S SA SE SG SK SL SM SN SO SP SR SS ST SW SY TA TD TF TN "
    "TQ TR TS TW UB W WA WC WD WF WN WR WS WV YO ZE".split()
)
_AREA = re.compile(r"[A-Z]+")
# The right letters and digits, whatever letters the rules allow in a place.
_SHAPE = re.compile(r"([A-Z]{1,2}[0-9][0-9A-Z]?)([0-9][A-Z]{2})")
_LOOKALIKES = {"0": "0O", "O": "O0", "1": "1I", "I": "I1"}
_EXPECTED = "is not a full UK postcode; give it as ST1 2DN"


def read_postcode(text: str) -> str:
    """A full UK postcode in capitals with its space, e.g. ST1 2DN."""
    postcode = normal_postcode(text)
    if postcode is not None and _has_area(postcode):
        return postcode
    compact = "".join(text.split()).upper()
    if postcode is None and (mended := _without_lookalikes(compact)):
        raise MendedValue(
            mended, CellError(REPAIRED, "had O for 0 or I for 1, or the other way round; mended")
        )
    found = _SHAPE.fullmatch(compact)
    if found and not _has_area(compact):
        raise PlaceholderFound(PLACEHOLDER, "is an invented postcode; leave the cell blank if none is known")
    if found:
        # The rules on letters have changed before; post finds its way by the district.
        message = "has a letter where postcodes have none; check it (kept as given)"
        raise MendedValue(f"{found[1]} {found[2]}", CellError(UNREADABLE, message))
    raise CellError(UNREADABLE, _EXPECTED)


def _has_area(postcode: str) -> bool:
    area = _AREA.match(postcode)
    return area is not None and area[0] in POSTCODE_AREAS


def _without_lookalikes(compact: str) -> str | None:
    """The one postcode that the text becomes with the fewest swaps of O and 0, I and 1; None for none or several."""
    if not 5 <= len(compact) <= 7 or not compact.isascii():
        return None
    spellings = (
        "".join(letters) for letters in product(*(_LOOKALIKES.get(letter, letter) for letter in compact))
    )
    by_swaps: dict[int, list[str]] = {}
    for spelling in spellings:
        postcode = normal_postcode(spelling)
        if postcode is not None and _has_area(postcode):
            swaps = sum(old != new for old, new in zip(compact, spelling, strict=True))
            by_swaps.setdefault(swaps, []).append(postcode)
    fewest = by_swaps[min(by_swaps)] if by_swaps else []
    return fewest[0] if len(fewest) == 1 else None
