"""Promises kept back to keep a person safe, complaints about a service, and lists that administrators keep."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

NEW_KINDS = ("withholding_decision", "withholding_review", "complaint_due")
WITHHOLDING_STATES = ("asked", "agreed", "refused", "ended")
SUBJECTS = ("police", "cps", "court", "witness_care_unit", "probation", "gateway", "provider", "other")
COMPLAINT_STATES = ("received", "acknowledged", "answered", "closed", "withdrawn")
OUTCOMES = ("upheld", "partly_upheld", "not_upheld")
OF_REFERRAL = "EXISTS (SELECT 1 FROM referral r WHERE r.id = {table}.referral_id)"
SOMEBODY = "(SELECT gateway_user_id()) IS NOT NULL"
# What a caseworker's own step changes: never whose it is, why, or when it was recorded.
CHANGED = {
    "withholding": "state, review_on, decided_at, decided_by_id, ended_at, ended_by_id",
    "complaint": "state, due_on, acknowledged_on, answered_on, outcome, sealed_answer, next_step_on, version",
}


def upgrade() -> None:
    """New tables, which the release before neither reads nor writes, and three more kinds of task."""
    _withholdings()
    _complaints()
    for table, columns in CHANGED.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        _allow(table, "caseworker", "SELECT", OF_REFERRAL.format(table=table))
        _allow(table, "caseworker", "INSERT", OF_REFERRAL.format(table=table))
        _allow(table, "caseworker", "UPDATE", OF_REFERRAL.format(table=table), f" ({columns})")
        for privilege in ("SELECT", "INSERT", "UPDATE"):
            _allow(table, "worker", privilege, "true")
    _lists()
    _change_task_kinds(added=NEW_KINDS)


def downgrade() -> None:
    """Only while nothing was recorded in it: that would be lost."""
    in_use = sa.text(
        "SELECT EXISTS (SELECT FROM withholding) OR EXISTS (SELECT FROM complaint)"
        " OR EXISTS (SELECT FROM list_entry)"
        " OR EXISTS (SELECT FROM task WHERE kind = ANY (CAST(:kinds AS text[])))"
    )
    if op.get_bind().scalar(in_use, {"kinds": list(NEW_KINDS)}):
        raise RuntimeError(
            "promises were kept back, or complaints or lists recorded, which can't be taken back"
        )
    _change_task_kinds(removed=NEW_KINDS)
    for table in (*CHANGED, "list_entry_change", "list_entry"):
        op.drop_table(table)


def _code(name: str, kind: str, values: tuple[str, ...], *, nullable: bool = False) -> sa.Column[str]:
    checked = sa.Enum(*values, name=kind, native_enum=False, create_constraint=True, length=40)
    return sa.Column(name, checked, nullable=nullable)


def _moment(name: str, *, nullable: bool = False) -> sa.Column[sa.DateTime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _key(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}"))


def _withholdings() -> None:
    table = "withholding"
    op.create_table(
        table,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("entitlement_id", sa.String(), nullable=False),
        _code("state", "withholdingstate", WITHHOLDING_STATES),
        _moment("asked_at"),
        sa.Column("asked_by_id", sa.Uuid(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("review_on", sa.Date(), nullable=False),
        _moment("decided_at", nullable=True),
        sa.Column("decided_by_id", sa.Uuid(), nullable=True),
        _moment("ended_at", nullable=True),
        sa.Column("ended_by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "(state = 'asked') = (decided_at IS NULL) AND (decided_at IS NULL) = (decided_by_id IS NULL)",
            name=op.f("ck_withholding_decided_has_both"),
        ),
        sa.CheckConstraint("decided_by_id <> asked_by_id", name=op.f("ck_withholding_decided_by_another")),
        sa.CheckConstraint(
            "(state = 'ended') = (ended_at IS NOT NULL)", name=op.f("ck_withholding_ended_has_moment")
        ),
        _key(table, "referral_id", "referral"),
        *(_key(table, column, "app_user") for column in ("asked_by_id", "decided_by_id", "ended_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_withholding")),
    )
    op.create_index("ix_withholding_referral_id", table, ["referral_id"])
    op.create_index(
        "uq_withholding_one_open",
        table,
        ["referral_id", "entitlement_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('asked', 'agreed')"),
    )
    op.create_index(
        "ix_withholding_review", table, ["review_on", "id"], postgresql_where=sa.text("state = 'agreed'")
    )


def _complaints() -> None:
    table = "complaint"
    op.create_table(
        table,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        _moment("recorded_at"),
        sa.Column("recorded_by_id", sa.Uuid(), nullable=False),
        sa.Column("received_from", sa.String(), nullable=False),
        _code("about", "complaintsubject", SUBJECTS),
        sa.Column("provider_id", sa.Uuid(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        _code("state", "complaintstate", COMPLAINT_STATES),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("acknowledged_on", sa.Date(), nullable=True),
        sa.Column("answered_on", sa.Date(), nullable=True),
        _code("outcome", "complaintoutcome", OUTCOMES, nullable=True),
        sa.Column("sealed_answer", sa.LargeBinary(), nullable=True),
        sa.Column("next_step_on", sa.Date(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "(state IN ('received', 'acknowledged', 'answered')) = (due_on IS NOT NULL)",
            name=op.f("ck_complaint_open_has_due"),
        ),
        sa.CheckConstraint(
            "acknowledged_on >= received_on", name=op.f("ck_complaint_acknowledged_after_received")
        ),
        sa.CheckConstraint("answered_on >= received_on", name=op.f("ck_complaint_answered_after_received")),
        sa.CheckConstraint(
            "(outcome IS NULL) = (answered_on IS NULL)", name=op.f("ck_complaint_answered_with_outcome")
        ),
        _key(table, "referral_id", "referral"),
        _key(table, "recorded_by_id", "app_user"),
        _key(table, "provider_id", "provider"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_complaint")),
    )
    op.create_index("uq_complaint_number", table, ["referral_id", "number"], unique=True)
    op.create_index(
        "ix_complaint_due", table, ["due_on", "id"], postgresql_where=sa.text("due_on IS NOT NULL")
    )


def _lists() -> None:
    """Nobody may delete an entry or change its code; who changed what is only ever added to."""
    op.create_table(
        "list_entry",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("list_key", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        _moment("created_at"),
        _moment("retired_at", nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("code ~ '^[a-z0-9_]+$'", name=op.f("ck_list_entry_code_is_plain")),
        sa.CheckConstraint("label <> ''", name=op.f("ck_list_entry_has_label")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_list_entry")),
    )
    op.create_index("uq_list_entry_code", "list_entry", ["list_key", "code"], unique=True)
    op.create_table(
        "list_entry_change",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        _moment("changed_at"),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        sa.Column("by_name", sa.String(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("before", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("after", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        _key("list_entry_change", "entry_id", "list_entry"),
        _key("list_entry_change", "by_id", "app_user"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_list_entry_change")),
    )
    op.create_index("ix_list_entry_change_entry_id", "list_entry_change", ["entry_id"])
    for table in ("list_entry", "list_entry_change"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        _allow(table, "admin", "SELECT", SOMEBODY)
        _allow(table, "admin", "INSERT", SOMEBODY)
        _allow(table, "worker", "SELECT", "true")
        _allow(table, "worker", "INSERT", "true")
    _allow("list_entry", "admin", "UPDATE", SOMEBODY, " (label, body, position, retired_at, version)")
    _allow("list_entry", "caseworker", "SELECT", SOMEBODY)
    op.execute(
        "CREATE TRIGGER list_entry_change_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON list_entry_change"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def _allow(table: str, kind: str, privilege: str, condition: str, columns: str = "") -> None:
    op.execute(f"GRANT {privilege}{columns} ON {table} TO gateway_{kind}")
    using = "" if privilege == "INSERT" else f" USING ({condition})"
    check = "" if privilege == "SELECT" else f" WITH CHECK ({condition})"
    op.execute(
        f"CREATE POLICY {kind}_{privilege.lower()} ON {table} FOR {privilege} TO gateway_{kind}{using}{check}"
    )


def _change_task_kinds(*, added: tuple[str, ...] = (), removed: tuple[str, ...] = ()) -> None:
    """Add values to the check of the kinds of task or take some out, whatever others it allows."""
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
