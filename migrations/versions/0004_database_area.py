"""The database says which area's data it holds, so that a wrong GATEWAY_AREA is refused."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A table of one row. `gateway db upgrade` fills it once it has seen that nothing contradicts the area."""
    op.create_table(
        "database_area",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("area", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_database_area_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_database_area")),
    )
    # Read on every new connection, before a transaction takes the role of its actor.
    op.execute("GRANT SELECT ON database_area TO gateway_app, gateway_worker")


def downgrade() -> None:
    op.drop_table("database_area")
