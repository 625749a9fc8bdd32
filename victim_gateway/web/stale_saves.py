"""Both versions of a form that was saved on an outdated page: what is saved now, and what was typed."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask
from wtforms import BooleanField, Field, SelectFieldBase
from wtforms.fields import FieldList, FormField, SubmitField

from victim_gateway.web.fields import GovDateField, GovTimeField
from victim_gateway.web.filters import long_date
from victim_gateway.web.forms import BaseForm, is_hidden

NOT_SHOWN = "On record, not shown here"


@dataclass(frozen=True, slots=True)
class ComparedAnswer:
    """One question with both answers in plain text. `saved` None: the record has no such answer to set beside it."""

    label: str
    typed: str
    saved: str | None

    @property
    def differs(self) -> bool:
        """Whether the answers are not the same. Where the saved one is not shown, something typed may be another."""
        if self.saved == NOT_SHOWN:
            return bool(self.typed)
        return self.saved is not None and self.saved != self.typed


def answer_text(field: Field) -> str:
    """The answer of a field as a reader writes it; empty for none."""
    if isinstance(field, BooleanField):
        return "Yes" if field.data else "No"
    if isinstance(field, GovDateField):
        return long_date(field.data) if field.data else " ".join(field.typed.values()).strip()
    if isinstance(field, GovTimeField):
        return str(field._value())
    if isinstance(field, SelectFieldBase):
        chosen = field.data if isinstance(field.data, list | tuple) else [field.data]
        known = {str(value): str(label) for value, label, *_ in field.iter_choices()}
        return ", ".join(known.get(str(value), str(value)) for value in chosen if value)
    return str(field.data or "")


def compare_answers(form: BaseForm) -> list[ComparedAnswer]:
    """Every question that was answered on either side, in the order of the page."""
    compared = []
    for field in form:
        if is_hidden(field) or isinstance(field, SubmitField | FormField | FieldList):
            continue
        answer = ComparedAnswer(str(field.label.text), answer_text(field), _saved_text(form, field))
        if (
            answer.differs
            or answer.typed not in ("", "No")
            or answer.saved not in (None, "", "No", NOT_SHOWN)
        ):
            compared.append(answer)
    return compared


def _saved_text(form: BaseForm, field: Field) -> str | None:
    if form.saved_now is None or field.short_name not in form.saved_now:
        return None
    if field.short_name in form.not_shown:
        return NOT_SHOWN
    return answer_text(form.saved_now[field.short_name])


def register_stale_saves(app: Flask) -> None:
    """Let the layout show both versions under any form that turned out stale."""
    app.add_template_global(compare_answers)
