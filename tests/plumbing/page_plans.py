"""The statements of page requests, and which large tables their plans read from end to end.

`WRITE_PAGE_STATEMENTS=1 python -m pytest tests/rules/test_page_statements.py` writes the kept table anew.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event, text
from sqlalchemy.orm import Session

TABLE = Path(__file__).resolve().parents[1] / "data" / "page_statements.csv"
MANY = 500
# A copied referral is one of the past, of a copied person, and what is copied of a referral belongs to a copied one, so
# that no page shows any of it. `n` is the number of the copy.
_PERSON, _REFERRAL = "md5('person' || n)::uuid", "md5('referral' || n)::uuid"
_COPIES: Mapping[str, str] = {
    "wrapped_key": f"'id', gen_random_uuid(), 'purpose', 'person', 'organisation_id', NULL, 'subject_id', {_PERSON}",
    "person": f"'id', {_PERSON}, 'victim_reference_hash', NULL, 'name_dob_hash', NULL, 'dob_hash', NULL,"
    " 'phone_hashes', '[]'::jsonb, 'email_hash', NULL, 'postcode_hash', NULL, 'name_tokens', '[]'::jsonb,"
    " 'search_parts', '[]'::jsonb",
    "safe_contact_plan": f"'id', gen_random_uuid(), 'person_id', {_PERSON}",
    "consent": f"'id', gen_random_uuid(), 'person_id', {_PERSON}, 'referral_id', NULL",
    "referral": f"'id', {_REFERRAL}, 'person_id', {_PERSON}, 'reference', 'X-' || n, 'feed_reference', 'X-' || n,"
    " 'state', 'closed', 'held_reason', NULL, 'held_reasons', '[]'::jsonb, 'outcome', 'no_contact', 'closed_at', now(),"
    " 'next_act', 'nothing', 'waiting_on', 'nobody', 'next_due_on', NULL, 'crime_number_hash', NULL,"
    " 'search_parts', '[]'::jsonb",
    "case_event": f"'id', gen_random_uuid(), 'referral_id', {_REFERRAL}, 'sequence', n + 1000000",
    "case_facts": f"'id', gen_random_uuid(), 'referral_id', {_REFERRAL}, 'sequence', n + 1000000",
    "entitlement_clock": f"'id', gen_random_uuid(), 'referral_id', {_REFERRAL}, 'start_event_id', gen_random_uuid(),"
    " 'status', 'met'",
    "import_row": f"'row_number', n + 1000, 'outcome', 'imported', 'reasons', '[]'::jsonb, 'referral_id', {_REFERRAL},"
    " 'feed_reference', 'X-' || n, 'applied_order', n + 1000000",
    "onward_referral": f"'id', gen_random_uuid(), 'referral_id', {_REFERRAL}, 'person_id', {_PERSON}, 'reference',"
    " 'X-' || n, 'state', 'closed', 'outcome', 'needs_met'",
    "task": f"'id', gen_random_uuid(), 'referral_id', {_REFERRAL}, 'dedupe_key', 'X-' || n, 'done_at', now()",
    "reminder": f"'id', gen_random_uuid(), 'referral_id', {_REFERRAL}, 'onward_referral_id', NULL, 'clock_id', NULL,"
    " 'task_id', NULL, 'dedupe_key', 'X-' || n, 'resolved_at', now()",
    "audit_entry": "'sequence', n + 1000000",
}
LARGE = frozenset(_COPIES)
# Off, the planner goes by an index wherever one serves: what it still reads whole has none.
_ROW_BY_ROW = ("enable_seqscan", "enable_hashjoin", "enable_mergejoin")


@dataclass(frozen=True, slots=True)
class PageStatements:
    """How many statements a page takes, and the large tables that one of them reads from end to end."""

    statements: int
    scanned: frozenset[str]


@dataclass
class StatementLog:
    """What ran while it listened."""

    explain: bool
    partial_indexes: frozenset[str]
    statements: int = 0
    scanned: set[str] = field(default_factory=set)

    def note(self, cursor: Any, statement: str, parameters: Any) -> None:
        """Count a statement, and look at its plan as if no table could be read from end to end."""
        if statement.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK")):
            return
        self.statements += 1
        if not self.explain or not statement.lstrip().startswith(("SELECT", "WITH", "UPDATE")):
            return
        with cursor.connection.cursor() as other:
            for setting in _ROW_BY_ROW:
                other.execute(f"SET LOCAL {setting} = off")
            other.execute(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
            plan = other.fetchone()[0]
            for setting in _ROW_BY_ROW:
                other.execute(f"SET LOCAL {setting} = on")
        found = json.loads(plan) if isinstance(plan, str) else plan
        self.scanned |= set(self._scans(found[0]["Plan"], is_limited=False))

    def _scans(self, node: Mapping[str, Any], *, is_limited: bool) -> Iterator[str]:
        table, kind = node.get("Relation Name"), node["Node Type"]
        if table in LARGE:
            by_index = kind in {"Index Scan", "Index Only Scan"} and (
                "Index Cond" in node or is_limited or node["Index Name"] in self.partial_indexes
            )
            if not by_index and kind not in {"Bitmap Heap Scan", "ModifyTable"}:
                yield str(table)
        for below in node.get("Plans", ()):
            yield from self._scans(below, is_limited=is_limited or kind == "Limit")


@contextmanager
def listening(connection: Connection, *, explain: bool) -> Iterator[StatementLog]:
    """Note the statements of this connection while the block runs."""
    partial = connection.scalars(
        text("SELECT indexrelid::regclass::text FROM pg_index WHERE indpred IS NOT NULL")
    )
    log = StatementLog(explain, frozenset(partial))

    def after(_: Any, cursor: Any, statement: str, parameters: Any, *__: Any) -> None:
        log.note(cursor, statement, parameters)

    event.listen(connection, "after_cursor_execute", after)
    try:
        yield log
    finally:
        event.remove(connection, "after_cursor_execute", after)


def fill_large_tables(session: Session) -> None:
    """Give each large table so many rows of the past that no plan for few rows is chosen."""
    # The copies fit together: to check each reference of each would take longer than all the pages.
    session.execute(text("SET LOCAL session_replication_role = replica"))
    for table, values in _COPIES.items():
        session.execute(
            text(
                f"INSERT INTO {table} OVERRIDING SYSTEM VALUE"
                f" SELECT (jsonb_populate_record(one, jsonb_build_object({values}))).*"
                f" FROM (SELECT kept FROM {table} kept LIMIT 1) picked(one), generate_series(1, {MANY}) n"
            )
        )
        session.execute(text(f"ANALYZE {table}"))
    session.execute(text("SET LOCAL session_replication_role = origin"))


def read_kept() -> dict[tuple[str, str], PageStatements]:
    """The kept table, by role and page."""
    with TABLE.open(encoding="utf-8", newline="") as lines:
        return {
            (row["role"], row["page"]): PageStatements(
                int(row["statements"]), frozenset(row["scanned"].split())
            )
            for row in csv.DictReader(lines)
        }


def write_kept(found: Mapping[tuple[str, str], PageStatements]) -> None:
    """Write the kept table anew."""
    with TABLE.open("w", encoding="utf-8", newline="") as target:
        writer = csv.writer(target, lineterminator="\n")
        writer.writerow(("role", "page", "statements", "scanned"))
        for (role, page), each in found.items():
            writer.writerow((role, page, each.statements, " ".join(sorted(each.scanned))))
