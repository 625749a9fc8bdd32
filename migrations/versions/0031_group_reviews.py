"""Meetings that go through referrals: their agenda, who is there, and what they decided."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

NEW_KINDS = ("group_review_step",)
SOMEBODY = "(SELECT gateway_user_id()) IS NOT NULL"
SENIOR = (
    "EXISTS (SELECT 1 FROM app_user u WHERE u.id = gateway_user_id() AND u.role = 'senior'"
    " AND u.disabled_at IS NULL)"
)
# Seniors, and the accounts that are named as attending.
MEETING = (
    f"{SENIOR} OR EXISTS (SELECT 1 FROM review_attendee a"
    " WHERE a.meeting_id = review_meeting.id AND a.user_id = gateway_user_id())"
)
# What was decided of a referral is for everybody who works on it; of one that is restricted, for the named few.
ITEM = "EXISTS (SELECT 1 FROM referral r WHERE r.id = review_item.referral_id)"
OPEN_MEETING = (
    "EXISTS (SELECT 1 FROM review_meeting m WHERE m.id = review_item.meeting_id AND m.closed_at IS NULL)"
)
TABLES = ("review_meeting", "review_attendee", "review_item")
DECIDED = " (decision, due_on, decided_at, decided_by_id, sealed, version)"


def upgrade() -> None:
    """New tables, which the release before neither reads nor writes."""
    _tables()
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        _allow(table, "worker", "SELECT", "true")
    _allow("review_meeting", "caseworker", "SELECT", MEETING)
    _allow("review_meeting", "caseworker", "INSERT", f"opened_by_id = gateway_user_id() AND {SENIOR}")
    op.execute("GRANT UPDATE (closed_at, closed_by_id) ON review_meeting TO gateway_caseworker")
    op.execute(
        "CREATE POLICY caseworker_update ON review_meeting FOR UPDATE TO gateway_caseworker"
        f" USING (closed_at IS NULL AND {SENIOR}) WITH CHECK (closed_by_id = gateway_user_id())"
    )
    _allow("review_attendee", "caseworker", "SELECT", SOMEBODY)
    _allow("review_attendee", "caseworker", "INSERT", SENIOR)
    _allow("review_item", "caseworker", "SELECT", ITEM)
    _allow("review_item", "caseworker", "INSERT", f"{SENIOR} AND {ITEM} AND {OPEN_MEETING}")
    op.execute(f"GRANT UPDATE{DECIDED} ON review_item TO gateway_caseworker")
    op.execute(
        "CREATE POLICY caseworker_update ON review_item FOR UPDATE TO gateway_caseworker"
        f" USING ({SENIOR} AND {ITEM} AND {OPEN_MEETING}) WITH CHECK (decided_by_id = gateway_user_id())"
    )
    _change_task_kinds(added=NEW_KINDS)


def downgrade() -> None:
    """Only while nothing was recorded in it: that would be lost."""
    if op.get_bind().scalar(sa.text("SELECT EXISTS (SELECT FROM review_meeting)")):
        raise RuntimeError("meetings were recorded")
    _change_task_kinds(removed=NEW_KINDS)
    op.execute("DROP POLICY caseworker_select ON review_meeting")
    for table in reversed(TABLES):
        op.drop_table(table)


def _key(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}"))


def _tables() -> None:
    table = "review_meeting"
    op.create_table(
        table,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("meets_on", sa.Date(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_by_id", sa.Uuid(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "(closed_at IS NULL) = (closed_by_id IS NULL)", name=op.f(f"ck_{table}_closed_by_one")
        ),
        _key(table, "opened_by_id", "app_user"),
        _key(table, "closed_by_id", "app_user"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
    op.create_index("ix_review_meeting_opened_at", table, ["opened_at", "id"])
    table = "review_attendee"
    op.create_table(
        table,
        sa.Column("meeting_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        _key(table, "meeting_id", "review_meeting"),
        _key(table, "user_id", "app_user"),
        sa.PrimaryKeyConstraint("meeting_id", "user_id", name=op.f(f"pk_{table}")),
    )
    table = "review_item"
    op.create_table(
        table,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("meeting_id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("causes", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("decision", sa.Text(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by_id", sa.Uuid(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "num_nonnulls(decision, due_on, decided_at, decided_by_id, sealed) IN (0, 5)",
            name=op.f(f"ck_{table}_decided_whole"),
        ),
        sa.CheckConstraint(
            "decision IN ('continue', 'change_plan', 'refer_on', 'marac', 'senior_review', 'close', 'other')",
            name=op.f(f"ck_{table}_decision"),
        ),
        sa.CheckConstraint("position BETWEEN 1 AND 50", name=op.f(f"ck_{table}_position")),
        _key(table, "meeting_id", "review_meeting"),
        _key(table, "referral_id", "referral"),
        _key(table, "decided_by_id", "app_user"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
    op.create_index("uq_review_item_position", table, ["meeting_id", "position"], unique=True)
    op.create_index("uq_review_item_referral", table, ["referral_id", "meeting_id"], unique=True)
    op.create_index("ix_review_item_undecided", table, ["id"], postgresql_where=sa.text("decided_at IS NULL"))


def _allow(table: str, kind: str, privilege: str, condition: str) -> None:
    op.execute(f"GRANT {privilege} ON {table} TO gateway_{kind}")
    how = "USING" if privilege == "SELECT" else "WITH CHECK"
    op.execute(
        f"CREATE POLICY {kind}_{privilege.lower()} ON {table} FOR {privilege} TO gateway_{kind} {how} ({condition})"
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
