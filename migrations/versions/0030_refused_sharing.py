"""A task where a person refuses sharing with a provider who helps them, and three doors that are closed tighter.

A calendar link ends with the sessions of its account. What is kept back and complaints are recorded in one's own name.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

NEW_KINDS = ("sharing_refused",)
SOMEBODY = "(SELECT gateway_user_id()) IS NOT NULL"
OF_REFERRAL = "EXISTS (SELECT 1 FROM referral r WHERE r.id = {table}.referral_id)"
# What ends the sessions of an account ends its link: the sign-in, an administrator, a command.
CALENDAR_POLICIES = (
    ("signin_delete", "signin", "DELETE", "true"),
    ("admin_select", "admin", "SELECT", SOMEBODY),
    ("admin_delete", "admin", "DELETE", SOMEBODY),
    ("worker_select", "worker", "SELECT", "true"),
    ("worker_delete", "worker", "DELETE", "true"),
)
# Who is written down as having recorded it.
OWN_COLUMN = {"withholding": "asked_by_id", "complaint": "recorded_by_id"}


def upgrade() -> None:
    """The release before neither opens nor ends such a task, ends no link, and records in its own name too."""
    _change_task_kinds(added=NEW_KINDS)
    op.execute("GRANT DELETE ON calendar_link TO gateway_signin, gateway_admin, gateway_worker")
    op.execute("GRANT SELECT (user_id) ON calendar_link TO gateway_admin, gateway_worker")
    for policy, kind, privilege, condition in CALENDAR_POLICIES:
        op.execute(
            f"CREATE POLICY {policy} ON calendar_link FOR {privilege} TO gateway_{kind} USING ({condition})"
        )
    for table, column in OWN_COLUMN.items():
        _allow_insert(table, f"{column} = gateway_user_id() AND {OF_REFERRAL.format(table=table)}")


def downgrade() -> None:
    """Only while no task asks: the question would be lost."""
    if op.get_bind().scalar(sa.text("SELECT EXISTS (SELECT FROM task WHERE kind = 'sharing_refused')")):
        raise RuntimeError("tasks about refused sharing are there")
    _change_task_kinds(removed=NEW_KINDS)
    for table in OWN_COLUMN:
        _allow_insert(table, OF_REFERRAL.format(table=table))
    for policy, *_ in CALENDAR_POLICIES:
        op.execute(f"DROP POLICY {policy} ON calendar_link")
    op.execute("REVOKE DELETE ON calendar_link FROM gateway_signin, gateway_admin, gateway_worker")
    op.execute("REVOKE SELECT (user_id) ON calendar_link FROM gateway_admin, gateway_worker")


def _allow_insert(table: str, condition: str) -> None:
    op.execute(f"DROP POLICY caseworker_insert ON {table}")
    op.execute(
        f"CREATE POLICY caseworker_insert ON {table} FOR INSERT TO gateway_caseworker WITH CHECK ({condition})"
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
