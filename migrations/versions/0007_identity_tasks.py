"""A task may ask to compare two people; a new number is found at once, while an import still writes."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# The lint warns of these on tables that are large, or without a check in place of the dropped one.
LINT_DROP = "-- squawk-ignore ban-drop-constraint\n"
LINT_VALIDATE = "-- squawk-ignore constraint-missing-not-valid\n"
BEFORE = (
    "feed_conflict safe_contact_check possible_same_person provider_declined provider_asked offer_expired"
    " service_ended"
).split()


def upgrade() -> None:
    """One more kind is allowed. Tasks are few: the check is validated within moments, in the same transaction."""
    _replace_check([*BEFORE, "reference_conflict"])
    # An import looks up every number of a chunk beside those it has just written; each look-up would read the
    # whole list of entries that are not sorted in yet.
    op.execute("ALTER INDEX ix_person_phone_hashes SET (fastupdate = off)")
    op.execute("SELECT gin_clean_pending_list('ix_person_phone_hashes')")


def downgrade() -> None:
    """Fails while there is such a task: what it asks would be lost."""
    _replace_check(BEFORE)
    op.execute("ALTER INDEX ix_person_phone_hashes RESET (fastupdate)")


def _replace_check(kinds: list[str]) -> None:
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    op.execute(f"{LINT_DROP}ALTER TABLE task DROP CONSTRAINT IF EXISTS ck_task_taskkind")
    op.execute(f"ALTER TABLE task ADD CONSTRAINT ck_task_taskkind CHECK (kind IN ({listed})) NOT VALID")
    op.execute(f"{LINT_VALIDATE}ALTER TABLE task VALIDATE CONSTRAINT ck_task_taskkind")
