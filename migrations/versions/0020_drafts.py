"""Drafts of long forms: sealed, and open to their author alone, whatever the role.

The release before knows neither the table nor the new purpose of a key, and goes on as it did.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

KINDS = ("referral", "assessment", "offer", "closing", "safe_contact", "attempt")
PURPOSES = ("person", "handover", "batch", "index")
OWN = "author_id = (SELECT gateway_user_id())"
# A key of a draft is nobody's but its author's, as the draft itself.
OWN_KEY = "purpose = 'draft' AND subject_id = (SELECT gateway_user_id())"
# What the purge reads: never what was typed.
PURGED_BY = "id, saved_at, key_id, person_id"


def upgrade() -> None:
    """The table with its guard, and keys that are a draft's own until it is about a person we know."""
    _table()
    op.execute("ALTER TABLE draft ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE draft FORCE ROW LEVEL SECURITY")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON draft TO gateway_caseworker")
    op.execute(
        f"CREATE POLICY caseworker_own ON draft FOR ALL TO gateway_caseworker USING ({OWN}) WITH CHECK ({OWN})"
    )
    op.execute(f"GRANT SELECT ({PURGED_BY}), DELETE ON draft TO gateway_worker")
    op.execute("CREATE POLICY worker_select ON draft FOR SELECT TO gateway_worker USING (true)")
    op.execute("CREATE POLICY worker_delete ON draft FOR DELETE TO gateway_worker USING (true)")
    _change_purposes((*PURPOSES, "draft"))
    op.execute("GRANT UPDATE (wrapped, destroyed_at) ON wrapped_key TO gateway_caseworker")
    for privilege in ("SELECT", "INSERT", "UPDATE"):
        using = "" if privilege == "INSERT" else f" USING ({OWN_KEY})"
        check = "" if privilege == "SELECT" else f" WITH CHECK ({OWN_KEY})"
        op.execute(
            f"CREATE POLICY caseworker_{privilege.lower()}_own_draft ON wrapped_key FOR {privilege}"
            f" TO gateway_caseworker{using}{check}"
        )


def downgrade() -> None:
    """Only while no draft was begun: it would be lost, and its key would have no purpose."""
    begun = sa.text(
        "SELECT EXISTS (SELECT FROM draft) OR EXISTS (SELECT FROM wrapped_key WHERE purpose = 'draft')"
    )
    if op.get_bind().scalar(begun):
        raise RuntimeError("drafts were begun")
    for privilege in ("select", "insert", "update"):
        op.execute(f"DROP POLICY caseworker_{privilege}_own_draft ON wrapped_key")
    op.execute("REVOKE UPDATE (wrapped, destroyed_at) ON wrapped_key FROM gateway_caseworker")
    _change_purposes(PURPOSES)
    op.drop_table("draft")


def _table() -> None:
    op.create_table(
        "draft",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(*KINDS, name="draftkind", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("referral_id", sa.Uuid(), nullable=True),
        sa.Column("service_id", sa.Uuid(), nullable=True),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("referral_version", sa.Integer(), nullable=True),
        sa.Column("page_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("key_id", sa.Uuid(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(kind = 'referral') = (referral_id IS NULL)", name=op.f("ck_draft_has_its_referral")
        ),
        sa.CheckConstraint(
            "(kind = 'offer') = (service_id IS NOT NULL)", name=op.f("ck_draft_has_its_service")
        ),
        sa.CheckConstraint("octet_length(sealed) <= 400000", name=op.f("ck_draft_size")),
        sa.ForeignKeyConstraint(["author_id"], ["app_user.id"], name=op.f("fk_draft_author_id")),
        sa.ForeignKeyConstraint(["referral_id"], ["referral.id"], name=op.f("fk_draft_referral_id")),
        sa.ForeignKeyConstraint(["service_id"], ["provider_service.id"], name=op.f("fk_draft_service_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_draft_person_id")),
        sa.ForeignKeyConstraint(["key_id"], ["wrapped_key.id"], name=op.f("fk_draft_key_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_draft")),
    )
    op.create_index("ix_draft_author", "draft", ["author_id", "saved_at"])
    op.create_index("ix_draft_saved_at", "draft", ["saved_at"])


def _change_purposes(purposes: tuple[str, ...]) -> None:
    allowed = ", ".join(f"'{purpose}'" for purpose in purposes)
    # Made again at once, wider by one purpose: nobody sees the table without it.
    op.execute(
        """-- squawk-ignore ban-drop-constraint
        ALTER TABLE wrapped_key DROP CONSTRAINT ck_wrapped_key_purpose"""
    )
    op.execute(
        f"ALTER TABLE wrapped_key ADD CONSTRAINT ck_wrapped_key_purpose CHECK (purpose IN ({allowed})) NOT VALID"
    )
    # A narrow column of one table: looking through it takes a moment, and nobody waits meanwhile.
    op.execute(
        """-- squawk-ignore constraint-missing-not-valid
        ALTER TABLE wrapped_key VALIDATE CONSTRAINT ck_wrapped_key_purpose"""
    )
