"""What providers are told of at once, who read it, handovers that were shared again, e-mails that failed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

NEW_KINDS = ("share_again", "correction_unread", "message_failed")
NOTICE_KINDS = (
    "new_offer",
    "offered_again",
    "answered",
    "withdrawn",
    "expired",
    "safe_contact_changed",
    "shared_again",
)
OF_CASE = "EXISTS (SELECT 1 FROM onward_referral o WHERE o.id = {table}.onward_referral_id)"
OF_NOTICE = "EXISTS (SELECT 1 FROM provider_notice n WHERE n.id = notice_reading.notice_id)"
# After the end a provider still reads that it ended, and nothing else of it.
OWN_NOTICE = f"""provider_id = gateway_organisation_id()
    AND (kind IN ('withdrawn', 'expired') OR {OF_CASE.format(table="provider_notice")})"""
# table -> [(kind of role, privilege, condition)]
RULES = {
    "provider_notice": [
        ("provider", "SELECT", OWN_NOTICE),
        ("caseworker", "SELECT", OF_CASE.format(table="provider_notice")),
        ("worker", "SELECT", "true"),
        ("worker", "INSERT", "true"),
        ("worker", "UPDATE", "true"),
    ],
    "notice_reading": [
        ("provider", "SELECT", OF_NOTICE),
        ("provider", "INSERT", f"reader_id = gateway_user_id() AND {OF_NOTICE}"),
        ("caseworker", "SELECT", OF_NOTICE),
        ("worker", "SELECT", "true"),
        ("worker", "INSERT", "true"),
    ],
    "handover_version": [
        ("caseworker", "SELECT", OF_CASE.format(table="handover_version")),
        ("caseworker", "INSERT", OF_CASE.format(table="handover_version")),
        ("worker", "SELECT", "true"),
        ("worker", "INSERT", "true"),
    ],
}


def upgrade() -> None:
    """New tables, and a message that is about a notice instead of a reminder."""
    _notices()
    _readings()
    _versions()
    for table, rules in RULES.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        for kind, privilege, condition in rules:
            _allow(table, kind, privilege, condition)
    _change_task_kinds(added=NEW_KINDS)
    _widen_messages()


def downgrade() -> None:
    """Only while no task of the new kinds was opened and nobody was told of anything: that would be lost."""
    in_use = sa.text(
        "SELECT EXISTS (SELECT FROM provider_notice) OR EXISTS (SELECT FROM handover_version)"
        " OR EXISTS (SELECT FROM task WHERE kind = ANY (CAST(:kinds AS text[])))"
    )
    if op.get_bind().scalar(in_use, {"kinds": list(NEW_KINDS)}):
        raise RuntimeError("providers were told of something, or share-again tasks are there")
    op.drop_index("ix_message_failed", table_name="message")
    op.drop_constraint("ck_message_about_one_thing", "message")
    op.drop_index("uq_message_notice_once", table_name="message")
    op.drop_column("message", "notice_id")
    op.alter_column("message", "reminder_id", nullable=False)
    _change_task_kinds(removed=NEW_KINDS)
    for table in ("notice_reading", "provider_notice", "handover_version"):
        op.drop_table(table)


def _notices() -> None:
    op.create_table(
        "provider_notice",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(*NOTICE_KINDS, name="noticekind", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("onward_referral_id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("fields", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("chased_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["onward_referral_id"], ["onward_referral.id"], name=op.f("fk_provider_notice_onward_referral_id")
        ),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["provider.id"], name=op.f("fk_provider_notice_provider_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provider_notice")),
    )
    op.create_index("ix_provider_notice_provider", "provider_notice", ["provider_id", "created_at"])
    op.create_index("ix_provider_notice_onward_referral_id", "provider_notice", ["onward_referral_id"])


def _readings() -> None:
    op.create_table(
        "notice_reading",
        sa.Column("notice_id", sa.Uuid(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reader_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["notice_id"], ["provider_notice.id"], name=op.f("fk_notice_reading_notice_id")
        ),
        sa.ForeignKeyConstraint(["reader_id"], ["app_user.id"], name=op.f("fk_notice_reading_reader_id")),
        sa.PrimaryKeyConstraint("notice_id", name=op.f("pk_notice_reading")),
    )


def _versions() -> None:
    op.create_table(
        "handover_version",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("onward_referral_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("fields", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("replaced_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("replaced_by_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["onward_referral_id"],
            ["onward_referral.id"],
            name=op.f("fk_handover_version_onward_referral_id"),
        ),
        sa.ForeignKeyConstraint(
            ["replaced_by_id"], ["app_user.id"], name=op.f("fk_handover_version_replaced_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_handover_version")),
    )
    op.create_index(
        "uq_handover_version_number", "handover_version", ["onward_referral_id", "number"], unique=True
    )


def _widen_messages() -> None:
    """The release before goes on writing messages about reminders, which fit what is asked of the table."""
    op.add_column("message", sa.Column("notice_id", sa.Uuid(), nullable=True))
    # The release before always names a reminder.
    op.execute(
        """-- squawk-ignore ban-drop-not-null
        ALTER TABLE message ALTER COLUMN reminder_id DROP NOT NULL"""
    )
    # Every row has nothing in the new column: looking through them takes a moment.
    op.execute(
        "ALTER TABLE message ADD CONSTRAINT fk_message_notice_id"
        " FOREIGN KEY (notice_id) REFERENCES provider_notice (id) NOT VALID"
    )
    op.execute(
        """-- squawk-ignore constraint-missing-not-valid
        ALTER TABLE message VALIDATE CONSTRAINT fk_message_notice_id"""
    )
    op.execute(
        "ALTER TABLE message ADD CONSTRAINT ck_message_about_one_thing"
        " CHECK (num_nonnulls(reminder_id, notice_id) = 1) NOT VALID"
    )
    op.execute(
        """-- squawk-ignore constraint-missing-not-valid
        ALTER TABLE message VALIDATE CONSTRAINT ck_message_about_one_thing"""
    )
    # No message is about a notice yet, and few have failed: both are small and made in a moment.
    op.execute(
        """-- squawk-ignore require-concurrent-index-creation
        CREATE UNIQUE INDEX uq_message_notice_once ON message (notice_id, recipient_user_id)
        WHERE notice_id IS NOT NULL"""
    )
    op.execute(
        """-- squawk-ignore require-concurrent-index-creation
        CREATE INDEX ix_message_failed ON message (created_at) WHERE state = 'failed'"""
    )


def _allow(table: str, kind: str, privilege: str, condition: str) -> None:
    op.execute(f"GRANT {privilege} ON {table} TO gateway_{kind}")
    using = "" if privilege == "INSERT" else f" USING ({condition})"
    check = "" if privilege == "SELECT" else f" WITH CHECK ({condition})"
    op.execute(
        f"CREATE POLICY {kind}_{privilege.lower()} ON {table} FOR {privilege} TO gateway_{kind}{using}{check}"
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
