"""Support given: plans with goals, activities, outcome readings, what became of needs, safety devices.

Only new tables, and two more kinds of task: the release before neither reads nor writes any of it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

NEW_KINDS = ("plan_review", "device_overdue")
DEVICE_STATES = ("in_stock", "issued", "lost")
LOAN_ENDINGS = ("returned", "lost")
GOAL_STATES = ("open", "reached", "partly_reached", "not_reached", "dropped")
MANNERS = ("in_person", "phone", "sms", "email", "post", "without_contact")
PARTIES = (
    "person",
    "household",
    "parent_or_guardian",
    "child",
    "spokesperson",
    "bereaved_relative",
    "business_contact",
    "witness",
)
STAGES = ("start", "review", "end")
NEED_OUTCOMES = ("achieved", "partly_achieved", "not_achieved", "not_wanted")
TABLES = ("support_plan", "support_goal", "support_activity", "outcome_reading", "need_result", "device_loan")
APPEND_ONLY = ("support_goal", "need_result")
SOMEBODY = "(SELECT gateway_user_id()) IS NOT NULL"
OWN_ENTRY = "by_id = gateway_user_id()"
THROUGH_REFERRAL = "EXISTS (SELECT 1 FROM referral r WHERE r.id = {table}.referral_id)"
# What a manager counts: codes, days and minutes. The sealed text is granted to nobody but caseworkers.
MANAGER_COLUMNS = {
    "support_plan": "id, referral_id, version, review_on, recorded_at, superseded_at",
    "support_goal": "id, goal_id, referral_id, version, need, state, agreed_on, target_on, recorded_at",
    "support_activity": "id, referral_id, kind, manner, given_on, minutes, for_party, goal_id, corrects_id,"
    " recorded_at, voided_at",
    "outcome_reading": 'id, referral_id, measure, stage, "values", taken_on, recorded_at, voided_at',
    "need_result": "id, referral_id, need, version, outcome, recorded_at",
    "device_loan": "id, device_id, issued_on, due_back_on, recorded_at, ended_on, ending",
}


def upgrade() -> None:
    """The tables, their guards, and the kind of task that asks to look at a plan again."""
    _plans_and_goals()
    _activities()
    _readings_and_results()
    _devices()
    for table in TABLES:
        _guard(table)
    _guard_stock()
    _allow_once("support_plan", "superseded_at", "superseded_at")
    for table in ("support_activity", "outcome_reading"):
        _allow_once(table, "voided_at, voided_by_id", "voided_at")
    _allow_once("device_loan", "ended_on, ending, ended_by_id", "ended_on")
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    _change_task_kinds(added=NEW_KINDS)


def downgrade() -> None:
    """Only while nothing was recorded: what was done for people would be lost."""
    used = " OR ".join(f"EXISTS (SELECT FROM {table})" for table in (*TABLES, "safety_device"))
    asked = "EXISTS (SELECT FROM task WHERE kind IN ('plan_review', 'device_overdue'))"
    if op.get_bind().scalar(sa.text(f"SELECT {used} OR {asked}")):
        raise RuntimeError("support was recorded, or tasks about it are there")
    _change_task_kinds(removed=NEW_KINDS)
    for table in (
        "device_loan",
        "safety_device",
        "need_result",
        "outcome_reading",
        "support_activity",
        "support_goal",
        "support_plan",
    ):
        op.drop_table(table)


def _code(name: str, kind: str, values: tuple[str, ...], *, nullable: bool = False) -> sa.Column[str]:
    code = sa.Enum(*values, name=kind, native_enum=False, create_constraint=True, length=40)
    return sa.Column(name, code, nullable=nullable)


def _moment(name: str, *, nullable: bool = False) -> sa.Column[sa.DateTime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _refers(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=op.f(f"fk_{table}_{column}"))


def _plans_and_goals() -> None:
    op.create_table(
        "support_plan",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("review_on", sa.Date(), nullable=False),
        _moment("recorded_at"),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        _moment("superseded_at", nullable=True),
        _moment("asked_at", nullable=True),
        _refers("support_plan", "referral_id", "referral"),
        _refers("support_plan", "by_id", "app_user"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_support_plan")),
    )
    op.create_index("uq_support_plan_version", "support_plan", ["referral_id", "version"], unique=True)
    in_force = sa.text("superseded_at IS NULL")
    op.create_index(
        "uq_support_plan_in_force", "support_plan", ["referral_id"], unique=True, postgresql_where=in_force
    )
    unasked = sa.text("superseded_at IS NULL AND asked_at IS NULL")
    op.create_index("ix_support_plan_due", "support_plan", ["review_on"], postgresql_where=unasked)
    op.create_table(
        "support_goal",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("goal_id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("need", sa.String(), nullable=False),
        _code("state", "goalstate", GOAL_STATES),
        sa.Column("agreed_on", sa.Date(), nullable=False),
        sa.Column("target_on", sa.Date(), nullable=True),
        _moment("recorded_at"),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "(version = 1) = (id = goal_id)", name=op.f("ck_support_goal_first_version_names_goal")
        ),
        sa.CheckConstraint("target_on >= agreed_on", name=op.f("ck_support_goal_target_after_agreed")),
        _refers("support_goal", "goal_id", "support_goal"),
        _refers("support_goal", "referral_id", "referral"),
        _refers("support_goal", "by_id", "app_user"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_support_goal")),
    )
    op.create_index("uq_support_goal_version", "support_goal", ["goal_id", "version"], unique=True)
    op.create_index(op.f("ix_support_goal_referral_id"), "support_goal", ["referral_id"])


def _activities() -> None:
    table = "support_activity"
    op.create_table(
        table,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        _code("manner", "supportmanner", MANNERS),
        sa.Column("given_on", sa.Date(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        _code("for_party", "supportedparty", PARTIES),
        sa.Column("goal_id", sa.Uuid(), nullable=True),
        sa.Column("contact_attempt_id", sa.Uuid(), nullable=True),
        sa.Column("corrects_id", sa.Uuid(), nullable=True),
        _moment("recorded_at"),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        _moment("voided_at", nullable=True),
        sa.Column("voided_by_id", sa.Uuid(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("minutes BETWEEN 1 AND 720", name=op.f("ck_support_activity_minutes_of_a_day")),
        sa.CheckConstraint(
            "(manner IN ('in_person', 'without_contact')) = (contact_attempt_id IS NULL)",
            name=op.f("ck_support_activity_contact_has_attempt"),
        ),
        sa.CheckConstraint(
            "(voided_at IS NULL) = (voided_by_id IS NULL)", name=op.f("ck_support_activity_voided_by_a_user")
        ),
        _refers(table, "referral_id", "referral"),
        _refers(table, "goal_id", "support_goal"),
        _refers(table, "contact_attempt_id", "contact_attempt"),
        _refers(table, "corrects_id", "support_activity"),
        _refers(table, "by_id", "app_user"),
        _refers(table, "voided_by_id", "app_user"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_support_activity")),
    )
    op.create_index("uq_support_activity_corrects", table, ["corrects_id"], unique=True)
    op.create_index(op.f("ix_support_activity_referral_id"), table, ["referral_id"])


def _readings_and_results() -> None:
    op.create_table(
        "outcome_reading",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("measure", sa.String(), nullable=False),
        _code("stage", "readingstage", STAGES),
        sa.Column("values", postgresql.JSONB(), nullable=False),
        sa.Column("taken_on", sa.Date(), nullable=False),
        _moment("recorded_at"),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        _moment("voided_at", nullable=True),
        sa.Column("voided_by_id", sa.Uuid(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "(voided_at IS NULL) = (voided_by_id IS NULL)", name=op.f("ck_outcome_reading_voided_by_a_user")
        ),
        _refers("outcome_reading", "referral_id", "referral"),
        _refers("outcome_reading", "by_id", "app_user"),
        _refers("outcome_reading", "voided_by_id", "app_user"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outcome_reading")),
    )
    op.create_index(
        "uq_outcome_reading_once",
        "outcome_reading",
        ["referral_id", "stage"],
        unique=True,
        postgresql_where=sa.text("voided_at IS NULL AND stage IN ('start', 'end')"),
    )
    op.create_index(op.f("ix_outcome_reading_referral_id"), "outcome_reading", ["referral_id"])
    op.create_table(
        "need_result",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("need", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        _code("outcome", "needoutcome", NEED_OUTCOMES),
        _moment("recorded_at"),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        _refers("need_result", "referral_id", "referral"),
        _refers("need_result", "by_id", "app_user"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_need_result")),
    )
    op.create_index("uq_need_result_version", "need_result", ["referral_id", "need", "version"], unique=True)


def _devices() -> None:
    op.create_table(
        "safety_device",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("serial_number", sa.String(), nullable=False),
        _code("state", "devicestate", DEVICE_STATES),
        _moment("added_at"),
        sa.Column("added_by_id", sa.Uuid(), nullable=False),
        _refers("safety_device", "added_by_id", "app_user"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_safety_device")),
    )
    op.create_index("uq_safety_device_serial", "safety_device", ["kind", "serial_number"], unique=True)
    op.create_index("ix_safety_device_state", "safety_device", ["kind", "state"])
    table = "device_loan"
    op.create_table(
        table,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("due_back_on", sa.Date(), nullable=False),
        _moment("recorded_at"),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        sa.Column("ended_on", sa.Date(), nullable=True),
        _code("ending", "loanending", LOAN_ENDINGS, nullable=True),
        sa.Column("ended_by_id", sa.Uuid(), nullable=True),
        _moment("asked_at", nullable=True),
        sa.CheckConstraint("due_back_on >= issued_on", name=op.f("ck_device_loan_due_after_issued")),
        sa.CheckConstraint("ended_on >= issued_on", name=op.f("ck_device_loan_ended_after_issued")),
        sa.CheckConstraint(
            "num_nonnulls(ended_on, ending, ended_by_id) IN (0, 3)", name=op.f("ck_device_loan_ended_whole")
        ),
        _refers(table, "device_id", "safety_device"),
        _refers(table, "referral_id", "referral"),
        _refers(table, "by_id", "app_user"),
        _refers(table, "ended_by_id", "app_user"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device_loan")),
    )
    is_open = sa.text("ended_on IS NULL")
    op.create_index("uq_device_loan_one_open", table, ["device_id"], unique=True, postgresql_where=is_open)
    unasked = sa.text("ended_on IS NULL AND asked_at IS NULL")
    op.create_index("ix_device_loan_due", table, ["due_back_on"], postgresql_where=unasked)
    op.create_index(op.f("ix_device_loan_referral_id"), table, ["referral_id"])


def _guard_stock() -> None:
    """No row of the stock is about a person: who has a device stands on the loan."""
    op.execute("ALTER TABLE safety_device ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE safety_device FORCE ROW LEVEL SECURITY")
    op.execute("GRANT SELECT, INSERT, UPDATE (state) ON safety_device TO gateway_caseworker")
    op.execute("GRANT SELECT ON safety_device TO gateway_manager, gateway_worker")
    for kind in ("caseworker", "manager"):
        op.execute(
            f"CREATE POLICY {kind}_select ON safety_device FOR SELECT TO gateway_{kind} USING ({SOMEBODY})"
        )
    op.execute("CREATE POLICY worker_select ON safety_device FOR SELECT TO gateway_worker USING (true)")
    op.execute(
        "CREATE POLICY caseworker_insert ON safety_device FOR INSERT TO gateway_caseworker"
        " WITH CHECK (added_by_id = gateway_user_id())"
    )
    op.execute(
        "CREATE POLICY caseworker_update ON safety_device FOR UPDATE TO gateway_caseworker"
        f" USING ({SOMEBODY}) WITH CHECK ({SOMEBODY})"
    )


def _guard(table: str) -> None:
    """Caseworkers through the referral, in their own name; managers without the text; the service to ask for reviews."""
    seen = THROUGH_REFERRAL.format(table=table)
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"GRANT SELECT, INSERT ON {table} TO gateway_caseworker")
    op.execute(f"CREATE POLICY caseworker_select ON {table} FOR SELECT TO gateway_caseworker USING ({seen})")
    op.execute(
        f"CREATE POLICY caseworker_insert ON {table} FOR INSERT TO gateway_caseworker"
        f" WITH CHECK ({OWN_ENTRY} AND {seen})"
    )
    op.execute(f"GRANT SELECT ({MANAGER_COLUMNS[table]}) ON {table} TO gateway_manager")
    op.execute(f"CREATE POLICY manager_select ON {table} FOR SELECT TO gateway_manager USING ({SOMEBODY})")
    op.execute(f"GRANT SELECT ON {table} TO gateway_worker")
    op.execute(f"CREATE POLICY worker_select ON {table} FOR SELECT TO gateway_worker USING (true)")
    if table in ("support_plan", "device_loan"):
        op.execute(f"GRANT UPDATE (asked_at) ON {table} TO gateway_worker")
        op.execute(
            f"CREATE POLICY worker_update ON {table} FOR UPDATE TO gateway_worker"
            " USING (true) WITH CHECK (true)"
        )


def _allow_once(table: str, columns: str, mark: str) -> None:
    """A caseworker may end what stands, once; nothing else of the row can be changed, and the end not taken back."""
    seen = THROUGH_REFERRAL.format(table=table)
    op.execute(f"GRANT UPDATE ({columns}) ON {table} TO gateway_caseworker")
    op.execute(
        f"CREATE POLICY caseworker_update ON {table} FOR UPDATE TO gateway_caseworker"
        f" USING ({mark} IS NULL AND {seen}) WITH CHECK ({mark} IS NOT NULL AND {seen})"
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
