"""Kept lists in use, rules that propose a caseworker, and group reviews."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

SOMEBODY = "(SELECT gateway_user_id()) IS NOT NULL"


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

    op.create_table(
        "caseworker_availability",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("away_from", sa.Date(), nullable=True),
        sa.Column("away_until", sa.Date(), nullable=True),
        sa.Column("most_weight", sa.Integer(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "most_weight BETWEEN 0 AND 500", name=op.f("ck_caseworker_availability_most_weight")
        ),
        sa.CheckConstraint(
            "(away_from IS NULL) = (away_until IS NULL) AND away_until >= away_from",
            name=op.f("ck_caseworker_availability_away_in_order"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["app_user.id"], name=op.f("fk_caseworker_availability_user_id")
        ),
        sa.ForeignKeyConstraint(["by_id"], ["app_user.id"], name=op.f("fk_caseworker_availability_by_id")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_caseworker_availability")),
    )
    op.execute("ALTER TABLE caseworker_availability ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE caseworker_availability FORCE ROW LEVEL SECURITY")
    for privilege, clause in (
        ("SELECT", f"USING ({SOMEBODY})"),
        ("INSERT", f"WITH CHECK ({SOMEBODY})"),
        ("UPDATE", f"USING ({SOMEBODY}) WITH CHECK ({SOMEBODY})"),
    ):
        op.execute(f"GRANT {privilege} ON caseworker_availability TO gateway_caseworker")
        op.execute(
            f"CREATE POLICY caseworker_{privilege.lower()} ON caseworker_availability FOR {privilege}"
            f" TO gateway_caseworker {clause}"
        )


def downgrade() -> None:
    """Only while nothing was recorded in it: that would be lost."""
    if op.get_bind().scalar(sa.text("SELECT EXISTS (SELECT FROM list_entry WHERE stands_for IS NOT NULL)")):
        raise RuntimeError("entries stand for others, which the release before can't read")
    if op.get_bind().scalar(sa.text("SELECT EXISTS (SELECT FROM caseworker_availability)")):
        raise RuntimeError("it was recorded who is away, which the release before can't read")
    op.drop_table("caseworker_availability")
    for table in ("list_entry_change", "list_entry"):
        op.execute(f"DROP POLICY signin_select ON {table}")
    op.execute("REVOKE SELECT (id) ON list_entry_change FROM gateway_signin")
    op.execute(
        "REVOKE SELECT (list_key, code, label, position, retired_at, stands_for) ON list_entry FROM gateway_signin"
    )
    op.drop_column("list_entry", "stands_for")
