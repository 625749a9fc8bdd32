"""Kinds of service: the kind in the directory, what a provider records because of it, and the risk of a senior's yes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

SERVICE, STEP = "provider_service", "onward_kind_step"
KINDS = (
    "general",
    "restorative_justice",
    "sexual_assault_referral_centre",
    "business_crime_advice",
    "idva",
    "isva",
    "family_support",
)
STEPS = (
    "before_proceedings",
    "during_proceedings",
    "after_proceedings",
    "person_asked",
    "other_side_asked",
    "officer_suggested",
    "gateway_offered",
    "information_given",
    "preparation",
    "letter",
    "shuttle",
    "conference",
    "no_further",
    "security_help",
    "ict_help",
    "insurance_help",
    "asked_for_service",
    "choice_met",
    "choice_not_met",
    "engaged",
)
# The directory that ships; another area says its kinds by a file or in the browser.
SHIPPED = {
    "new-era-victim-service": "idva",
    "grange-park-adults": "sexual_assault_referral_centre",
    "grange-park-children": "sexual_assault_referral_centre",
    "sexual-abuse-family-support": "family_support",
    "business-crime-advisor": "business_crime_advice",
    "joint-isva": "isva",
}
# The release before reads and writes `is_restorative` alone: what it writes becomes a kind, and the other way round.
KEEP_IN_STEP = """CREATE FUNCTION keep_service_kind_in_step() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF (TG_OP = 'INSERT' AND NEW.is_restorative AND NEW.kind = 'general')
        OR (TG_OP = 'UPDATE' AND NEW.is_restorative IS DISTINCT FROM OLD.is_restorative AND NEW.kind = OLD.kind)
    THEN
        NEW.kind := CASE WHEN NEW.is_restorative THEN 'restorative_justice' ELSE 'general' END;
    END IF;
    NEW.is_restorative := NEW.kind = 'restorative_justice';
    RETURN NEW;
END $$"""
OF_CASE = "(SELECT true FROM onward_referral o WHERE o.id = onward_kind_step.onward_referral_id) IS TRUE"
OF_ITS_PROVIDER = "(SELECT o.provider_id FROM onward_referral o WHERE o.id = onward_kind_step.onward_referral_id) = provider_id"
# First by a plain comparison, so that an index finds the provider's rows.
OWN = f"provider_id = gateway_organisation_id() AND {OF_ITS_PROVIDER}"
ME = "gateway_user_id()"
CALLER = f"(SELECT {ME}) IS NOT NULL"
# Figures are counted from codes, days and minutes; never from words or names.
MANAGER_COLUMNS = "id, onward_referral_id, provider_id, kind, step, happened_on, minutes, taken_back_at"


def upgrade() -> None:
    """Everything is new or has a default: the release before goes on as it did."""
    _services()
    _steps()
    op.add_column("referral", sa.Column("restorative_yes_risk", sa.Text(), nullable=True))


def downgrade() -> None:
    """Only while no step was recorded, and no kind or number was set that the release before can't keep."""
    kinds = ", ".join(f"('{key}', '{kind}')" for key, kind in SHIPPED.items())
    in_use = sa.text(
        f"SELECT EXISTS (SELECT FROM {STEP}) OR EXISTS (SELECT FROM {SERVICE} WHERE urgent_phone IS NOT NULL"
        f" OR (kind NOT IN ('general', 'restorative_justice') AND (key, kind::text) NOT IN ({kinds})))"
    )
    # Under row-level security the owner sees no row: as the worker, who sees all.
    op.execute("SET LOCAL ROLE gateway_worker")
    is_in_use = op.get_bind().scalar(in_use)
    op.execute("RESET ROLE")
    if is_in_use:
        raise RuntimeError("kinds of service were set, or providers recorded steps of them")
    op.drop_column("referral", "restorative_yes_risk")
    op.drop_table(STEP)
    op.execute(f"DROP TRIGGER {SERVICE}_kind ON {SERVICE}")
    op.execute("DROP FUNCTION keep_service_kind_in_step()")
    op.drop_column(SERVICE, "urgent_phone")
    op.drop_column(SERVICE, "kind")


def _services() -> None:
    op.add_column(SERVICE, sa.Column("kind", sa.String(40), server_default="general", nullable=False))
    op.add_column(SERVICE, sa.Column("urgent_phone", sa.Text(), nullable=True))
    op.execute(
        f"ALTER TABLE {SERVICE} ADD CONSTRAINT ck_{SERVICE}_servicekind CHECK (kind IN {KINDS}) NOT VALID"
    )
    # A small table: it is read through in a moment.
    op.execute(
        "-- squawk-ignore constraint-missing-not-valid\n"
        f"ALTER TABLE {SERVICE} VALIDATE CONSTRAINT ck_{SERVICE}_servicekind"
    )
    op.execute(KEEP_IN_STEP)
    op.execute(
        f"CREATE TRIGGER {SERVICE}_kind BEFORE INSERT OR UPDATE ON {SERVICE}"
        " FOR EACH ROW EXECUTE FUNCTION keep_service_kind_in_step()"
    )
    # Under row-level security the owner sees no row: as the worker, who sees all.
    op.execute("SET LOCAL ROLE gateway_worker")
    op.execute(f"UPDATE {SERVICE} SET kind = 'restorative_justice' WHERE is_restorative")
    for key, kind in SHIPPED.items():
        op.execute(f"UPDATE {SERVICE} SET kind = '{kind}' WHERE key = '{key}' AND kind = 'general'")
    op.execute("RESET ROLE")


def _steps() -> None:
    op.create_table(
        STEP,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("onward_referral_id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        _code("kind", "servicekind", KINDS),
        _code("step", "kindstep", STEPS),
        sa.Column("happened_on", sa.Date(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        sa.Column("by_name", sa.String(), nullable=False),
        sa.Column("taken_back_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("taken_back_by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "(minutes IS NOT NULL) = (step IN ('security_help', 'ict_help', 'insurance_help'))",
            name=op.f(f"ck_{STEP}_minutes_of_help"),
        ),
        sa.CheckConstraint("minutes BETWEEN 1 AND 720", name=op.f(f"ck_{STEP}_minutes_within_day")),
        sa.CheckConstraint(
            "(taken_back_at IS NULL) = (taken_back_by_id IS NULL)",
            name=op.f(f"ck_{STEP}_taken_back_has_both"),
        ),
        _key("onward_referral_id", "onward_referral"),
        _key("provider_id", "provider"),
        *(_key(column, "app_user") for column in ("by_id", "taken_back_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{STEP}")),
    )
    op.create_index(f"ix_{STEP}_onward_referral_id", STEP, ["onward_referral_id"])
    op.create_index(
        f"uq_{STEP}_once",
        STEP,
        ["onward_referral_id", "step"],
        unique=True,
        postgresql_where=sa.text("taken_back_at IS NULL AND step IN ('asked_for_service', 'engaged')"),
    )
    op.execute(f"ALTER TABLE {STEP} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {STEP} FORCE ROW LEVEL SECURITY")
    _allow("provider", "SELECT", OWN)
    _allow("provider", "INSERT", f"{OWN} AND by_id = {ME} AND taken_back_at IS NULL")
    _change("provider", " (taken_back_at, taken_back_by_id)", f"{OWN} AND taken_back_at IS NULL")
    _allow("caseworker", "SELECT", OF_CASE)
    # At the offer a caseworker records that the person asked; the rest is the provider's own.
    _allow("caseworker", "INSERT", f"{OF_ITS_PROVIDER} AND by_id = {ME} AND step = 'asked_for_service'")
    _allow("manager", "SELECT", CALLER, f" ({MANAGER_COLUMNS})")
    for privilege in ("SELECT", "INSERT"):
        _allow("worker", privilege, "true")


def _code(name: str, kind: str, values: tuple[str, ...]) -> sa.Column[str]:
    checked = sa.Enum(*values, name=kind, native_enum=False, create_constraint=True, length=40)
    return sa.Column(name, checked, nullable=False)


def _key(column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{STEP}_{column}"))


def _allow(kind: str, privilege: str, condition: str, columns: str = "") -> None:
    op.execute(f"GRANT {privilege}{columns} ON {STEP} TO gateway_{kind}")
    clause = f" WITH CHECK ({condition})" if privilege == "INSERT" else f" USING ({condition})"
    op.execute(
        f"CREATE POLICY {kind}_{privilege.lower()} ON {STEP} FOR {privilege} TO gateway_{kind}{clause}"
    )


def _change(kind: str, columns: str, condition: str) -> None:
    op.execute(f"GRANT UPDATE{columns} ON {STEP} TO gateway_{kind}")
    op.execute(
        f"CREATE POLICY {kind}_update ON {STEP} FOR UPDATE TO gateway_{kind}"
        f" USING ({condition}) WITH CHECK ({OWN} AND taken_back_by_id = {ME})"
    )
