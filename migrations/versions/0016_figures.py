"""Figures at any size: clocks counted by day, clocks as at any moment, and a recompute in ranges.

`entitlement_clock` gets when its start and its stop were learned, so that most clocks can be told as at an earlier
moment from the stored row. Rows that were written before have no `learned_at` and are computed from their events
until the next recompute has filled them. The release before writes clocks without the new columns: its clocks are
read that way too, and its changes mark their day, since a trigger does.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

SOMEBODY = "(SELECT gateway_user_id()) IS NOT NULL"
# table -> [(kind of role, privilege, condition)]
RULES = {
    "clock_day_count": [
        ("manager", "SELECT", SOMEBODY),
        ("worker", "SELECT", "true"),
        ("worker", "INSERT", "true"),
        ("worker", "DELETE", "true"),
    ],
    "stale_figure_day": [
        ("manager", "SELECT", SOMEBODY),
        ("worker", "SELECT", "true"),
        ("worker", "INSERT", "true"),
        ("worker", "DELETE", "true"),
    ],
    "fact_name": [
        ("manager", "SELECT", SOMEBODY),
        ("worker", "SELECT", "true"),
        ("worker", "INSERT", "true"),
    ],
    "clock_recompute": [
        (kind, privilege, "true")
        for kind in ("worker",)
        for privilege in ("SELECT", "INSERT", "UPDATE", "DELETE")
    ],
    "clock_recompute_range": [
        (kind, privilege, "true")
        for kind in ("worker",)
        for privilege in ("SELECT", "INSERT", "UPDATE", "DELETE")
    ],
}


def upgrade() -> None:
    """Added beside what the release before reads and writes; no row is rewritten."""
    _columns_of_clocks()
    _tables()
    _guard()
    _triggers()
    _indexes()
    _first_marks()


def _columns_of_clocks() -> None:
    op.add_column("entitlement_clock", sa.Column("learned_at", sa.DateTime(timezone=True)))
    op.add_column("entitlement_clock", sa.Column("stop_learned_at", sa.DateTime(timezone=True)))
    op.add_column("entitlement_clock", sa.Column("open_status", sa.Text()))
    op.add_column("entitlement_clock", sa.Column("stop_hides", sa.Boolean()))


def _tables() -> None:
    op.create_table(
        "clock_day_count",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("split", sa.String(), nullable=False),
        sa.Column("value", sa.String()),
        sa.Column("edition", sa.String(), nullable=False),
        sa.Column("entitlement_id", sa.String(), nullable=False),
        sa.Column("enhanced", sa.Boolean(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("late_status", sa.String(), nullable=False),
        sa.Column("due_on", sa.Date()),
        sa.Column("clocks", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_clock_day_count"),
        sa.CheckConstraint("split IN ('all', 'district', 'crime_type')", name="ck_clock_day_count_split"),
    )
    op.create_index("ix_clock_day_count_split", "clock_day_count", ["split", "value", "day"])
    op.create_index("ix_clock_day_count_day", "clock_day_count", ["day"])
    op.create_index("ix_clock_day_count_duty", "clock_day_count", ["edition", "entitlement_id", "day"])
    op.create_table(
        "stale_figure_day",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_stale_figure_day"),
    )
    op.create_table(
        "fact_name",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "name", name="pk_fact_name"),
        sa.CheckConstraint("kind IN ('district', 'crime_type')", name="ck_fact_name_kind"),
    )
    op.create_table(
        "clock_recompute",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.Column("rules_hash", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_clock_recompute"),
    )
    op.create_table(
        "clock_recompute_range",
        sa.Column("recompute_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("first_id", sa.Uuid(), nullable=False),
        sa.Column("end_id", sa.Uuid(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True)),
        sa.Column("as_at", sa.DateTime(timezone=True)),
        *(
            sa.Column(name, sa.Integer(), nullable=False)
            for name in ("clocks", "added", "changed", "removed", "aged", "uncountable")
        ),
        sa.Column("uncountable_start", sa.String()),
        sa.PrimaryKeyConstraint("recompute_id", "number", name="pk_clock_recompute_range"),
        sa.ForeignKeyConstraint(
            ["recompute_id"],
            ["clock_recompute.id"],
            name="fk_clock_recompute_range_recompute_id",
            ondelete="CASCADE",
        ),
    )
    op.create_index(
        "ix_clock_recompute_range_undone",
        "clock_recompute_range",
        ["recompute_id", "number"],
        postgresql_where=sa.text("done_at IS NULL"),
    )


def _guard() -> None:
    for table, rules in RULES.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        for kind, privilege, condition in rules:
            _allow(table, kind, privilege, condition)


def _triggers() -> None:
    """A write of clocks or facts marks its days in the same transaction, by rows that no other write waits for."""
    op.execute(
        """CREATE FUNCTION mark_figure_days_of_clocks() RETURNS trigger LANGUAGE plpgsql
        SET search_path = pg_catalog, public, pg_temp AS $$
        BEGIN
            IF TG_OP <> 'DELETE' THEN
                INSERT INTO stale_figure_day (day) SELECT DISTINCT started_on FROM written;
            END IF;
            IF TG_OP <> 'INSERT' THEN
                INSERT INTO stale_figure_day (day) SELECT DISTINCT started_on FROM replaced;
            END IF;
            RETURN NULL;
        END $$"""
    )
    for event, tables in (
        ("INSERT", "NEW TABLE AS written"),
        ("UPDATE", "OLD TABLE AS replaced NEW TABLE AS written"),
        ("DELETE", "OLD TABLE AS replaced"),
    ):
        op.execute(
            f"CREATE TRIGGER entitlement_clock_{event.lower()}_days AFTER {event} ON entitlement_clock"
            f" REFERENCING {tables} FOR EACH STATEMENT EXECUTE FUNCTION mark_figure_days_of_clocks()"
        )
    # Where and what it was may change with new facts, without any clock being written.
    op.execute(
        """CREATE FUNCTION mark_figure_days_of_facts() RETURNS trigger LANGUAGE plpgsql
        SET search_path = pg_catalog, public, pg_temp AS $$
        BEGIN
            INSERT INTO fact_name (kind, name)
                SELECT DISTINCT 'district', district FROM written WHERE district IS NOT NULL
                UNION SELECT DISTINCT 'crime_type', crime_type FROM written
                ON CONFLICT DO NOTHING;
            INSERT INTO stale_figure_day (day)
                SELECT DISTINCT c.started_on FROM written w JOIN entitlement_clock c ON c.referral_id = w.referral_id;
            RETURN NULL;
        END $$"""
    )
    op.execute(
        "CREATE TRIGGER case_facts_insert_days AFTER INSERT ON case_facts REFERENCING NEW TABLE AS written"
        " FOR EACH STATEMENT EXECUTE FUNCTION mark_figure_days_of_facts()"
    )
    # The moments in a document are written with their offset: reading them depends on no setting.
    op.execute(
        """CREATE FUNCTION facts_look_ahead(recorded_at timestamptz, enhanced jsonb, declined jsonb, withheld jsonb,
            cancelled_at timestamptz, closed_at timestamptz)
        RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
        RETURN coalesce(cancelled_at > recorded_at OR closed_at > recorded_at, false)
            OR CASE WHEN withheld = '[]' THEN false ELSE EXISTS (
                SELECT FROM jsonb_to_recordset(withheld) AS x ("from" timestamptz, until timestamptz)
                WHERE x."from" > recorded_at OR x.until > recorded_at) END
            OR CASE WHEN declined = '[]' THEN false ELSE EXISTS (
                SELECT FROM jsonb_to_recordset(declined) AS x (at timestamptz) WHERE x.at > recorded_at) END
            OR CASE WHEN enhanced = '[]' THEN false ELSE EXISTS (
                SELECT FROM jsonb_to_recordset(enhanced) AS x ("from" date)
                WHERE x."from" > (recorded_at AT TIME ZONE 'Europe/London')::date) END"""
    )


def _indexes() -> None:
    """Build them in the transaction of the upgrade: one that fails half-way leaves nothing behind."""
    for name, table, of in (
        (
            "ix_entitlement_clock_untold",
            "entitlement_clock",
            "(referral_id, stop_learned_at) WHERE learned_at IS NULL OR stop_hides",
        ),
        ("ix_case_facts_recorded_at", "case_facts", "USING brin (recorded_at)"),
        (
            "ix_case_facts_latest",
            "case_facts",
            "(referral_id, recorded_at, sequence) INCLUDE (district, crime_type, force, under_18)",
        ),
        (
            "ix_case_event_of_service",
            "case_event",
            "(event, occurred_at) INCLUDE (referral_id, id, reason_code, sequence) WHERE event IN"
            " ('first_contact_attempted', 'triage_assessment_completed', 'referral.closed')",
        ),
        ("ix_referral_received_figures", "referral", "(received_at) INCLUDE (id, source, state)"),
        (
            "ix_case_facts_looking_ahead",
            "case_facts",
            "(referral_id) WHERE facts_look_ahead(recorded_at, enhanced, declined, withheld, cancelled_at, closed_at)",
        ),
    ):
        op.execute(f"-- squawk-ignore require-concurrent-index-creation\nCREATE INDEX {name} ON {table} {of}")
    # The same columns in the same order stand in ix_case_facts_latest.
    op.execute("-- squawk-ignore require-concurrent-index-deletion\nDROP INDEX ix_case_facts_as_at")


def _first_marks() -> None:
    """As the worker: forced row-level security would show an owner that is no superuser no clock to mark."""
    op.execute("SET LOCAL ROLE gateway_worker")
    op.execute("INSERT INTO stale_figure_day (day) SELECT DISTINCT started_on FROM entitlement_clock")
    op.execute(
        """INSERT INTO fact_name (kind, name)
            SELECT DISTINCT 'district', district FROM case_facts WHERE district IS NOT NULL
            UNION SELECT DISTINCT 'crime_type', crime_type FROM case_facts ON CONFLICT DO NOTHING"""
    )
    op.execute("RESET ROLE")


def downgrade() -> None:
    """Nothing is lost: all of it is made again from clocks, facts and events."""
    for event in ("insert", "update", "delete"):
        op.execute(f"DROP TRIGGER entitlement_clock_{event}_days ON entitlement_clock")
    op.execute("DROP TRIGGER case_facts_insert_days ON case_facts")
    op.create_index("ix_case_facts_as_at", "case_facts", ["referral_id", "recorded_at", "sequence"])
    op.drop_index("ix_case_facts_latest", table_name="case_facts")
    op.drop_index("ix_referral_received_figures", table_name="referral")
    op.drop_index("ix_case_event_of_service", table_name="case_event")
    op.drop_index("ix_case_facts_looking_ahead", table_name="case_facts")
    op.drop_index("ix_case_facts_recorded_at", table_name="case_facts")
    op.drop_index("ix_entitlement_clock_untold", table_name="entitlement_clock")
    for function in (
        "mark_figure_days_of_clocks()",
        "mark_figure_days_of_facts()",
        "facts_look_ahead(timestamptz, jsonb, jsonb, jsonb, timestamptz, timestamptz)",
    ):
        op.execute(f"DROP FUNCTION {function}")
    for table in reversed(RULES):
        op.drop_table(table)
    for name in ("learned_at", "stop_learned_at", "open_status", "stop_hides"):
        op.drop_column("entitlement_clock", name)


def _allow(table: str, kind: str, privilege: str, condition: str) -> None:
    op.execute(f"GRANT {privilege} ON {table} TO gateway_{kind}")
    using = "" if privilege == "INSERT" else f" USING ({condition})"
    check = f" WITH CHECK ({condition})" if privilege in ("INSERT", "UPDATE") else ""
    op.execute(
        f"CREATE POLICY {kind}_{privilege.lower()} ON {table} FOR {privilege} TO gateway_{kind}{using}{check}"
    )
