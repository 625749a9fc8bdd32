"""Queue items that no task can be made of are parked: what they looked like, never what was in them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# An administrator sees them and says that they were dealt with; nothing else about them changes.
DISCARDED = "discarded_at, discarded_by_id"


def upgrade() -> None:
    """A table for administrators and the worker, guarded as the others are."""
    op.create_table(
        "parked_message",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("queue", sa.String(), nullable=False),
        sa.Column(
            "reason",
            sa.Enum(
                "too_large",
                "not_json",
                "not_a_task",
                "unknown_task",
                "wrong_arguments",
                "no_queue",
                name="parkreason",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("first_bytes_hash", sa.LargeBinary(), nullable=False),
        sa.Column("parked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("discarded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("discarded_by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "(discarded_at IS NULL) = (discarded_by_id IS NULL)",
            name=op.f("ck_parked_message_discarded_by_an_account"),
        ),
        sa.CheckConstraint("size >= 0", name=op.f("ck_parked_message_size_not_negative")),
        sa.ForeignKeyConstraint(
            ["discarded_by_id"], ["app_user.id"], name=op.f("fk_parked_message_discarded_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_parked_message")),
    )
    op.create_index(
        "ix_parked_message_open",
        "parked_message",
        ["parked_at"],
        unique=False,
        postgresql_where=sa.text("discarded_at IS NULL"),
    )
    op.execute("ALTER TABLE parked_message ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE parked_message FORCE ROW LEVEL SECURITY")
    _allow("admin", "SELECT", "", "(SELECT gateway_user_id()) IS NOT NULL")
    _allow("admin", "UPDATE", f" ({DISCARDED})", "(SELECT gateway_user_id()) IS NOT NULL")
    _allow("worker", "SELECT", "", "true")
    _allow("worker", "INSERT", "", "true")


def _allow(kind: str, privilege: str, columns: str, condition: str) -> None:
    op.execute(f"GRANT {privilege}{columns} ON parked_message TO gateway_{kind}")
    using = "" if privilege == "INSERT" else f" USING ({condition})"
    check = "" if privilege == "SELECT" else f" WITH CHECK ({condition})"
    op.execute(
        f"CREATE POLICY {kind}_{privilege.lower()} ON parked_message FOR {privilege}"
        f" TO gateway_{kind}{using}{check}"
    )


def downgrade() -> None:
    op.drop_table("parked_message")
