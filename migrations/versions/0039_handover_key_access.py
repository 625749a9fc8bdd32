"""Which handover a key opens is asked by index: a provider's page read all that the provider was ever offered.

The policy's EXISTS was answered by reading every onward referral of the provider, live or ended, once for each page:
24 ms of the 50 that an inbox takes with 10,000 of them. Who may open what stays the same.
"""

from __future__ import annotations

from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

# As the reader: the policies of onward_referral count. Names are qualified, for the search path is the caller's.
SEES_HANDOVER = "EXISTS (SELECT 1 FROM public.onward_referral o WHERE o.key_id = asked)"
BY_JOIN = "EXISTS (SELECT 1 FROM onward_referral o WHERE o.key_id = wrapped_key.id)"


def upgrade() -> None:
    """The release before works with it: its statements meet the same rows."""
    # Some thousands of rows, so that no write waits for long.
    op.execute(
        "-- squawk-ignore require-concurrent-index-creation\n"
        "CREATE INDEX ix_onward_referral_key_id ON onward_referral (key_id)"
    )
    op.execute(
        "CREATE FUNCTION sees_handover_of_key(asked uuid) RETURNS boolean LANGUAGE plpgsql STABLE PARALLEL SAFE"
        f" AS $$ BEGIN RETURN {SEES_HANDOVER}; END $$"
    )
    op.execute("REVOKE ALL ON FUNCTION sees_handover_of_key(uuid) FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION sees_handover_of_key(uuid) TO gateway_provider")
    _alter_key_policy("sees_handover_of_key(id)")


def downgrade() -> None:
    """Nothing is lost."""
    _alter_key_policy(BY_JOIN)
    op.execute("DROP FUNCTION sees_handover_of_key(uuid)")
    op.drop_index("ix_onward_referral_key_id", "onward_referral")


def _alter_key_policy(condition: str) -> None:
    op.execute(
        "ALTER POLICY provider_select ON wrapped_key"
        f" USING (purpose = 'handover' AND organisation_id = gateway_organisation_id() AND {condition})"
    )
