"""Whom an account works for, with which services: access by organisation and service, and a provider's administrator."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

STAFF = ("caseworker", "senior", "manager", "admin", "auditor")
PROVIDER_ROLES = ("provider", "provider_administrator")
TABLE = "membership"
OWN = "organisation_id = (SELECT gateway_organisation_id())"
SOMEBODY = "(SELECT gateway_user_id()) IS NOT NULL"
ADMINISTERS = "(SELECT reader_is_provider_administrator())"
# Bracketed, it is asked once a statement. IS TRUE keeps it a filter: as a condition it drew the planner to an index
# of services and away from that of the inbox.
OF_SERVICE = "(service_id = ANY ((SELECT reader_services())::uuid[])) IS TRUE"
# As the reader: the policies of the tables within count. Names are qualified, for the search path is the caller's.
LIVE_MEMBERSHIP = """public.membership m JOIN public.app_user u ON u.id = m.user_id
        WHERE m.user_id = public.gateway_user_id() AND m.organisation_id = public.gateway_organisation_id()
            AND m.ended_at IS NULL AND u.disabled_at IS NULL"""
FUNCTIONS = {
    "reader_services": (
        "uuid[]",
        f"""SELECT CASE WHEN m.all_services THEN ARRAY(
            SELECT s.id FROM public.provider_service s WHERE s.provider_id = m.organisation_id
        ) ELSE m.service_ids END FROM {LIVE_MEMBERSHIP}""",
    ),
    "reader_is_provider_administrator": (
        "boolean",
        f"SELECT EXISTS (SELECT 1 FROM {LIVE_MEMBERSHIP} AND m.role = 'provider_administrator')",
    ),
    "organisation_members": (
        "uuid[]",
        """SELECT ARRAY(SELECT m.user_id FROM public.membership m
            WHERE m.organisation_id = public.gateway_organisation_id())""",
    ),
}
# Beside what a policy allows already: the organisation and the service, both.
NARROWED = {
    "onward_referral": OF_SERVICE,
    "provider_notice": OF_SERVICE,
    "reminder": "EXISTS (SELECT 1 FROM onward_referral o WHERE o.id = reminder.onward_referral_id)",
    "message": """EXISTS (SELECT 1 FROM reminder r WHERE r.id = message.reminder_id)
        OR EXISTS (SELECT 1 FROM provider_notice n WHERE n.id = message.notice_id)""",
}
LIVE = "state IN ('offered', 'acknowledged', 'information_requested', 'accepted', 'in_service')"
UNANSWERED = "state IN ('offered', 'acknowledged', 'information_requested')"
# As `rules/inbox_order_sql.py` writes them: an expression that differs by a word is not found in the index.
INBOX_ORDER = f"""(CASE WHEN {UNANSWERED} THEN 'answer' WHEN state IN ('accepted') THEN 'contact'
        WHEN state IN ('in_service') THEN 'support' END),
    (CASE WHEN provider_clock_on IS NULL THEN 'infinity'::date WHEN {UNANSWERED}
        AND answer_due_on < provider_clock_on THEN answer_due_on ELSE provider_clock_on END),
    (CASE WHEN first_contact_planned_on IS NULL THEN 'infinity'::date ELSE first_contact_planned_on END),
    offered_at, id"""
INCLUDED = "state, answer_due_on, provider_clock_on, first_contact_planned_on, provider_access_ended_at"
NEW_ACCOUNT = "id, organisation_id, email, name, role, password_hash, starting_password_until, totp_last_step, created_at"
# What a provider keeps of a referral after its access has ended: that it was, for which service, when, how it ended.
SUMMARY = """SELECT o.id, o.reference, o.service_id, o.state, o.offered_at, o.answered_at, o.first_contact_at,
        o.ended_at, o.provider_access_ended_at, o.decline_reason, o.outcome
    FROM onward_referral o
    WHERE o.provider_id = gateway_organisation_id() AND o.state NOT IN ('draft', 'entered_in_error')
        AND o.service_id = ANY ((SELECT reader_services())::uuid[])"""


def upgrade() -> None:
    """Added beside what the release before knows: each account of a provider has all services, as it had."""
    _widen_roles((*STAFF, *PROVIDER_ROLES))
    op.create_table(
        TABLE,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(length=40), nullable=False),
        sa.Column("all_services", sa.Boolean(), nullable=False),
        sa.Column("service_ids", postgresql.ARRAY(sa.Uuid()), server_default="{}", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(f"role IN {PROVIDER_ROLES}", name=op.f("ck_membership_of_a_provider")),
        sa.CheckConstraint("NOT all_services OR service_ids = '{}'", name=op.f("ck_membership_all_or_named")),
        sa.ForeignKeyConstraint(["user_id"], ["app_user.id"], name=op.f("fk_membership_user_id")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_membership_organisation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_membership")),
    )
    op.create_index("uq_membership_once", TABLE, ["user_id", "organisation_id"], unique=True)
    op.create_index("ix_membership_organisation_id", TABLE, ["organisation_id"])
    op.execute(f"ALTER TABLE {TABLE} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {TABLE} FORCE ROW LEVEL SECURITY")
    for name, (gives, body) in FUNCTIONS.items():
        op.execute(
            f"CREATE FUNCTION {name}() RETURNS {gives} LANGUAGE plpgsql STABLE PARALLEL SAFE"
            f" AS $$ BEGIN RETURN ({body}); END $$"
        )
        op.execute(f"REVOKE ALL ON FUNCTION {name}() FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {name}() TO gateway_provider")
    _membership_policies()
    _keep_members()
    _notices_and_sessions()
    _narrow_access()
    _account_policies()
    _summary()
    # The service is read with the order, or every row of the inbox and its counts would be fetched for it.
    _index_inbox(f"service_id, {INCLUDED}")


def downgrade() -> None:
    """Only while each account works for one organisation with all its services: a limit would be lost."""
    in_use = sa.text(
        "SELECT EXISTS (SELECT FROM app_user WHERE role = 'provider_administrator')"
        " OR EXISTS (SELECT FROM membership WHERE NOT all_services OR ended_at IS NOT NULL)"
        " OR EXISTS (SELECT FROM membership GROUP BY user_id HAVING count(*) > 1)"
    )
    # Under row-level security the owner sees no row: as the worker, who sees all.
    op.execute("SET LOCAL ROLE gateway_worker")
    is_in_use = op.get_bind().scalar(in_use)
    op.execute("RESET ROLE")
    if is_in_use:
        raise RuntimeError("accounts have limits or organisations that the release before does not know")
    _index_inbox(INCLUDED)
    op.execute("DROP VIEW provider_referral_summary")
    op.execute("DROP POLICY owner_reads ON onward_referral")
    op.execute("DROP POLICY provider_insert ON app_user")
    op.execute("ALTER POLICY provider_select ON app_user USING (organisation_id = gateway_organisation_id())")
    op.execute(f"REVOKE INSERT ({NEW_ACCOUNT}) ON app_user FROM gateway_provider")
    for table in NARROWED:
        op.execute(f"DROP POLICY provider_services ON {table}")
    op.execute("DROP TRIGGER provider_notice_service ON provider_notice")
    op.execute("DROP FUNCTION keep_service_of_notice()")
    op.drop_column("provider_notice", "service_id")
    op.drop_column("web_session", "organisation_id")
    op.execute("DROP TRIGGER app_user_membership ON app_user")
    op.execute("DROP FUNCTION keep_first_membership()")
    op.drop_table(TABLE)
    for name in reversed(FUNCTIONS):
        op.execute(f"DROP FUNCTION {name}()")
    _widen_roles((*STAFF, "provider"))


def _index_inbox(included: str) -> None:
    """Build the index of the inbox's order anew. Live rows of a few organisations: a second."""
    op.execute(
        "-- squawk-ignore require-concurrent-index-deletion\nDROP INDEX ix_onward_referral_inbox_order"
    )
    op.execute(
        "-- squawk-ignore require-concurrent-index-creation\n"
        f"CREATE INDEX ix_onward_referral_inbox_order ON onward_referral (provider_id, {INBOX_ORDER})"
        f" INCLUDE ({included}) WHERE {LIVE}"
    )


def _widen_roles(roles: tuple[str, ...]) -> None:
    """Accounts are a few hundred rows: looking through them takes a moment."""
    op.execute("-- squawk-ignore ban-drop-constraint\nALTER TABLE app_user DROP CONSTRAINT ck_app_user_role")
    op.execute(f"ALTER TABLE app_user ADD CONSTRAINT ck_app_user_role CHECK (role IN {roles}) NOT VALID")
    op.execute(
        "-- squawk-ignore constraint-missing-not-valid\n"
        "ALTER TABLE app_user VALIDATE CONSTRAINT ck_app_user_role"
    )


def _membership_policies() -> None:
    # Nothing of an account of the Gateway: who works there can't work for a provider with the same account.
    of_provider = (
        f"EXISTS (SELECT 1 FROM app_user u WHERE u.id = membership.user_id AND u.role IN {PROVIDER_ROLES})"
    )
    changes = " (role, all_services, service_ids, ended_at, version)"
    for kind, privilege, columns, condition in (
        ("provider", "SELECT", "", OWN),
        ("provider", "INSERT", "", f"{OWN} AND {ADMINISTERS} AND {of_provider}"),
        ("provider", "UPDATE", changes, f"{OWN} AND {ADMINISTERS}"),
        ("admin", "SELECT", "", SOMEBODY),
        ("admin", "INSERT", "", f"{SOMEBODY} AND {of_provider}"),
        ("admin", "UPDATE", changes, SOMEBODY),
        ("signin", "SELECT", "", "true"),
        ("worker", "SELECT", "", "true"),
        ("worker", "INSERT", "", "true"),
        ("worker", "UPDATE", "", "true"),
    ):
        op.execute(f"GRANT {privilege}{columns} ON {TABLE} TO gateway_{kind}")
        using = "" if privilege == "INSERT" else f" USING ({condition})"
        # What an administrator takes from itself is checked before: afterwards it has nothing to show for it.
        result = OWN if (kind, privilege) == ("provider", "UPDATE") else condition
        check = "" if privilege == "SELECT" else f" WITH CHECK ({result})"
        op.execute(
            f"CREATE POLICY {kind}_{privilege.lower()} ON {TABLE} FOR {privilege} TO gateway_{kind}{using}{check}"
        )


def _keep_members() -> None:
    """An account of a provider works for it from the first moment, whichever release adds it."""
    op.execute(
        """CREATE FUNCTION keep_first_membership() RETURNS trigger LANGUAGE plpgsql
        SET search_path = pg_catalog, public, pg_temp AS $$
        BEGIN
            INSERT INTO membership (id, user_id, organisation_id, role, all_services, created_at)
            VALUES (gen_random_uuid(), NEW.id, NEW.organisation_id, NEW.role, NEW.role = 'provider', NEW.created_at);
            RETURN NULL;
        END $$"""
    )
    op.execute(
        "CREATE TRIGGER app_user_membership AFTER INSERT ON app_user FOR EACH ROW"
        f" WHEN (NEW.role IN {PROVIDER_ROLES}) EXECUTE FUNCTION keep_first_membership()"
    )
    op.execute("SET LOCAL ROLE gateway_worker")
    op.execute(
        "INSERT INTO membership (id, user_id, organisation_id, role, all_services, created_at)"
        " SELECT gen_random_uuid(), u.id, u.organisation_id, u.role, true, u.created_at"
        " FROM app_user u WHERE u.role = 'provider'"
    )
    op.execute("RESET ROLE")


def _notices_and_sessions() -> None:
    """An ended onward referral can't be read any more: its notice says of which service it was."""
    for table, column, other in (
        ("web_session", "organisation_id", "organisation"),
        ("provider_notice", "service_id", "provider_service"),
    ):
        op.add_column(table, sa.Column(column, sa.Uuid(), nullable=True))
        # Every row has nothing in the new column: looking through them takes a moment.
        op.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT fk_{table}_{column}"
            f" FOREIGN KEY ({column}) REFERENCES {other} (id) NOT VALID"
        )
        op.execute(
            "-- squawk-ignore constraint-missing-not-valid\n"
            f"ALTER TABLE {table} VALIDATE CONSTRAINT fk_{table}_{column}"
        )
    op.execute(
        """CREATE FUNCTION keep_service_of_notice() RETURNS trigger LANGUAGE plpgsql
        SET search_path = pg_catalog, public, pg_temp AS $$
        BEGIN
            IF NEW.service_id IS NULL THEN
                SELECT o.service_id INTO NEW.service_id FROM onward_referral o WHERE o.id = NEW.onward_referral_id;
            END IF;
            RETURN NEW;
        END $$"""
    )
    op.execute(
        "CREATE TRIGGER provider_notice_service BEFORE INSERT ON provider_notice FOR EACH ROW"
        " EXECUTE FUNCTION keep_service_of_notice()"
    )
    op.execute("SET LOCAL ROLE gateway_worker")
    op.execute(
        "UPDATE provider_notice n SET service_id = o.service_id FROM onward_referral o"
        " WHERE o.id = n.onward_referral_id"
    )
    op.execute("RESET ROLE")


def _narrow_access() -> None:
    for table, condition in NARROWED.items():
        op.execute(
            f"CREATE POLICY provider_services ON {table} AS RESTRICTIVE FOR ALL TO gateway_provider"
            f" USING ({condition})"
        )


def _account_policies() -> None:
    """A provider's administrator adds accounts of its own organisation and of no other kind."""
    op.execute(
        "ALTER POLICY provider_select ON app_user USING (organisation_id = gateway_organisation_id()"
        " OR id = ANY ((SELECT organisation_members())::uuid[]))"
    )
    op.execute(f"GRANT INSERT ({NEW_ACCOUNT}) ON app_user TO gateway_provider")
    op.execute(
        "CREATE POLICY provider_insert ON app_user FOR INSERT TO gateway_provider"
        f" WITH CHECK ({OWN} AND role IN {PROVIDER_ROLES} AND {ADMINISTERS})"
    )


def _summary() -> None:
    """Read with the owner's rights, so it applies the rule of the organisation and the service itself."""
    op.execute("CREATE POLICY owner_reads ON onward_referral FOR SELECT TO CURRENT_USER USING (true)")
    op.execute(f"CREATE VIEW provider_referral_summary WITH (security_barrier) AS {SUMMARY}")
    op.execute("GRANT SELECT ON provider_referral_summary TO gateway_provider")
