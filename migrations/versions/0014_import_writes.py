"""What an import writes costs less: keys that rise with time, references checked once a statement, wider sequences.

References. An import wrote each row with up to three foreign keys, and PostgreSQL looks up each of them for each row
by a query of its own. Those to `import_batch` and `wrapped_key` name one row for a whole chunk, or a row that the
same statement before has written. They become one check for a statement, and no account of the service can delete
the rows they name, which is what the other half of a foreign key held. The owner of the tables may disable the
trigger, as they could drop a foreign key: a restore looks for what is missing (docs/production.md). A clock is derived
from the events of its referral, whose own reference stays, as it names those events without a foreign key already.
"""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

# (table, column, the table it names)
ONCE_A_STATEMENT = (
    ("case_event", "import_batch_id", "import_batch"),
    ("referral", "import_batch_id", "import_batch"),
    ("import_row", "batch_id", "import_batch"),
    ("import_row", "key_id", "wrapped_key"),
    ("person", "key_id", "wrapped_key"),
)
NEVER_DELETED = ("import_batch", "wrapped_key")
# What a clock takes over from its events, which name it with a foreign key.
DERIVED = {"referral_id": "referral", "provider_id": "provider"}
SEQUENCES = ("case_event", "case_facts")


def upgrade() -> None:
    """Both releases can write before and after it. The two tables with a wider sequence are rewritten under a lock."""
    _make_row_id_function()
    for table in NEVER_DELETED:
        op.execute(
            f"CREATE TRIGGER {table}_never_deleted BEFORE DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        # A key that changed would leave the rows that name it behind.
        op.execute(
            f"CREATE TRIGGER {table}_keeps_its_id BEFORE UPDATE OF id ON {table} FOR EACH ROW"
            " WHEN (NEW.id IS DISTINCT FROM OLD.id) EXECUTE FUNCTION refuse_change()"
        )
    _make_check_of_one_row()
    for table, column, named in ONCE_A_STATEMENT:
        _check_once_a_statement(table, column, named)
        _drop_foreign_key(table, column)
    for column in DERIVED:
        _drop_foreign_key("entitlement_clock", column)
    for table in SEQUENCES:
        op.execute(
            f"-- squawk-ignore changing-column-type\nALTER TABLE {table} ALTER COLUMN sequence TYPE bigint"
        )
        # What was known of the table's values went with the old rows: without it whole tables are read for a few rows.
        op.execute(f"ANALYZE {table}")


def downgrade() -> None:
    """The foreign keys come back, and hold: the checks let nothing else in. The sequences stay wide."""
    for column, named in DERIVED.items():
        op.create_foreign_key(f"fk_entitlement_clock_{column}", "entitlement_clock", named, [column], ["id"])
    for table, column, named in ONCE_A_STATEMENT:
        op.create_foreign_key(f"fk_{table}_{column}", table, named, [column], ["id"])
        op.execute(f"DROP TRIGGER {table}_{column}_exists ON {table}")
        op.execute(f"DROP TRIGGER {table}_{column}_still_exists ON {table}")
        op.execute(f"DROP FUNCTION check_{table}_{column}()")
    op.execute("DROP FUNCTION check_changed_reference()")
    for table in NEVER_DELETED:
        op.execute(f"DROP TRIGGER {table}_never_deleted ON {table}")
        op.execute(f"DROP TRIGGER {table}_keeps_its_id ON {table}")
    op.execute("DROP FUNCTION new_row_id()")


def _drop_foreign_key(table: str, column: str) -> None:
    op.execute(
        f"-- squawk-ignore ban-drop-constraint\nALTER TABLE {table} DROP CONSTRAINT fk_{table}_{column}"
    )


def _make_row_id_function() -> None:
    """UUID version 7: built in from PostgreSQL 18 on, before that put together from a random one and the time."""
    op.execute(
        """DO $$ BEGIN
            IF to_regprocedure('pg_catalog.uuidv7()') IS NOT NULL THEN
                CREATE FUNCTION new_row_id() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE
                    AS 'SELECT pg_catalog.uuidv7()';
            ELSE
                CREATE FUNCTION new_row_id() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE AS $body$
                    SELECT encode(set_bit(set_bit(
                        overlay(uuid_send(gen_random_uuid()) PLACING
                            substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
                            FROM 1 FOR 6),
                        52, 1), 53, 1), 'hex')::uuid
                $body$;
            END IF;
        END $$"""
    )


def _check_once_a_statement(table: str, column: str, named: str) -> None:
    """Check the rows of one INSERT together, and a row whose reference is changed by itself.

    Run with the rights of who inserts: who may not see the row that is named may not name it either. A reference that
    is empty in every row is not looked up, in a condition of its own: who writes it may have no right to the other
    table, and PostgreSQL asks for it before it looks.
    """
    op.execute(
        f"""CREATE FUNCTION check_{table}_{column}() RETURNS trigger LANGUAGE plpgsql
            SET search_path = pg_catalog, public, pg_temp AS $$
        BEGIN
            IF EXISTS (SELECT FROM added WHERE {column} IS NOT NULL) THEN
                IF EXISTS (
                    SELECT FROM (SELECT DISTINCT {column} AS id FROM added) given
                    WHERE given.id IS NOT NULL AND NOT EXISTS (SELECT FROM {named} n WHERE n.id = given.id)
                ) THEN
                    RAISE EXCEPTION 'a row of {table} names a row of {named} that is not there'
                        USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'fk_{table}_{column}', TABLE = '{table}';
                END IF;
            END IF;
            RETURN NULL;
        END $$"""
    )
    op.execute(
        f"CREATE TRIGGER {table}_{column}_exists AFTER INSERT ON {table}"
        f" REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION check_{table}_{column}()"
    )
    op.execute(
        f"CREATE TRIGGER {table}_{column}_still_exists AFTER UPDATE OF {column} ON {table} FOR EACH ROW"
        f" WHEN (NEW.{column} IS DISTINCT FROM OLD.{column} AND NEW.{column} IS NOT NULL)"
        f" EXECUTE FUNCTION check_changed_reference('{column}', '{named}')"
    )


def _make_check_of_one_row() -> None:
    op.execute(
        """CREATE FUNCTION check_changed_reference() RETURNS trigger LANGUAGE plpgsql
            SET search_path = pg_catalog, public, pg_temp AS $$
        DECLARE is_there boolean;
        BEGIN
            EXECUTE format('SELECT EXISTS (SELECT FROM %I WHERE id = ($1).%I)', TG_ARGV[1], TG_ARGV[0])
                INTO is_there USING NEW;
            IF NOT is_there THEN
                RAISE EXCEPTION 'a row of % names a row of % that is not there', TG_TABLE_NAME, TG_ARGV[1]
                    USING ERRCODE = 'foreign_key_violation', TABLE = TG_TABLE_NAME,
                        CONSTRAINT = format('fk_%s_%s', TG_TABLE_NAME, TG_ARGV[0]);
            END IF;
            RETURN NULL;
        END $$"""
    )
