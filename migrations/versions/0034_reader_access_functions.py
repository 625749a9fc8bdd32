"""Whom a restricted record is open to, and which records are one person, as functions: pages are planned in a third.

Every policy of what hangs on a person or a referral asks whether that row may be seen. PostgreSQL plans an EXISTS in two
ways, and each level within it twice again: the statement of a referral's header took 60 ms to plan and 2 ms to run.
A function is planned once in a session, and called only for rows that are restricted. Who sees what stays the same.
"""

from __future__ import annotations

from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

# As the reader: the policies of the tables within count. Names are qualified, for the search path is the caller's.
FUNCTIONS = {
    "reader_has_referral_access": (
        "boolean",
        """RETURN EXISTS (
            SELECT 1 FROM public.referral_access a
            WHERE a.referral_id = asked AND a.user_id = public.gateway_user_id());""",
    ),
    "reader_has_person_access": (
        "boolean",
        """RETURN EXISTS (
            SELECT 1 FROM public.referral r JOIN public.referral_access a ON a.referral_id = r.id
            WHERE r.person_id = asked AND a.user_id = public.gateway_user_id());""",
    ),
    # A row of a file is read by its batch: an EXISTS would be answered by reading every referral there is.
    "sees_referral": ("boolean", "RETURN EXISTS (SELECT 1 FROM public.referral r WHERE r.id = asked);"),
    # Of most people there is one record, and a list asks for fifty.
    "records_of_person": (
        "uuid[]",
        """IF NOT EXISTS (
            SELECT 1 FROM public.person_merge m
            WHERE m.undone_at IS NULL AND (m.kept_id = asked OR m.merged_id = asked)
        ) THEN RETURN ARRAY[asked]; END IF;
        RETURN ARRAY(
            SELECT asked
            UNION SELECT m.kept_id FROM public.person_merge m
                WHERE m.undone_at IS NULL AND m.merged_id = asked
            UNION SELECT m.merged_id FROM public.person_merge m
                WHERE m.undone_at IS NULL AND m.kept_id = asked
            UNION SELECT m.merged_id
                FROM public.person_merge m JOIN public.person_merge own ON own.kept_id = m.kept_id
                WHERE m.undone_at IS NULL AND own.undone_at IS NULL AND own.merged_id = asked);""",
    ),
}
TABLES = ("referral", "person")
BY_FUNCTION = "(SELECT gateway_user_id()) IS NOT NULL AND (NOT restricted OR reader_has_{table}_access(id))"
BY_JOIN = {
    "referral": """(SELECT gateway_user_id()) IS NOT NULL AND (NOT restricted OR EXISTS (
        SELECT 1 FROM referral_access a WHERE a.referral_id = referral.id AND a.user_id = gateway_user_id()))""",
    "person": """(SELECT gateway_user_id()) IS NOT NULL AND (NOT restricted OR EXISTS (
        SELECT 1 FROM referral r JOIN referral_access a ON a.referral_id = r.id
        WHERE r.person_id = person.id AND a.user_id = gateway_user_id()))""",
}


def upgrade() -> None:
    """The release before works with it: its statements meet the same rows."""
    for name, (gives, body) in FUNCTIONS.items():
        op.execute(
            f"CREATE FUNCTION {name}(asked uuid) RETURNS {gives} LANGUAGE plpgsql STABLE PARALLEL SAFE"
            f" AS $$ BEGIN {body} END $$"
        )
        op.execute(f"REVOKE ALL ON FUNCTION {name}(uuid) FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {name}(uuid) TO gateway_caseworker, gateway_worker")
    # It is asked of every row: at its true price no plan goes through a whole table with it, or starts processes.
    op.execute("ALTER FUNCTION sees_referral(uuid) COST 1000 PARALLEL RESTRICTED")
    for table in TABLES:
        _alter_policies(table, BY_FUNCTION.format(table=table))
    _alter_key_policy("sees_incident(subject_id)")
    _alter_row_policy("sees_referral(referral_id)")


def downgrade() -> None:
    """Nothing is lost."""
    for table in TABLES:
        _alter_policies(table, BY_JOIN[table])
    _alter_key_policy("EXISTS (SELECT 1 FROM incident i WHERE i.id = wrapped_key.subject_id)")
    _alter_row_policy("EXISTS (SELECT 1 FROM referral r WHERE r.id = import_row.referral_id)")
    for name in reversed(FUNCTIONS):
        op.execute(f"DROP FUNCTION {name}(uuid)")


def _alter_policies(table: str, condition: str) -> None:
    op.execute(f"ALTER POLICY caseworker_select ON {table} USING ({condition})")
    op.execute(f"ALTER POLICY caseworker_update ON {table} USING ({condition}) WITH CHECK ({condition})")
    op.execute(f"ALTER POLICY caseworker_insert ON {table} WITH CHECK ({condition})")


def _alter_key_policy(condition: str) -> None:
    op.execute(
        f"ALTER POLICY caseworker_select_incident ON wrapped_key USING (purpose = 'incident' AND {condition})"
    )


def _alter_row_policy(condition: str) -> None:
    op.execute(
        "ALTER POLICY caseworker_select ON import_row"
        f" USING ((SELECT gateway_user_id()) IS NOT NULL AND (referral_id IS NULL OR {condition}))"
    )
