"""A worker has access to the service of the onward referral that is given to them, and says what that service can take.

Before, an account of the organisation was enough for both.
"""

from __future__ import annotations

from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

OWN = (
    "provider_id = gateway_organisation_id() AND EXISTS (SELECT 1 FROM onward_referral o"
    " WHERE o.id = {table}.onward_referral_id AND o.provider_id = gateway_organisation_id())"
)
OF_ORGANISATION = (
    "EXISTS (SELECT 1 FROM app_user u WHERE u.id = {table}.worker_id"
    " AND u.organisation_id = gateway_organisation_id() AND u.disabled_at IS NULL)"
)
OF_SERVICE = (
    "EXISTS (SELECT 1 FROM membership m JOIN app_user u ON u.id = m.user_id"
    " JOIN onward_referral o ON o.id = {table}.onward_referral_id"
    " WHERE m.user_id = {table}.worker_id AND m.organisation_id = gateway_organisation_id()"
    " AND m.ended_at IS NULL AND u.disabled_at IS NULL AND (m.all_services OR o.service_id = ANY (m.service_ids)))"
)
OWN_SERVICE = "provider_id = gateway_organisation_id()"
# The provider's administrator looks after all of its services, whether or not it sees referrals.
KEPT_SERVICE = (
    "(id = ANY ((SELECT reader_services())::uuid[]) OR (SELECT reader_is_provider_administrator()))"
)
ROWS = {
    "onward_worker": "given_by_id = gateway_user_id()",
    "onward_appointment": "by_id = gateway_user_id() AND state = 'planned'",
}


def upgrade() -> None:
    """The release before may go on: each of its accounts has all services of its organisation."""
    _alter_policies(OF_SERVICE)
    _alter_service_policy(f"{OWN_SERVICE} AND {KEPT_SERVICE}")


def downgrade() -> None:
    """Nothing is lost."""
    _alter_policies(OF_ORGANISATION)
    _alter_service_policy(OWN_SERVICE)


def _alter_policies(colleague: str) -> None:
    for table, own_row in ROWS.items():
        condition = f"{OWN} AND {own_row} AND {colleague}".format(table=table)
        op.execute(f"ALTER POLICY provider_insert ON {table} WITH CHECK ({condition})")


def _alter_service_policy(condition: str) -> None:
    op.execute(
        f"ALTER POLICY provider_update ON provider_service USING ({condition}) WITH CHECK ({condition})"
    )
