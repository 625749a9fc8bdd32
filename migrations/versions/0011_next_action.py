"""A next action while it is not known to be safe to contact, reminders of next actions, and when work ended."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

NEW_ACTIONS = ("find_safe_way",)
NEW_REMINDERS = ("action_due", "action_overdue")


def upgrade() -> None:
    """The release before reads the new value as text that it does not know, so it is written only by this one."""
    _change_check("referral", "next_act", "ck_referral_nextact", added=NEW_ACTIONS)
    _change_check("reminder", "kind", "ck_reminder_reminderkind", added=NEW_REMINDERS)
    # When the referral was closed, for what our own standards still owed then; empty for what was closed before.
    op.add_column("case_facts", sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """What the older program does not know becomes the task that it would have shown.

    Reminders are made anew by its next pass; one that was e-mailed about is kept as settled.
    """
    op.drop_column("case_facts", "closed_at")
    op.execute(
        sa.text(
            "UPDATE reminder SET kind = 'task_waiting', resolved_at = coalesce(resolved_at, now())"
            " WHERE kind = ANY (CAST(:kinds AS text[]))"
        ).bindparams(kinds=list(NEW_REMINDERS))
    )
    _change_check("reminder", "kind", "ck_reminder_reminderkind", removed=NEW_REMINDERS)
    op.execute(
        sa.text(
            "UPDATE referral SET next_act = 'do_task' WHERE next_act = ANY (CAST(:actions AS text[]))"
        ).bindparams(actions=list(NEW_ACTIONS))
    )
    _change_check("referral", "next_act", "ck_referral_nextact", removed=NEW_ACTIONS)


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
