"""Form fields that GOV.UK pages need and WTForms lacks: a date in three parts, a time as people write it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, time
from typing import Any

from werkzeug.datastructures import MultiDict
from wtforms import Field, RadioField
from wtforms.utils import unset_value
from wtforms.validators import StopValidation

from victim_gateway import times
from victim_gateway.web.filters import format_time

PARTS = ("day", "month", "year")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_LAST_YEAR = 2100


class GovDateField(Field):
    """A date typed as day, month and year: `name-day`, `name-month`, `name-year`. Data is a `date` or None.

    `what` begins each message ("Date of birth must include a year"). `required` is the message for an
    empty field; without it the field may be left empty. `not_future` and `not_past` compare with today
    in London. Months may be names ("Nov"). Dates that don't exist, two-figure years and dates before
    `earliest` are refused with a message, and `error_parts` says which boxes to mark.
    """

    def __init__(
        self,
        label: str | None = None,
        validators: Sequence[Any] = (),
        *,
        what: str = "The date",
        required: str | None = None,
        earliest: date = date(1900, 1, 1),
        not_future: bool = False,
        not_past: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(label, list(validators), **kwargs)
        self.what = what
        self.required = required
        self.earliest = earliest
        self.not_future = not_future
        self.not_past = not_past
        self.error_parts: tuple[str, ...] = ()
        self._problem: str | None = None

    @property
    def error_id(self) -> str:
        """Where the error summary's link leads: the first box that is wrong, else the day."""
        return f"{self.id}-{self.error_parts[0] if self.error_parts else 'day'}"

    @property
    def typed(self) -> dict[str, str]:
        """The content of each box: what was typed, else the data."""
        if self.raw_data:
            return dict(zip(PARTS, self.raw_data, strict=True))
        if isinstance(self.data, date):
            return {"day": str(self.data.day), "month": str(self.data.month), "year": str(self.data.year)}
        return dict.fromkeys(PARTS, "")

    def process(self, formdata: Any, data: Any = unset_value, extra_filters: Any = None) -> None:
        if formdata is not None:
            typed = [str(formdata.get(f"{self.name}-{part}", "")).strip()[:20] for part in PARTS]
            formdata = MultiDict({self.name: typed})
        super().process(formdata, data, extra_filters)

    def process_formdata(self, valuelist: list[Any]) -> None:
        self.data = None
        typed = dict(zip(PARTS, valuelist, strict=True))
        missing = tuple(part for part in PARTS if not typed[part])
        if len(missing) == len(PARTS):
            return
        if missing:
            self._refuse(f"{self.what} must include a {' and '.join(missing)}", missing)
        else:
            self._read(typed)

    def pre_validate(self, form: Any) -> None:
        # Here, before any validator: DataRequired would wipe the exact message and say "enter a date".
        if self._problem:
            raise StopValidation(self._problem)
        if self.data is None and self.required:
            raise StopValidation(self.required)

    def _refuse(self, problem: str, parts: tuple[str, ...] = PARTS) -> None:
        self._problem = problem
        self.error_parts = parts

    def _read(self, typed: Mapping[str, str]) -> None:
        month = typed["month"].lower()
        month_number = _MONTHS.index(month[:3]) + 1 if month[:3] in _MONTHS else _whole(month)
        day, year = _whole(typed["day"]), _whole(typed["year"])
        if year is not None and len(typed["year"]) != 4:
            return self._refuse("Year must include 4 numbers", ("year",))
        try:
            value = date(year or 0, month_number or 0, day or 0)
        except ValueError:
            return self._refuse(f"{self.what} must be a real date")
        return self._check_range(value)

    def _check_range(self, value: date) -> None:
        today = times.london_date(times.now())
        if value < self.earliest:
            self._refuse(f"{self.what} must be in {self.earliest.year} or later", ("year",))
        elif self.not_future and value > today:
            self._refuse(f"{self.what} must be today or in the past")
        elif self.not_past and value < today:
            self._refuse(f"{self.what} must be today or in the future")
        elif value.year > _LAST_YEAR:
            self._refuse(f"{self.what} must be in {_LAST_YEAR} or earlier", ("year",))
        else:
            self.data = value


class GovTimeField(Field):
    """A time of day in London as people write it: 2:30pm, 2pm, 14:30, midday. Data is a `time` or None.

    "2:30" alone could be night or afternoon, so it is refused with a message that asks which.
    """

    def __init__(
        self,
        label: str | None = None,
        validators: Sequence[Any] = (),
        *,
        what: str = "The time",
        required: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(label, list(validators), **kwargs)
        self.what = what
        self.required = required
        self._problem: str | None = None

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return format_time(self.data) if isinstance(self.data, time) else ""

    def process_formdata(self, valuelist: list[Any]) -> None:
        self.data = None
        text = str(valuelist[0]).strip().lower() if valuelist else ""
        if not text:
            return
        try:
            self.data = _read_time(text[:20])
        except ValueError as error:
            self._problem = f"{self.what} must {error}"

    def pre_validate(self, form: Any) -> None:
        if self._problem:
            raise StopValidation(self._problem)
        if self.data is None and self.required:
            raise StopValidation(self.required)


def _whole(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[0-9]{1,4}", text) else None


def _read_time(text: str) -> time:
    """Raises ValueError with the end of a sentence that begins "The time must ..."."""
    if text in ("midday", "noon", "12 noon"):
        return time(12)
    if text == "midnight":
        return time(0)
    match = re.fullmatch(r"([0-9]{1,2})(?:[:.]([0-9]{2}))?\s*([ap]m)?", text)
    if not match:
        raise ValueError("be a time, like 2:30pm or 14:30")
    hour, minute, half = int(match[1]), int(match[2] or 0), match[3]
    if half is None and (match[2] is None or (0 < hour <= 12 and not match[1].startswith("0"))):
        raise ValueError("say am or pm, like 2:30pm")
    if minute > 59 or hour > (12 if half else 23) or (half and hour == 0):
        raise ValueError("be a real time, like 2:30pm or 14:30")
    if half:
        hour = hour % 12 + (12 if half == "pm" else 0)
    return time(hour, minute)


class OptionalRadioField(RadioField):
    """Radios that may be left unanswered; WTForms takes no answer for a wrong one.

    Data is the chosen value, or the default when nothing was chosen. A value that is no choice is refused.
    """

    def process_formdata(self, valuelist: list[Any]) -> None:
        super().process_formdata(valuelist)
        if not self.data:
            self.data = self.default() if callable(self.default) else self.default

    def process(self, formdata: Any, *args: Any, **kwargs: Any) -> None:
        super().process(formdata, *args, **kwargs)
        if formdata is not None and self.name not in formdata:
            self.process_formdata([])

    def pre_validate(self, form: Any) -> None:
        if self.data is not None:
            super().pre_validate(form)
