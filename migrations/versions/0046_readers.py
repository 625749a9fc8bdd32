"""When each reader is written to, snoozed reminders, digests, parked and expired e-mails, signs of life and alarms."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None

ME = "user_id = gateway_user_id()"
SOMEBODY = "(SELECT gateway_user_id()) IS NOT NULL"
STATES = ("queued", "sending", "sent", "failed", "not_sent")
NEW_STATES = ("parked", "expired")
REASONS = ("waiting_for_answer", "arranged", "not_at_work", "other_work_first", "something_else")
CAUSES = (
    "mail_is_late",
    "worker_silent",
    "scheduler_silent",
    "emails_parked",
    "emails_fail",
    "people_messages_late",
)
PARTS = ("worker", "scheduler")
ABOUT = "num_nonnulls(reminder_id, notice_id{more}) = 1"
TABLES = (
    "mail_preference",
    "digest_schedule",
    "mail_pace",
    "reminder_snooze",
    "process_beat",
    "service_alarm",
)
READERS = ("caseworker", "provider")
DONE_INDEXES = {
    "ix_reminder_done": "recipient_user_id, resolved_at",
    "ix_reminder_done_organisation": "recipient_organisation_id, resolved_at",
}


def upgrade() -> None:
    """New tables, and a message that is a digest. The release before makes none and its worker must be stopped first."""
    _messages()
    _preferences()
    _snoozes()
    _done()
    _watch()
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    _policies()


def downgrade() -> None:
    """Only while no digest was written, nothing snoozed and no preference saved: that would be lost."""
    op.execute("SET LOCAL ROLE gateway_worker")
    is_used = op.get_bind().scalar(
        sa.text(
            "SELECT EXISTS (SELECT FROM message WHERE digest_on IS NOT NULL OR state IN ('parked', 'expired'))"
            " OR EXISTS (SELECT FROM mail_preference) OR EXISTS (SELECT FROM reminder_snooze)"
        )
    )
    op.execute("RESET ROLE")
    if is_used:
        raise RuntimeError(
            "digests, snoozed reminders or choices of readers are kept, which can't be taken back"
        )
    for table in TABLES:
        op.drop_table(table)
    for name in DONE_INDEXES:
        op.drop_index(name, "reminder")
    op.drop_index("uq_message_digest_once", "message")
    op.drop_index("ix_message_set_aside", "message")
    op.drop_index("ix_message_kept_back", "message")
    _check_message(ABOUT.format(more=""), STATES)
    op.drop_column("message", "handed_over_at")
    op.drop_column("message", "digest_on")


def _messages() -> None:
    op.add_column("message", sa.Column("digest_on", sa.Date(), nullable=True))
    op.add_column("message", sa.Column("handed_over_at", sa.DateTime(timezone=True), nullable=True))
    _check_message(ABOUT.format(more=", digest_on"), (*STATES, *NEW_STATES))
    # No row is in either of them yet.
    op.execute(
        "-- squawk-ignore require-concurrent-index-creation\n"
        "CREATE UNIQUE INDEX uq_message_digest_once ON message (recipient_user_id, digest_on)"
        " WHERE digest_on IS NOT NULL"
    )
    # A row for each e-mail that was not needed any more.
    op.execute(
        "-- squawk-ignore require-concurrent-index-creation\n"
        "CREATE INDEX ix_message_kept_back ON message (created_at) WHERE state = 'not_sent'"
    )
    op.execute(
        "-- squawk-ignore require-concurrent-index-creation\n"
        "CREATE INDEX ix_message_set_aside ON message (state, created_at) WHERE state IN ('parked', 'expired')"
    )


def _check_message(about: str, states: tuple[str, ...]) -> None:
    listed = ", ".join(repr(state) for state in states)
    checks = {"ck_message_about_one_thing": about, "ck_message_messagestate": f"state IN ({listed})"}
    for name, condition in checks.items():
        # Widened: what the release before writes fits it.
        op.execute(f"-- squawk-ignore ban-drop-constraint\nALTER TABLE message DROP CONSTRAINT {name}")
        op.execute(f"ALTER TABLE message ADD CONSTRAINT {name} CHECK ({condition}) NOT VALID")
        # A row for each e-mail to staff: read through in a moment.
        op.execute(
            f"-- squawk-ignore constraint-missing-not-valid\nALTER TABLE message VALIDATE CONSTRAINT {name}"
        )


def _preferences() -> None:
    table = "mail_preference"
    op.create_table(
        table,
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("digest_time", sa.Time(), nullable=False),
        sa.Column("digest_days", postgresql.ARRAY(sa.Integer()), nullable=False),
        sa.Column("quiet_from", sa.Time(), nullable=True),
        sa.Column("quiet_until", sa.Time(), nullable=True),
        sa.Column("at_once", sa.Boolean(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "cardinality(digest_days) > 0 AND digest_days <@ ARRAY[0, 1, 2, 3, 4, 5, 6]",
            name=op.f(f"ck_{table}_digest_days"),
        ),
        sa.CheckConstraint(
            "(quiet_from IS NULL) = (quiet_until IS NULL) AND quiet_from <> quiet_until",
            name=op.f(f"ck_{table}_quiet_whole"),
        ),
        _key(table, "user_id", "app_user"),
        sa.PrimaryKeyConstraint("user_id", name=op.f(f"pk_{table}")),
    )
    table = "digest_schedule"
    op.create_table(
        table,
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_on", sa.Date(), nullable=True),
        _key(table, "user_id", "app_user"),
        sa.PrimaryKeyConstraint("user_id", name=op.f(f"pk_{table}")),
    )
    op.create_index("ix_digest_schedule_next_at", table, ["next_at"])
    op.create_table(
        "mail_pace",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("handed_over", sa.Integer(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_mail_pace_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail_pace")),
    )


def _snoozes() -> None:
    table = "reminder_snooze"
    op.create_table(
        table,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("reminder_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("until_at", sa.DateTime(timezone=True), nullable=False),
        _code("reason", "snoozereason", REASONS),
        sa.Column("sealed_note", sa.LargeBinary(), nullable=True),
        sa.Column("keyring_id", sa.String(), nullable=True),
        sa.Column("snoozed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("until_at > snoozed_at", name=op.f(f"ck_{table}_in_order")),
        sa.CheckConstraint(
            "(sealed_note IS NULL) = (keyring_id IS NULL)", name=op.f(f"ck_{table}_note_with_its_key")
        ),
        # What was typed is kept no longer than it serves.
        sa.CheckConstraint(
            "ended_at IS NULL OR sealed_note IS NULL", name=op.f(f"ck_{table}_no_note_afterwards")
        ),
        _key(table, "reminder_id", "reminder"),
        _key(table, "user_id", "app_user"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
    op.create_index(
        "uq_reminder_snooze_live",
        table,
        ["user_id", "reminder_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index("ix_reminder_snooze_reminder_id", table, ["reminder_id"])


def _done() -> None:
    """What was settled is listed for its reader: some tens of thousands of rows, indexed within a second."""
    for name, columns in DONE_INDEXES.items():
        op.execute(
            "-- squawk-ignore require-concurrent-index-creation\n"
            f"CREATE INDEX {name} ON reminder ({columns}) WHERE resolved_at IS NOT NULL"
        )


def _watch() -> None:
    table = "process_beat"
    op.create_table(
        table,
        _code("part", "processpart", PARTS),
        sa.Column("since_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("last_at >= since_at", name=op.f(f"ck_{table}_in_order")),
        sa.PrimaryKeyConstraint("part", name=op.f(f"pk_{table}")),
    )
    table = "service_alarm"
    op.create_table(
        table,
        sa.Column("id", sa.Uuid(), nullable=False),
        _code("cause", "alarmcause", CAUSES),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("began_mailed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_mailed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_mail_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("ended_at >= began_at", name=op.f(f"ck_{table}_in_order")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
    op.create_index(
        "uq_service_alarm_open",
        table,
        ["cause"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index(
        "ix_service_alarm_to_mail",
        table,
        ["next_mail_at"],
        postgresql_where=sa.text("next_mail_at IS NOT NULL"),
    )


def _policies() -> None:
    for kind in READERS:
        _allow("mail_preference", kind, "SELECT", ME)
        _allow("mail_preference", kind, "INSERT", ME)
        _allow("mail_preference", kind, "UPDATE", ME)
        _allow("reminder_snooze", kind, "SELECT", ME)
        of_reader = f"{ME} AND EXISTS (SELECT 1 FROM reminder r WHERE r.id = reminder_snooze.reminder_id)"
        _allow("reminder_snooze", kind, "INSERT", of_reader)
        # What a snooze was, stays: only its end is written, with which the note goes.
        _allow("reminder_snooze", kind, "UPDATE", ME, " (ended_at, sealed_note, keyring_id)")
    _allow("mail_preference", "worker", "SELECT", "true")
    _allow("reminder_snooze", "worker", "SELECT", "true")
    _allow("reminder_snooze", "worker", "UPDATE", "true", " (ended_at, sealed_note, keyring_id)")
    for table in ("digest_schedule", "mail_pace", "process_beat", "service_alarm"):
        for privilege in ("SELECT", "INSERT", "UPDATE"):
            _allow(table, "worker", privilege, "true")
    for table in ("process_beat", "service_alarm"):
        for kind in ("admin", "manager"):
            _allow(table, kind, "SELECT", SOMEBODY)


def _code(column: str, name: str, values: tuple[str, ...]) -> sa.Column[str]:
    kind = sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)
    return sa.Column(column, kind, nullable=False)


def _key(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}"))


def _allow(table: str, kind: str, privilege: str, condition: str, columns: str = "") -> None:
    op.execute(f"GRANT {privilege}{columns} ON {table} TO gateway_{kind}")
    using = "" if privilege == "INSERT" else f" USING ({condition})"
    check = "" if privilege == "SELECT" else f" WITH CHECK ({condition})"
    op.execute(
        f"CREATE POLICY {kind}_{privilege.lower()} ON {table} FOR {privilege} TO gateway_{kind}{using}{check}"
    )
