"""The audit is written in lanes, so that writers do not wait for each other.

A lane is a chain of its own, and the sequence of an entry holds its lane: lane 0 is the chain as it stands, lane 2
begins at 2,000,000,000,001. No table is rewritten. The release before goes on in lane 0, whose lock and head it
asks for: both releases write a chain that verifies. Its own nightly check knows one lane only and would report the
others as a break, so the old workers must be gone before the night.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

KINDS = ("caseworker", "provider", "manager", "admin", "auditor", "worker", "signin")
LANES = 64
LANE_SIZE = 10**12
# The lowest free lane: a quiet service stays in one. Where all are taken, wait for one and not for the first.
CLAIM = f"""
DECLARE lane bigint := 0;
BEGIN
    IF NOT pg_try_advisory_xact_lock(7301001) THEN
        lane := 1;
        WHILE lane < {LANES} AND NOT pg_try_advisory_xact_lock(7301001, lane::integer) LOOP lane := lane + 1; END LOOP;
        IF lane = {LANES} THEN
            lane := 1 + pg_backend_pid() % ({LANES} - 1);
            PERFORM pg_advisory_xact_lock(7301001, lane::integer);
        END IF;
    END IF;
    -- A statement of its own, and so with a snapshot taken under the lock: it sees what the last holder committed.
    RETURN QUERY SELECT coalesce(last.sequence, lane * {LANE_SIZE}), coalesce(last.hash, ''::bytea), clock_timestamp()
        FROM (SELECT) one LEFT JOIN LATERAL (
            SELECT e.sequence, e.hash FROM audit_entry e
            WHERE e.sequence > lane * {LANE_SIZE} AND e.sequence < (lane + 1) * {LANE_SIZE}
            ORDER BY e.sequence DESC LIMIT 1) last ON true;
END"""
# For the release before, which takes the lock by itself.
HEAD_OF_LANE_0 = f"""
    SELECT coalesce(max(a.sequence), 0),
        coalesce((SELECT b.hash FROM audit_entry b WHERE b.sequence < {LANE_SIZE}
            ORDER BY b.sequence DESC LIMIT 1), ''::bytea),
        clock_timestamp()
    FROM audit_entry a WHERE a.sequence < {LANE_SIZE} """
HEAD_OF_ALL = """
    SELECT coalesce(max(a.sequence), 0),
        coalesce((SELECT b.hash FROM audit_entry b ORDER BY b.sequence DESC LIMIT 1), ''::bytea),
        clock_timestamp()
    FROM audit_entry a """
LANES_ARE_USED = f"""DO $$ BEGIN
    IF EXISTS (SELECT FROM audit_entry WHERE sequence >= {LANE_SIZE}) THEN
        RAISE EXCEPTION 'the audit holds lanes, which the release before takes for a broken chain: can''t be taken back';
    END IF;
END $$"""


def upgrade() -> None:
    """One function to claim a lane, the old one narrowed to lane 0, and a table of how far was verified."""
    kinds = ", ".join("gateway_" + kind for kind in KINDS)
    op.execute(
        f"""CREATE FUNCTION claim_audit_lane() RETURNS TABLE (sequence bigint, hash bytea, now timestamptz)
        LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $${CLAIM}$$"""
    )
    op.execute("REVOKE ALL ON FUNCTION claim_audit_lane() FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION claim_audit_lane() TO {kinds}")
    _replace_audit_head(HEAD_OF_LANE_0)
    op.create_table(
        "audit_checkpoint",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("signed", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("kind", name=op.f("pk_audit_checkpoint")),
    )
    op.execute("ALTER TABLE audit_checkpoint ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE audit_checkpoint FORCE ROW LEVEL SECURITY")
    op.execute("GRANT SELECT, INSERT, UPDATE ON audit_checkpoint TO gateway_worker")
    op.execute(
        "CREATE POLICY worker_all ON audit_checkpoint TO gateway_worker USING (true) WITH CHECK (true)"
    )
    op.execute("GRANT SELECT ON audit_checkpoint TO gateway_auditor")
    op.execute(
        "CREATE POLICY auditor_select ON audit_checkpoint FOR SELECT TO gateway_auditor"
        " USING ((SELECT gateway_user_id()) IS NOT NULL)"
    )


def downgrade() -> None:
    """Only while lane 0 alone has been written; what was verified is verified again."""
    op.execute(LANES_ARE_USED)
    op.drop_table("audit_checkpoint")
    _replace_audit_head(HEAD_OF_ALL)
    op.execute("DROP FUNCTION claim_audit_lane()")


def _replace_audit_head(statement: str) -> None:
    op.execute(
        f"""CREATE OR REPLACE FUNCTION audit_head() RETURNS TABLE (sequence bigint, hash bytea, now timestamptz)
        LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $${statement}$$"""
    )
