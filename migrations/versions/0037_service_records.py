"""What a provider keeps of its work on one onward referral, and the risk that was shared with it, to order by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

REASONS = (
    "took_it_on",
    "given_when_accepted",
    "their_worker_leaves",
    "their_worker_is_away",
    "to_share_the_work",
    "another_worker_fits_better",
    "a_conflict_of_interest",
    "the_person_asked_for_it",
    "something_else",
)
MANNERS = ("at_our_office", "by_phone", "by_video", "at_their_home", "somewhere_else")
STATES = (
    "planned",
    "attended",
    "did_not_attend",
    "cancelled_by_the_person",
    "cancelled_by_the_provider",
    "cancelled_when_support_ended",
)
OUTCOMES = ("met", "partly_met", "not_met", "not_worked_on")
TABLES = ("onward_worker", "onward_appointment", "onward_progress_note", "onward_need")
# As the reader: who no longer sees the onward referral sees nothing that hangs on it, and a provider sees its own. A value
# and no EXISTS, which was answered by reading every onward referral there is, once for each count of the inbox.
OF_CASE = OF_OWN = "(SELECT true FROM onward_referral o WHERE o.id = {table}.onward_referral_id) IS TRUE"
# First by a plain comparison, so that an index finds the provider's rows.
OWN = f"provider_id = gateway_organisation_id() AND {OF_OWN}"
ME = "gateway_user_id()"
COLLEAGUE = (
    "EXISTS (SELECT 1 FROM app_user u WHERE u.id = {table}.worker_id"
    " AND u.organisation_id = gateway_organisation_id() AND u.disabled_at IS NULL)"
)
# The Gateway learns that, when, how and with whom, and whether the person came: never the words about it.
WORKER_FACTS = (
    " (id, onward_referral_id, provider_id, worker_id, reason, given_at, given_by_id, ended_at, ended_by_id)"
)
APPOINTMENT_FACTS = (
    " (id, onward_referral_id, provider_id, worker_id, starts_at, ends_at, manner, state, made_at, by_id,"
    " settled_at, settled_by_id, followed_up_at, version)"
)
APPOINTMENT_CHANGES = " (worker_id, starts_at, ends_at, manner, sealed, state, settled_at, settled_by_id, followed_up_at, version)"
LIVE = "state IN ('offered', 'acknowledged', 'information_requested', 'accepted', 'in_service')"
# The risk that stood in the handover: a handover that was shared again holds what was assessed by then.
SHARED_RISK = """(
    SELECT t.risk FROM triage_assessment t
    WHERE t.referral_id = o.referral_id AND t.recorded_at <= GREATEST(
        o.offered_at,
        (SELECT max(v.replaced_at) FROM handover_version v WHERE v.onward_referral_id = o.id))
    ORDER BY t.version DESC LIMIT 1)"""


def upgrade() -> None:
    """New tables, and a column that the release before leaves alone."""
    _tables()
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    _policies()
    _shared_risk()


def downgrade() -> None:
    """Only while providers recorded nothing: that would be lost."""
    recorded = " OR ".join(f"EXISTS (SELECT FROM {table})" for table in TABLES)
    # Under row-level security the owner sees no row: as the worker, who sees all.
    op.execute("SET LOCAL ROLE gateway_worker")
    is_recorded = op.get_bind().scalar(sa.text(f"SELECT {recorded}"))
    op.execute("RESET ROLE")
    if is_recorded:
        raise RuntimeError("providers have recorded their work")
    for table in TABLES:
        op.drop_table(table)
    op.drop_column("onward_referral", "shared_risk")


def _tables() -> None:
    _workers()
    _appointments()
    op.create_table(
        "onward_progress_note",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("onward_referral_id", sa.Uuid(), nullable=False),
        _moment("written_at", nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        sa.Column("by_name", sa.String(), nullable=False),
        sa.Column("is_shared", sa.Boolean(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        _key("onward_progress_note", "onward_referral_id", "onward_referral"),
        _key("onward_progress_note", "by_id", "app_user"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_onward_progress_note")),
    )
    op.create_index(
        "ix_onward_progress_note_onward_referral_id",
        "onward_progress_note",
        ["onward_referral_id", "written_at"],
    )
    op.create_table(
        "onward_need",
        sa.Column("onward_referral_id", sa.Uuid(), nullable=False),
        sa.Column("need", sa.String(), nullable=False),
        _code("outcome", "servedneedoutcome", OUTCOMES),
        sa.Column("step", sa.Integer(), nullable=True),
        _moment("recorded_at", nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        _key("onward_need", "onward_referral_id", "onward_referral"),
        _key("onward_need", "by_id", "app_user"),
        sa.PrimaryKeyConstraint("onward_referral_id", "need", name=op.f("pk_onward_need")),
    )


def _workers() -> None:
    table = "onward_worker"
    op.create_table(
        table,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("onward_referral_id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("worker_id", sa.Uuid(), nullable=False),
        _code("reason", "workerchangereason", REASONS),
        _moment("given_at", nullable=False),
        sa.Column("given_by_id", sa.Uuid(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        _moment("ended_at"),
        sa.Column("ended_by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("ended_at >= given_at", name=op.f("ck_onward_worker_ended_after_given")),
        sa.CheckConstraint(
            "ended_by_id IS NULL OR ended_at IS NOT NULL", name=op.f("ck_onward_worker_ended_by_with_moment")
        ),
        _key(table, "onward_referral_id", "onward_referral"),
        _key(table, "provider_id", "provider"),
        *(_key(table, column, "app_user") for column in ("worker_id", "given_by_id", "ended_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_onward_worker")),
    )
    live = sa.text("ended_at IS NULL")
    op.create_index(
        "uq_onward_worker_one_live", table, ["onward_referral_id"], unique=True, postgresql_where=live
    )
    op.create_index("ix_onward_worker_live", table, ["provider_id", "worker_id"], postgresql_where=live)
    op.create_index("ix_onward_worker_onward_referral_id", table, ["onward_referral_id"])


def _appointments() -> None:
    table = "onward_appointment"
    op.create_table(
        table,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("onward_referral_id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("worker_id", sa.Uuid(), nullable=False),
        _moment("starts_at", nullable=False),
        _moment("ends_at", nullable=False),
        _code("manner", "appointmentmanner", MANNERS),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        _code("state", "appointmentstate", STATES),
        _moment("made_at", nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        _moment("settled_at"),
        sa.Column("settled_by_id", sa.Uuid(), nullable=True),
        _moment("followed_up_at"),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_onward_appointment_ends_after_start")),
        sa.CheckConstraint(
            "(state = 'planned') = (settled_at IS NULL)",
            name=op.f("ck_onward_appointment_settled_with_moment"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('attended', 'did_not_attend') OR settled_at >= starts_at",
            name=op.f("ck_onward_appointment_attendance_after_time"),
        ),
        sa.CheckConstraint(
            "followed_up_at IS NULL OR state = 'did_not_attend'",
            name=op.f("ck_onward_appointment_followed_up_if_missed"),
        ),
        _key(table, "onward_referral_id", "onward_referral"),
        _key(table, "provider_id", "provider"),
        *(_key(table, column, "app_user") for column in ("worker_id", "by_id", "settled_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_onward_appointment")),
    )
    planned = sa.text("state = 'planned'")
    op.create_index("ix_onward_appointment_onward_referral_id", table, ["onward_referral_id"])
    op.create_index(
        "ix_onward_appointment_planned", table, ["provider_id", "starts_at"], postgresql_where=planned
    )
    op.create_index(
        "ix_onward_appointment_of_worker", table, ["worker_id", "starts_at"], postgresql_where=planned
    )
    op.create_index(
        "ix_onward_appointment_missed",
        table,
        ["provider_id", "onward_referral_id"],
        postgresql_where=sa.text("state = 'did_not_attend' AND followed_up_at IS NULL"),
    )


def _policies() -> None:
    worker, appointment, note, need = TABLES
    _allow(worker, "provider", "SELECT", OWN)
    _allow(worker, "provider", "INSERT", f"{OWN} AND given_by_id = {ME} AND {COLLEAGUE}")
    _change(
        worker, "provider", " (ended_at, ended_by_id)", f"{OWN} AND ended_at IS NULL", f"ended_by_id = {ME}"
    )
    _allow(worker, "caseworker", "SELECT", OF_CASE, WORKER_FACTS)
    _allow(appointment, "provider", "SELECT", OWN)
    _allow(appointment, "provider", "INSERT", f"{OWN} AND by_id = {ME} AND state = 'planned' AND {COLLEAGUE}")
    # What was cancelled stays so; whether the person came may be recorded anew, where it was wrong.
    _change(
        appointment,
        "provider",
        APPOINTMENT_CHANGES,
        f"{OWN} AND state IN ('planned', 'attended', 'did_not_attend')",
        OWN,
    )
    _allow(appointment, "caseworker", "SELECT", OF_CASE, APPOINTMENT_FACTS)
    _allow(note, "provider", "SELECT", OF_OWN)
    _allow(note, "provider", "INSERT", f"{OF_OWN} AND by_id = {ME}")
    _allow(note, "caseworker", "SELECT", f"is_shared AND {OF_CASE}")
    _allow(need, "provider", "SELECT", OF_OWN)
    _allow(need, "provider", "INSERT", f"{OF_OWN} AND by_id = {ME}")
    _change(need, "provider", " (outcome, step, recorded_at, by_id)", OF_OWN, f"{OF_OWN} AND by_id = {ME}")
    _allow(need, "caseworker", "SELECT", OF_CASE)
    for table in (worker, appointment):
        _allow(table, "worker", "SELECT", "true")
        _change(table, "worker", "", "true", "true")
    for table in (note, need):
        _allow(table, "worker", "SELECT", "true")


def _shared_risk() -> None:
    """Until it is shared again, a live one is ordered by the risk that was assessed when it was handed over."""
    op.add_column("onward_referral", sa.Column("shared_risk", sa.String(40), nullable=True))
    op.execute("SET LOCAL ROLE gateway_worker")
    op.execute(f"UPDATE onward_referral o SET shared_risk = {SHARED_RISK} WHERE {LIVE}")
    op.execute("RESET ROLE")
    op.execute(
        "ALTER TABLE onward_referral ADD CONSTRAINT ck_onward_referral_risk"
        " CHECK (shared_risk IN ('unknown', 'standard', 'medium', 'high')) NOT VALID"
    )
    # A small table: it is read through in a moment.
    op.execute(
        "-- squawk-ignore constraint-missing-not-valid\n"
        "ALTER TABLE onward_referral VALIDATE CONSTRAINT ck_onward_referral_risk"
    )


def _code(name: str, kind: str, values: tuple[str, ...]) -> sa.Column[str]:
    checked = sa.Enum(*values, name=kind, native_enum=False, create_constraint=True, length=40)
    return sa.Column(name, checked, nullable=False)


def _moment(name: str, *, nullable: bool = True) -> sa.Column[sa.DateTime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _key(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}"))


def _allow(table: str, kind: str, privilege: str, condition: str, columns: str = "") -> None:
    said = condition.format(table=table)
    op.execute(f"GRANT {privilege}{columns} ON {table} TO gateway_{kind}")
    clause = f" WITH CHECK ({said})" if privilege == "INSERT" else f" USING ({said})"
    op.execute(
        f"CREATE POLICY {kind}_{privilege.lower()} ON {table} FOR {privilege} TO gateway_{kind}{clause}"
    )


def _change(table: str, kind: str, columns: str, condition: str, result: str) -> None:
    op.execute(f"GRANT UPDATE{columns} ON {table} TO gateway_{kind}")
    op.execute(
        f"CREATE POLICY {kind}_update ON {table} FOR UPDATE TO gateway_{kind}"
        f" USING ({condition.format(table=table)}) WITH CHECK ({result.format(table=table)})"
    )
