"""A referral that was reopened can be held: the person may say no then too."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

STEPS = {
    "received": "held assigned closed entered_in_error",
    "held": "received assigned closed entered_in_error",
    "assigned": "received held in_contact closed entered_in_error",
    "in_contact": "held triaged closed entered_in_error",
    "triaged": "supported closed entered_in_error",
    "supported": "triaged closed entered_in_error",
    "closed": "reopened",
    "reopened": "assigned in_contact triaged supported closed entered_in_error",
}


def upgrade() -> None:
    """The same table as in victim_gateway.transitions, which a test holds it to."""
    _replace({**STEPS, "reopened": f"held {STEPS['reopened']}"})


def downgrade() -> None:
    _replace(STEPS)


def _replace(steps: dict[str, str]) -> None:
    allowed = " OR ".join(
        f"(OLD.state = '{state}' AND NEW.state IN ({', '.join(repr(step) for step in following.split())}))"
        for state, following in steps.items()
    )
    op.execute(
        f"""CREATE OR REPLACE FUNCTION referral_steps() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NEW.state <> OLD.state AND NOT ({allowed}) THEN
                RAISE EXCEPTION 'a referral can not go from % to %', OLD.state, NEW.state
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'referral_steps';
            END IF;
            RETURN NEW;
        END $$"""
    )
