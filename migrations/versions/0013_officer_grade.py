"""The officer's grade of a risk in a column of its own, for the day by which something is due.

It stands sealed in the referral's document too. Referrals that were stored before keep an empty column, since no
migration can open what is sealed, until a row of the feed or a correction names their grade again.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

CONSTRAINT = "ck_referral_officer_grade"
RULE = "CHECK (officer_grade IN ('standard', 'medium', 'high'))"


def upgrade() -> None:
    """Added empty: the release before neither reads nor writes it."""
    op.add_column("referral", sa.Column("officer_grade", sa.Text()))
    # Without reading the table under the lock, and then what stands in it.
    op.execute(f"ALTER TABLE referral ADD CONSTRAINT {CONSTRAINT} {RULE} NOT VALID")
    op.execute(
        "-- squawk-ignore constraint-missing-not-valid\n"
        f"ALTER TABLE referral VALIDATE CONSTRAINT {CONSTRAINT}"
    )


def downgrade() -> None:
    """Nothing is lost: the grade stands in the referral's document."""
    op.drop_column("referral", "officer_grade")
