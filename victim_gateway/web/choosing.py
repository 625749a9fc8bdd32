"""Radios that may be left unanswered: WTForms takes no answer for a wrong one."""

from __future__ import annotations

from typing import Any

from wtforms import RadioField


class OptionalRadioField(RadioField):
    """Data is the chosen value, or the default when nothing was chosen. A value that is no choice is refused."""

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
