"""splink over the whole population, in this process's memory alone: rows in, pairs of row numbers with weights out.

splink, DuckDB and pyarrow are an optional extra of the install and imported only here, when they are used. DuckDB runs
without a file: it may not spill to disk, read or write any file, load an extension or reach the network, and none of
that can be switched on again. Its messages may quote a value, so that of a failure only the kind is passed on.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from victim_gateway.integrations.linkage_model import linkage_settings
from victim_gateway.rules.linkage_rows import LinkageRow

if TYPE_CHECKING:
    from config.identity_weights import IdentityWeights

NOT_INSTALLED = "not installed: the pass over the whole population needs `make setup EXTRAS=splink`"
MEMORY_LIMIT_MB = 1024
THREADS = 2
# A birth date or a postcode that more people have is a clerk's habit or a large hostel: it finds nobody by itself.
MOST_IN_A_BLOCK = 100
# Pairs are made and weighed in parts, so that memory is bounded by the size of a part and not of the population.
ROWS_IN_A_PART = 120_000
_MODULES = ("splink", "duckdb", "pyarrow")
_ROWS = "population"
_CREATE = f"""CREATE TABLE {_ROWS} (
    row_number INTEGER, name_key VARCHAR, given VARCHAR, family VARCHAR, name_tokens VARCHAR[], given_groups INTEGER[],
    alias_keys VARCHAR[], birth_date VARCHAR, phones VARCHAR[], email VARCHAR, postcode VARCHAR)"""
# Values that too many people share are taken out: a phone or an email says nothing then, a block finds nobody.
_PREPARE = """CREATE TABLE prepared AS
    WITH shared_phone AS (
        SELECT phone FROM (SELECT unnest(phones) AS phone FROM population) GROUP BY phone HAVING count(*) > {sharing}
    ), shared_email AS (
        SELECT email FROM population WHERE email IS NOT NULL GROUP BY email HAVING count(*) > {sharing}
    ), large_birth AS (
        SELECT birth_date FROM population WHERE birth_date IS NOT NULL GROUP BY birth_date HAVING count(*) > {block}
    ), large_postcode AS (
        SELECT postcode FROM population WHERE postcode IS NOT NULL GROUP BY postcode HAVING count(*) > {block}
    ), all_shared AS (SELECT coalesce(list(phone), []) AS phones FROM shared_phone)
    SELECT p.* REPLACE (
            list_filter(p.phones, lambda phone: NOT list_contains(s.phones, phone)) AS phones,
            CASE WHEN e.email IS NULL THEN p.email END AS email
        ),
        CASE WHEN b.birth_date IS NULL THEN p.birth_date END AS birth_block,
        CASE WHEN c.postcode IS NULL THEN p.postcode END AS postcode_block,
        CASE WHEN e.email IS NULL THEN p.email END AS email_block
    FROM population p CROSS JOIN all_shared s
    LEFT JOIN shared_email e ON e.email = p.email
    LEFT JOIN large_birth b ON b.birth_date = p.birth_date
    LEFT JOIN large_postcode c ON c.postcode = p.postcode"""


class LinkageNotInstalled(Exception):
    """The optional extra is not there: nothing was read."""

    def __init__(self) -> None:
        super().__init__(NOT_INSTALLED)


class LinkageFailed(Exception):
    """The linkage broke off; the message names the kind of failure and no value."""


@dataclass(frozen=True, slots=True)
class LinkedPair:
    """Two rows by number, the lower first, and how many bits speak for their being one person."""

    one: int
    other: int
    match_weight: float


def is_linkage_installed() -> bool:
    """Whether splink and what it runs on can be imported."""
    return all(find_spec(module) is not None for module in _MODULES)


class PopulationLinker:
    """A database in memory that takes rows, links them once, and is gone when the block ends."""

    def __init__(self, weights: IdentityWeights, *, memory_limit_mb: int = MEMORY_LIMIT_MB) -> None:
        """Raises LinkageNotInstalled."""
        if not is_linkage_installed():
            raise LinkageNotInstalled
        import duckdb

        self._weights, self._added = weights, 0
        self._connection = duckdb.connect(
            ":memory:",
            config={
                "memory_limit": f"{memory_limit_mb}MB",
                "threads": THREADS,
                # No file is ever written: what does not fit into memory fails.
                "temp_directory": "",
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "allow_community_extensions": False,
                "python_enable_replacements": False,
            },
        )
        # It would be drawn on standard output, where a command's result belongs.
        self._connection.execute("SET enable_progress_bar = false")
        # After the folder for spilling was taken away: that can't be set any more then.
        self._connection.execute("SET enable_external_access = false")
        self._connection.execute("SET lock_configuration = true")
        self._connection.execute(_CREATE)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def add_rows(self, rows: Sequence[LinkageRow]) -> None:
        """Take further rows; they are numbered from 0 in the order in which they come. Raises LinkageFailed."""
        try:
            self._add_rows(rows)
        except Exception as error:
            raise _without_values(error) from None

    def _add_rows(self, rows: Sequence[LinkageRow]) -> None:
        import pyarrow

        columns: dict[str, Any] = {"row_number": range(self._added, self._added + len(rows))}
        columns |= {name: [getattr(row, name) for row in rows] for name in LinkageRow.__slots__}
        table = pyarrow.table(
            {name: pyarrow.array(values, _arrow_type(name)) for name, values in columns.items()}
        )
        self._connection.register("added", table)
        self._connection.execute(f"INSERT INTO {_ROWS} SELECT * FROM added")  # noqa: S608  a constant
        self._connection.unregister("added")
        self._added += len(rows)

    def link(self) -> list[LinkedPair]:
        """The pairs from `proposed_from` bits on, those with the most weight first. Raises LinkageFailed."""
        if self._added < 2:
            return []
        try:
            return self._link()
        except Exception as error:
            raise _without_values(error) from None

    def _link(self) -> list[LinkedPair]:
        from splink import DuckDBAPI, Linker

        # Their debugging prints whole statements, and what they tell of their work helps nobody here.
        for library in ("splink", "sqlglot"):
            logging.getLogger(library).setLevel(logging.ERROR)
        self._connection.execute(
            _PREPARE.format(sharing=self._weights.most_sharing + 1, block=MOST_IN_A_BLOCK)
        )
        self._connection.execute(f"DROP TABLE {_ROWS}")
        database = DuckDBAPI(connection=self._connection)
        settings = linkage_settings(self._weights, people=self._added)
        linker = Linker(database.register("prepared"), settings, log_level=None)
        parts = math.ceil(self._added / ROWS_IN_A_PART)
        found = linker.inference.predict(
            threshold_match_weight=self._weights.population_pass.proposed_from,
            num_chunks_left=parts,
            num_chunks_right=parts,
            warning_mode="never",
        )
        rows = self._connection.execute(
            "SELECT least(row_number_l, row_number_r), greatest(row_number_l, row_number_r), max(match_weight)"  # noqa: S608
            f" FROM {found.physical_name} GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2"
        ).fetchall()
        return [LinkedPair(int(one), int(other), float(weight)) for one, other, weight in rows]


def _without_values(error: Exception) -> LinkageFailed:
    """The failure by its kind: DuckDB, Arrow and Python's own decoding quote values in some of their messages."""
    return LinkageFailed(f"the linkage broke off ({type(error).__name__})")


def _arrow_type(column: str) -> Any:
    import pyarrow

    match column:
        case "row_number":
            return pyarrow.int32()
        case "given_groups":
            return pyarrow.list_(pyarrow.int32())
        case "name_tokens" | "alias_keys" | "phones":
            return pyarrow.list_(pyarrow.string())
        case _:
            return pyarrow.string()
