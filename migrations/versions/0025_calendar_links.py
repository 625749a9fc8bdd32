"""Private links to a calendar of what is due: one for an account, kept as a hash."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

OWN = "user_id = (SELECT gateway_user_id())"


def upgrade() -> None:
    """One table; the release before does not know it. Whoever is not signed in may look up a hash, and no more."""
    op.create_table(
        "calendar_link",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("octet_length(secret_hash) = 32", name=op.f("ck_calendar_link_hash_size")),
        sa.ForeignKeyConstraint(["user_id"], ["app_user.id"], name=op.f("fk_calendar_link_user_id")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_calendar_link")),
    )
    op.create_index("uq_calendar_link_secret_hash", "calendar_link", ["secret_hash"], unique=True)
    op.execute("ALTER TABLE calendar_link ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE calendar_link FORCE ROW LEVEL SECURITY")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON calendar_link TO gateway_caseworker")
    op.execute(
        f"CREATE POLICY caseworker_own ON calendar_link FOR ALL TO gateway_caseworker USING ({OWN})"
        f" WITH CHECK ({OWN})"
    )
    op.execute("GRANT SELECT, UPDATE (read_at) ON calendar_link TO gateway_signin")
    op.execute("CREATE POLICY signin_select ON calendar_link FOR SELECT TO gateway_signin USING (true)")
    op.execute(
        "CREATE POLICY signin_update ON calendar_link FOR UPDATE TO gateway_signin USING (true) WITH CHECK (true)"
    )


def downgrade() -> None:
    """Only while nobody has a link: their calendars would stop without a word."""
    if op.get_bind().scalar(sa.text("SELECT EXISTS (SELECT FROM calendar_link)")):
        raise RuntimeError("links to calendars were made")
    op.drop_table("calendar_link")
