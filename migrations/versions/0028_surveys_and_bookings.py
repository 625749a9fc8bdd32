"""What people say of us, bookings of a video link, reviews of anti-social behaviour; loans recorded by mistake.

Only new tables, a column, and more values of kinds: the release before neither reads nor writes any of it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

NEW_KINDS = ("survey_follow_up", "video_link_soon", "case_review_due", "targeting_review")
NEW_DRAFTS = ("note", "correction", "hold")
STAGES = ("after_first_contact", "at_closing", "after_court")
SURVEY_STATES = ("offered", "answered", "refused")
CHANNELS = ("phone", "sms", "email", "post")
ENDINGS = ("cancelled", "moved")
REVIEW_STATES = ("asked", "threshold_met", "threshold_not_met", "answered", "withdrawn")
REVIEW_OUTCOMES = ("action_plan", "nothing_more", "other")
TABLES = ("satisfaction_survey", "video_link_booking", "case_review")
SOMEBODY = "(SELECT gateway_user_id()) IS NOT NULL"
THROUGH_REFERRAL = "EXISTS (SELECT 1 FROM referral r WHERE r.id = {table}.referral_id)"
# What a caseworker's own step changes: never whose it is, or when it was recorded.
CHANGED = {
    "satisfaction_survey": "state, manner, answered_at, answered_by_id, is_satisfied, sealed, link_hash, link_channel,"
    " link_made_at, link_expires_at, contact_attempt_id, refused_at",
    "video_link_booking": "measures, ended_at, ended_by_id, ending, sealed_ending, asked_at",
    "case_review": "state, due_on, threshold_on, answered_on, outcome, sealed_answer, version",
}
# What stands open to a step; what has ended is never changed again.
OPEN = {
    "satisfaction_survey": "state = 'offered'",
    "video_link_booking": "ended_at IS NULL",
    "case_review": "state IN ('asked', 'threshold_met')",
}
# What managers count: stages and yes or no, never whose answer it is nor what was written.
MANAGER_COLUMNS = {
    "satisfaction_survey": "stage, state, manner, answered_at, is_satisfied",
    "video_link_booking": "room, starts_at, ends_at, recorded_at, ended_at, ending",
    "case_review": "authority, state, asked_on, threshold_on, answered_on, outcome",
}
# A link is looked up before anybody is known: by its hash, and nothing of the referral.
LINK_COLUMNS = "id, stage, state, link_hash, link_expires_at"
# Values that are added to a check: table, column, constraint, values.
WIDENED = (
    ("task", "kind", "ck_task_taskkind", NEW_KINDS),
    ("draft", "kind", "ck_draft_draftkind", NEW_DRAFTS),
    ("device_loan", "ending", "ck_device_loan_loanending", ("recorded_by_mistake",)),
    ("sign_in_attempt", "step", "ck_sign_in_attempt_signinstep", ("survey_link",)),
)


def upgrade() -> None:
    """The tables with their guards, the day on which a judgement was asked about again, and the wider checks."""
    _surveys()
    _bookings()
    _case_reviews()
    for table in TABLES:
        _guard(table)
    op.execute(f"GRANT SELECT ({LINK_COLUMNS}) ON satisfaction_survey TO gateway_signin")
    op.execute(
        "CREATE POLICY signin_select ON satisfaction_survey FOR SELECT TO gateway_signin USING (state <> 'refused')"
    )
    op.add_column("targeting_assessment", sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True))
    # Few people are judged to be targeted: the index takes moments, and stays inside the transaction.
    op.execute(
        "-- squawk-ignore require-concurrent-index-creation\n"
        "CREATE INDEX ix_targeting_assessment_due ON targeting_assessment (review_on)"
        " WHERE is_targeted AND asked_at IS NULL"
    )
    op.execute("GRANT UPDATE (asked_at) ON targeting_assessment TO gateway_worker")
    op.execute(
        "CREATE POLICY worker_update ON targeting_assessment FOR UPDATE TO gateway_worker"
        " USING (true) WITH CHECK (true)"
    )
    for table, column, constraint, values in WIDENED:
        _change_values(table, column, constraint, added=values)


def downgrade() -> None:
    """Only while nothing was recorded in it: that would be lost."""
    used = [f"EXISTS (SELECT FROM {table})" for table in TABLES]
    used += [
        f"EXISTS (SELECT FROM {table} WHERE {column} IN ({_listed(values)}))"
        for table, column, _, values in WIDENED
    ]
    if op.get_bind().scalar(sa.text(f"SELECT {' OR '.join(used)}")):
        raise RuntimeError("surveys, bookings or reviews were recorded, or what belongs to them")
    for table, column, constraint, values in WIDENED:
        _change_values(table, column, constraint, removed=values)
    op.execute("DROP POLICY worker_update ON targeting_assessment")
    op.execute("REVOKE UPDATE (asked_at) ON targeting_assessment FROM gateway_worker")
    op.drop_index("ix_targeting_assessment_due", "targeting_assessment")
    op.drop_column("targeting_assessment", "asked_at")
    for table in TABLES:
        op.drop_table(table)


def _code(name: str, kind: str, values: tuple[str, ...], *, nullable: bool = False) -> sa.Column[str]:
    code = sa.Enum(*values, name=kind, native_enum=False, create_constraint=True, length=40)
    return sa.Column(name, code, nullable=nullable)


def _moment(name: str, *, nullable: bool = False) -> sa.Column[sa.DateTime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _refers(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=op.f(f"fk_{table}_{column}"))


def _surveys() -> None:
    table = "satisfaction_survey"
    op.create_table(
        table,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        _code("stage", "surveystage", STAGES),
        _code("state", "surveystate", SURVEY_STATES),
        _moment("recorded_at"),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        sa.Column("link_hash", sa.LargeBinary(), nullable=True),
        _code("link_channel", "channel", CHANNELS, nullable=True),
        _moment("link_made_at", nullable=True),
        _moment("link_expires_at", nullable=True),
        sa.Column("contact_attempt_id", sa.Uuid(), nullable=True),
        _code("manner", "surveymanner", ("link", "phone"), nullable=True),
        _moment("answered_at", nullable=True),
        sa.Column("answered_by_id", sa.Uuid(), nullable=True),
        sa.Column("is_satisfied", sa.Boolean(), nullable=True),
        _moment("refused_at", nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(
            "(state = 'answered') = (answered_at IS NOT NULL) AND (state = 'answered') = (manner IS NOT NULL)"
            " AND (state = 'answered') = (sealed IS NOT NULL)",
            name=op.f("ck_satisfaction_survey_answered_whole"),
        ),
        sa.CheckConstraint(
            "(state = 'refused') = (refused_at IS NOT NULL)",
            name=op.f("ck_satisfaction_survey_refused_whole"),
        ),
        sa.CheckConstraint(
            "num_nonnulls(link_hash, link_channel, link_made_at, link_expires_at, contact_attempt_id) IN (0, 5)",
            name=op.f("ck_satisfaction_survey_link_whole"),
        ),
        sa.CheckConstraint(
            "state <> 'offered' OR link_hash IS NOT NULL", name=op.f("ck_satisfaction_survey_offered_by_link")
        ),
        sa.CheckConstraint("octet_length(link_hash) = 32", name=op.f("ck_satisfaction_survey_hash_size")),
        _refers(table, "referral_id", "referral"),
        _refers(table, "by_id", "app_user"),
        _refers(table, "answered_by_id", "app_user"),
        _refers(table, "contact_attempt_id", "contact_attempt"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_satisfaction_survey")),
    )
    op.create_index("uq_satisfaction_survey_once", table, ["referral_id", "stage"], unique=True)
    op.create_index("uq_satisfaction_survey_link_hash", table, ["link_hash"], unique=True)
    answered = sa.text("state = 'answered'")
    op.create_index("ix_satisfaction_survey_answered", table, ["answered_at"], postgresql_where=answered)


def _bookings() -> None:
    table = "video_link_booking"
    op.create_table(
        table,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("room", sa.String(), nullable=False),
        _moment("starts_at"),
        _moment("ends_at"),
        sa.Column("measures", postgresql.JSONB(), nullable=False),
        sa.Column("accompanied_by_id", sa.Uuid(), nullable=True),
        sa.Column("moved_from_id", sa.Uuid(), nullable=True),
        _moment("recorded_at"),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        _moment("asked_at", nullable=True),
        _moment("ended_at", nullable=True),
        sa.Column("ended_by_id", sa.Uuid(), nullable=True),
        _code("ending", "bookingending", ENDINGS, nullable=True),
        sa.Column("sealed_ending", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_video_link_booking_ends_after_start")),
        sa.CheckConstraint(
            "num_nonnulls(ended_at, ended_by_id, ending, sealed_ending) IN (0, 4)",
            name=op.f("ck_video_link_booking_ended_whole"),
        ),
        _refers(table, "referral_id", "referral"),
        _refers(table, "by_id", "app_user"),
        _refers(table, "accompanied_by_id", "app_user"),
        _refers(table, "ended_by_id", "app_user"),
        _refers(table, "moved_from_id", table),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_video_link_booking")),
    )
    op.create_index(op.f("ix_video_link_booking_referral_id"), table, ["referral_id"])
    standing = sa.text("ended_at IS NULL")
    op.create_index("ix_video_link_booking_starts_at", table, ["starts_at"], postgresql_where=standing)
    op.create_index("uq_video_link_booking_moved_from", table, ["moved_from_id"], unique=True)
    # One room, one booking at a time. The room's hash stands as a range of one number, so that no extension is needed.
    op.execute(
        "ALTER TABLE video_link_booking ADD CONSTRAINT ex_video_link_booking_one_at_a_time EXCLUDE USING gist"
        " (int4range(hashtext(room), hashtext(room), '[]') WITH &&, tstzrange(starts_at, ends_at) WITH &&)"
        " WHERE (ended_at IS NULL)"
    )


def _case_reviews() -> None:
    table = "case_review"
    op.create_table(
        table,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("authority", sa.String(), nullable=False),
        sa.Column("is_for_person", sa.Boolean(), nullable=False),
        sa.Column("asked_on", sa.Date(), nullable=False),
        _code("state", "casereviewstate", REVIEW_STATES),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("threshold_on", sa.Date(), nullable=True),
        sa.Column("answered_on", sa.Date(), nullable=True),
        _code("outcome", "casereviewoutcome", REVIEW_OUTCOMES, nullable=True),
        _moment("recorded_at"),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_answer", sa.LargeBinary(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("threshold_on >= asked_on", name=op.f("ck_case_review_threshold_after_asked")),
        sa.CheckConstraint("answered_on >= asked_on", name=op.f("ck_case_review_answered_after_asked")),
        sa.CheckConstraint(
            "(state = 'answered') = (outcome IS NOT NULL) AND (outcome IS NULL) = (answered_on IS NULL)"
            " AND (outcome IS NULL) = (sealed_answer IS NULL)",
            name=op.f("ck_case_review_answered_whole"),
        ),
        sa.CheckConstraint(
            "due_on IS NULL OR state IN ('asked', 'threshold_met')",
            name=op.f("ck_case_review_due_while_open"),
        ),
        _refers(table, "referral_id", "referral"),
        _refers(table, "by_id", "app_user"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_review")),
    )
    is_open = sa.text("state IN ('asked', 'threshold_met')")
    op.create_index("uq_case_review_one_open", table, ["referral_id"], unique=True, postgresql_where=is_open)
    op.create_index(op.f("ix_case_review_referral_id"), table, ["referral_id"])
    has_due = sa.text("due_on IS NOT NULL")
    op.create_index("ix_case_review_due_on", table, ["due_on"], postgresql_where=has_due)


def _guard(table: str) -> None:
    """Caseworkers through the referral; managers without whose it is and without the text; the service all of it."""
    seen = THROUGH_REFERRAL.format(table=table)
    own = f"by_id = gateway_user_id() AND {seen}"
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"GRANT SELECT, INSERT, UPDATE ({CHANGED[table]}) ON {table} TO gateway_caseworker")
    op.execute(f"CREATE POLICY caseworker_select ON {table} FOR SELECT TO gateway_caseworker USING ({seen})")
    op.execute(
        f"CREATE POLICY caseworker_insert ON {table} FOR INSERT TO gateway_caseworker WITH CHECK ({own})"
    )
    op.execute(
        f"CREATE POLICY caseworker_update ON {table} FOR UPDATE TO gateway_caseworker"
        f" USING ({OPEN[table]} AND {seen}) WITH CHECK ({seen})"
    )
    op.execute(f"GRANT SELECT, UPDATE ({CHANGED[table]}) ON {table} TO gateway_worker")
    op.execute(f"CREATE POLICY worker_select ON {table} FOR SELECT TO gateway_worker USING (true)")
    op.execute(
        f"CREATE POLICY worker_update ON {table} FOR UPDATE TO gateway_worker"
        f" USING ({OPEN[table]}) WITH CHECK (true)"
    )
    op.execute(f"GRANT SELECT ({MANAGER_COLUMNS[table]}) ON {table} TO gateway_manager")
    op.execute(f"CREATE POLICY manager_select ON {table} FOR SELECT TO gateway_manager USING ({SOMEBODY})")


def _listed(values: tuple[str, ...]) -> str:
    return ", ".join(f"'{value}'" for value in values)


def _change_values(
    table: str,
    column: str,
    constraint: str,
    *,
    added: tuple[str, ...] = (),
    removed: tuple[str, ...] = (),
) -> None:
    """Add values to the check of a column or take some out, whatever others it allows."""
    more, less = (f"ARRAY[{_listed(values)}]::text[]" for values in (added, removed))
    op.execute(
        f"""DO $$
        DECLARE allowed text;
        BEGIN
            SELECT string_agg(DISTINCT quote_literal(value), ', ') INTO allowed
            FROM (
                SELECT matched[1] AS value
                FROM pg_constraint c, regexp_matches(pg_get_constraintdef(c.oid), '''([a-z_]+)''', 'g') AS matched
                WHERE c.conname = '{constraint}' AND c.conrelid = '{table}'::regclass
                UNION SELECT unnest({more})
            ) known
            WHERE value <> ALL ({less});
            ALTER TABLE {table} DROP CONSTRAINT {constraint};
            EXECUTE format(
                'ALTER TABLE {table} ADD CONSTRAINT {constraint} CHECK ({column} IN (%s)) NOT VALID', allowed
            );
            ALTER TABLE {table} VALIDATE CONSTRAINT {constraint};
        END $$"""
    )
