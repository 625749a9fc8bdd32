"""Narrower rights to incidents: who left one opens it no more, and only its readers fill and describe it."""

from __future__ import annotations

from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

# Through a referral that belongs to it now: one that was taken out opens it no longer.
OF_INCIDENT = (
    "EXISTS (SELECT 1 FROM incident_referral m JOIN referral r ON r.id = m.referral_id"
    " WHERE m.incident_id = incident.id AND m.left_at IS NULL)"
)
OF_INCIDENT_BEFORE = OF_INCIDENT.replace(" AND m.left_at IS NULL", "")
# Of an incident that was just recorded no reader sees anything yet: its author writes it and puts the first one in.
OWN_OR_SEEN = "(sees_incident(incident_id) OR is_own_empty_incident(incident_id))"
SEEN_REFERRAL = "EXISTS (SELECT 1 FROM referral r WHERE r.id = incident_referral.referral_id)"
DESCRIBED = "by_id = gateway_user_id()"
JOINED = f"joined_by_id = gateway_user_id() AND {SEEN_REFERRAL}"
FUNCTIONS = ("sees_incident(uuid)", "is_own_empty_incident(uuid)")
TABLES = ("incident", "incident_referral")


def upgrade() -> None:
    """The release before does nothing that these refuse, but for what the pages never offered."""
    # As the reader, through the policy of `incident`; a function, as the two tables' policies would ask each other.
    op.execute(
        """CREATE FUNCTION sees_incident(asked uuid) RETURNS boolean
        LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
            SELECT EXISTS (SELECT FROM incident i WHERE i.id = asked) $$"""
    )
    # By the owner: while no referral belongs to it, not even its author sees the incident.
    op.execute(
        """CREATE FUNCTION is_own_empty_incident(asked uuid) RETURNS boolean
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
            SELECT EXISTS (SELECT FROM incident i WHERE i.id = asked AND i.recorded_by_id = gateway_user_id())
                AND NOT EXISTS (SELECT FROM incident_referral m WHERE m.incident_id = asked) $$"""
    )
    for name in FUNCTIONS:
        op.execute(f"REVOKE ALL ON FUNCTION {name} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {name} TO gateway_caseworker")
    # Forced row-level security holds for an owner that is no superuser too.
    for table in TABLES:
        op.execute(f"CREATE POLICY owner_reads ON {table} FOR SELECT TO CURRENT_USER USING (true)")
    _set_policies(OF_INCIDENT)
    for table, condition in (("incident_description", DESCRIBED), ("incident_referral", JOINED)):
        narrowed = f"{condition} AND {OWN_OR_SEEN}"
        op.execute(f"ALTER POLICY caseworker_insert ON {table} WITH CHECK ({narrowed})")
    # Leaving closes the row, so that what was still open may be asked of the row before only.
    op.execute(
        "ALTER POLICY caseworker_update ON incident_referral"
        f" USING (left_at IS NULL AND {SEEN_REFERRAL})"
        f" WITH CHECK (left_by_id = gateway_user_id() AND {SEEN_REFERRAL})"
    )


def downgrade() -> None:
    _set_policies(OF_INCIDENT_BEFORE)
    op.execute(f"ALTER POLICY caseworker_insert ON incident_description WITH CHECK ({DESCRIBED})")
    op.execute(f"ALTER POLICY caseworker_insert ON incident_referral WITH CHECK ({JOINED})")
    op.execute(
        f"ALTER POLICY caseworker_update ON incident_referral USING ({SEEN_REFERRAL}) WITH CHECK ({SEEN_REFERRAL})"
    )
    for table in TABLES:
        op.execute(f"DROP POLICY owner_reads ON {table}")
    for name in FUNCTIONS:
        op.execute(f"DROP FUNCTION {name}")


def _set_policies(condition: str) -> None:
    op.execute(f"ALTER POLICY caseworker_select ON incident USING ({condition})")
    op.execute(f"ALTER POLICY caseworker_update ON incident USING ({condition}) WITH CHECK ({condition})")
