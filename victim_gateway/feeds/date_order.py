"""Whether a file writes the month before the day: read the wrong way round, most of its dates would pass."""

from __future__ import annotations

from collections.abc import Sequence

from victim_gateway.errors import UnusableFile
from victim_gateway.feeds.moments import order_of_date


class DateOrder:
    """Looks at the dates of a file row by row, until one proves that the day comes first."""

    def __init__(self, width: int, date_places: Sequence[int]) -> None:
        self._width = width
        self._places = tuple(date_places)
        self._has_month_first = False

    def see_row(self, cells: Sequence[str]) -> None:
        """Look at the dates of one row; one whose cells can't be told apart proves nothing."""
        if len(cells) != self._width:
            return
        for place in self._places:
            cell = cells[place]
            # what has four digits before the first hyphen is ISO, whose order is never in question
            if not cell or cell[4:5] == "-":
                continue
            order = order_of_date(cell)
            if order == "day":
                self._places, self._has_month_first = (), False
                return
            self._has_month_first = self._has_month_first or order == "month"

    def check(self) -> None:
        """Raise UnusableFile if a date has its month first and none has its day first."""
        if self._has_month_first:
            raise UnusableFile(
                "The dates in the file have the month before the day; "
                "export it again with dates as 2018-10-28 or 28/10/2018."
            )
