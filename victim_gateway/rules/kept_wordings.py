"""What the kept lists say at one moment: the entries that ship, and over them what administrators changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from uuid import UUID

from victim_gateway.rules.kept_lists import KEPT_LISTS


@dataclass(frozen=True, slots=True)
class WordedEntry:
    """One entry as it is worded now. `stands_for`: the code that rules read for it, where that is another."""

    code: str
    label: str
    is_retired: bool = False
    stands_for: str | None = None


@dataclass(frozen=True)
class KeptWordings:
    """The entries that are stored, by list, in their order. `stamp` is that of the last change of any of them."""

    stamp: UUID | None = None
    stored: Mapping[str, Sequence[WordedEntry]] = field(default_factory=dict)

    def entries(self, list_key: str, shipped: Iterable[tuple[str, str]]) -> tuple[WordedEntry, ...]:
        """Every entry of a list, the retired ones too; what ships and was never touched comes last."""
        stored = self.stored.get(list_key, ())
        known = {entry.code for entry in stored}
        return (*stored, *(WordedEntry(code, label) for code, label in shipped if code not in known))

    def offered(self, list_key: str, shipped: Iterable[tuple[str, str]]) -> tuple[WordedEntry, ...]:
        """The entries for a new record, in their order."""
        return tuple(entry for entry in self.entries(list_key, shipped) if not entry.is_retired)

    def label(self, list_key: str, code: str) -> str | None:
        """How a code is worded; None where it was not worded anew."""
        return self._labels.get((list_key, code))

    def is_moved(self, list_key: str) -> bool:
        """Whether the entries that ship stand in another order by now, or one of them is not offered."""
        codes = [entry.code for entry in self.stored.get(list_key, ()) if not entry.is_retired]
        shipped = [member.value for member in KEPT_LISTS[list_key].members]
        return bool(codes) and [code for code in codes if code in set(shipped)] != shipped

    @cached_property
    def _labels(self) -> Mapping[tuple[str, str], str]:
        return {(key, entry.code): entry.label for key, entries in self.stored.items() for entry in entries}
