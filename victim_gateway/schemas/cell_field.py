"""The marshmallow field around the pure reader of one column: form, feed and API read a value by the same rule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields

from victim_gateway.feeds.column_reader import ColumnReader
from victim_gateway.feeds.problems import MISSING, NOT_TEXT, CellError, MendedValue


class CellField(fields.Field[Any]):
    """A value given as text. Blank and placeholder texts load as None; what the reader mends is taken mended.

    An error is a mapping of `code`, which is stable, and `message`, which says what to give and never
    repeats the value.
    """

    def __init__(self, column: ColumnReader, *, required: bool = False) -> None:
        super().__init__(required=required, allow_none=not required)
        self.column = column

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> object:
        if not isinstance(value, str):
            raise _invalid(attr, CellError(NOT_TEXT, "is not text; give it as text"))
        try:
            found = self.column(value)
        except MendedValue as mended:
            return mended.value
        except CellError as error:
            raise _invalid(attr, error) from error
        if found is None and self.required:
            raise _invalid(attr, CellError(MISSING, "is blank; give it"))
        return found


def _invalid(attr: str | None, error: CellError) -> ValidationError:
    return ValidationError([{"code": error.code, "message": f"{attr} {error.expected}."}])


def messages_by_field(error: ValidationError, labels: Mapping[str, str]) -> dict[str, list[str]]:
    """The messages of a refusal under the names of its fields, which go by their label on a page."""
    found: dict[str, list[str]] = {}
    for name, problems in error.messages_dict.items():
        label = labels.get(name, name)
        found[name] = [
            problem["message"].replace(name, label, 1) if isinstance(problem, dict) else str(problem)
            for problem in problems
        ]
    return found


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
