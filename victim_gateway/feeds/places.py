"""Districts and forces as the area profile spells them, found by any known spelling."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # the profile's module reads files and checks them: only its shape is needed here
    from config.area_profile import AreaProfile

_NOT_A_LETTER = re.compile(r"[\W_]+")


def fold_place(text: str) -> str:
    """A key that is equal for spellings which differ in case, spaces, hyphens and other punctuation."""
    return _NOT_A_LETTER.sub(" ", text.casefold().replace("&", " and ")).strip()


@dataclass(frozen=True, slots=True)
class PlaceNames:
    """The names of the area profile, and folded spellings with the name they stand for."""

    districts: Mapping[str, str]
    forces: Mapping[str, str]

    def district(self, text: str) -> str | None:
        """The district of this area that a text names; None where it names none of them."""
        return self.districts.get(text) or self.districts.get(fold_place(text))

    def force(self, text: str) -> str | None:
        """The force that a text names, as the profile spells it; None for a force it does not know."""
        return self.forces.get(text) or self.forces.get(fold_place(text))


@cache
def place_names_of(area: AreaProfile) -> PlaceNames:
    """The names that an area profile knows, with their other spellings."""
    # the names themselves as well, so that a feed that uses them needs no folding
    districts = {spelling: name for name in area.districts for spelling in (name, fold_place(name))}
    districts |= {fold_place(spelling): name for spelling, name in area.district_names}
    forces = {area.force: area.force, fold_place(area.force): area.force}
    forces |= {fold_place(spelling): name for spelling, name in area.force_names}
    return PlaceNames(districts, forces)
