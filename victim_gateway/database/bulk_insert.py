"""Many rows at once: COPY into a staging table, then one INSERT from it under the reader's own rules."""

from __future__ import annotations

from binascii import crc32
from collections.abc import Callable, Collection, Mapping, Sequence
from enum import StrEnum
from operator import itemgetter
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.types.string import StrDumper, StrDumperUnknown
from sqlalchemy import (
    ARRAY,
    BindParameter,
    ColumnElement,
    Dialect,
    TypeDecorator,
    Uuid,
    any_,
    bindparam,
    insert,
    text,
)
from sqlalchemy.orm import InstrumentedAttribute, Session

from victim_gateway.database.copy_formats import copy_format
from victim_gateway.extensions import Base

# Enum members are written by value, not by name.
psycopg.adapters.register_dumper(StrEnum, StrDumper)
# Below this number of rows a plain INSERT is quicker than a staging table.
FEW_ROWS = 20


class _UuidArrayText(str):
    """An array of ids as PostgreSQL reads it."""


class _UuidArray(TypeDecorator[Collection[UUID]]):
    """An array of ids, written at once: the driver makes a piece of text of each id by itself."""

    impl = ARRAY(Uuid)
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[Collection[UUID] | None], str]:
        return lambda ids: _UuidArrayText(f"{{{','.join([each.hex for each in ids or ()])}}}")


# Of no type of its own: the statement says that it is an array of ids.
psycopg.adapters.register_dumper(_UuidArrayText, StrDumperUnknown)


def column_in(column: InstrumentedAttribute[Any], values: Collection[Any]) -> ColumnElement[bool]:
    """Build a condition that the column has one of many values, bound as one array.

    Thousands of single parameters take longer to write into the statement than the database takes to find them.
    """
    kind = _UuidArray() if isinstance(column.type, Uuid) else ARRAY(column.type)
    bound = bindparam(None, [value for value in values if value is not None], kind)
    return column == any_(bound)


def insert_rows(
    session: Session,
    model: type[Base],
    rows: Sequence[Mapping[str, Any]],
    *,
    on_conflict: str = "",
    with_new_ids: bool = False,
) -> None:
    """Insert plain rows, all with the same keys.

    COPY itself is not allowed where row-level security holds, so the rows are staged in a table of this
    transaction and inserted from there. `on_conflict` is SQL of ours, e.g. "ON CONFLICT DO NOTHING".
    `with_new_ids`: the rows have no `id`, the database gives each one.
    """
    if not rows:
        return
    if len(rows) <= FEW_ROWS and not on_conflict:
        session.connection().execute(insert(model.metadata.tables[model.__tablename__]), list(rows))
        return
    statement, constants = _stage_rows(session, model, rows, with_new_ids=with_new_ids)
    session.execute(text(f"{statement} {on_conflict}").bindparams(*constants))


def insert_rows_counted(
    session: Session,
    model: type[Base],
    rows: Sequence[Mapping[str, Any]],
    *,
    on_conflict: str,
    counted_by: str,
) -> dict[Any, int]:
    """Insert those of the rows that do not conflict; gives how many these were for each value of a column.

    Counted in the database: thousands of ids take longer to read than to write.
    """
    if not rows:
        return {}
    statement, constants = _stage_rows(session, model, rows)
    # Names of ours, as in the statement itself.
    counted = text(
        f"WITH inserted AS ({statement} {on_conflict} RETURNING {counted_by})"  # noqa: S608
        f" SELECT {counted_by}, count(*) FROM inserted GROUP BY {counted_by}"
    )
    return {row[0]: row[1] for row in session.execute(counted.bindparams(*constants))}


def _stage_rows(
    session: Session, model: type[Base], rows: Sequence[Mapping[str, Any]], *, with_new_ids: bool = False
) -> tuple[str, list[BindParameter[Any]]]:
    """Copy rows into a table of this transaction; gives the statement that inserts them, and what it binds."""
    name = model.__tablename__
    # A column that is None in every row is left out.
    columns = [column for column in rows[0] if any(row[column] is not None for row in rows)]
    constants, staged = _split_constant_columns(columns, rows)
    # One for each set of columns: a transaction may bring the same table rows of two shapes.
    stage = f"stage_{name}_{crc32(' '.join(staged).encode()):08x}"
    _stage(session, stage, name, staged)
    _copy(session, stage, model, staged, rows)
    kinds = [model.__table__.columns[column].type for column in constants]
    into = [*(("id",) if with_new_ids else ()), *staged, *constants]
    values = [*(("new_row_id()",) if with_new_ids else ()), *staged]
    # A SELECT does not tell a bound value's type from the column it goes into.
    dialect = session.connection().dialect
    for column, kind in zip(constants, kinds, strict=True):
        values.append(f"CAST(:{column} AS {kind.compile(dialect)})")
    # Names of tables and columns are the models' own; values never stand in the statement.
    statement = f"INSERT INTO {name} ({', '.join(into)}) SELECT {', '.join(values)} FROM {stage}"  # noqa: S608
    return statement, [
        bindparam(column, constants[column], kind) for column, kind in zip(constants, kinds, strict=True)
    ]


def _split_constant_columns(
    columns: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> tuple[dict[str, Any], list[str]]:
    """Part the columns with one value in every row from those to copy; at least one column is copied.

    The batch, the moment and the source are the same in thousands of rows: given once with the INSERT they cost
    neither the writing nor the reading of a cell.
    """
    first = rows[0]
    constants = {
        column: first[column] for column in columns[1:] if all(row[column] == first[column] for row in rows)
    }
    return constants, [column for column in columns if column not in constants]


def _copy(
    session: Session, stage: str, model: type[Base], columns: list[str], rows: Sequence[Mapping[str, Any]]
) -> None:
    connection = session.connection().connection.driver_connection
    if connection is None:
        raise RuntimeError("the transaction has no connection")
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    copy = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(sql.Identifier(stage), names)
    formats = [copy_format(model.__table__.columns[column].type) for column in columns]
    made = [(place, each.make_bytes) for place, each in enumerate(formats) if each.make_bytes is not None]
    # Two names at least, or itemgetter gives a bare value.
    cells = itemgetter(*columns) if len(columns) > 1 else lambda row: (row[columns[0]],)
    with connection.cursor() as cursor, cursor.copy(copy) as target:
        target.set_types([each.type_name for each in formats])
        write_row = target.write_row
        for row in rows:
            values = list(cells(row))
            for place, make_bytes in made:
                if (value := values[place]) is not None:
                    values[place] = make_bytes(value)
            write_row(values)


def _stage(session: Session, stage: str, name: str, columns: list[str]) -> None:
    """Create an empty temporary table with these columns and no constraints, dropped at the commit."""
    listed = ", ".join(columns)
    made = f"CREATE TEMP TABLE IF NOT EXISTS {stage} ON COMMIT DROP AS SELECT {listed} FROM {name} LIMIT 0"  # noqa: S608
    session.execute(text(made))
    session.execute(text(f"TRUNCATE {stage}"))
