"""The marshmallow field around the pure reader of one column: form, feed and API read a value by the same rule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields

from victim_gateway.feeds.column_reader import ColumnReader
from victim_gateway.feeds.problems import CellError, MendedValue


class CellField(fields.Field[Any]):
    """A value given as text. Blank and placeholder texts load as None; what the reader mends is taken mended.

    An error is a mapping of `code`, which is stable, and `message`, which says what to give and never
    repeats the value.
    """

    def __init__(self, column: ColumnReader, *, required: bool = False) -> None:
        super().__init__(required=required, allow_none=True)
        self.column = column

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> object:
        if not isinstance(value, str):
            raise ValidationError([problem_message("not_text", f"{attr} is not text; give it as text.")])
        try:
            return self.column(value)
        except MendedValue as mended:
            return mended.value
        except CellError as error:
            raise ValidationError([problem_message(error.code, f"{attr} {error.expected}.")]) from error


def problem_message(code: str, message: str) -> Any:
    """An error as it stands under its field: a stable code and a sentence."""
    return {"code": code, "message": message}


class StrictSchema(Schema):
    """A schema that refuses names it does not know, rather than lose what they hold."""

    class Meta:
        unknown = RAISE


def column_readers(*schemas: type[Schema]) -> dict[str, ColumnReader]:
    """The readers behind the fields of schemas, for a feed that loads a row field by field."""
    return {
        name: field.column
        for schema in schemas
        for name, field in schema._declared_fields.items()
        if isinstance(field, CellField)
    }
