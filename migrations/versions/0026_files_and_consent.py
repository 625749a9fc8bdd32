"""Files of a referral, what an answer about consent is limited to, and sharing without consent for safety."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

NEW_TASK_KINDS = ("attachment_refused", "override_decision", "override_review")
NEW_MANNERS = ("in_person", "by_phone")
KINDS = ("pdf", "jpeg", "png", "docx")
STATES = ("waiting", "clean", "unscanned", "refused", "infected", "removed")
GIVERS = ("person", "parent", "attorney", "deputy", "other")
GROUNDS = ("vital_interest", "child_at_risk", "adult_at_risk", "serious_crime", "marac", "court_order")
OVERRIDE_STATES = ("asked", "agreed", "refused", "ended")
OF_REFERRAL = "EXISTS (SELECT 1 FROM referral r WHERE r.id = {table}.referral_id)"
OF_ATTACHMENT = (
    "EXISTS (SELECT 1 FROM attachment a JOIN referral r ON r.id = a.referral_id"
    " WHERE a.id = attachment_chunk.attachment_id AND a.state IN ({states}))"
)

# Both tables are read through in well under a second.
_VALIDATED = "-- squawk-ignore constraint-missing-not-valid"


def upgrade() -> None:
    """New tables, columns that the release before leaves empty, and more values of two checks."""
    _attachments()
    _overrides()
    _consent()
    _onward_referral()
    _change_check("task", "kind", "ck_task_taskkind", added=NEW_TASK_KINDS)
    _change_check("consent", "how", "ck_consent_consenthow", added=NEW_MANNERS)


def downgrade() -> None:
    """Only while nothing was recorded in it: that would be lost."""
    in_use = sa.text(
        "SELECT EXISTS (SELECT FROM attachment) OR EXISTS (SELECT FROM sharing_override)"
        " OR EXISTS (SELECT FROM consent WHERE given_by IS NOT NULL OR how = ANY (CAST(:manners AS text[])))"
        " OR EXISTS (SELECT FROM task WHERE kind = ANY (CAST(:kinds AS text[])))"
    )
    values = {"kinds": list(NEW_TASK_KINDS), "manners": list(NEW_MANNERS)}
    if op.get_bind().scalar(in_use, values):
        raise RuntimeError(
            "files, answers about consent or overrides were recorded, which can't be taken back"
        )
    _change_check("task", "kind", "ck_task_taskkind", removed=NEW_TASK_KINDS)
    _change_check("consent", "how", "ck_consent_consenthow", removed=NEW_MANNERS)
    op.drop_constraint("ck_onward_referral_rests_on_one", "onward_referral")
    op.drop_column("onward_referral", "sharing_override_id")
    op.alter_column("onward_referral", "consent_id", nullable=False)
    for column in ("given_by", "scope", "attachment_id", "sealed"):
        op.drop_column("consent", column)
    for table in ("sharing_override", "attachment_chunk", "attachment"):
        op.drop_table(table)


def _attachments() -> None:
    table = "attachment"
    op.create_table(
        table,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        _code("kind", "attachmentkind", KINDS),
        sa.Column("size", sa.Integer(), nullable=False),
        _code("state", "attachmentstate", STATES),
        sa.Column("problem", sa.String(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        _moment("added_at"),
        sa.Column("added_by_id", sa.Uuid(), nullable=False),
        _moment("tried_at", nullable=True),
        _moment("checked_at", nullable=True),
        _moment("removed_at", nullable=True),
        sa.Column("removed_by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("size > 0", name=op.f("ck_attachment_size")),
        sa.CheckConstraint(
            "(state IN ('refused', 'infected')) = (problem IS NOT NULL)",
            name=op.f("ck_attachment_refused_with_problem"),
        ),
        sa.CheckConstraint(
            "state = 'waiting' OR state = 'removed' OR checked_at IS NOT NULL",
            name=op.f("ck_attachment_checked"),
        ),
        sa.CheckConstraint(
            "(state = 'removed') = (removed_at IS NOT NULL) AND (removed_at IS NULL) = (removed_by_id IS NULL)",
            name=op.f("ck_attachment_removed_has_both"),
        ),
        _key(table, "referral_id", "referral"),
        *(_key(table, column, "app_user") for column in ("added_by_id", "removed_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attachment")),
    )
    op.create_index("uq_attachment_number", table, ["referral_id", "number"], unique=True)
    op.create_index(
        "ix_attachment_waiting", table, ["added_at", "id"], postgresql_where=sa.text("state = 'waiting'")
    )
    op.create_table(
        "attachment_chunk",
        sa.Column("attachment_id", sa.Uuid(), nullable=False),
        sa.Column("chunk_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        _key("attachment_chunk", "attachment_id", "attachment"),
        sa.PrimaryKeyConstraint("attachment_id", "chunk_number", name=op.f("pk_attachment_chunk")),
    )
    _guard(table)
    _guard("attachment_chunk")
    seen = OF_REFERRAL.format(table=table)
    _allow(table, "caseworker", "SELECT", seen)
    _allow(table, "caseworker", "INSERT", f"{seen} AND state = 'waiting'")
    # A caseworker can take a file away, and never say that one is clean.
    _allow(
        table,
        "caseworker",
        "UPDATE",
        seen,
        " (state, problem, sealed, removed_at, removed_by_id)",
        "state = 'removed'",
    )
    _allow("attachment_chunk", "caseworker", "INSERT", OF_ATTACHMENT.format(states="'waiting'"))
    _allow("attachment_chunk", "caseworker", "SELECT", OF_ATTACHMENT.format(states="'clean', 'unscanned'"))
    for privilege in ("SELECT", "INSERT", "UPDATE"):
        _allow(table, "worker", privilege, "true")
    for privilege in ("SELECT", "INSERT", "DELETE"):
        _allow("attachment_chunk", "worker", privilege, "true")


def _overrides() -> None:
    table = "sharing_override"
    op.create_table(
        table,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        _code("ground", "overrideground", GROUNDS),
        _code("state", "overridestate", OVERRIDE_STATES),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("last_day_on", sa.Date(), nullable=False),
        _moment("asked_at"),
        sa.Column("asked_by_id", sa.Uuid(), nullable=False),
        _moment("decided_at", nullable=True),
        sa.Column("decided_by_id", sa.Uuid(), nullable=True),
        _moment("ended_at", nullable=True),
        sa.Column("ended_by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "(state = 'asked') = (decided_at IS NULL) AND (decided_at IS NULL) = (decided_by_id IS NULL)",
            name=op.f("ck_sharing_override_decided_has_both"),
        ),
        sa.CheckConstraint(
            "decided_by_id <> asked_by_id", name=op.f("ck_sharing_override_decided_by_another")
        ),
        sa.CheckConstraint(
            "(state = 'ended') = (ended_at IS NOT NULL) AND (ended_at IS NULL) = (ended_by_id IS NULL)",
            name=op.f("ck_sharing_override_ended_has_both"),
        ),
        _key(table, "referral_id", "referral"),
        _key(table, "provider_id", "provider"),
        *(_key(table, column, "app_user") for column in ("asked_by_id", "decided_by_id", "ended_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sharing_override")),
    )
    op.create_index("ix_sharing_override_referral_id", table, ["referral_id"])
    op.create_index(
        "uq_sharing_override_one_open",
        table,
        ["referral_id", "provider_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('asked', 'agreed')"),
    )
    op.create_index(
        "ix_sharing_override_due", table, ["last_day_on", "id"], postgresql_where=sa.text("state = 'agreed'")
    )
    _guard(table)
    seen = OF_REFERRAL.format(table=table)
    _allow(table, "caseworker", "SELECT", seen)
    _allow(table, "caseworker", "INSERT", f"{seen} AND state = 'asked'")
    changed = " (state, decided_at, decided_by_id, ended_at, ended_by_id)"
    _allow(table, "caseworker", "UPDATE", seen, changed)
    for privilege in ("SELECT", "INSERT", "UPDATE"):
        _allow(table, "worker", privilege, "true")


def _consent() -> None:
    op.add_column("consent", sa.Column("given_by", sa.String(length=40), nullable=True))
    op.add_column(
        "consent",
        sa.Column("scope", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
    )
    op.add_column("consent", sa.Column("attachment_id", sa.Uuid(), nullable=True))
    op.add_column("consent", sa.Column("sealed", sa.LargeBinary(), nullable=True))
    for name, rule in (
        (
            "ck_consent_scope_of_sharing",
            "CHECK (scope = '{}' OR (agreed AND purpose = 'share_with_provider'))",
        ),
        ("fk_consent_attachment_id", "FOREIGN KEY (attachment_id) REFERENCES attachment (id)"),
    ):
        op.execute(f"ALTER TABLE consent ADD CONSTRAINT {name} {rule} NOT VALID")
        op.execute(f"{_VALIDATED}\nALTER TABLE consent VALIDATE CONSTRAINT {name}")


def _onward_referral() -> None:
    op.add_column("onward_referral", sa.Column("sharing_override_id", sa.Uuid(), nullable=True))
    # The release before writes one always, and reads none before the new one has written it.
    op.execute(
        "-- squawk-ignore ban-drop-not-null\nALTER TABLE onward_referral ALTER COLUMN consent_id DROP NOT NULL"
    )
    for name, rule in (
        ("ck_onward_referral_rests_on_one", "CHECK ((consent_id IS NULL) <> (sharing_override_id IS NULL))"),
        (
            "fk_onward_referral_sharing_override_id",
            "FOREIGN KEY (sharing_override_id) REFERENCES sharing_override (id)",
        ),
    ):
        op.execute(f"ALTER TABLE onward_referral ADD CONSTRAINT {name} {rule} NOT VALID")
        op.execute(f"{_VALIDATED}\nALTER TABLE onward_referral VALIDATE CONSTRAINT {name}")


def _code(name: str, kind: str, values: tuple[str, ...], *, nullable: bool = False) -> sa.Column[str]:
    checked = sa.Enum(*values, name=kind, native_enum=False, create_constraint=True, length=40)
    return sa.Column(name, checked, nullable=nullable)


def _moment(name: str, *, nullable: bool = False) -> sa.Column[sa.DateTime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _key(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}"))


def _guard(table: str) -> None:
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def _allow(
    table: str, kind: str, privilege: str, condition: str, columns: str = "", result: str | None = None
) -> None:
    op.execute(f"GRANT {privilege}{columns} ON {table} TO gateway_{kind}")
    using = "" if privilege == "INSERT" else f" USING ({condition})"
    check = "" if privilege in ("SELECT", "DELETE") else f" WITH CHECK ({result or condition})"
    op.execute(
        f"CREATE POLICY {kind}_{privilege.lower()} ON {table} FOR {privilege} TO gateway_{kind}{using}{check}"
    )


def _change_check(
    table: str, column: str, name: str, *, added: tuple[str, ...] = (), removed: tuple[str, ...] = ()
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
                WHERE c.conname = '{name}' AND c.conrelid = '{table}'::regclass
                UNION SELECT unnest({more})
            ) known
            WHERE value <> ALL ({less});
            ALTER TABLE {table} DROP CONSTRAINT {name};
            EXECUTE format('ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({column} IN (%s)) NOT VALID', allowed);
            ALTER TABLE {table} VALIDATE CONSTRAINT {name};
        END $$"""
    )
