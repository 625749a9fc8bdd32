"""The service's own figures counted by day, and by when each onward referral is due beside its state.

Days are marked by triggers in the transaction that writes an event or changes a referral, as those of clocks are
(0016), and counted each minute. The release before reads and writes as it did: the triggers see its writes too.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0017"
branch_labels = None
depends_on = None

SOMEBODY = "(SELECT gateway_user_id()) IS NOT NULL"
RULES = [
    ("manager", "SELECT", SOMEBODY),
    ("worker", "SELECT", "true"),
    ("worker", "INSERT", "true"),
    ("worker", "DELETE", "true"),
]
COUNTED_EVENTS = "'first_contact_attempted', 'triage_assessment_completed', 'referral.closed'"
# An event of a wait marks the day of receipt. A closing marks the day of every closing of its referral, since each
# is counted with the day of the next.
DAYS_OF_EVENTS = f"""
    INSERT INTO stale_service_day (day)
    WITH changed AS (
        SELECT referral_id, event FROM written WHERE event IN ({COUNTED_EVENTS})
        UNION
        SELECT e.referral_id, e.event FROM written w JOIN case_event e ON e.id = w.voids_id
        WHERE e.event IN ({COUNTED_EVENTS})
    )
    SELECT (r.received_at AT TIME ZONE 'Europe/London')::date
    FROM changed c JOIN referral r ON r.id = c.referral_id WHERE c.event <> 'referral.closed'
    UNION
    SELECT (e.occurred_at AT TIME ZONE 'Europe/London')::date
    FROM changed c JOIN case_event e ON e.referral_id = c.referral_id AND e.event = 'referral.closed'
    WHERE c.event = 'referral.closed'"""
DAYS_OF_REFERRAL = """
    INSERT INTO stale_service_day (day)
    SELECT (OLD.received_at AT TIME ZONE 'Europe/London')::date
    UNION
    SELECT (NEW.received_at AT TIME ZONE 'Europe/London')::date
    UNION
    SELECT (e.occurred_at AT TIME ZONE 'Europe/London')::date
    FROM case_event e WHERE e.referral_id = OLD.id AND e.event = 'referral.closed'"""
FUNCTIONS = {
    "mark_service_days_of_events": f"""
        IF EXISTS (SELECT FROM written WHERE event IN ({COUNTED_EVENTS}, 'event_voided')) THEN {DAYS_OF_EVENTS};
        END IF;
        RETURN NULL;""",
    "mark_service_days_of_receipts": """
        INSERT INTO stale_service_day (day)
            SELECT DISTINCT (received_at AT TIME ZONE 'Europe/London')::date FROM written;
        RETURN NULL;""",
    "mark_service_days_of_referral": f"{DAYS_OF_REFERRAL}; RETURN NULL;",
}

LIVE = "state IN ('offered', 'acknowledged', 'information_requested', 'accepted', 'in_service')"
UNANSWERED = "state IN ('offered', 'acknowledged', 'information_requested')"
# As `rules/inbox_order_sql.py` writes them: an expression that differs by a word is not found in the index.
INBOX_ORDER = f"""(CASE WHEN {UNANSWERED} THEN 'answer' WHEN state IN ('accepted') THEN 'contact'
        WHEN state IN ('in_service') THEN 'support' END),
    (CASE WHEN provider_clock_on IS NULL THEN 'infinity'::date WHEN {UNANSWERED}
        AND answer_due_on < provider_clock_on THEN answer_due_on ELSE provider_clock_on END),
    (CASE WHEN first_contact_planned_on IS NULL THEN 'infinity'::date ELSE first_contact_planned_on END),
    offered_at, id"""
OPEN_CLOCK = "c.edition = 'local' AND c.status IN ('running', 'overdue')"
EARLIEST_CLOCK = f"""(
        SELECT min(CASE WHEN c.due_on IS NULL THEN 'infinity'::date ELSE c.due_on END)
        FROM case_event e JOIN entitlement_clock c ON c.start_event_id = e.id
        WHERE e.onward_referral_id = o.id AND c.provider_id = o.provider_id AND {OPEN_CLOCK}
    )"""
CLOCK_TABLES = {
    "INSERT": ("NEW TABLE AS written", "SELECT start_event_id, edition, provider_id FROM written"),
    "DELETE": ("OLD TABLE AS replaced", "SELECT start_event_id, edition, provider_id FROM replaced"),
    "UPDATE": (
        "OLD TABLE AS replaced NEW TABLE AS written",
        "SELECT start_event_id, edition, provider_id FROM written"
        " UNION SELECT start_event_id, edition, provider_id FROM replaced",
    ),
}


def upgrade() -> None:
    """Added beside what the release before reads and writes; of the rows that are there, the live offers get a day."""
    _service_days()
    _inbox_order()


def _inbox_order() -> None:
    """Keep by when a provider owes its next step beside the state, where an index can order by it.

    With the rights of who writes the clocks: that is the service's own role, which may change any offer.
    """
    op.add_column("onward_referral", sa.Column("provider_clock_on", sa.Date()))
    for operation, (tables, rows) in CLOCK_TABLES.items():
        name = f"keep_provider_clock_on_{operation.lower()}"
        op.execute(
            f"""CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql
            SET search_path = pg_catalog, public, pg_temp AS $$
            BEGIN
                UPDATE onward_referral o SET provider_clock_on = {EARLIEST_CLOCK}
                WHERE o.id IN (
                    SELECT e.onward_referral_id FROM ({rows}) k JOIN case_event e ON e.id = k.start_event_id
                    WHERE k.edition = 'local' AND k.provider_id IS NOT NULL AND e.onward_referral_id IS NOT NULL
                ) AND o.provider_clock_on IS DISTINCT FROM {EARLIEST_CLOCK};
                RETURN NULL;
            END $$"""
        )
        op.execute(
            f"CREATE TRIGGER entitlement_clock_{operation.lower()}_inbox AFTER {operation} ON entitlement_clock"
            f" REFERENCING {tables} FOR EACH STATEMENT EXECUTE FUNCTION {name}()"
        )
    op.execute("SET LOCAL ROLE gateway_worker")
    op.execute(
        f"UPDATE onward_referral o SET provider_clock_on = {EARLIEST_CLOCK} WHERE {EARLIEST_CLOCK} IS NOT NULL"
    )
    op.execute("RESET ROLE")
    # The rows of one organisation that are not over: built in a second.
    op.execute(
        "-- squawk-ignore require-concurrent-index-creation\n"
        f"CREATE INDEX ix_onward_referral_inbox_order ON onward_referral (provider_id, {INBOX_ORDER})"
        " INCLUDE (state, answer_due_on, provider_clock_on, first_contact_planned_on, provider_access_ended_at)"
        f" WHERE {LIVE}"
    )


def _service_days() -> None:
    op.create_table(
        "service_day_count",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("value", sa.String()),
        sa.Column("until_on", sa.Date()),
        sa.Column("referrals", sa.Integer(), nullable=False),
        sa.Column("waits", sa.ARRAY(sa.Double())),
        sa.PrimaryKeyConstraint("id", name="pk_service_day_count"),
        sa.CheckConstraint(
            "kind IN ('received', 'not_police', 'first_contact_attempted', 'triage_assessment_completed',"
            " 'referral.closed')",
            name="ck_service_day_count_kind",
        ),
    )
    op.create_index("ix_service_day_count_day", "service_day_count", ["day"])
    op.create_table(
        "stale_service_day",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_stale_service_day"),
    )
    for table in ("service_day_count", "stale_service_day"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        for kind, privilege, condition in RULES:
            _allow(table, kind, privilege, condition)
    op.execute(
        "-- squawk-ignore require-concurrent-index-creation\n"
        "CREATE INDEX ix_referral_entered_in_error ON referral (id) WHERE state = 'entered_in_error'"
    )
    op.execute(
        "-- squawk-ignore require-concurrent-index-creation\n"
        "CREATE INDEX ix_onward_referral_offered_figures ON onward_referral (offered_at)"
        " INCLUDE (provider_id, referral_id, state, answered_at)"
    )
    _triggers()
    _first_marks()


def _triggers() -> None:
    """Whoever may write an event marks its day, though most may not read the day of its referral: by the owner."""
    for name, body in FUNCTIONS.items():
        op.execute(
            f"""CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql
            SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
            BEGIN {body} END $$"""
        )
        op.execute(f"REVOKE ALL ON FUNCTION {name}() FROM PUBLIC")
    # Forced row-level security holds for an owner that is no superuser too; the referral it may read since 0005.
    op.execute("CREATE POLICY owner_marks_days ON case_event FOR SELECT TO CURRENT_USER USING (true)")
    op.execute("CREATE POLICY owner_marks ON stale_service_day FOR INSERT TO CURRENT_USER WITH CHECK (true)")
    op.execute(
        "CREATE TRIGGER case_event_insert_service_days AFTER INSERT ON case_event REFERENCING NEW TABLE AS written"
        " FOR EACH STATEMENT EXECUTE FUNCTION mark_service_days_of_events()"
    )
    op.execute(
        "CREATE TRIGGER referral_insert_service_days AFTER INSERT ON referral REFERENCING NEW TABLE AS written"
        " FOR EACH STATEMENT EXECUTE FUNCTION mark_service_days_of_receipts()"
    )
    op.execute(
        """CREATE TRIGGER referral_update_service_days AFTER UPDATE ON referral FOR EACH ROW
        WHEN (OLD.received_at <> NEW.received_at OR OLD.source <> NEW.source
            OR (OLD.state = 'entered_in_error') <> (NEW.state = 'entered_in_error'))
        EXECUTE FUNCTION mark_service_days_of_referral()"""
    )


def _first_marks() -> None:
    """As the worker: forced row-level security would show an owner that is no superuser no event to mark."""
    op.execute("SET LOCAL ROLE gateway_worker")
    op.execute(
        """INSERT INTO stale_service_day (day)
            SELECT (received_at AT TIME ZONE 'Europe/London')::date FROM referral
            UNION SELECT (occurred_at AT TIME ZONE 'Europe/London')::date FROM case_event
                WHERE event = 'referral.closed'"""
    )
    op.execute("RESET ROLE")


def downgrade() -> None:
    """Nothing is lost: all of it is made again from referrals, events and clocks."""
    op.drop_index("ix_onward_referral_inbox_order", table_name="onward_referral")
    for operation in CLOCK_TABLES:
        op.execute(f"DROP TRIGGER entitlement_clock_{operation.lower()}_inbox ON entitlement_clock")
        op.execute(f"DROP FUNCTION keep_provider_clock_on_{operation.lower()}()")
    op.drop_column("onward_referral", "provider_clock_on")
    op.execute("DROP TRIGGER referral_update_service_days ON referral")
    op.execute("DROP TRIGGER referral_insert_service_days ON referral")
    op.execute("DROP TRIGGER case_event_insert_service_days ON case_event")
    op.execute("DROP POLICY owner_marks_days ON case_event")
    for name in FUNCTIONS:
        op.execute(f"DROP FUNCTION {name}()")
    op.drop_index("ix_onward_referral_offered_figures", table_name="onward_referral")
    op.drop_index("ix_referral_entered_in_error", table_name="referral")
    for table in ("stale_service_day", "service_day_count"):
        op.drop_table(table)


def _allow(table: str, kind: str, privilege: str, condition: str) -> None:
    op.execute(f"GRANT {privilege} ON {table} TO gateway_{kind}")
    using = "" if privilege == "INSERT" else f" USING ({condition})"
    check = f" WITH CHECK ({condition})" if privilege in ("INSERT", "UPDATE") else ""
    op.execute(
        f"CREATE POLICY {kind}_{privilege.lower()} ON {table} FOR {privilege} TO gateway_{kind}{using}{check}"
    )
