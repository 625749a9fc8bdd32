"""Copies of files for a provider, and who may write down that they asked, decided or added something."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

KINDS = ("pdf", "jpeg", "png", "docx")
STATES = ("waiting", "ready", "refused", "shared", "ended")
OF_REFERRAL = "EXISTS (SELECT 1 FROM referral r WHERE r.id = {table}.referral_id)"
OF_CASE = "EXISTS (SELECT 1 FROM onward_referral o WHERE o.id = shared_file.onward_referral_id)"
ME = "gateway_user_id()"
SENIOR = (
    f"EXISTS (SELECT 1 FROM app_user u WHERE u.id = {ME} AND u.role = 'senior' AND u.disabled_at IS NULL)"
)
# Of the same referral, checked, and not one that must stay in the Gateway.
SHAREABLE = (
    "EXISTS (SELECT 1 FROM attachment a JOIN onward_referral o ON o.referral_id = a.referral_id"
    " WHERE a.id = shared_file.attachment_id AND o.id = shared_file.onward_referral_id"
    " AND a.state IN ('clean', 'unscanned') AND NOT a.stays_here)"
)
# A provider reads once it has accepted, and while its access lasts. The policy of onward referrals lets a transaction
# that ends the access finish its work: a file is not part of that.
ACCEPTED = (
    "state = 'shared' AND EXISTS (SELECT 1 FROM onward_referral o WHERE o.id = shared_file.onward_referral_id"
    " AND o.state IN ('accepted', 'in_service') AND o.provider_access_ended_at IS NULL)"
)
OF_FILE = "EXISTS (SELECT 1 FROM shared_file f WHERE f.id = shared_file_chunk.shared_file_id{more})"
PROVIDER_COLUMNS = " (id, onward_referral_id, number, kind, size, state, shared_at)"
GATEWAY_CHANGES = " (state, shared_at, shared_by_id, ended_at, ended_by_id)"
OVERRIDE_CHANGES = (
    f"{SENIOR} AND ((state IN ('agreed', 'refused') AND decided_by_id = {ME} AND asked_by_id <> {ME})"
    f" OR (state = 'ended' AND ended_by_id = {ME}))"
)
ONE_OPEN = "uq_sharing_override_one_open"


def upgrade() -> None:
    """New tables and a column that the release before leaves alone; policies that it keeps to already."""
    op.add_column(
        "attachment", sa.Column("stays_here", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    _shared_files()
    _policies()
    _own_names()
    # One that is asked for may stand beside the one that it prolongs. The table has few rows.
    _index_overrides("referral_id, provider_id, state")


def downgrade() -> None:
    """Only while nothing was shared, kept here or prolonged: that would be lost."""
    in_use = sa.text(
        "SELECT EXISTS (SELECT FROM shared_file) OR EXISTS (SELECT FROM attachment WHERE stays_here)"
        " OR EXISTS (SELECT FROM sharing_override WHERE state IN ('asked', 'agreed')"
        " GROUP BY referral_id, provider_id HAVING count(*) > 1)"
    )
    if op.get_bind().scalar(in_use):
        raise RuntimeError("files were shared or must stay here, or sharing without consent was prolonged")
    _index_overrides("referral_id, provider_id")
    override, attachment = (OF_REFERRAL.format(table=table) for table in ("sharing_override", "attachment"))
    _change_policy("sharing_override", "INSERT", f"{override} AND state = 'asked'")
    _change_policy("sharing_override", "UPDATE", override, override)
    _change_policy("attachment", "INSERT", f"{attachment} AND state = 'waiting'")
    _change_policy("attachment", "UPDATE", attachment, "state = 'removed'")
    for table in ("shared_file_chunk", "shared_file"):
        op.drop_table(table)
    op.drop_column("attachment", "stays_here")


def _shared_files() -> None:
    table = "shared_file"
    op.create_table(
        table,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("onward_referral_id", sa.Uuid(), nullable=False),
        sa.Column("attachment_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        _code("kind", "attachmentkind", KINDS),
        sa.Column("size", sa.Integer(), nullable=True),
        _code("state", "sharedfilestate", STATES),
        sa.Column("problem", sa.String(), nullable=True),
        sa.Column("removed", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        _moment("asked_at", nullable=False),
        sa.Column("asked_by_id", sa.Uuid(), nullable=False),
        _moment("tried_at"),
        _moment("made_at"),
        _moment("shared_at"),
        sa.Column("shared_by_id", sa.Uuid(), nullable=True),
        _moment("ended_at"),
        sa.Column("ended_by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "state NOT IN ('ready', 'shared') OR (made_at IS NOT NULL AND size > 0 AND problem IS NULL)",
            name=op.f("ck_shared_file_made"),
        ),
        sa.CheckConstraint(
            "state <> 'refused' OR problem IS NOT NULL", name=op.f("ck_shared_file_refused_with_problem")
        ),
        sa.CheckConstraint(
            "(shared_at IS NULL) = (shared_by_id IS NULL) AND (state <> 'shared' OR shared_at IS NOT NULL)",
            name=op.f("ck_shared_file_shared_has_both"),
        ),
        sa.CheckConstraint(
            "(state = 'ended') = (ended_at IS NOT NULL)", name=op.f("ck_shared_file_ended_with_moment")
        ),
        _key(table, "onward_referral_id", "onward_referral"),
        _key(table, "attachment_id", "attachment"),
        *(_key(table, column, "app_user") for column in ("asked_by_id", "shared_by_id", "ended_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shared_file")),
    )
    op.create_index("uq_shared_file_number", table, ["onward_referral_id", "number"], unique=True)
    op.create_index(
        "uq_shared_file_one_open",
        table,
        ["onward_referral_id", "attachment_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('waiting', 'ready', 'shared')"),
    )
    op.create_index("ix_shared_file_attachment_id", table, ["attachment_id"])
    op.create_index(
        "ix_shared_file_waiting", table, ["asked_at", "id"], postgresql_where=sa.text("state = 'waiting'")
    )
    op.create_table(
        "shared_file_chunk",
        sa.Column("shared_file_id", sa.Uuid(), nullable=False),
        sa.Column("chunk_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        _key("shared_file_chunk", "shared_file_id", table),
        sa.PrimaryKeyConstraint("shared_file_id", "chunk_number", name=op.f("pk_shared_file_chunk")),
    )
    for each in (table, "shared_file_chunk"):
        op.execute(f"ALTER TABLE {each} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {each} FORCE ROW LEVEL SECURITY")


def _policies() -> None:
    table, chunk = "shared_file", "shared_file_chunk"
    _allow(table, "caseworker", "SELECT", OF_CASE)
    _allow(
        table,
        "caseworker",
        "INSERT",
        f"{OF_CASE} AND {SHAREABLE} AND state = 'waiting' AND asked_by_id = {ME}",
    )
    # A caseworker gives away what a worker has made, or ends it, in their own name. Neither is ever undone.
    op.execute(f"GRANT UPDATE{GATEWAY_CHANGES} ON {table} TO gateway_caseworker")
    op.execute(
        f"CREATE POLICY caseworker_update ON {table} FOR UPDATE TO gateway_caseworker"
        f" USING ({OF_CASE} AND state <> 'ended')"
        f" WITH CHECK ((state = 'shared' AND shared_by_id = {ME} AND {SHAREABLE})"
        f" OR (state = 'ended' AND ended_by_id = {ME}))"
    )
    _allow(chunk, "caseworker", "SELECT", OF_FILE.format(more=" AND f.state IN ('ready', 'shared')"))
    _allow(table, "provider", "SELECT", ACCEPTED, PROVIDER_COLUMNS)
    _allow(chunk, "provider", "SELECT", OF_FILE.format(more=""))
    for privilege in ("SELECT", "INSERT", "UPDATE"):
        _allow(table, "worker", privilege, "true")
    for privilege in ("SELECT", "INSERT", "DELETE"):
        _allow(chunk, "worker", privilege, "true")


def _own_names() -> None:
    """Who asked, decided, ended, added or removed is who does it; a senior, and another, decides."""
    override, attachment = (OF_REFERRAL.format(table=table) for table in ("sharing_override", "attachment"))
    _change_policy("sharing_override", "INSERT", f"{override} AND state = 'asked' AND asked_by_id = {ME}")
    _change_policy("sharing_override", "UPDATE", override, f"{override} AND {OVERRIDE_CHANGES}")
    _change_policy("attachment", "INSERT", f"{attachment} AND state = 'waiting' AND added_by_id = {ME}")
    _change_policy("attachment", "UPDATE", attachment, f"state = 'removed' AND removed_by_id = {ME}")


def _change_policy(table: str, privilege: str, condition: str, result: str | None = None) -> None:
    name = f"caseworker_{privilege.lower()}"
    using = "" if privilege == "INSERT" else f" USING ({condition})"
    op.execute(f"DROP POLICY {name} ON {table}")
    op.execute(
        f"CREATE POLICY {name} ON {table} FOR {privilege} TO gateway_caseworker{using}"
        f" WITH CHECK ({result or condition})"
    )


def _index_overrides(columns: str) -> None:
    op.execute(f"-- squawk-ignore require-concurrent-index-deletion\nDROP INDEX {ONE_OPEN}")
    op.execute(
        "-- squawk-ignore require-concurrent-index-creation\n"
        f"CREATE UNIQUE INDEX {ONE_OPEN} ON sharing_override ({columns}) WHERE state IN ('asked', 'agreed')"
    )


def _code(name: str, kind: str, values: tuple[str, ...]) -> sa.Column[str]:
    checked = sa.Enum(*values, name=kind, native_enum=False, create_constraint=True, length=40)
    return sa.Column(name, checked, nullable=False)


def _moment(name: str, *, nullable: bool = True) -> sa.Column[sa.DateTime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _key(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}"))


def _allow(table: str, kind: str, privilege: str, condition: str, columns: str = "") -> None:
    op.execute(f"GRANT {privilege}{columns} ON {table} TO gateway_{kind}")
    using = "" if privilege == "INSERT" else f" USING ({condition})"
    check = "" if privilege in ("SELECT", "DELETE") else f" WITH CHECK ({condition})"
    op.execute(
        f"CREATE POLICY {kind}_{privilege.lower()} ON {table} FOR {privilege} TO gateway_{kind}{using}{check}"
    )
