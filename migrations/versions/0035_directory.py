"""The directory in the browser: what a service is in full, how many people it can take, and who changed what."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

SERVICE = "provider_service"
CHANGE = "directory_change"
CAPACITIES = ("open", "places", "waiting_list", "closed", "after_assessment")
STEPS = (
    "added",
    "changed",
    "retired",
    "restored",
    "imported",
    "succeeded",
    "capacity_set",
    "capacity_confirmed",
    "place_taken",
)
UPLOAD = "directory_upload"
CAPACITY_STEPS = "('capacity_set', 'capacity_confirmed', 'place_taken')"
# What a provider says of its own service; never whom it is for.
PROVIDER_SAYS = "capacity, places, waiting_people, wait_days, capacity_confirmed_at, version"
ME = "gateway_user_id()"
CALLER = f"(SELECT {ME}) IS NOT NULL"
OWN = "provider_id = gateway_organisation_id()"
CHECKS = {
    "servicecapacity": f"capacity IN {CAPACITIES}",
    "answerunit": "answer_unit IN ('working_days', 'hours')",
    "places_are_counted": "(capacity = 'places') = (places IS NOT NULL)",
    "places_not_negative": "places IS NULL OR places >= 0",
    "waiting_people_of_list": (
        "waiting_people IS NULL OR (waiting_people >= 0 AND capacity = 'waiting_list')"
    ),
    "answer_has_unit": (
        "(answer_within IS NULL) = (answer_unit IS NULL) AND (answer_within IS NULL OR answer_within > 0)"
    ),
    "contract_ends_after_start": (
        "contract_ends_on IS NULL OR contract_starts_on IS NULL OR contract_ends_on >= contract_starts_on"
    ),
}
# The release before reads and writes `is_open` and `wait_days` alone. What it writes becomes a capacity, and what a
# capacity means becomes what it reads.
KEEP_IN_STEP = """CREATE FUNCTION keep_capacity_in_step() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF (TG_OP = 'INSERT' AND NOT NEW.is_open AND NEW.capacity = 'open')
        OR (TG_OP = 'UPDATE' AND NEW.is_open IS DISTINCT FROM OLD.is_open
            AND NEW.capacity = OLD.capacity AND NEW.places IS NOT DISTINCT FROM OLD.places)
    THEN
        NEW.capacity := CASE WHEN NEW.is_open THEN 'open' ELSE 'closed' END;
        NEW.places := NULL;
        NEW.waiting_people := NULL;
    END IF;
    IF NEW.capacity = 'open' AND coalesce(NEW.wait_days, 0) > 0 THEN NEW.capacity := 'waiting_list'; END IF;
    NEW.is_open := NOT (NEW.capacity = 'closed' OR (NEW.capacity = 'places' AND NEW.places = 0));
    RETURN NEW;
END $$"""


def upgrade() -> None:
    """New columns with defaults and a new table: the release before goes on as it did."""
    _services()
    op.add_column("provider", sa.Column("retired_on", sa.Date(), nullable=True))
    op.add_column("provider", sa.Column("successor_id", sa.Uuid(), nullable=True))
    op.add_column("provider", sa.Column("version", sa.Integer(), server_default="1", nullable=False))
    op.execute(
        "-- squawk-ignore adding-foreign-key-constraint, constraint-missing-not-valid\n"
        "ALTER TABLE provider ADD CONSTRAINT fk_provider_successor_id FOREIGN KEY (successor_id) REFERENCES provider (id)"
    )
    _check("provider", "succeeded_by_another", "successor_id IS NULL OR successor_id <> id")
    _changes()
    _uploads()
    # From which yes to the provider before it was carried over; null everywhere at first.
    op.add_column("consent", sa.Column("carried_from_id", sa.Uuid(), nullable=True))
    op.execute(
        "-- squawk-ignore adding-foreign-key-constraint\n"
        "ALTER TABLE consent ADD CONSTRAINT fk_consent_carried_from_id"
        " FOREIGN KEY (carried_from_id) REFERENCES consent (id) NOT VALID"
    )
    op.execute(f"GRANT UPDATE ({PROVIDER_SAYS}) ON {SERVICE} TO gateway_provider")
    op.execute(
        f"CREATE POLICY provider_update ON {SERVICE} FOR UPDATE TO gateway_provider"
        f" USING ({OWN}) WITH CHECK ({OWN})"
    )


def downgrade() -> None:
    """Only while nothing was said or changed in the browser: that would be lost."""
    in_use = sa.text(
        f"SELECT EXISTS (SELECT FROM {CHANGE}) OR EXISTS (SELECT FROM provider WHERE successor_id IS NOT NULL)"
    )
    # Under row-level security the owner sees no row: as the worker, who sees all.
    op.execute("SET LOCAL ROLE gateway_worker")
    is_in_use = op.get_bind().scalar(in_use)
    op.execute("RESET ROLE")
    if is_in_use:
        raise RuntimeError(
            "the directory was changed in the browser, or a provider said how many it can take"
        )
    op.execute(f"DROP POLICY provider_update ON {SERVICE}")
    op.execute(f"REVOKE UPDATE ({PROVIDER_SAYS}) ON {SERVICE} FROM gateway_provider")
    op.drop_column("consent", "carried_from_id")
    op.drop_table(UPLOAD)
    op.drop_table(CHANGE)
    op.execute("ALTER TABLE provider DROP CONSTRAINT ck_provider_succeeded_by_another")
    for column in ("version", "successor_id", "retired_on"):
        op.drop_column("provider", column)
    op.execute(f"DROP TRIGGER {SERVICE}_capacity ON {SERVICE}")
    op.execute("DROP FUNCTION keep_capacity_in_step()")
    op.execute(f"ALTER TABLE {SERVICE} ALTER COLUMN is_open DROP DEFAULT")
    for name in CHECKS:
        op.execute(f"ALTER TABLE {SERVICE} DROP CONSTRAINT ck_{SERVICE}_{name}")
    for column in reversed(_service_columns()):
        op.drop_column(SERVICE, column.name)


def _services() -> None:
    for column in _service_columns():
        op.add_column(SERVICE, column)
    # Under row-level security the owner sees no row: as the worker, who sees all.
    op.execute("SET LOCAL ROLE gateway_worker")
    # Closed stays closed, and where people wait there is a list. When that was last true is not known.
    op.execute(
        f"UPDATE {SERVICE} SET capacity = CASE WHEN NOT is_open THEN 'closed' ELSE 'waiting_list' END"
        " WHERE NOT is_open OR coalesce(wait_days, 0) > 0"
    )
    op.execute("RESET ROLE")
    for name, condition in CHECKS.items():
        _check(SERVICE, name, condition)
    op.execute(f"ALTER TABLE {SERVICE} ALTER COLUMN is_open SET DEFAULT true")
    op.execute(KEEP_IN_STEP)
    op.execute(
        f"CREATE TRIGGER {SERVICE}_capacity BEFORE INSERT OR UPDATE ON {SERVICE}"
        " FOR EACH ROW EXECUTE FUNCTION keep_capacity_in_step()"
    )


def _service_columns() -> list[sa.Column[object]]:
    none_said = sa.text("'{}'")
    plain = ("email", "website", "hours", "accessibility", "eligibility", "funder", "accreditation")
    return [
        sa.Column("capacity", sa.String(length=40), server_default="open", nullable=False),
        sa.Column("places", sa.Integer(), nullable=True),
        sa.Column("waiting_people", sa.Integer(), nullable=True),
        sa.Column("capacity_confirmed_at", sa.DateTime(timezone=True), nullable=True),
        *(sa.Column(name, sa.Text(), nullable=True) for name in plain),
        sa.Column("takes_explicit_consent_only", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("languages", postgresql.ARRAY(sa.Text()), server_default=none_said, nullable=False),
        sa.Column("answer_within", sa.Integer(), nullable=True),
        sa.Column("answer_unit", sa.String(length=40), nullable=True),
        *(
            sa.Column(name, sa.Date(), nullable=True)
            for name in ("contract_starts_on", "contract_ends_on", "retired_on")
        ),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
    ]


def _changes() -> None:
    op.create_table(
        CHANGE,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.Column("by_name", sa.String(), nullable=False),
        sa.Column("is_by_provider", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("step", _code("directorystep", STEPS), nullable=False),
        sa.Column("before", postgresql.JSONB(), nullable=False),
        sa.Column("after", postgresql.JSONB(), nullable=False),
        *(
            sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{CHANGE}_{column}"))
            for column, other in (
                ("provider_id", "provider"),
                ("service_id", SERVICE),
                ("by_id", "app_user"),
            )
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{CHANGE}")),
    )
    for name in ("provider", "service"):
        op.create_index(
            f"ix_{CHANGE}_of_{name}",
            CHANGE,
            [f"{name}_id", sa.text("changed_at DESC"), sa.text("id DESC")],
        )
    op.execute(f"ALTER TABLE {CHANGE} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {CHANGE} FORCE ROW LEVEL SECURITY")
    # A provider reads and writes what it says itself, in its own name and of its own services.
    own_service = (
        f"{OWN} AND step IN {CAPACITY_STEPS} AND EXISTS (SELECT 1 FROM {SERVICE} s"
        f" WHERE s.id = {CHANGE}.service_id AND s.provider_id = {CHANGE}.provider_id)"
    )
    _allow("provider", "SELECT", f"{OWN} AND step IN {CAPACITY_STEPS}")
    _allow("provider", "INSERT", f"{own_service} AND by_id = {ME} AND is_by_provider")
    _allow("caseworker", "SELECT", CALLER)
    _allow("admin", "SELECT", CALLER)
    _allow("admin", "INSERT", f"by_id = {ME} AND NOT is_by_provider")
    for privilege in ("SELECT", "INSERT"):
        _allow("worker", privilege, "true")
    op.execute(
        f"CREATE TRIGGER {CHANGE}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {CHANGE}"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def _uploads() -> None:
    """A file between what it would change and the yes to it; its own administrator's alone."""
    op.create_table(
        UPLOAD,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["app_user.id"], name=op.f(f"fk_{UPLOAD}_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{UPLOAD}")),
    )
    op.create_index(f"ix_{UPLOAD}_by_id", UPLOAD, ["by_id"])
    op.execute(f"ALTER TABLE {UPLOAD} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {UPLOAD} FORCE ROW LEVEL SECURITY")
    for privilege in ("SELECT", "INSERT", "DELETE"):
        _allow("admin", privilege, f"by_id = {ME}", UPLOAD)
    for privilege in ("SELECT", "DELETE"):
        _allow("worker", privilege, "true", UPLOAD)


def _check(table: str, name: str, condition: str) -> None:
    # A directory has some dozens of rows: checked at once.
    op.execute(
        "-- squawk-ignore constraint-missing-not-valid\n"
        f"ALTER TABLE {table} ADD CONSTRAINT ck_{table}_{name} CHECK ({condition})"
    )


def _code(kind: str, values: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*values, name=kind, native_enum=False, create_constraint=True, length=40)


def _allow(kind: str, privilege: str, condition: str, table: str = CHANGE) -> None:
    clause = f"WITH CHECK ({condition})" if privilege == "INSERT" else f"USING ({condition})"
    op.execute(f"GRANT {privilege} ON {table} TO gateway_{kind}")
    op.execute(
        f"CREATE POLICY {kind}_{privilege.lower()} ON {table} FOR {privilege} TO gateway_{kind} {clause}"
    )
