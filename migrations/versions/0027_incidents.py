"""Incidents that several referrals share, decisions about two people and MARAC that can be taken back, adulthood."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

SOMEBODY = "(SELECT gateway_user_id()) IS NOT NULL"
# Through a referral that the reader may see: of an incident whose referrals are all restricted there is no trace.
OF_INCIDENT = (
    "EXISTS (SELECT 1 FROM incident_referral m JOIN referral r ON r.id = m.referral_id"
    " WHERE m.incident_id = incident.id)"
)
THROUGH_INCIDENT = "EXISTS (SELECT 1 FROM incident i WHERE i.id = {table}.incident_id)"
THROUGH_REFERRAL = "EXISTS (SELECT 1 FROM referral r WHERE r.id = {table}.referral_id)"
OWN_KEY = "purpose = 'incident' AND EXISTS (SELECT 1 FROM incident i WHERE i.id = wrapped_key.subject_id)"
NEW_KEY = f"{SOMEBODY} AND purpose = 'incident'"
TABLES = ("incident", "incident_description", "incident_referral")
SEEN_PAIR = (
    "EXISTS (SELECT 1 FROM person p WHERE p.id = person_distinction.lower_id)"
    " AND EXISTS (SELECT 1 FROM person o WHERE o.id = person_distinction.higher_id)"
)
DECISIONS = ("person_distinction", "marac_decision")
NEW_KINDS = ("came_of_age",)


def upgrade() -> None:
    """New tables, which the release before neither reads nor writes, and columns that it leaves empty."""
    _change_allowed("wrapped_key", "ck_wrapped_key_purpose", "purpose", added=("incident",))
    _incidents()
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        for privilege in ("SELECT", "INSERT"):
            _allow(table, "worker", privilege, "true")
    _allow("incident", "caseworker", "SELECT", OF_INCIDENT)
    _allow("incident", "caseworker", "INSERT", SOMEBODY)
    _allow("incident", "caseworker", "UPDATE", OF_INCIDENT, " (version)")
    seen = THROUGH_INCIDENT.format(table="incident_description")
    _allow("incident_description", "caseworker", "SELECT", seen)
    # At the first version no referral belongs to the incident yet, so that no reader sees it: its author writes both.
    _allow("incident_description", "caseworker", "INSERT", "by_id = gateway_user_id()")
    seen = THROUGH_REFERRAL.format(table="incident_referral")
    _allow("incident_referral", "caseworker", "SELECT", seen)
    _allow("incident_referral", "caseworker", "INSERT", f"joined_by_id = gateway_user_id() AND {seen}")
    _allow("incident_referral", "caseworker", "UPDATE", seen, " (left_at, left_by_id, left_sealed)")
    op.execute(
        "CREATE TRIGGER incident_description_append_only BEFORE UPDATE OR DELETE OR TRUNCATE"
        " ON incident_description FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    for name, privilege, condition in (
        ("caseworker_select_incident", "SELECT", OWN_KEY),
        ("caseworker_insert_incident", "INSERT", NEW_KEY),
    ):
        how = "USING" if privilege == "SELECT" else "WITH CHECK"
        op.execute(
            f"CREATE POLICY {name} ON wrapped_key FOR {privilege} TO gateway_caseworker {how} ({condition})"
        )
    _decisions_taken_back()
    _change_allowed("task", "ck_task_taskkind", "kind", added=NEW_KINDS)


def downgrade() -> None:
    """Only while nothing was recorded in it: that would be lost."""
    in_use = sa.text(
        "SELECT EXISTS (SELECT FROM incident)"
        " OR EXISTS (SELECT FROM person_distinction WHERE taken_back_at IS NOT NULL)"
        " OR EXISTS (SELECT FROM marac_decision WHERE taken_back_at IS NOT NULL)"
        " OR EXISTS (SELECT FROM task WHERE kind = ANY (CAST(:kinds AS text[])))"
    )
    if op.get_bind().scalar(in_use, {"kinds": list(NEW_KINDS)}):
        raise RuntimeError("incidents were recorded, or decisions taken back")
    _change_allowed("task", "ck_task_taskkind", "kind", removed=NEW_KINDS)
    op.execute("DROP POLICY caseworker_take_back ON person_distinction")
    op.drop_index("uq_person_distinction_one_current", table_name="person_distinction")
    op.create_index(
        "uq_person_distinction_pair", "person_distinction", ["lower_id", "higher_id"], unique=True
    )
    for table in DECISIONS:
        for column in ("taken_back_at", "taken_back_by_id", "taken_back_sealed"):
            op.drop_column(table, column)
    for name in ("select", "insert"):
        op.execute(f"DROP POLICY caseworker_{name}_incident ON wrapped_key")
    for policy in ("select", "update"):
        op.execute(f"DROP POLICY caseworker_{policy} ON incident")
    for table in reversed(TABLES):
        op.drop_table(table)
    _change_allowed("wrapped_key", "ck_wrapped_key_purpose", "purpose", removed=("incident",))


def _moment(name: str, *, nullable: bool = False) -> sa.Column[sa.DateTime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _key(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}"))


def _incidents() -> None:
    op.create_table(
        "incident",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("key_id", sa.Uuid(), nullable=False),
        _moment("recorded_at"),
        sa.Column("recorded_by_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        _key("incident", "key_id", "wrapped_key"),
        _key("incident", "recorded_by_id", "app_user"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident")),
    )
    op.create_index("uq_incident_number", "incident", ["number"], unique=True)
    table = "incident_description"
    op.create_table(
        table,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("happened_on", sa.Date(), nullable=True),
        _moment("recorded_at"),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        _key(table, "incident_id", "incident"),
        _key(table, "by_id", "app_user"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
    op.create_index("uq_incident_description_version", table, ["incident_id", "version"], unique=True)
    table = "incident_referral"
    op.create_table(
        table,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        _moment("joined_at"),
        sa.Column("joined_by_id", sa.Uuid(), nullable=False),
        _moment("left_at", nullable=True),
        sa.Column("left_by_id", sa.Uuid(), nullable=True),
        sa.Column("left_sealed", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(
            "num_nonnulls(left_at, left_by_id, left_sealed) IN (0, 3)", name=op.f(f"ck_{table}_left_whole")
        ),
        sa.CheckConstraint("left_at >= joined_at", name=op.f(f"ck_{table}_left_after_joined")),
        _key(table, "incident_id", "incident"),
        _key(table, "referral_id", "referral"),
        _key(table, "joined_by_id", "app_user"),
        _key(table, "left_by_id", "app_user"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
    op.create_index(
        "uq_incident_referral_one_current",
        table,
        ["referral_id"],
        unique=True,
        postgresql_where=sa.text("left_at IS NULL"),
    )
    op.create_index("ix_incident_referral_incident_id", table, ["incident_id", "referral_id"])
    op.create_index("ix_incident_referral_referral_id", table, ["referral_id"])


def _decisions_taken_back() -> None:
    """That two are different people, and a decision about MARAC: taken back with a reason, and kept to be read."""
    for table in DECISIONS:
        op.add_column(table, _moment("taken_back_at", nullable=True))
        op.add_column(table, sa.Column("taken_back_by_id", sa.Uuid(), nullable=True))
        op.add_column(table, sa.Column("taken_back_sealed", sa.LargeBinary(), nullable=True))
        # A handful of rows each, which only people write.
        op.execute(
            "-- squawk-ignore adding-foreign-key-constraint\n"
            f"ALTER TABLE {table} ADD CONSTRAINT fk_{table}_taken_back_by_id"
            " FOREIGN KEY (taken_back_by_id) REFERENCES app_user (id) NOT VALID"
        )
        op.execute(
            "-- squawk-ignore constraint-missing-not-valid\n"
            f"ALTER TABLE {table} VALIDATE CONSTRAINT fk_{table}_taken_back_by_id"
        )
        op.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT ck_{table}_taken_back_whole CHECK"
            " (num_nonnulls(taken_back_at, taken_back_by_id, taken_back_sealed) IN (0, 3)) NOT VALID"
        )
        op.execute(
            "-- squawk-ignore constraint-missing-not-valid\n"
            f"ALTER TABLE {table} VALIDATE CONSTRAINT ck_{table}_taken_back_whole"
        )
        op.execute(
            f"GRANT UPDATE (taken_back_at, taken_back_by_id, taken_back_sealed) ON {table} TO gateway_caseworker"
        )
    # A decision about MARAC may be changed by those who see its referral already.
    op.execute(
        "CREATE POLICY caseworker_take_back ON person_distinction FOR UPDATE TO gateway_caseworker"
        f" USING ({SEEN_PAIR}) WITH CHECK ({SEEN_PAIR})"
    )
    # Said again after it was taken back: one decision stands at a time.
    op.execute(
        "-- squawk-ignore require-concurrent-index-creation\n"
        "CREATE UNIQUE INDEX uq_person_distinction_one_current ON person_distinction (lower_id, higher_id)"
        " WHERE taken_back_at IS NULL"
    )
    op.execute("-- squawk-ignore require-concurrent-index-deletion\nDROP INDEX uq_person_distinction_pair")


def _allow(table: str, kind: str, privilege: str, condition: str, columns: str = "") -> None:
    op.execute(f"GRANT {privilege}{columns} ON {table} TO gateway_{kind}")
    using = "" if privilege == "INSERT" else f" USING ({condition})"
    check = "" if privilege == "SELECT" else f" WITH CHECK ({condition})"
    op.execute(
        f"CREATE POLICY {kind}_{privilege.lower()} ON {table} FOR {privilege} TO gateway_{kind}{using}{check}"
    )


def _change_allowed(
    table: str, constraint: str, column: str, *, added: tuple[str, ...] = (), removed: tuple[str, ...] = ()
) -> None:
    """Add values to the check of a code or take some out, whatever others it allows."""
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
