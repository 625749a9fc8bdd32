"""Triage: the DASH score and what a person wants, a senior's review, and decisions about MARAC."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

NEW_KINDS = ("high_risk_review", "assess_again", "marac_decision", "child_safeguarding")
NEW_COLUMNS = (
    "dash_score",
    "dash_on",
    "dash_by",
    "incidents",
    "least_risk",
    "review_causes",
    "wanted",
)
THROUGH_REFERRAL = "EXISTS (SELECT 1 FROM referral r WHERE r.id = {table}.referral_id)"
# Nobody reviews what they wrote: the database itself compares the two.
OWN_REVIEW = """by_id = gateway_user_id() AND EXISTS (SELECT 1 FROM triage_assessment a
    WHERE a.id = assessment_review.assessment_id AND a.referral_id = assessment_review.referral_id
        AND a.by_id <> assessment_review.by_id)"""
OWN_DECISION = "by_id = gateway_user_id() AND " + THROUGH_REFERRAL.format(table="marac_decision")
# What becomes of a referral to MARAC; never whom it is about or who decided it.
MARAC_OUTCOME = "meeting_on, outcome, outcome_recorded_at, sealed_outcome, version"
# table -> [(kind of role, privilege, columns, condition)]
RULES = {
    "assessment_review": [
        ("caseworker", "SELECT", "", THROUGH_REFERRAL.format(table="assessment_review")),
        ("caseworker", "INSERT", "", OWN_REVIEW),
        ("worker", "SELECT", "", "true"),
    ],
    "marac_decision": [
        ("caseworker", "SELECT", "", THROUGH_REFERRAL.format(table="marac_decision")),
        ("caseworker", "INSERT", "", OWN_DECISION),
        ("caseworker", "UPDATE", MARAC_OUTCOME, THROUGH_REFERRAL.format(table="marac_decision")),
        ("worker", "SELECT", "", "true"),
    ],
}


def upgrade() -> None:
    """Columns that may be empty, two tables and new kinds of task: the release before reads none of them."""
    for name, kind in (
        ("dash_score", sa.Integer()),
        ("dash_on", sa.Date()),
        ("dash_by", sa.Text()),
        ("incidents", sa.Integer()),
        ("least_risk", sa.Text()),
    ):
        op.add_column("triage_assessment", sa.Column(name, kind))
    for name in ("review_causes", "wanted"):
        op.add_column(
            "triage_assessment",
            sa.Column(name, postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        )
    for name, rule in (
        ("dash_score", "dash_score BETWEEN 0 AND 24"),
        (
            "dash_has_origin",
            "(dash_score IS NULL) = (dash_on IS NULL) AND (dash_score IS NULL) = (dash_by IS NULL)",
        ),
        ("dash_by", "dash_by IN ('gateway', 'police', 'other_agency')"),
        ("incidents", "incidents BETWEEN 0 AND 999"),
        ("least_risk", "least_risk IN ('standard', 'medium', 'high')"),
    ):
        _add_check("triage_assessment", f"ck_triage_assessment_{name}", rule)
    _create_reviews()
    _create_marac_decisions()
    for table, rules in RULES.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        for kind, privilege, columns, condition in rules:
            _allow(table, kind, privilege, columns, condition)
    op.execute(
        "CREATE TRIGGER assessment_review_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON assessment_review"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    _change_task_kinds(added=NEW_KINDS)
    # In the transaction of the upgrade, as every migration is. None of the kind is there yet, so that building it is
    # one look at the tasks.
    op.execute(
        "-- squawk-ignore require-concurrent-index-creation\n"
        "CREATE INDEX ix_task_high_risk_review ON task (due_on, id)"
        " WHERE done_at IS NULL AND kind = 'high_risk_review'"
    )


def downgrade() -> None:
    """Only while nobody has used it: what was assessed, reviewed or decided would be lost."""
    in_use = sa.text(
        "SELECT EXISTS (SELECT FROM assessment_review) OR EXISTS (SELECT FROM marac_decision)"
        " OR EXISTS (SELECT FROM triage_assessment WHERE dash_score IS NOT NULL OR incidents IS NOT NULL"
        " OR wanted <> '{}')"
        " OR EXISTS (SELECT FROM task WHERE kind = ANY (CAST(:kinds AS text[])))"
    )
    if op.get_bind().scalar(in_use, {"kinds": list(NEW_KINDS)}):
        raise RuntimeError(
            "scores, reviews or decisions about MARAC were recorded, which can't be taken back"
        )
    op.drop_index("ix_task_high_risk_review", table_name="task")
    _change_task_kinds(removed=NEW_KINDS)
    for table in ("marac_decision", "assessment_review"):
        op.drop_table(table)
    for name in NEW_COLUMNS:
        op.drop_column("triage_assessment", name)


def _create_reviews() -> None:
    op.create_table(
        "assessment_review",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("assessment_id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        sa.Column("agreed", sa.Boolean(), nullable=False),
        sa.Column("officer_grade", sa.Text(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assessment_review")),
        sa.ForeignKeyConstraint(
            ["assessment_id"], ["triage_assessment.id"], name=op.f("fk_assessment_review_assessment_id")
        ),
        sa.ForeignKeyConstraint(
            ["referral_id"], ["referral.id"], name=op.f("fk_assessment_review_referral_id")
        ),
        sa.ForeignKeyConstraint(["by_id"], ["app_user.id"], name=op.f("fk_assessment_review_by_id")),
        sa.CheckConstraint(
            "officer_grade IN ('standard', 'medium', 'high')", name=op.f("ck_assessment_review_officer_grade")
        ),
        # Sent back without a reason, nobody could do better.
        sa.CheckConstraint(
            "agreed OR sealed IS NOT NULL", name=op.f("ck_assessment_review_sent_back_says_why")
        ),
    )
    op.create_index("uq_assessment_review_once", "assessment_review", ["assessment_id"], unique=True)
    op.create_index("ix_assessment_review_referral_id", "assessment_review", ["referral_id"])


def _create_marac_decisions() -> None:
    op.create_table(
        "marac_decision",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("decided_on", sa.Date(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        sa.Column("is_referred", sa.Boolean(), nullable=False),
        sa.Column("reasons", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("is_repeat", sa.Boolean(), nullable=True),
        sa.Column("meeting_on", sa.Date(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("outcome_recorded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("sealed_outcome", sa.LargeBinary(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_marac_decision")),
        sa.ForeignKeyConstraint(["referral_id"], ["referral.id"], name=op.f("fk_marac_decision_referral_id")),
        sa.ForeignKeyConstraint(["by_id"], ["app_user.id"], name=op.f("fk_marac_decision_by_id")),
        sa.CheckConstraint(
            "is_referred OR (meeting_on IS NULL AND outcome IS NULL)",
            name=op.f("ck_marac_decision_outcome_of_a_referral"),
        ),
        sa.CheckConstraint(
            "outcome IN ('heard', 'not_accepted', 'withdrawn')", name=op.f("ck_marac_decision_outcome")
        ),
        sa.CheckConstraint(
            "outcome IS DISTINCT FROM 'heard' OR meeting_on IS NOT NULL",
            name=op.f("ck_marac_decision_heard_has_meeting"),
        ),
        sa.CheckConstraint(
            "(outcome IS NULL) = (outcome_recorded_at IS NULL)",
            name=op.f("ck_marac_decision_outcome_has_moment"),
        ),
    )
    op.create_index("ix_marac_decision_referral_id", "marac_decision", ["referral_id"])


def _add_check(table: str, name: str, rule: str) -> None:
    """The columns are new and empty, so that reading the table takes a moment."""
    op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({rule}) NOT VALID")
    op.execute(
        f"-- squawk-ignore constraint-missing-not-valid\nALTER TABLE {table} VALIDATE CONSTRAINT {name}"
    )


def _allow(table: str, kind: str, privilege: str, columns: str, condition: str) -> None:
    listed = f" ({columns})" if columns else ""
    op.execute(f"GRANT {privilege}{listed} ON {table} TO gateway_{kind}")
    using = "" if privilege == "INSERT" else f" USING ({condition})"
    check = f" WITH CHECK ({condition})" if privilege in ("INSERT", "UPDATE") else ""
    op.execute(
        f"CREATE POLICY {kind}_{privilege.lower()} ON {table} FOR {privilege} TO gateway_{kind}{using}{check}"
    )


def _change_task_kinds(*, added: tuple[str, ...] = (), removed: tuple[str, ...] = ()) -> None:
    """Add kinds to the check of `task.kind` or take some out, whatever others it allows."""
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
                WHERE c.conname = 'ck_task_taskkind' AND c.conrelid = 'task'::regclass
                UNION SELECT unnest({more})
            ) known
            WHERE value <> ALL ({less});
            ALTER TABLE task DROP CONSTRAINT ck_task_taskkind;
            EXECUTE format('ALTER TABLE task ADD CONSTRAINT ck_task_taskkind CHECK (kind IN (%s)) NOT VALID', allowed);
            ALTER TABLE task VALIDATE CONSTRAINT ck_task_taskkind;
        END $$"""
    )
