"""Aliases of tables for statements, each made once in a process.

Making one costs as much as a small statement does: SQLAlchemy copies every column of the table.
"""

from __future__ import annotations

from functools import cache
from typing import Any, TypeVar, cast

from sqlalchemy.orm import aliased

_Row = TypeVar("_Row")


def named_alias(model: type[_Row], name: str) -> type[_Row]:
    """The table of `model` under another name; the same object each time.

    One statement and the statements within it must not use one name for two things: choose a name for what the rows
    are in it.
    """
    return cast(type[_Row], _make_alias(cast(Any, model), name))


@cache
def _make_alias(model: Any, name: str) -> Any:
    return aliased(model, name=name)
