"""Kept lists in use, rules that propose a caseworker, and group reviews."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """New columns and tables, which the release before neither reads nor writes."""
    op.add_column("list_entry", sa.Column("stands_for", sa.String(), nullable=True))
    # The wordings are read with the session of a request, before it is known whose it is; never the longer texts.
    op.execute(
        "GRANT SELECT (list_key, code, label, position, retired_at, stands_for) ON list_entry TO gateway_signin"
    )
    op.execute("CREATE POLICY signin_select ON list_entry FOR SELECT TO gateway_signin USING (true)")
    op.execute("GRANT SELECT (id) ON list_entry_change TO gateway_signin")
    op.execute("CREATE POLICY signin_select ON list_entry_change FOR SELECT TO gateway_signin USING (true)")


def downgrade() -> None:
    """Only while nothing was recorded in it: that would be lost."""
    if op.get_bind().scalar(sa.text("SELECT EXISTS (SELECT FROM list_entry WHERE stands_for IS NOT NULL)")):
        raise RuntimeError("entries stand for others, which the release before can't read")
    for table in ("list_entry_change", "list_entry"):
        op.execute(f"DROP POLICY signin_select ON {table}")
    op.execute("REVOKE SELECT (id) ON list_entry_change FROM gateway_signin")
    op.execute(
        "REVOKE SELECT (list_key, code, label, position, retired_at, stands_for) ON list_entry FROM gateway_signin"
    )
    op.drop_column("list_entry", "stands_for")
