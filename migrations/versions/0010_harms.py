"""Harms, where a person lives, what a service says of itself, and a senior's yes to restorative justice."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

NEW_KINDS = ("restorative_justice_wanted", "restorative_justice_decision")
_SEXUAL_HARM = ("sexual_abuse", "harmful_sexual_behaviour")
# The services of the directories that were shipped before: a service without harms would be offered after any.
HARMS_OF_SHIPPED_SERVICES = {
    "new-era-victim-service": ("domestic_abuse",),
    "catch22-child-exploitation": ("exploitation",),
    "barnardos-fgm": ("female_genital_mutilation",),
    "grange-park-adults": _SEXUAL_HARM,
    "grange-park-children": _SEXUAL_HARM,
    "sexual-abuse-family-support": _SEXUAL_HARM,
    "child-therapy": _SEXUAL_HARM,
    "adult-sexual-abuse-support": _SEXUAL_HARM,
    "joint-isva": _SEXUAL_HARM,
    "challenge-hate-crime": ("hate_crime",),
    "brake-road-crash": ("road_crime",),
    "voice-of-hope-modern-slavery": ("modern_slavery",),
    "slavery-care-pathway": ("modern_slavery",),
    "homicide-service": ("violence",),
    "business-crime-advisor": ("business_crime",),
}
SERVICE_COLUMNS = ("harms", "sexes", "starts_on", "ends_on", "wait_days", "phone", "is_restorative")
REFERRAL_COLUMNS = (
    "chosen_harms",
    "residence_district",
    "restorative_yes_at",
    "restorative_yes_by_id",
    "restorative_yes_harms",
)


def upgrade() -> None:
    """Everything is added with a default or may be empty: the release before neither reads nor writes it."""
    op.add_column(
        "referral",
        sa.Column("chosen_harms", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
    )
    op.add_column("referral", sa.Column("residence_district", sa.Text()))
    op.add_column("referral", sa.Column("restorative_yes_at", sa.DateTime(timezone=True)))
    op.add_column("referral", sa.Column("restorative_yes_by_id", sa.Uuid()))
    op.add_column(
        "referral",
        sa.Column("restorative_yes_harms", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
    )
    _add_constraint(
        "referral",
        "fk_referral_restorative_yes_by_id",
        "FOREIGN KEY (restorative_yes_by_id) REFERENCES app_user (id)",
    )
    _add_constraint(
        "referral",
        "ck_referral_restorative_yes_has_both",
        "CHECK ((restorative_yes_at IS NULL) = (restorative_yes_by_id IS NULL))",
    )
    for name in ("harms", "sexes"):
        op.add_column(
            "provider_service",
            sa.Column(name, postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        )
    for name in ("starts_on", "ends_on"):
        op.add_column("provider_service", sa.Column(name, sa.Date()))
    op.add_column("provider_service", sa.Column("wait_days", sa.Integer()))
    op.add_column("provider_service", sa.Column("phone", sa.Text()))
    op.add_column(
        "provider_service", sa.Column("is_restorative", sa.Boolean(), server_default="false", nullable=False)
    )
    _add_constraint(
        "provider_service",
        "ck_provider_service_service_ends_after_start",
        "CHECK (ends_on IS NULL OR starts_on IS NULL OR ends_on >= starts_on)",
    )
    _add_constraint(
        "provider_service",
        "ck_provider_service_wait_not_negative",
        "CHECK (wait_days IS NULL OR wait_days >= 0)",
    )
    _change_check("task", "kind", "ck_task_taskkind", added=NEW_KINDS)
    for key, harms in HARMS_OF_SHIPPED_SERVICES.items():
        listed = ", ".join(f"'{harm}'" for harm in harms)
        op.execute(f"UPDATE provider_service SET harms = ARRAY[{listed}] WHERE key = '{key}'")
    op.execute("UPDATE provider_service SET is_restorative = true WHERE key = 'rj-hub-restorative-justice'")


def downgrade() -> None:
    """Only while nobody has used it: what was chosen or decided would be lost."""
    in_use = sa.text(
        "SELECT EXISTS (SELECT FROM referral WHERE chosen_harms <> '{}' OR residence_district IS NOT NULL"
        " OR restorative_yes_at IS NOT NULL)"
        " OR EXISTS (SELECT FROM task WHERE kind = ANY (CAST(:kinds AS text[])))"
    )
    if op.get_bind().scalar(in_use, {"kinds": list(NEW_KINDS)}):
        raise RuntimeError("harms, residences or decisions were recorded, which can't be taken back")
    _change_check("task", "kind", "ck_task_taskkind", removed=NEW_KINDS)
    for name in SERVICE_COLUMNS:
        op.drop_column("provider_service", name)
    for name in REFERRAL_COLUMNS:
        op.drop_column("referral", name)


def _add_constraint(table: str, name: str, rule: str) -> None:
    """Add a rule, and then check what stands in the table.

    Both hold the table until the upgrade ends, as every migration of it is in one transaction: the columns are new and
    empty, so that reading them takes a moment.
    """
    op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {rule} NOT VALID")
    op.execute(
        f"-- squawk-ignore constraint-missing-not-valid\nALTER TABLE {table} VALIDATE CONSTRAINT {name}"
    )


def _change_check(
    table: str, column: str, constraint: str, *, added: tuple[str, ...] = (), removed: tuple[str, ...] = ()
) -> None:
    """Add values to the check of an enumeration or take some out, whatever others it allows."""
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
                WHERE c.conname = '{constraint}' AND c.conrelid = '{table}'::regclass
                UNION SELECT unnest({more})
            ) known
            WHERE value <> ALL ({less});
            ALTER TABLE {table} DROP CONSTRAINT {constraint};
            EXECUTE format('ALTER TABLE {table} ADD CONSTRAINT {constraint} CHECK ({column} IN (%s)) NOT VALID', allowed);
            ALTER TABLE {table} VALIDATE CONSTRAINT {constraint};
        END $$"""
    )
