"""People are found by near spellings and by parts of numbers, in indexes that row-level security can't switch off.

A condition on an array is not leakproof, so under row-level security PostgreSQL checks each row's policy before it
and reads the whole table. The functions below look into the indexes as the owner of the tables and give ids: of
records that the asking user may see, as the policies of 0002 say, and no other column. What is then read by these
ids passes the policies again.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

PERSON_SEEN = """(SELECT gateway_user_id()) IS NOT NULL AND p.erased_at IS NULL AND (NOT p.restricted OR EXISTS (
            SELECT 1 FROM referral r JOIN referral_access a ON a.referral_id = r.id
            WHERE r.person_id = p.id AND a.user_id = gateway_user_id()))"""
REFERRAL_SEEN = """(NOT f.restricted OR EXISTS (
            SELECT 1 FROM referral_access b WHERE b.referral_id = f.id AND b.user_id = gateway_user_id()))"""
# `readings[i:i]` is one row of the array, and @> takes it as a set: any one reading that is held wholly will do.
# OFFSET keeps the look-up for each row of the array by itself: as a join, it was read the other way round, with every
# person compared with every reading.
EACH_READING = """generate_subscripts(readings, 1) i CROSS JOIN LATERAL (
                SELECT p.id, p.created_at, p.search_parts FROM person p
                WHERE p.{column} @> readings[i:i] AND {person_seen} OFFSET 0) p"""
BY_ARRAY = """
        SELECT DISTINCT p.id, p.created_at FROM {each_reading}
        ORDER BY p.created_at DESC, p.id LIMIT at_most""".replace("{each_reading}", EACH_READING)
SIMILAR = """
        WITH near AS MATERIALIZED (
            SELECT DISTINCT ON (p.id) p.id, p.search_parts AS parts FROM {each_reading}
        )
        SELECT near.id, shared.number
        FROM near CROSS JOIN LATERAL (
            SELECT count(*)::integer AS number FROM unnest(near.parts) part WHERE part = ANY (typed)
        ) shared
        WHERE shared.number >= at_least
        ORDER BY shared.number DESC, cardinality(near.parts), near.id LIMIT at_most""".replace(
    "{each_reading}", EACH_READING.replace("{column}", "search_parts")
)
BY_PHONE = """
        SELECT p.id FROM person p WHERE p.phone_hashes @> ARRAY[phone] AND {person_seen}
        ORDER BY p.created_at DESC, p.id LIMIT at_most"""
BY_REFERENCE = """
        SELECT f.id, p.id FROM (
            SELECT f.id, f.person_id, f.received_at FROM referral f
            WHERE f.search_parts @> typed AND {referral_seen} OFFSET 0
        ) f JOIN person p ON p.id = f.person_id
        WHERE {person_seen}
        ORDER BY f.received_at DESC, f.id LIMIT at_most"""
# name(arguments) -> what it gives, its statement
LOOKUPS = {
    "find_by_name_tokens(readings integer[], at_most integer)": (
        "TABLE (person_id uuid, created_at timestamptz)",
        BY_ARRAY.replace("{column}", "name_tokens"),
    ),
    "find_by_search_parts(readings integer[], at_most integer)": (
        "TABLE (person_id uuid, created_at timestamptz)",
        BY_ARRAY.replace("{column}", "search_parts"),
    ),
    "find_by_similar_name(typed integer[], readings integer[], at_least integer, at_most integer)": (
        "TABLE (person_id uuid, shared integer)",
        SIMILAR,
    ),
    "find_by_phone(phone bytea, at_most integer)": ("TABLE (person_id uuid)", BY_PHONE),
    "find_by_reference_parts(typed integer[], at_most integer)": (
        "TABLE (referral_id uuid, person_id uuid)",
        BY_REFERENCE,
    ),
}


def upgrade() -> None:
    """Two columns, filled by the index pass; until then people are found by whole names as before."""
    for table, waiting in (
        ("person", "search_parts IS NULL AND erased_at IS NULL"),
        ("referral", "search_parts IS NULL"),
    ):
        op.add_column(table, sa.Column("search_parts", sa.ARRAY(sa.Integer()), nullable=True))
        # Every row is still without parts, so the first index is empty and the second of ids alone: done in a second.
        op.execute(
            f"""-- squawk-ignore require-concurrent-index-creation
            CREATE INDEX ix_{table}_search_parts ON {table} USING gin (search_parts)
            WITH (gin_pending_list_limit = 512) WHERE search_parts IS NOT NULL"""
        )
        op.execute(
            f"""-- squawk-ignore require-concurrent-index-creation
            CREATE INDEX ix_{table}_without_search_parts ON {table} (id) WHERE {waiting}"""
        )
    for signature, (gives, statement) in LOOKUPS.items():
        body = statement.replace("{person_seen}", PERSON_SEEN).replace("{referral_seen}", REFERRAL_SEEN)
        op.execute(
            f"""CREATE FUNCTION {signature} RETURNS {gives}
            LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
            SET enable_seqscan = off SET jit = off AS $${body} $$"""
        )
        op.execute(f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO gateway_caseworker")
    # Forced row-level security holds for an owner that is no superuser too.
    for table in ("person", "referral", "referral_access"):
        op.execute(f"CREATE POLICY owner_looks_up ON {table} FOR SELECT TO CURRENT_USER USING (true)")


def downgrade() -> None:
    """Nothing is lost: the parts are worked out from what is sealed."""
    for table in ("person", "referral", "referral_access"):
        op.execute(f"DROP POLICY owner_looks_up ON {table}")
    for signature in LOOKUPS:
        op.execute(f"DROP FUNCTION {signature}")
    for table in ("person", "referral"):
        op.drop_column(table, "search_parts")
