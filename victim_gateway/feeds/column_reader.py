"""How one column is read: words that are known at once, placeholders that mean blank, and a reader for the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from victim_gateway.feeds.code_spellings import NO, YES, Spellings
from victim_gateway.feeds.folding import CODE_PLACEHOLDERS, PLACEHOLDERS, fold_code, is_blank_text
from victim_gateway.feeds.problems import NOT_IN_LIST, CellError

CellReader = Callable[[str], object]

NOTHING_IS_BLANK: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ColumnReader:
    """`known` are whole cells with their values; `placeholders` the placeholders of this column, in small letters.

    With NOTHING_IS_BLANK the reader itself judges placeholders, where they must be said.
    """

    read: CellReader
    known: Mapping[str, object] = field(default_factory=dict)
    placeholders: frozenset[str] = PLACEHOLDERS

    def __call__(self, text: str) -> object:
        """The value of a cell, None where it is blank. Raises CellError or MendedValue as the reader does."""
        text = text.strip()
        if not text:
            return None
        if text in self.known:
            return self.known[text]
        if self.placeholders and is_blank_text(text, self.placeholders):
            return None
        return self.read(text)


def coded_column(
    spellings: Spellings,
    values: Mapping[str, object] | None = None,
    *,
    otherwise: CellReader | None = None,
) -> ColumnReader:
    """A column of codes. `values` gives those that a code stands for, where they are not the codes themselves.

    `otherwise` reads what is no code, where such columns hold other values too.
    """
    values = values or {}
    by_key = {
        folded: values.get(code, code)
        for code, others in spellings.items()
        for folded in (fold_code(code), *(fold_code(other) for other in others))
    }
    choices = ", ".join(code for code in spellings)
    expected = f"is not one of {choices}"

    def read(text: str) -> object:
        folded = fold_code(text)
        if folded in by_key:
            return by_key[folded]
        if otherwise is not None:
            return otherwise(text)
        raise CellError(NOT_IN_LIST, expected)

    return ColumnReader(read, _spellings_at_once(by_key), CODE_PLACEHOLDERS)


def yes_no_column() -> ColumnReader:
    """True or False."""
    return coded_column({"yes": YES, "no": NO}, {"yes": True, "no": False})


def _spellings_at_once(by_key: Mapping[str, object]) -> dict[str, object]:
    """The usual ways to write each folded word, so that most cells need no folding.

    Placeholders that mean something here ("unknown") are found before they could be taken for blank.
    """
    found: dict[str, object] = {}
    for key, value in by_key.items():
        for word in (key, key.replace("_", " "), key.replace("_", "-")):
            for spelling in (word, word.capitalize(), word.title(), word.upper()):
                found[spelling] = value
    return found
