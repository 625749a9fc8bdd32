"""A next action of its own while it is not known to be safe to contact the person."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

NEW_ACTIONS = ("find_safe_way",)


def upgrade() -> None:
    """The release before reads the new value as text that it does not know, so it is written only by this one."""
    _change_check("referral", "next_act", "ck_referral_nextact", added=NEW_ACTIONS)


def downgrade() -> None:
    """What the older program does not know becomes the task that it would have shown."""
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
