"""What an import keeps to know the order of files, and what it says at its end."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

COUNTS = ("held", "changed_since", "unread_protective")


def upgrade() -> None:
    """Rows that were written before keep the order of their batches and row numbers."""
    op.add_column("import_batch", sa.Column("put_back", sa.Boolean(), server_default="false", nullable=False))
    for name in COUNTS:
        op.add_column("import_batch", sa.Column(name, sa.Integer(), server_default="0", nullable=False))
    op.add_column(
        "import_batch",
        sa.Column("file_warnings", postgresql.JSONB(), server_default="[]", nullable=False),
    )
    op.add_column(
        "person", sa.Column("field_batches", postgresql.JSONB(), server_default="{}", nullable=False)
    )
    _number_rows_in_the_order_of_their_files()


def downgrade() -> None:
    op.drop_column("import_row", "applied_order")
    op.drop_column("person", "field_batches")
    for name in ("put_back", *COUNTS, "file_warnings"):
        op.drop_column("import_batch", name)


def _number_rows_in_the_order_of_their_files() -> None:
    op.execute("ALTER TABLE import_row ADD COLUMN applied_order bigint")
    op.execute(
        """
        UPDATE import_row r SET applied_order = n.place
        FROM (
            SELECT w.batch_id, w.row_number, row_number() OVER (ORDER BY b.number, w.row_number) AS place
            FROM import_row w JOIN import_batch b ON b.id = w.batch_id
        ) n
        WHERE n.batch_id = r.batch_id AND n.row_number = r.row_number
        """
    )
    # Imports stand still while a release is taken in, and no page reads the table by this column.
    op.execute(
        """-- squawk-ignore adding-not-nullable-field
        ALTER TABLE import_row ALTER COLUMN applied_order SET NOT NULL"""
    )
    op.execute(
        """-- squawk-ignore ban-alter-identity
        ALTER TABLE import_row ALTER COLUMN applied_order ADD GENERATED ALWAYS AS IDENTITY"""
    )
    op.execute(
        """
        SELECT setval(
            pg_get_serial_sequence('import_row', 'applied_order'),
            coalesce((SELECT max(applied_order) FROM import_row), 0) + 1, false)
        """
    )
