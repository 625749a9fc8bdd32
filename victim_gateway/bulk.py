"""Many rows at once: COPY into a staging table, then one INSERT from it under the reader's own rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any

from psycopg import sql
from psycopg.types.json import Jsonb
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from victim_gateway.extensions import Base


def insert_rows(
    session: Session,
    model: type[Base],
    rows: Sequence[Mapping[str, Any]],
    *,
    on_conflict: str = "",
    returning: str | None = None,
) -> list[Any]:
    """Insert plain rows, all with the same keys; `returning` names a column whose values are given back.

    COPY itself is not allowed where row-level security holds, so the rows are staged in a table of this
    transaction and inserted from there. `on_conflict` is SQL of ours, e.g. "ON CONFLICT DO NOTHING".
    """
    if not rows:
        return []
    name = model.__tablename__
    columns = list(rows[0])
    documents = {column.key for column in model.__table__.columns if isinstance(column.type, JSONB)}
    stage = f"stage_{name}"
    _stage(session, stage, name, columns)
    connection = session.connection().connection.driver_connection
    if connection is None:
        raise RuntimeError("the transaction has no connection")
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    copy = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(stage), names)
    with connection.cursor() as cursor, cursor.copy(copy) as target:
        for row in rows:
            target.write_row([_PLAIN[column in documents](row[column]) for column in columns])
    listed = ", ".join(columns)
    # Names of tables and columns are the models' own; values never stand in the statement.
    statement = f"INSERT INTO {name} ({listed}) SELECT {listed} FROM {stage} {on_conflict}"  # noqa: S608
    if returning is None:
        session.execute(text(statement))
        return []
    return list(session.execute(text(f"{statement} RETURNING {returning}")).scalars())


def _stage(session: Session, stage: str, name: str, columns: list[str]) -> None:
    """An empty table with these columns and none of the rules, gone with the transaction."""
    listed = ", ".join(columns)
    made = f"CREATE TEMP TABLE IF NOT EXISTS {stage} ON COMMIT DROP AS SELECT {listed} FROM {name} LIMIT 0"  # noqa: S608
    session.execute(text(made))
    session.execute(text(f"TRUNCATE {stage}"))


def _value(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value


# By whether the column holds documents: asked once a cell, so it is kept quick.
_PLAIN: dict[bool, Callable[[Any], Any]] = {False: _value, True: Jsonb}
