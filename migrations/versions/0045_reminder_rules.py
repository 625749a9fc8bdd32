"""Rules of reminders as data: what an area changed in them, which rule made a reminder, and what has come to a standstill."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None

SOMEBODY = "(SELECT gateway_user_id()) IS NOT NULL"
ME = "gateway_user_id()"
SENIOR = (
    f"EXISTS (SELECT 1 FROM app_user u WHERE u.id = {ME} AND u.role = 'senior' AND u.disabled_at IS NULL)"
)
OF_REFERRAL = "EXISTS (SELECT 1 FROM referral r WHERE r.id = {table}.referral_id)"
OF_ONWARD = (
    "EXISTS (SELECT 1 FROM onward_referral o WHERE o.id = stall_answer.onward_referral_id"
    " AND o.referral_id = stall_answer.referral_id AND o.provider_id = gateway_organisation_id())"
)
# A file that has not come in belongs to no referral: the people who hand files in are told.
WITHOUT_REFERRAL = f"(referral_id IS NULL AND recipient_role = 'senior' AND {SENIOR})"
UNITS = ("working_days", "days", "hours")
DIRECTIONS = ("before", "on", "after")
CHANNELS = ("service", "digest", "at_once")
ANSWERS = (
    "waiting_for_person",
    "waiting_for_police",
    "waiting_for_provider",
    "no_capacity",
    "no_longer_needed",
    "something_else",
)
# What is no step although a person caused it, as `data/case-steps.csv` has it.
NO_STEP = (
    "referral.assigned",
    "referral.recorded",
    "referral.updated_by_feed",
    "contact_detail.shown",
    "onward_referral.safe_contact_changed",
    "onward_referral.moved_to_successor",
    "onward_referral.left_by_succession",
    "person_link.recorded",
    "person_link.ended",
)
TABLES = ("reminder_rule", "reminder_rule_change", "stall_answer", "reminder_watch", "reminder_gap")
SETTINGS = (
    " (version, is_on, offset_number, offset_high, offset_medium, unit, direction, local_time, repeat_every,"
    " repeat_most, escalate_after, channel, changed_at, by_id)"
)
REMINDER_CHECKS = {
    "ck_reminder_has_subject": "referral_id IS NOT NULL OR rule_code IS NOT NULL",
    "ck_reminder_occurrence": "occurrence >= 0",
    "ck_reminder_recipient_role": "recipient_role IS NULL OR (recipient_role = 'senior' AND recipient_user_id IS NULL)",
}
REMINDER_INDEXES = {
    "ix_reminder_of_rule": "INDEX {name} ON reminder (rule_code, created_at) WHERE rule_code IS NOT NULL",
    "ix_reminder_passed": "INDEX {name} ON reminder (created_at) WHERE expires_at <= created_at",
    "uq_reminder_escalated_once": "UNIQUE INDEX {name} ON reminder (escalated_from_id)"
    " WHERE escalated_from_id IS NOT NULL",
}
# What rules ask of tables with one row for each person or attempt: built in a second each, of what can still be due.
SOURCE_INDEXES = {
    "ix_safe_contact_plan_checked_at": "safe_contact_plan (checked_at) WHERE superseded_at IS NULL AND safe = 'yes'",
    "ix_consent_given_at": "consent (given_at)"
    " WHERE withdrawn_at IS NULL AND agreed AND purpose = 'share_with_provider'",
    "ix_referral_closed_at": "referral (closed_at) INCLUDE (id, outcome, person_id, assigned_to_id)"
    " WHERE state = 'closed'",
}
COLUMNS = (
    "rule_code",
    "is_urgent",
    "occurrence",
    "escalated_from_id",
    "recipient_role",
    "expires_at",
)


def upgrade() -> None:
    """New tables, and columns that the release before leaves alone: each is empty or has a default."""
    _reminders()
    _last_steps()
    _sources()
    _rules()
    _answers()
    _gaps()
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    _policies()


def downgrade() -> None:
    """Only while no rule was changed and no stalled case answered for: that would be lost."""
    op.execute("SET LOCAL ROLE gateway_worker")
    is_recorded = op.get_bind().scalar(
        sa.text("SELECT EXISTS (SELECT FROM reminder_rule_change) OR EXISTS (SELECT FROM stall_answer)")
    )
    has_no_referral = op.get_bind().scalar(
        sa.text("SELECT EXISTS (SELECT FROM reminder WHERE referral_id IS NULL)")
    )
    op.execute("RESET ROLE")
    if is_recorded or has_no_referral:
        raise RuntimeError(
            "rules were changed, stalled cases answered for, or people reminded of a file, which can't be taken back"
        )
    for table in TABLES:
        op.drop_table(table)
    op.execute(
        "ALTER POLICY caseworker_select ON reminder USING (" + OF_REFERRAL.format(table="reminder") + ")"
    )
    _alter_seen(OF_REFERRAL.format(table="reminder"))
    for name, index in SOURCE_INDEXES.items():
        op.drop_index(name, index.split()[0])
    op.drop_index("ix_referral_last_step", "referral")
    op.drop_column("referral", "last_step_at")
    for name in REMINDER_INDEXES:
        op.drop_index(name, "reminder")
    for name in REMINDER_CHECKS:
        op.drop_constraint(name, "reminder")
    for column in COLUMNS:
        op.drop_column("reminder", column)
    op.alter_column("reminder", "referral_id", nullable=False)


def _reminders() -> None:
    op.add_column("reminder", sa.Column("rule_code", sa.String(), nullable=True))
    op.add_column("reminder", sa.Column("is_urgent", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("reminder", sa.Column("occurrence", sa.Integer(), server_default="0", nullable=False))
    op.add_column("reminder", sa.Column("escalated_from_id", sa.Uuid(), nullable=True))
    op.add_column("reminder", sa.Column("recipient_role", sa.String(), nullable=True))
    op.add_column("reminder", sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True))
    # Every reader joins the referral, the release before too: a row without one is not shown, and breaks nothing.
    op.execute(
        "-- squawk-ignore ban-drop-not-null\nALTER TABLE reminder ALTER COLUMN referral_id DROP NOT NULL"
    )
    op.execute(
        "ALTER TABLE reminder ADD CONSTRAINT fk_reminder_escalated_from_id"
        " FOREIGN KEY (escalated_from_id) REFERENCES reminder (id) NOT VALID"
    )
    # New columns are empty: there is nothing to read through for long.
    op.execute(
        "-- squawk-ignore constraint-missing-not-valid\n"
        "ALTER TABLE reminder VALIDATE CONSTRAINT fk_reminder_escalated_from_id"
    )
    for name, condition in REMINDER_CHECKS.items():
        op.execute(f"ALTER TABLE reminder ADD CONSTRAINT {name} CHECK ({condition}) NOT VALID")
        op.execute(
            f"-- squawk-ignore constraint-missing-not-valid\nALTER TABLE reminder VALIDATE CONSTRAINT {name}"
        )
    for name, index in REMINDER_INDEXES.items():
        # Of new columns: none of the rows that stand is in them.
        op.execute(f"-- squawk-ignore require-concurrent-index-creation\nCREATE {index.format(name=name)}")


def _last_steps() -> None:
    """Fill the last step of open referrals from their events; closed ones are not read."""
    op.add_column("referral", sa.Column("last_step_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("SET LOCAL ROLE gateway_worker")
    op.execute(
        f"""UPDATE referral r SET last_step_at = coalesce((
            SELECT max(e.recorded_at) FROM case_event e
            WHERE e.referral_id = r.id AND e.actor_id IS NOT NULL AND e.import_batch_id IS NULL
                AND e.event NOT IN {NO_STEP}), r.received_at)
        WHERE r.next_act <> 'nothing'"""
    )
    op.execute("RESET ROLE")
    # Of open referrals alone, built in a second. Narrower than the indexes of the lists of work, which need all that is open.
    op.execute(
        "-- squawk-ignore require-concurrent-index-creation\n"
        "CREATE INDEX ix_referral_last_step ON referral (last_step_at)"
        " INCLUDE (id, assigned_to_id, waiting_on, next_due_on, risk, domestic_abuse, officer_grade)"
        " WHERE next_act <> 'nothing' AND last_step_at IS NOT NULL"
    )


def _sources() -> None:
    for name, index in SOURCE_INDEXES.items():
        op.execute(f"-- squawk-ignore require-concurrent-index-creation\nCREATE INDEX {name} ON {index}")


def _rules() -> None:
    table = "reminder_rule"
    op.create_table(
        table,
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("is_on", sa.Boolean(), nullable=False),
        sa.Column("offset_number", sa.Integer(), nullable=False),
        sa.Column("offset_high", sa.Integer(), nullable=True),
        sa.Column("offset_medium", sa.Integer(), nullable=True),
        _code("unit", "reminderunit", UNITS),
        _code("direction", "reminderdirection", DIRECTIONS),
        sa.Column("local_time", sa.String(), nullable=True),
        sa.Column("repeat_every", sa.Integer(), nullable=True),
        sa.Column("repeat_most", sa.Integer(), server_default="0", nullable=False),
        sa.Column("escalate_after", sa.Integer(), nullable=True),
        _code("channel", "reminderchannel", CHANNELS),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("code ~ '^[a-z0-9_]+$'", name=op.f(f"ck_{table}_code_is_plain")),
        sa.CheckConstraint("offset_number BETWEEN 0 AND 4000", name=op.f(f"ck_{table}_offset_number")),
        sa.CheckConstraint(
            "offset_high BETWEEN 0 AND offset_number AND offset_medium BETWEEN 0 AND offset_number",
            name=op.f(f"ck_{table}_risk_never_waits_longer"),
        ),
        sa.CheckConstraint(
            "(repeat_every IS NULL) = (repeat_most = 0) AND repeat_every BETWEEN 1 AND 400",
            name=op.f(f"ck_{table}_repeat_every"),
        ),
        sa.CheckConstraint("repeat_most BETWEEN 0 AND 10", name=op.f(f"ck_{table}_repeat_most")),
        sa.CheckConstraint("escalate_after BETWEEN 1 AND 400", name=op.f(f"ck_{table}_escalate_after")),
        sa.CheckConstraint(
            "local_time ~ '^([01][0-9]|2[0-3]):[0-5][0-9]$'", name=op.f(f"ck_{table}_local_time")
        ),
        _key(table, "by_id", "app_user"),
        sa.PrimaryKeyConstraint("code", name=op.f(f"pk_{table}")),
    )
    table = "reminder_rule_change"
    op.create_table(
        table,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        sa.Column("by_name", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("before", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("after", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint("reason <> ''", name=op.f(f"ck_{table}_has_reason")),
        _key(table, "by_id", "app_user"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
    op.create_index("uq_reminder_rule_change_version", table, ["code", "version"], unique=True)


def _answers() -> None:
    table = "stall_answer"
    op.create_table(
        table,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("onward_referral_id", sa.Uuid(), nullable=True),
        sa.Column("provider_id", sa.Uuid(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        _code("answer", "stallanswercode", ANSWERS),
        sa.Column("wording", sa.String(), nullable=False),
        sa.Column("look_again_on", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "is_active = (look_again_on IS NOT NULL)", name=op.f(f"ck_{table}_active_has_next_look")
        ),
        _key(table, "referral_id", "referral"),
        _key(table, "onward_referral_id", "onward_referral"),
        _key(table, "provider_id", "provider"),
        _key(table, "by_id", "app_user"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
    op.create_index("ix_stall_answer_referral_id", table, ["referral_id", "answered_at"])
    op.create_index("ix_stall_answer_answered_at", table, ["answered_at"])


def _gaps() -> None:
    op.create_table(
        "reminder_watch",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last_pass_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_reminder_watch_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reminder_watch")),
    )
    op.create_table(
        "reminder_gap",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("from_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("passed", sa.Integer(), nullable=False),
        sa.CheckConstraint("until_at >= from_at", name=op.f("ck_reminder_gap_until_after_from")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reminder_gap")),
    )
    op.create_index("ix_reminder_gap_until_at", "reminder_gap", ["until_at"])


def _policies() -> None:
    reads = f"{OF_REFERRAL.format(table='reminder')} OR {WITHOUT_REFERRAL}"
    op.execute(f"ALTER POLICY caseworker_select ON reminder USING ({reads})")
    _alter_seen(reads)
    for table in ("reminder_rule", "reminder_rule_change"):
        for kind in ("caseworker", "admin"):
            _allow(table, kind, "SELECT", SOMEBODY)
        _allow(table, "caseworker", "INSERT", f"by_id = {ME} AND {SENIOR}")
        _allow(table, "worker", "SELECT", "true")
    _allow("reminder_rule", "caseworker", "UPDATE", SENIOR, SETTINGS, f"by_id = {ME} AND {SENIOR}")
    of_case = OF_REFERRAL.format(table="stall_answer")
    _allow("stall_answer", "caseworker", "SELECT", of_case)
    _allow("stall_answer", "caseworker", "INSERT", f"by_id = {ME} AND provider_id IS NULL AND {of_case}")
    own = f"provider_id = gateway_organisation_id() AND {OF_ONWARD}"
    _allow("stall_answer", "provider", "SELECT", own)
    _allow("stall_answer", "provider", "INSERT", f"by_id = {ME} AND {own}")
    _allow("stall_answer", "worker", "SELECT", "true")
    for table in ("reminder_watch", "reminder_gap"):
        for kind in ("caseworker", "admin"):
            _allow(table, kind, "SELECT", SOMEBODY)
        _allow(table, "worker", "SELECT", "true")
        _allow(table, "worker", "INSERT", "true")
    _allow("reminder_watch", "worker", "UPDATE", "true")
    for table in ("reminder_rule_change", "stall_answer"):
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def _alter_seen(condition: str) -> None:
    op.execute(f"ALTER POLICY caseworker_update ON reminder USING ({condition}) WITH CHECK ({condition})")


def _code(name: str, kind: str, values: tuple[str, ...]) -> sa.Column[str]:
    checked = sa.Enum(*values, name=kind, native_enum=False, create_constraint=True, length=40)
    return sa.Column(name, checked, nullable=False)


def _key(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}"))


def _allow(
    table: str, kind: str, privilege: str, condition: str, columns: str = "", result: str = ""
) -> None:
    op.execute(f"GRANT {privilege}{columns} ON {table} TO gateway_{kind}")
    using = "" if privilege == "INSERT" else f" USING ({condition})"
    check = "" if privilege == "SELECT" else f" WITH CHECK ({result or condition})"
    op.execute(
        f"CREATE POLICY {kind}_{privilege.lower()} ON {table} FOR {privilege} TO gateway_{kind}{using}{check}"
    )
