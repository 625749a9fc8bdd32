"""Read a self-defined ethnicity: a code of either list in its words, a person's own words as they stand."""

from __future__ import annotations

import re

from victim_gateway.feeds.cells import LINE_LENGTH, line_reader
from victim_gateway.feeds.code_spellings import ETHNICITY
from victim_gateway.feeds.folding import fold_code
from victim_gateway.feeds.problems import NOT_IN_LIST, OFFICER_OBSERVATION, CellError

_BY_CODE = {code: group for group, codes in ETHNICITY.items() for code in codes}
_OBSERVED = re.compile(r"ic[ _-]?[0-9]", re.IGNORECASE | re.ASCII)
_read_line = line_reader(LINE_LENGTH)


def read_ethnicity(text: str) -> object:
    """The words for a code of the lists of 18+1 and 16+1, else the words as given.

    An officer's observation (IC1 to IC7) is not how a person describes themselves, so it is not used.
    """
    code = fold_code(text)
    if code in _BY_CODE:
        return _BY_CODE[code]
    if _OBSERVED.fullmatch(code):
        message = "is what an officer observed; give how the person describes themselves"
        raise CellError(OFFICER_OBSERVATION, message)
    if code.isdecimal():
        raise CellError(NOT_IN_LIST, "is not a code of the lists of ethnic groups")
    return _read_line(text)
