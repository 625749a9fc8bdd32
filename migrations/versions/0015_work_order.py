"""Indexes that hold what is open alone, in the order in which lists show it."""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

HIGH = "domestic_abuse OR risk = 'high' OR (risk = 'unknown' AND officer_grade = 'high')"
# As `rules/work_order_sql.py` writes them: an expression that differs by a word is not found in the index.
ORDER = f"""(CASE WHEN {HIGH} THEN 0 ELSE 1 END),
    (CASE WHEN next_due_on IS NULL THEN 'infinity'::date ELSE next_due_on END),
    (CASE WHEN {HIGH} THEN 0 WHEN risk = 'medium' THEN 1 WHEN risk = 'unknown' THEN 2 WHEN risk = 'standard' THEN 3
        ELSE 4 END),
    next_since, id"""
HARM_ORDER = (
    "child_without_safe_adult unreadable_answers explicit_consent_needed no_contact_details out_of_scope"
    " consent_refused withdrawn_by_force"
).split()
HARM = " ".join(
    f"WHEN held_reason = '{reason}' OR '{reason}' = ANY (held_reasons) THEN {rank}"
    for reason, rank in (("person_died", 7), *((reason, rank) for rank, reason in enumerate(HARM_ORDER)))
)
OPEN = "next_act <> 'nothing'"
# What the keys are made of, what row-level security asks for, and every filter: the row itself is not read.
BESIDE = "next_due_on, risk, domestic_abuse, officer_grade, restricted, waiting_on, district"
# name -> columns and what stands beside them, which rows
WORK_INDEXES = {
    "ix_referral_open": (f"({ORDER}) INCLUDE ({BESIDE}, next_act, assigned_to_id)", OPEN),
    "ix_referral_next_act": (f"(next_act, {ORDER}) INCLUDE ({BESIDE}, assigned_to_id)", OPEN),
    "ix_referral_caseworker": (
        f"(assigned_to_id, {ORDER}) INCLUDE ({BESIDE}, next_act)",
        f"{OPEN} AND assigned_to_id IS NOT NULL",
    ),
    "ix_referral_with_provider": (
        f"({ORDER}) INCLUDE ({BESIDE}, next_act, assigned_to_id)",
        "waiting_on = 'provider'",
    ),
    "ix_referral_held": (
        f"((CASE {HARM} ELSE 8 END), {ORDER})"
        f" INCLUDE ({BESIDE}, next_act, assigned_to_id, held_reason, held_reasons)",
        "state = 'held'",
    ),
}
OTHER_INDEXES = {
    # What a provider may still see, for the reminder pass and the inbox.
    "ix_onward_referral_live": "onward_referral (provider_id, state) INCLUDE (id, referral_id, reference, answer_due_on)"
    " WHERE provider_access_ended_at IS NULL",
    "ix_entitlement_clock_provider_open": "entitlement_clock (provider_id, due_on) WHERE edition = 'local'"
    " AND status IN ('running', 'overdue') AND provider_id IS NOT NULL",
    # The rows that a page of a batch shows, in its order.
    "ix_import_row_with_reasons": "import_row (batch_id, (outcome <> 'set_aside'), row_number)"
    " WHERE reasons <> '[]'::jsonb",
}
REPLACED = {
    "ix_referral_queue": ["state", "next_due_on"],
    "ix_referral_mine": ["assigned_to_id", "next_due_on"],
}
LOCAL_CLOCKS = "ix_entitlement_clock_local_open"


def upgrade() -> None:
    """Each index is of what is open, and built in a second; the release before finds its rows by the new ones."""
    for name, (columns, rows) in WORK_INDEXES.items():
        op.execute(
            f"-- squawk-ignore require-concurrent-index-creation\nCREATE INDEX {name} ON referral {columns} WHERE {rows}"
        )
    for name, rows in OTHER_INDEXES.items():
        op.execute(f"-- squawk-ignore require-concurrent-index-creation\nCREATE INDEX {name} ON {rows}")
    for name in (*REPLACED, LOCAL_CLOCKS):
        op.execute(f"-- squawk-ignore require-concurrent-index-deletion\nDROP INDEX {name}")
    # What an expression gives is counted with the rows; until then the planner guesses.
    op.execute("ANALYZE referral")


def downgrade() -> None:
    """Nothing is lost."""
    for name, columns in REPLACED.items():
        op.create_index(name, "referral", columns)
    op.create_index(
        LOCAL_CLOCKS,
        "entitlement_clock",
        ["due_on"],
        postgresql_where=text("edition = 'local' AND status IN ('running', 'overdue')"),
    )
    for name in (*WORK_INDEXES, *OTHER_INDEXES):
        op.execute(f"DROP INDEX {name}")
