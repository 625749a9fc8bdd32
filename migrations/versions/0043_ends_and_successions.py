"""Tasks for cancelled appointments and unread progress notes, and the tables of successions in batches."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None

TASK_KINDS = ("appointment_cancelled", "progress_unread")
STATES = ("checking", "ready", "running", "done", "cancelled")
STAY_REASONS = (
    "restricted",
    "said_no",
    "not_agreed",
    "limited_yes",
    "without_consent",
    "written_for_provider",
    "own_yes_needed",
    "named_in_handover",
    "no_service",
    "there_already",
    "does_not_fit",
    "answers_needed",
    "service_paused",
    "came_of_age",
    "not_safe_to_hand_over",
    "could_not_be_moved",
)
TABLES = ("succession", "succession_item")
# As the reader: who may not see an onward referral sees no line about it.
OF_CASE = "(SELECT true FROM onward_referral o WHERE o.id = succession_item.onward_referral_id) IS TRUE"


def upgrade() -> None:
    """New tables and kinds of task, which the release before neither reads nor writes."""
    _change_task_kinds(added=TASK_KINDS)
    # No row has the kind yet: the table is read through once.
    op.execute(
        "-- squawk-ignore require-concurrent-index-creation\n"
        "CREATE INDEX ix_task_appointment_cancelled ON task (due_on)"
        " WHERE kind = 'appointment_cancelled' AND done_at IS NULL"
    )
    _successions()
    _items()
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        for privilege in ("SELECT", "INSERT", "UPDATE"):
            _allow(table, "worker", privilege, "true")
    _allow("succession", "caseworker", "SELECT", "true")
    _allow("succession_item", "caseworker", "SELECT", OF_CASE)


def downgrade() -> None:
    """Only while nothing was recorded in it: that would be lost."""
    listed = ", ".join(repr(kind) for kind in TASK_KINDS)
    in_use = sa.text(
        f"SELECT EXISTS (SELECT FROM task WHERE kind IN ({listed}))"  # noqa: S608  two constants
        " OR EXISTS (SELECT FROM succession)"
    )
    # Under row-level security the owner sees no row: as the worker, who sees all.
    op.execute("SET LOCAL ROLE gateway_worker")
    is_in_use = op.get_bind().scalar(in_use)
    op.execute("RESET ROLE")
    if is_in_use:
        raise RuntimeError(
            "successions, or tasks about cancelled appointments or shared notes, were recorded"
        )
    for table in reversed(TABLES):
        op.drop_table(table)
    op.drop_index("ix_task_appointment_cancelled", table_name="task")
    _change_task_kinds(removed=TASK_KINDS)


def _successions() -> None:
    table = "succession"
    op.create_table(
        table,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("successor_id", sa.Uuid(), nullable=False),
        sa.Column("services", postgresql.JSONB(), nullable=False),
        _code("state", "successionstate", STATES),
        _moment("opened_at", nullable=False),
        sa.Column("opened_by_id", sa.Uuid(), nullable=False),
        _moment("ready_at"),
        _moment("agreed_at"),
        sa.Column("agreed_by_id", sa.Uuid(), nullable=True),
        _moment("finished_at"),
        sa.CheckConstraint(
            "(state IN ('running', 'done')) = (agreed_at IS NOT NULL)",
            name=op.f(f"ck_{table}_carried_out_once_agreed"),
        ),
        sa.CheckConstraint(
            "(agreed_at IS NULL) = (agreed_by_id IS NULL)", name=op.f(f"ck_{table}_agreed_by_person")
        ),
        sa.CheckConstraint(
            "(state = 'done') = (finished_at IS NOT NULL)", name=op.f(f"ck_{table}_done_with_moment")
        ),
        _key(table, "provider_id", "provider"),
        _key(table, "successor_id", "provider"),
        _key(table, "opened_by_id", "app_user"),
        _key(table, "agreed_by_id", "app_user"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
    op.create_index(
        "uq_succession_open",
        table,
        ["provider_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('checking', 'ready', 'running')"),
    )
    op.create_index(
        "ix_succession_working",
        table,
        ["id"],
        postgresql_where=sa.text("state IN ('checking', 'running')"),
    )


def _items() -> None:
    table = "succession_item"
    op.create_table(
        table,
        sa.Column("succession_id", sa.Uuid(), nullable=False),
        sa.Column("onward_referral_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("is_high_risk", sa.Boolean(), nullable=False),
        _moment("foreseen_at"),
        sa.Column("foreseen_stay", sa.String(), nullable=True),
        _moment("done_at"),
        _code("stay", "stayreason", STAY_REASONS, nullable=True),
        sa.Column("moved_to_id", sa.Uuid(), nullable=True),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.CheckConstraint("num_nonnulls(moved_to_id, stay) < 2", name=op.f(f"ck_{table}_moved_or_stayed")),
        sa.CheckConstraint(
            "done_at IS NOT NULL OR num_nonnulls(moved_to_id, stay) = 0",
            name=op.f(f"ck_{table}_result_when_done"),
        ),
        _key(table, "succession_id", "succession"),
        _key(table, "onward_referral_id", "onward_referral"),
        _key(table, "moved_to_id", "onward_referral"),
        sa.PrimaryKeyConstraint("succession_id", "onward_referral_id", name=op.f(f"pk_{table}")),
    )
    op.create_index(
        "ix_succession_item_unforeseen",
        table,
        ["succession_id", "position"],
        postgresql_where=sa.text("foreseen_at IS NULL"),
    )
    op.create_index(
        "ix_succession_item_undone",
        table,
        ["succession_id", "failures", "position"],
        postgresql_where=sa.text("done_at IS NULL"),
    )
    op.create_index("ix_succession_item_onward_referral_id", table, ["onward_referral_id"])
    op.create_index("uq_succession_item_moved_to", table, ["moved_to_id"], unique=True)


def _code(name: str, kind: str, values: tuple[str, ...], *, nullable: bool = False) -> sa.Column[str]:
    checked = sa.Enum(*values, name=kind, native_enum=False, create_constraint=True, length=40)
    return sa.Column(name, checked, nullable=nullable)


def _moment(name: str, *, nullable: bool = True) -> sa.Column[sa.DateTime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _key(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}"))


def _allow(table: str, kind: str, privilege: str, condition: str) -> None:
    op.execute(f"GRANT {privilege} ON {table} TO gateway_{kind}")
    using = "" if privilege == "INSERT" else f" USING ({condition})"
    check = "" if privilege == "SELECT" else f" WITH CHECK ({condition})"
    op.execute(
        f"CREATE POLICY {kind}_{privilege.lower()} ON {table} FOR {privilege} TO gateway_{kind}{using}{check}"
    )


def _change_task_kinds(*, added: tuple[str, ...] = (), removed: tuple[str, ...] = ()) -> None:
    """Add kinds to the check or take some out, whatever others it allows."""
    more, less = (
        f"ARRAY[{', '.join(repr(value) for value in values)}]::text[]" for values in (added, removed)
    )
    op.execute(
        f"""DO $$
        DECLARE allowed text;
        BEGIN
            SELECT string_agg(DISTINCT quote_literal(value), ', ') INTO allowed
            FROM (
                SELECT matched[1] AS value
                FROM pg_constraint c, regexp_matches(pg_get_constraintdef(c.oid), '''([a-z_]+)''', 'g') AS matched
                WHERE c.conname = 'ck_task_taskkind' AND c.conrelid = 'task'::regclass
                UNION SELECT unnest({more})
            ) known
            WHERE value <> ALL ({less});
            ALTER TABLE task DROP CONSTRAINT ck_task_taskkind;
            EXECUTE format('ALTER TABLE task ADD CONSTRAINT ck_task_taskkind CHECK (kind IN (%s)) NOT VALID', allowed);
            ALTER TABLE task VALIDATE CONSTRAINT ck_task_taskkind;
        END $$"""
    )
