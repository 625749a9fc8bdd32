"""Links between people with roles, contacts of suspects, records that are one person, and records that are two."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

ROLES = (
    "household",
    "parent",
    "child",
    "spokesperson",
    "bereaved_relative",
    "business_contact",
    "witness",
    "suspect",
    "suspect_household",
)
# A relation of two people is seen by those who may see both: of a restricted person it leaves no trace.
OF_PERSON = "EXISTS (SELECT 1 FROM person p WHERE p.id = {table}.person_id)"
OF_LINKED = f"{OF_PERSON} AND EXISTS (SELECT 1 FROM person o WHERE o.id = {{table}}.other_person_id)"
OF_PAIR = """EXISTS (SELECT 1 FROM person p WHERE p.id = {table}.lower_id)
    AND EXISTS (SELECT 1 FROM person o WHERE o.id = {table}.higher_id)"""
OF_MERGED = """EXISTS (SELECT 1 FROM person p WHERE p.id = {table}.kept_id)
    AND EXISTS (SELECT 1 FROM person o WHERE o.id = {table}.merged_id)"""
# table -> (condition, columns that may be changed)
TABLES = {
    "person_link": (OF_LINKED, "ended_at, ended_by_id, ended_sealed"),
    "suspect_contact": (OF_PERSON, "ended_at, ended_by_id"),
    "person_distinction": (OF_PAIR, None),
    "targeting_assessment": (OF_PERSON, None),
    "person_merge": (OF_MERGED, "kept_joined_plan_id, merged_joined_plan_id, undone_at, undone_by_id"),
}


def upgrade() -> None:
    """Five tables beside what is there; the release that is running knows none of them."""
    _create_links()
    _create_suspect_contacts()
    _create_distinctions()
    _create_merges()
    _create_judgements()
    for table, (condition, changeable) in TABLES.items():
        _guard(table, condition.replace("{table}", table), changeable)
    # The list of proposed duplicates reads these few and nothing else of the tasks. Few rows, inside the transaction.
    op.execute(
        "-- squawk-ignore require-concurrent-index-creation\n"
        "CREATE INDEX ix_task_same_person ON task (id)"
        " WHERE kind = 'possible_same_person' AND done_at IS NULL"
    )


def downgrade() -> None:
    """Only while nothing was recorded: links and merges would be lost."""
    for table in TABLES:
        if op.get_bind().scalar(sa.text(f"SELECT EXISTS (SELECT FROM {table})")):
            raise RuntimeError(f"{table} holds what people recorded")
    op.drop_index("ix_task_same_person", table_name="task")
    for table in reversed(TABLES):
        op.drop_table(table)


def _create_links() -> None:
    op.create_table(
        "person_link",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("other_person_id", sa.Uuid(), nullable=False),
        sa.Column(
            "role",
            sa.Enum(*ROLES, name="linkrole", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by_id", sa.Uuid(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by_id", sa.Uuid(), nullable=True),
        sa.Column("ended_sealed", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("person_id <> other_person_id", name=op.f("ck_person_link_two_people")),
        sa.CheckConstraint("role <> 'child'", name=op.f("ck_person_link_child_is_kept_as_parent")),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (ended_by_id IS NULL)", name=op.f("ck_person_link_ended_by_a_user")
        ),
        sa.CheckConstraint(
            "ended_at IS NULL OR ended_at >= recorded_at", name=op.f("ck_person_link_ended_after_recorded")
        ),
        _reference("person_link", "person_id", "person", ondelete="RESTRICT"),
        _reference("person_link", "other_person_id", "person", ondelete="RESTRICT"),
        _reference("person_link", "recorded_by_id", "app_user"),
        _reference("person_link", "ended_by_id", "app_user"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person_link")),
    )
    op.create_index(
        "uq_person_link_one_current",
        "person_link",
        ["person_id", "other_person_id", "role"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index("ix_person_link_person_id", "person_link", ["person_id"])
    op.create_index("ix_person_link_other_person_id", "person_link", ["other_person_id"])


def _create_suspect_contacts() -> None:
    op.create_table(
        "suspect_contact",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("value_hash", sa.LargeBinary(), nullable=False),
        sa.Column("whose", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by_id", sa.Uuid(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("kind IN ('phone', 'email')", name=op.f("ck_suspect_contact_kind")),
        sa.CheckConstraint(
            "whose IN ('suspect', 'suspect_household')", name=op.f("ck_suspect_contact_whose")
        ),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (ended_by_id IS NULL)", name=op.f("ck_suspect_contact_ended_by_a_user")
        ),
        _reference("suspect_contact", "person_id", "person", ondelete="RESTRICT"),
        _reference("suspect_contact", "recorded_by_id", "app_user"),
        _reference("suspect_contact", "ended_by_id", "app_user"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suspect_contact")),
    )
    op.create_index(
        "uq_suspect_contact_one_current",
        "suspect_contact",
        ["person_id", "kind", "value_hash"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index("ix_suspect_contact_person_id", "suspect_contact", ["person_id"])


def _create_distinctions() -> None:
    op.create_table(
        "person_distinction",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("lower_id", sa.Uuid(), nullable=False),
        sa.Column("higher_id", sa.Uuid(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("lower_id < higher_id", name=op.f("ck_person_distinction_ordered")),
        _reference("person_distinction", "lower_id", "person", ondelete="RESTRICT"),
        _reference("person_distinction", "higher_id", "person", ondelete="RESTRICT"),
        _reference("person_distinction", "recorded_by_id", "app_user"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person_distinction")),
    )
    op.create_index(
        "uq_person_distinction_pair", "person_distinction", ["lower_id", "higher_id"], unique=True
    )
    op.create_index("ix_person_distinction_higher_id", "person_distinction", ["higher_id"])


def _create_merges() -> None:
    plans = ("kept_plan_before_id", "merged_plan_before_id", "kept_joined_plan_id", "merged_joined_plan_id")
    op.create_table(
        "person_merge",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kept_id", sa.Uuid(), nullable=False),
        sa.Column("merged_id", sa.Uuid(), nullable=False),
        sa.Column("merged_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("merged_by_id", sa.Uuid(), nullable=False),
        sa.Column("is_contradicted", sa.Boolean(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        *(sa.Column(name, sa.Uuid(), nullable=True) for name in plans),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("kept_id <> merged_id", name=op.f("ck_person_merge_two_records")),
        sa.CheckConstraint(
            "(undone_at IS NULL) = (undone_by_id IS NULL)", name=op.f("ck_person_merge_undone_by_a_user")
        ),
        _reference("person_merge", "kept_id", "person", ondelete="RESTRICT"),
        _reference("person_merge", "merged_id", "person", ondelete="RESTRICT"),
        _reference("person_merge", "merged_by_id", "app_user"),
        _reference("person_merge", "undone_by_id", "app_user"),
        *(_reference("person_merge", name, "safe_contact_plan") for name in plans),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person_merge")),
    )
    op.create_index(
        "uq_person_merge_one_current",
        "person_merge",
        ["merged_id"],
        unique=True,
        postgresql_where=sa.text("undone_at IS NULL"),
    )
    op.create_index("ix_person_merge_kept_id", "person_merge", ["kept_id"])


def _create_judgements() -> None:
    op.create_table(
        "targeting_assessment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("is_targeted", sa.Boolean(), nullable=False),
        sa.Column("assessed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("assessed_by_id", sa.Uuid(), nullable=False),
        sa.Column("review_on", sa.Date(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "is_targeted = (review_on IS NOT NULL)",
            name=op.f("ck_targeting_assessment_targeted_is_reviewed"),
        ),
        _reference("targeting_assessment", "person_id", "person", ondelete="RESTRICT"),
        _reference("targeting_assessment", "assessed_by_id", "app_user"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_targeting_assessment")),
    )
    op.create_index("ix_targeting_assessment_person_id", "targeting_assessment", ["person_id"])


def _reference(
    table: str, column: str, target: str, *, ondelete: str | None = None
) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{target}.id"], name=op.f(f"fk_{table}_{column}"), ondelete=ondelete
    )


def _guard(table: str, condition: str, changeable: str | None) -> None:
    """Caseworkers see what is about people whom they may see; a record is only ever ended, never edited or deleted."""
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    changes = [("UPDATE", f" ({changeable})")] if changeable else []
    for kind, seen in (("caseworker", condition), ("worker", "true")):
        for privilege, columns in [("SELECT", ""), ("INSERT", ""), *changes]:
            using = "" if privilege == "INSERT" else f" USING ({seen})"
            check = "" if privilege == "SELECT" else f" WITH CHECK ({seen})"
            op.execute(f"GRANT {privilege}{columns} ON {table} TO gateway_{kind}")
            op.execute(
                f"CREATE POLICY {kind}_{privilege.lower()} ON {table} FOR {privilege}"
                f" TO gateway_{kind}{using}{check}"
            )
