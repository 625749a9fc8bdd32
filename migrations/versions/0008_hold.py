"""Every reason for which a referral is held, more reasons, and a task for whoever owes the end of the hold."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

NEW_REASONS = (
    "person_died",
    "withdrawn_by_force",
    "unreadable_answers",
    "child_without_safe_adult",
    "out_of_scope",
)
NEW_KINDS = ("hold_decision",)


def upgrade() -> None:
    """The release before goes on writing `held_reason` alone: an empty list then means that one reason."""
    op.add_column(
        "referral",
        sa.Column("held_reasons", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
    )
    op.execute("UPDATE referral SET held_reasons = ARRAY[held_reason] WHERE held_reason IS NOT NULL")
    _change_check("referral", "held_reason", "ck_referral_heldreason", added=NEW_REASONS)
    _change_check("task", "kind", "ck_task_taskkind", added=NEW_KINDS)


def downgrade() -> None:
    """Only while nothing is held for a new reason: the older program would not know why."""
    in_use = sa.text(
        "SELECT EXISTS (SELECT FROM referral WHERE held_reasons && CAST(:reasons AS text[]))"
        " OR EXISTS (SELECT FROM task WHERE kind = ANY (CAST(:kinds AS text[])))"
    )
    if op.get_bind().scalar(in_use, {"reasons": list(NEW_REASONS), "kinds": list(NEW_KINDS)}):
        raise RuntimeError("referrals are held for reasons of this release, which can't be taken back")
    _change_check("task", "kind", "ck_task_taskkind", removed=NEW_KINDS)
    _change_check("referral", "held_reason", "ck_referral_heldreason", removed=NEW_REASONS)
    op.drop_column("referral", "held_reasons")


def _change_check(
    table: str, column: str, constraint: str, *, added: tuple[str, ...] = (), removed: tuple[str, ...] = ()
) -> None:
    """Add values to the check of an enumeration or take some out, whatever others it allows."""
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
                WHERE c.conname = '{constraint}' AND c.conrelid = '{table}'::regclass
                UNION SELECT unnest({more})
            ) known
            WHERE value <> ALL ({less});
            ALTER TABLE {table} DROP CONSTRAINT {constraint};
            EXECUTE format('ALTER TABLE {table} ADD CONSTRAINT {constraint} CHECK ({column} IN (%s)) NOT VALID', allowed);
            ALTER TABLE {table} VALIDATE CONSTRAINT {constraint};
        END $$"""
    )
