"""A small charity without an account works by a link: its registered contact, the links, and what a link may reach.

A contact is a row of `app_user` without sign-in: what is done by a link is done, written and audited as
that contact. Its access is that of an account with one service, and only while a used link of its own stands, and
only to the one onward referral of that link.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

LINKS, SESSIONS = "contact_link", "contact_link_session"
OCCASIONS = ("notice", "caseworker", "contact")
ENDINGS = ("replaced", "revoked", "locked", "contact_changed", "finished")
SIGN_IN_STEPS = ("contact_link_ask", "contact_link_code")
# Never what opens it: the hashes of the token and of the code are for the service alone.
SHOWN = (
    "id, onward_referral_id, service_id, contact_id, sent_to, occasion, created_at, created_by_id, sent_at,"
    " expires_at, code_asked_at, used_at, ended_at, ending"
)
OF_CASE = "EXISTS (SELECT 1 FROM onward_referral o WHERE o.id = contact_link.onward_referral_id)"
IS_CONTACT = "(SELECT reader_is_contact())"
# IS TRUE keeps it a filter: as a condition it would draw the planner away from the index of the inbox.
OF_LINK = f"(NOT {IS_CONTACT} OR {{column}} = (SELECT reader_link_referral())) IS TRUE"
NARROWED = {"onward_referral": "id", "provider_notice": "onward_referral_id"}
# As the reader: the policies of the tables within count. Names are qualified, for the search path is the caller's.
FUNCTIONS = {
    "gateway_contact_link_id": ("uuid", "NULLIF(current_setting('gateway.contact_link_id', true), '')::uuid"),
    "reader_is_contact": (
        "boolean",
        """public.gateway_contact_link_id() IS NOT NULL OR EXISTS (SELECT 1 FROM public.app_user u
            WHERE u.id = public.gateway_user_id() AND u.contact_service_id IS NOT NULL)""",
    ),
    "reader_link_referral": (
        "uuid",
        """SELECT l.onward_referral_id FROM public.contact_link l
            JOIN public.app_user u ON u.id = l.contact_id
            JOIN public.provider_service s ON s.id = l.service_id
            JOIN public.provider p ON p.id = s.provider_id
            WHERE l.id = public.gateway_contact_link_id() AND l.contact_id = public.gateway_user_id()
                AND l.used_at IS NOT NULL AND l.ended_at IS NULL AND u.disabled_at IS NULL
                AND u.contact_service_id = s.id AND (s.retired_on IS NULL OR s.retired_on > current_date)
                AND (p.retired_on IS NULL OR p.retired_on > current_date)
                AND lower(s.contact_email) = lower(l.sent_to)""",
    ),
}
SUMMARY = """SELECT o.id, o.reference, o.service_id, o.state, o.offered_at, o.answered_at, o.first_contact_at,
        o.ended_at, o.provider_access_ended_at, o.decline_reason, o.outcome
    FROM onward_referral o
    WHERE o.provider_id = gateway_organisation_id() AND o.state NOT IN ('draft', 'entered_in_error')
        AND o.service_id = ANY ((SELECT reader_services())::uuid[])"""
FIRST_MEMBERSHIP = """CREATE OR REPLACE FUNCTION keep_first_membership() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
    BEGIN
        INSERT INTO membership (id, user_id, organisation_id, role, {columns}, created_at)
        VALUES (gen_random_uuid(), NEW.id, NEW.organisation_id, NEW.role, {values}, NEW.created_at);
        RETURN NULL;
    END $$"""
_VALIDATED = "-- squawk-ignore constraint-missing-not-valid"


def upgrade() -> None:
    """Added beside what the release before knows; a service without a registered contact works as it did."""
    _registered_contacts()
    for name, (gives, body) in FUNCTIONS.items():
        op.execute(
            f"CREATE FUNCTION {name}() RETURNS {gives} LANGUAGE plpgsql STABLE PARALLEL SAFE"
            f" AS $$ BEGIN RETURN ({body}); END $$"
        )
        op.execute(f"REVOKE ALL ON FUNCTION {name}() FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {name}() TO gateway_provider")
    _links()
    for table, column in NARROWED.items():
        op.execute(
            f"CREATE POLICY provider_by_link ON {table} AS RESTRICTIVE FOR ALL TO gateway_provider"
            f" USING ({OF_LINK.format(column=column)})"
        )
    # What a service can take is said by its provider, not by who was sent one referral.
    op.execute(
        "CREATE POLICY provider_by_link ON provider_service AS RESTRICTIVE FOR UPDATE TO gateway_provider"
        f" USING (NOT {IS_CONTACT})"
    )
    op.execute(
        f"CREATE OR REPLACE VIEW provider_referral_summary WITH (security_barrier) AS {SUMMARY} AND NOT {IS_CONTACT}"
    )
    _change_check("sign_in_attempt", "signinstep", added=SIGN_IN_STEPS)


def downgrade() -> None:
    """Only while no service has a registered contact: what they did is audited as theirs."""
    op.execute("SET LOCAL ROLE gateway_worker")
    in_use = op.get_bind().scalar(
        sa.text(
            "SELECT EXISTS (SELECT FROM provider_service WHERE contact_email IS NOT NULL)"
            " OR EXISTS (SELECT FROM app_user WHERE contact_service_id IS NOT NULL)"
            " OR EXISTS (SELECT FROM sign_in_attempt WHERE step IN ('contact_link_ask', 'contact_link_code'))"
        )
    )
    op.execute("RESET ROLE")
    if in_use:
        raise RuntimeError("services have registered contacts, or links were used")
    _change_check("sign_in_attempt", "signinstep", removed=SIGN_IN_STEPS)
    op.execute(f"CREATE OR REPLACE VIEW provider_referral_summary WITH (security_barrier) AS {SUMMARY}")
    for table in (*NARROWED, "provider_service"):
        op.execute(f"DROP POLICY provider_by_link ON {table}")
    op.drop_table(SESSIONS)
    op.drop_table(LINKS)
    for name in reversed(FUNCTIONS):
        op.execute(f"DROP FUNCTION {name}()")
    op.execute(FIRST_MEMBERSHIP.format(columns="all_services", values="NEW.role = 'provider'"))
    op.drop_column("app_user", "contact_email")
    op.drop_column("app_user", "contact_service_id")
    for column in ("contact_name", "contact_email"):
        op.drop_column("provider_service", column)


def _registered_contacts() -> None:
    for column in ("contact_name", "contact_email"):
        op.add_column("provider_service", sa.Column(column, sa.Text(), nullable=True))
    op.add_column("app_user", sa.Column("contact_service_id", sa.Uuid(), nullable=True))
    op.add_column("app_user", sa.Column("contact_email", sa.Text(), nullable=True))
    rules = (
        (
            "provider_service",
            "ck_provider_service_contact_whole",
            "CHECK ((contact_name IS NULL) = (contact_email IS NULL))",
        ),
        (
            "app_user",
            "fk_app_user_contact_service_id",
            "FOREIGN KEY (contact_service_id) REFERENCES provider_service (id)",
        ),
        (
            "app_user",
            "ck_app_user_contact_signs_in_nowhere",
            "CHECK (CASE WHEN contact_service_id IS NULL THEN contact_email IS NULL ELSE contact_email IS NOT NULL"
            " AND role = 'provider' AND password_hash = '' AND totp_sealed IS NULL END)",
        ),
    )
    for table, name, rule in rules:
        # A few hundred rows: looking through them takes a moment.
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {rule} NOT VALID")
        op.execute(f"{_VALIDATED}\nALTER TABLE {table} VALIDATE CONSTRAINT {name}")
    op.execute(
        "-- squawk-ignore require-concurrent-index-creation\n"
        "CREATE UNIQUE INDEX uq_app_user_contact_service_id ON app_user (contact_service_id)"
        " WHERE disabled_at IS NULL"
    )
    for kind in ("caseworker", "provider", "manager", "auditor"):
        op.execute(f"GRANT SELECT (contact_service_id) ON app_user TO gateway_{kind}")
    # The membership of a contact names the one service.
    op.execute(
        FIRST_MEMBERSHIP.format(
            columns="all_services, service_ids",
            values="NEW.role = 'provider' AND NEW.contact_service_id IS NULL,"
            " CASE WHEN NEW.contact_service_id IS NULL THEN '{}' ELSE ARRAY[NEW.contact_service_id] END",
        )
    )


def _links() -> None:
    op.create_table(
        LINKS,
        sa.Column("id", sa.Uuid(), nullable=False),
        *(
            sa.Column(name, sa.Uuid(), nullable=False)
            for name in ("onward_referral_id", "service_id", "contact_id")
        ),
        sa.Column("sent_to", sa.Text(), nullable=False),
        sa.Column("occasion", sa.String(40), nullable=False),
        # NULL: a caseworker asked for it, and its e-mail has not been tried yet.
        sa.Column("token_hash", sa.LargeBinary(), nullable=True),
        _moment("created_at", nullable=False),
        sa.Column("created_by_id", sa.Uuid(), nullable=True),
        _moment("sent_at"),
        _moment("expires_at", nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=True),
        _moment("code_asked_at"),
        _moment("code_expires_at"),
        sa.Column("codes_sent", sa.Integer(), server_default="0", nullable=False),
        sa.Column("wrong_codes", sa.Integer(), server_default="0", nullable=False),
        _moment("used_at"),
        _moment("ended_at"),
        sa.Column("ending", sa.String(40), nullable=True),
        sa.CheckConstraint(f"occasion IN {OCCASIONS}", name=op.f("ck_contact_link_contactlinkoccasion")),
        sa.CheckConstraint(f"ending IN {ENDINGS}", name=op.f("ck_contact_link_contactlinkending")),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (ending IS NULL)", name=op.f("ck_contact_link_end_has_reason")
        ),
        sa.CheckConstraint(
            "(code_hash IS NULL) = (code_expires_at IS NULL)", name=op.f("ck_contact_link_code_runs_out")
        ),
        sa.CheckConstraint("octet_length(token_hash) >= 16", name=op.f("ck_contact_link_hash_size")),
        *(
            sa.ForeignKeyConstraint([column], [f"{target}.id"], name=op.f(f"fk_{LINKS}_{column}"))
            for column, target in (
                ("onward_referral_id", "onward_referral"),
                ("service_id", "provider_service"),
                ("contact_id", "app_user"),
                ("created_by_id", "app_user"),
            )
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_link")),
    )
    op.create_index("uq_contact_link_token_hash", LINKS, ["token_hash"], unique=True)
    op.create_index("ix_contact_link_onward_referral_id", LINKS, ["onward_referral_id"])
    op.create_table(
        SESSIONS,
        sa.Column("id_hash", sa.LargeBinary(), nullable=False),
        sa.Column("link_id", sa.Uuid(), nullable=False),
        _moment("created_at", nullable=False),
        _moment("last_seen_at", nullable=False),
        _moment("ended_at"),
        sa.ForeignKeyConstraint(
            ["link_id"], ["contact_link.id"], name=op.f("fk_contact_link_session_link_id")
        ),
        sa.PrimaryKeyConstraint("id_hash", name=op.f("pk_contact_link_session")),
    )
    # One use: the database keeps a second session of a link out, of any browser.
    op.create_index("uq_contact_link_session_link_id", SESSIONS, ["link_id"], unique=True)
    for table in (LINKS, SESSIONS):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        for privilege in ("SELECT", "INSERT", "UPDATE", "DELETE"):
            _allow(table, "worker", privilege, "true")
    _allow(LINKS, "caseworker", "SELECT", OF_CASE, f" ({SHOWN})")
    # Its own link and no other: those of the contact's other referrals say that there are such.
    own = "id = (SELECT gateway_contact_link_id()) AND contact_id = gateway_user_id()"
    _allow(LINKS, "provider", "SELECT", own, f" ({SHOWN})")


def _allow(table: str, kind: str, privilege: str, condition: str, columns: str = "") -> None:
    op.execute(f"GRANT {privilege}{columns} ON {table} TO gateway_{kind}")
    using = "" if privilege == "INSERT" else f" USING ({condition})"
    check = f" WITH CHECK ({condition})" if privilege in ("INSERT", "UPDATE") else ""
    op.execute(
        f"CREATE POLICY {kind}_{privilege.lower()} ON {table} FOR {privilege} TO gateway_{kind}{using}{check}"
    )


def _moment(name: str, *, nullable: bool = True) -> sa.Column[sa.DateTime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _change_check(
    table: str, name: str, *, added: tuple[str, ...] = (), removed: tuple[str, ...] = ()
) -> None:
    """Add values to the check of a column or take some out, whatever others it allows."""
    constraint = f"ck_{table}_{name}"
    more, less = (f"ARRAY[{', '.join(map(repr, values))}]::text[]" for values in (added, removed))
    op.execute(
        f"""DO $$
        DECLARE allowed text;
        BEGIN
            SELECT string_agg(DISTINCT quote_literal(value), ', ') INTO allowed
            FROM (
                SELECT matched[1] AS value
                FROM pg_constraint c, regexp_matches(pg_get_constraintdef(c.oid), '''([a-z_]+)''', 'g') AS matched
                WHERE c.conname = '{constraint}' AND c.conrelid = '{table}'::regclass
                UNION SELECT unnest({more})
            ) known
            WHERE value <> ALL ({less});
            ALTER TABLE {table} DROP CONSTRAINT {constraint};
            EXECUTE format('ALTER TABLE {table} ADD CONSTRAINT {constraint} CHECK (step IN (%s)) NOT VALID', allowed);
            ALTER TABLE {table} VALIDATE CONSTRAINT {constraint};
        END $$"""
    )
