"""Groups of offers, pairings that are stopped for now, returns, and amendments that both sides see."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

TASK_KINDS = ("onward_decision",)
NOTICE_KINDS = ("declined",)
OF_GROUP = "EXISTS (SELECT 1 FROM offer_group g WHERE g.id = offer_group_member.offer_group_id)"
OF_REFERRAL = "EXISTS (SELECT 1 FROM referral r WHERE r.id = offer_group.referral_id)"
OF_PERSON = "EXISTS (SELECT 1 FROM person p WHERE p.id = service_pause.person_id)"
# What a provider reads of an amendment: what it was told before and is told now, never the whole of an old handover.
OF_OWN_CASE = (
    "EXISTS (SELECT 1 FROM onward_referral o WHERE o.id = handover_version.onward_referral_id"
    " AND o.provider_access_ended_at IS NULL)"
)
AMENDMENT_COLUMNS = " (id, onward_referral_id, number, fields, amendment_sealed, replaced_at)"
OF_CASE = "EXISTS (SELECT 1 FROM onward_referral o WHERE o.id = provider_notice.onward_referral_id)"
# After the end a provider still reads that it ended; of its own decline, while the Gateway has not decided about it.
NOTICE_BEFORE = f"provider_id = gateway_organisation_id() AND (kind IN ('withdrawn', 'expired') OR {OF_CASE})"
NOTICE_AFTER = (
    "provider_id = gateway_organisation_id() AND (kind IN ('withdrawn', 'expired')"
    f" OR (kind = 'declined' AND closed_at IS NULL) OR (kind <> 'declined' AND {OF_CASE}))"
)
CONSEQUENCES = ("offer_next", "pause_pairing", "not_eligible", "ask_person")
RETURN_REASONS = (
    "person_asked",
    "needs_other_help",
    "cannot_reach_safely",
    "no_capacity",
    "conflict_of_interest",
    "service_ends",
    "other",
)
TABLES = ("offer_group", "offer_group_member", "service_pause")
_CODES = {
    "ck_onward_referral_declineconsequence": ("decline_consequence", CONSEQUENCES),
    "ck_onward_referral_returnreason": ("return_reason", RETURN_REASONS),
}
# Every row has nothing in the new columns: looking through them takes a moment.
_VALIDATED = "-- squawk-ignore constraint-missing-not-valid"


def upgrade() -> None:
    """New tables and empty columns, which the release before neither reads nor writes."""
    _onward_referral()
    op.add_column("provider_notice", sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("handover_version", sa.Column("amendment_sealed", sa.LargeBinary(), nullable=True))
    _groups()
    _pauses()
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    for table, condition in (
        ("offer_group", OF_REFERRAL),
        ("offer_group_member", OF_GROUP),
        ("service_pause", OF_PERSON),
    ):
        for privilege in ("SELECT", "INSERT", "UPDATE"):
            _allow(table, "caseworker", privilege, condition)
            _allow(table, "worker", privilege, "true")
    _allow("handover_version", "provider", "SELECT", OF_OWN_CASE, AMENDMENT_COLUMNS)
    op.execute(f"ALTER POLICY provider_select ON provider_notice USING ({NOTICE_AFTER})")
    op.execute("GRANT UPDATE (return_reason, proposed_service_id) ON onward_referral TO gateway_provider")
    op.execute("GRANT SELECT (decline_consequence, return_reason) ON onward_referral TO gateway_manager")
    _change_check("task", "taskkind", added=TASK_KINDS)
    _change_check("provider_notice", "noticekind", added=NOTICE_KINDS)


def downgrade() -> None:
    """Only while nothing was recorded in it: that would be lost."""
    in_use = sa.text(
        "SELECT EXISTS (SELECT FROM offer_group) OR EXISTS (SELECT FROM service_pause)"
        " OR EXISTS (SELECT FROM onward_referral WHERE num_nonnulls(decline_consequence, decline_mistake_at,"
        " return_reason, proposed_service_id) > 0)"
        " OR EXISTS (SELECT FROM handover_version WHERE amendment_sealed IS NOT NULL)"
        " OR EXISTS (SELECT FROM provider_notice WHERE kind = 'declined')"
        " OR EXISTS (SELECT FROM task WHERE kind = 'onward_decision')"
    )
    # Under row-level security the owner sees no row: as the worker, who sees all.
    op.execute("SET LOCAL ROLE gateway_worker")
    is_in_use = op.get_bind().scalar(in_use)
    op.execute("RESET ROLE")
    if is_in_use:
        raise RuntimeError("groups of offers, what follows from a decline or amendments were recorded")
    _change_check("task", "taskkind", removed=TASK_KINDS)
    _change_check("provider_notice", "noticekind", removed=NOTICE_KINDS)
    op.execute(f"ALTER POLICY provider_select ON provider_notice USING ({NOTICE_BEFORE})")
    op.execute("DROP POLICY provider_select ON handover_version")
    op.execute(f"REVOKE SELECT{AMENDMENT_COLUMNS} ON handover_version FROM gateway_provider")
    for table in reversed(TABLES):
        op.drop_table(table)
    op.drop_column("handover_version", "amendment_sealed")
    op.drop_column("provider_notice", "closed_at")
    for column in ("proposed_service_id", "return_reason", "decline_mistake_at", "decline_consequence"):
        op.drop_column("onward_referral", column)


def _onward_referral() -> None:
    for column, kind in (
        ("decline_consequence", sa.String(40)),
        ("decline_mistake_at", sa.DateTime(timezone=True)),
        ("return_reason", sa.String(40)),
        ("proposed_service_id", sa.Uuid()),
    ):
        op.add_column("onward_referral", sa.Column(column, kind, nullable=True))
    rules = {
        name: f"CHECK ({column} IN ({', '.join(repr(value) for value in values)}))"
        for name, (column, values) in _CODES.items()
    }
    rules["fk_onward_referral_proposed_service_id"] = (
        "FOREIGN KEY (proposed_service_id) REFERENCES provider_service (id)"
    )
    for name, rule in rules.items():
        op.execute(f"ALTER TABLE onward_referral ADD CONSTRAINT {name} {rule} NOT VALID")
        op.execute(f"{_VALIDATED}\nALTER TABLE onward_referral VALIDATE CONSTRAINT {name}")


def _groups() -> None:
    table = "offer_group"
    op.create_table(
        table,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        _code("mode", "offergroupmode", ("simultaneous", "ranked")),
        sa.Column("closes_others", sa.Boolean(), nullable=False),
        sa.Column("share", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        _moment("created_at", nullable=False),
        sa.Column("created_by_id", sa.Uuid(), nullable=False),
        _moment("advance_at"),
        _moment("ended_at"),
        sa.Column("ended_by_id", sa.Uuid(), nullable=True),
        _code("end_reason", "offergroupend", ("accepted", "stopped", "exhausted"), nullable=True),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (end_reason IS NULL)", name=op.f("ck_offer_group_ended_with_reason")
        ),
        sa.CheckConstraint(
            "ended_at IS NULL OR (advance_at IS NULL AND sealed IS NULL)",
            name=op.f("ck_offer_group_ended_holds_nothing"),
        ),
        _key(table, "referral_id", "referral"),
        _key(table, "created_by_id", "app_user"),
        _key(table, "ended_by_id", "app_user"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
    op.create_index("ix_offer_group_referral_id", table, ["referral_id"])
    op.create_index(
        "ix_offer_group_due", table, ["advance_at", "id"], postgresql_where=sa.text("advance_at IS NOT NULL")
    )
    op.create_index(
        "ix_offer_group_open", table, ["referral_id"], postgresql_where=sa.text("ended_at IS NULL")
    )
    table = "offer_group_member"
    op.create_table(
        table,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("offer_group_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("onward_referral_id", sa.Uuid(), nullable=True),
        _code(
            "hindrance",
            "offerhindrance",
            ("no_consent", "not_safe", "does_not_fit", "stopped", "ask_person"),
            nullable=True,
        ),
        sa.CheckConstraint("position BETWEEN 1 AND 10", name=op.f(f"ck_{table}_position")),
        _key(table, "offer_group_id", "offer_group"),
        _key(table, "service_id", "provider_service"),
        _key(table, "onward_referral_id", "onward_referral"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
    for name, columns in (
        ("position", ["offer_group_id", "position"]),
        ("service", ["offer_group_id", "service_id"]),
        ("onward", ["onward_referral_id"]),
    ):
        op.create_index(f"uq_{table}_{name}", table, columns, unique=True)


def _pauses() -> None:
    table = "service_pause"
    op.create_table(
        table,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("onward_referral_id", sa.Uuid(), nullable=False),
        _code("kind", "pairingstop", ("paused", "not_eligible")),
        sa.Column("last_day_on", sa.Date(), nullable=True),
        _moment("created_at", nullable=False),
        sa.Column("created_by_id", sa.Uuid(), nullable=False),
        _moment("lifted_at"),
        sa.Column("lifted_by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "(kind = 'paused') = (last_day_on IS NOT NULL)", name=op.f(f"ck_{table}_paused_with_last_day")
        ),
        sa.CheckConstraint(
            "(lifted_at IS NULL) = (lifted_by_id IS NULL)", name=op.f(f"ck_{table}_lifted_has_both")
        ),
        _key(table, "person_id", "person"),
        _key(table, "service_id", "provider_service"),
        _key(table, "onward_referral_id", "onward_referral"),
        _key(table, "created_by_id", "app_user"),
        _key(table, "lifted_by_id", "app_user"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
    op.create_index(
        "uq_service_pause_in_force",
        table,
        ["person_id", "service_id"],
        unique=True,
        postgresql_where=sa.text("lifted_at IS NULL"),
    )


def _code(name: str, kind: str, values: tuple[str, ...], *, nullable: bool = False) -> sa.Column[str]:
    checked = sa.Enum(*values, name=kind, native_enum=False, create_constraint=True, length=40)
    return sa.Column(name, checked, nullable=nullable)


def _moment(name: str, *, nullable: bool = True) -> sa.Column[sa.DateTime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _key(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}"))


def _allow(table: str, kind: str, privilege: str, condition: str, columns: str = "") -> None:
    op.execute(f"GRANT {privilege}{columns} ON {table} TO gateway_{kind}")
    using = "" if privilege == "INSERT" else f" USING ({condition})"
    check = "" if privilege == "SELECT" else f" WITH CHECK ({condition})"
    op.execute(
        f"CREATE POLICY {kind}_{privilege.lower()} ON {table} FOR {privilege} TO gateway_{kind}{using}{check}"
    )


def _change_check(
    table: str, name: str, *, added: tuple[str, ...] = (), removed: tuple[str, ...] = ()
) -> None:
    """Add values to the check of the column `kind` or take some out, whatever others it allows."""
    check = f"ck_{table}_{name}"
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
                WHERE c.conname = '{check}' AND c.conrelid = '{table}'::regclass
                UNION SELECT unnest({more})
            ) known
            WHERE value <> ALL ({less});
            ALTER TABLE {table} DROP CONSTRAINT {check};
            EXECUTE format('ALTER TABLE {table} ADD CONSTRAINT {check} CHECK (kind IN (%s)) NOT VALID', allowed);
            ALTER TABLE {table} VALIDATE CONSTRAINT {check};
        END $$"""
    )
