"""Roles, row-level security, append-only tables and the allowed steps, from the first day.

The program logs in as gateway_app, which owns nothing and may see nothing; each transaction takes the
role of its actor's kind. With no actor named, every policy is false: no context, no rows.
"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

KINDS = ("caseworker", "provider", "manager", "admin", "auditor", "worker", "signin")
# Facts of law and calendar, the same for everybody: no row of them is about a person.
PUBLIC_TABLES = ("code_entitlement", "calendar_day")

# Bracketed, it is asked once a statement; asked for each row it cost more than reading the row.
SOMEBODY = "(SELECT gateway_user_id()) IS NOT NULL"
OPEN_OR_NAMED = """(SELECT gateway_user_id()) IS NOT NULL AND (NOT restricted OR EXISTS (
    SELECT 1 FROM referral_access a WHERE a.{key} AND a.user_id = gateway_user_id()))"""
REFERRAL_VISIBLE = OPEN_OR_NAMED.format(key="referral_id = referral.id")
PERSON_VISIBLE = f"""{SOMEBODY} AND (NOT restricted OR EXISTS (
    SELECT 1 FROM referral r JOIN referral_access a ON a.referral_id = r.id
    WHERE r.person_id = person.id AND a.user_id = gateway_user_id()))"""
THROUGH_REFERRAL = "EXISTS (SELECT 1 FROM referral r WHERE r.id = {table}.referral_id)"
THROUGH_PERSON = "EXISTS (SELECT 1 FROM person p WHERE p.id = {table}.person_id)"
# Both ids: what hangs on an onward referral can't be hung on another referral.
THROUGH_ONWARD = """EXISTS (SELECT 1 FROM onward_referral o WHERE o.id = {table}.onward_referral_id
    AND o.referral_id = {table}.referral_id)"""
# `>=` lets the transaction that ends the access finish its own work; afterwards nothing is left to see.
PROVIDER_ONWARD = """provider_id = gateway_organisation_id() AND state <> 'draft'
    AND (provider_access_ended_at IS NULL OR provider_access_ended_at >= transaction_timestamp())"""
# A provider reads by when it has to act, of what it can see; a clock that no event of its own started is not its.
OWN_CLOCK = """provider_id = gateway_organisation_id()
    AND EXISTS (SELECT 1 FROM case_event e WHERE e.id = entitlement_clock.start_event_id)"""
OWN_CLOCK_COLUMNS = (
    "id, provider_id, start_event_id, edition, entitlement_id, started_at, due_on, stopped_at, status"
)
OWN_HANDOVER_KEY = """purpose = 'handover' AND organisation_id = gateway_organisation_id()
    AND EXISTS (SELECT 1 FROM onward_referral o WHERE o.key_id = wrapped_key.id)"""
OWN_REMINDER = (
    "recipient_user_id = gateway_user_id() OR recipient_organisation_id = gateway_organisation_id()"
)
STAFF = "id, organisation_id, email, name, role, disabled_at"
MANAGER_REFERRAL = """id, reference, source, source_organisation, force, import_batch_id, received_at, recorded_as,
    offence, offence_code, district, victim_type, occurred_from, occurred_to, reported_at, vulnerable, intimidated,
    persistently_targeted, serious_crime, domestic_abuse, hate_strand, interpreter_needed, police_consent,
    restricted, state, held_reason, risk, next_act, waiting_on, next_due_on, next_since, closed_at, outcome"""
# What a provider's own acts change; never to whom or about whom the onward referral is.
PROVIDER_ANSWERS = """state, acknowledged_at, answered_at, first_contact_at, first_contact_planned_on, ended_at,
    decline_reason, outcome, provider_access_ended_at, version"""
MANAGER_ONWARD = """id, referral_id, provider_id, service_id, state, offered_at, answer_due_on, acknowledged_at,
    answered_at, first_contact_at, ended_at, decline_reason, decline_confirmed_at, outcome"""
MANAGER_EVENT = """id, sequence, referral_id, onward_referral_id, provider_id, kind, event, subject, occurred_at,
    recorded_at, source, grade, from_state, to_state, reason_code, voids_id"""

# table -> kind -> [(privilege, condition)]; privileges S(elect) I(nsert) U(pdate) D(elete), columns in brackets.
RULES: dict[str, dict[str, list[tuple[str, str]]]] = {
    "organisation": {
        "caseworker": [("S", SOMEBODY)],
        "provider": [("S", "kind = 'gateway' OR id = gateway_organisation_id()")],
        "manager": [("S", SOMEBODY)],
        "admin": [("SIU", SOMEBODY)],
        "auditor": [("S", SOMEBODY)],
        "signin": [("S", "true")],
    },
    "app_user": {
        "caseworker": [(f"S({STAFF})", SOMEBODY)],
        "provider": [(f"S({STAFF})", "organisation_id = gateway_organisation_id()")],
        "manager": [(f"S({STAFF})", SOMEBODY)],
        "admin": [("SIU", SOMEBODY)],
        "auditor": [(f"S({STAFF})", SOMEBODY)],
        "signin": [("SU", "true")],
    },
    "web_session": {"admin": [("SU", SOMEBODY)], "signin": [("SIU", "true")]},
    "sign_in_attempt": {"admin": [("S", SOMEBODY)], "signin": [("SIU", "true")]},
    "wrapped_key": {
        "caseworker": [("SI", f"{SOMEBODY} AND purpose IN ('person', 'handover', 'batch')")],
        "provider": [("S", OWN_HANDOVER_KEY)],
    },
    "person": {"caseworker": [("SIU", PERSON_VISIBLE)]},
    "safe_contact_plan": {"caseworker": [("SI", THROUGH_PERSON), ("U(superseded_at)", THROUGH_PERSON)]},
    "consent": {"caseworker": [("SI", THROUGH_PERSON), ("U(withdrawn_at, withdrawn_by_id)", THROUGH_PERSON)]},
    "referral": {
        "caseworker": [("SIU", REFERRAL_VISIBLE)],
        "manager": [(f"S({MANAGER_REFERRAL})", SOMEBODY)],
    },
    "referral_access": {"caseworker": [("S", "user_id = gateway_user_id()")]},
    "contact_attempt": {
        "caseworker": [("SI", THROUGH_REFERRAL)],
        "manager": [
            ("S(id, referral_id, attempted_at, recorded_at, channel, outcome, safety_checked)", SOMEBODY)
        ],
    },
    "triage_assessment": {
        "caseworker": [("SI", THROUGH_REFERRAL)],
        "manager": [
            (
                "S(id, referral_id, version, assessed_at, needs, risk, risk_grounds, enhanced_categories,"
                " wants_restorative_justice)",
                SOMEBODY,
            )
        ],
    },
    "note": {
        "caseworker": [("SI", THROUGH_REFERRAL)],
        "provider": [
            ("S", f"onward_referral_id IS NOT NULL AND {THROUGH_ONWARD}"),
            ("I", f"organisation_id = gateway_organisation_id() AND {THROUGH_ONWARD}"),
        ],
    },
    "task": {"caseworker": [("SIU", THROUGH_REFERRAL)]},
    "case_event": {
        "caseworker": [("SI", THROUGH_REFERRAL)],
        "provider": [
            ("S", f"onward_referral_id IS NOT NULL AND {THROUGH_ONWARD}"),
            ("I", f"organisation_id = gateway_organisation_id() AND {THROUGH_ONWARD}"),
        ],
        "manager": [(f"S({MANAGER_EVENT})", SOMEBODY)],
    },
    "case_facts": {"caseworker": [("S", THROUGH_REFERRAL)], "manager": [("S", SOMEBODY)]},
    "entitlement_clock": {
        "caseworker": [("S", THROUGH_REFERRAL)],
        "provider": [(f"S({OWN_CLOCK_COLUMNS})", OWN_CLOCK)],
        "manager": [("S", SOMEBODY)],
    },
    "provider": {
        "caseworker": [("S", SOMEBODY)],
        "provider": [("S", "id = gateway_organisation_id()")],
        "manager": [("S", SOMEBODY)],
        "admin": [("SIU", SOMEBODY)],
    },
    "provider_service": {
        "caseworker": [("S", SOMEBODY)],
        "provider": [("S", "provider_id = gateway_organisation_id()")],
        "manager": [("S", SOMEBODY)],
        "admin": [("SIU", SOMEBODY)],
    },
    "onward_referral": {
        "caseworker": [("SIU", THROUGH_REFERRAL)],
        "provider": [("S", PROVIDER_ONWARD), (f"U({PROVIDER_ANSWERS})", PROVIDER_ONWARD)],
        "manager": [(f"S({MANAGER_ONWARD})", SOMEBODY)],
    },
    "import_batch": {
        "caseworker": [("SI", SOMEBODY)],
        "manager": [("S", SOMEBODY)],
        "admin": [("S", SOMEBODY)],
    },
    # A row that was used holds what the force said of a person: it is seen where the referral is.
    "import_row": {"caseworker": [("S", f"{SOMEBODY} AND (referral_id IS NULL OR {THROUGH_REFERRAL})")]},
    "import_file": {"caseworker": [("I", SOMEBODY)]},
    "reminder": {
        "caseworker": [("S", THROUGH_REFERRAL), ("U(seen_at)", THROUGH_REFERRAL)],
        "provider": [("S", OWN_REMINDER), ("U(seen_at)", OWN_REMINDER)],
    },
    "message": {
        **{kind: [("S", "recipient_user_id = gateway_user_id()")] for kind in ("caseworker", "provider")},
        "admin": [("S", SOMEBODY)],
    },
    "outbox": {kind: [("SI", SOMEBODY)] for kind in ("caseworker", "provider", "manager", "admin")},
    "submission": {
        kind: [("SI", "user_id = gateway_user_id()")]
        for kind in ("caseworker", "provider", "manager", "admin")
    },
    "audit_entry": {
        **{kind: [("I", SOMEBODY)] for kind in ("caseworker", "provider", "manager", "admin")},
        "auditor": [("SI", SOMEBODY)],
        "signin": [("I", "true")],
    },
}
# Background work serves the whole area; what it may take away is only what can be made again or has ended.
WORKER_APPENDS = ("audit_entry", "case_event", "case_facts", "triage_assessment", "contact_attempt", "note")
WORKER_DELETES = (
    "outbox",
    "import_file",
    "web_session",
    "sign_in_attempt",
    "submission",
    "entitlement_clock",
)
APPEND_ONLY = ("audit_entry", "case_event", "case_facts", "triage_assessment", "contact_attempt", "note")

REFERRAL_STEPS = {
    "received": "held assigned closed entered_in_error",
    "held": "received assigned closed entered_in_error",
    "assigned": "received held in_contact closed entered_in_error",
    "in_contact": "held triaged closed entered_in_error",
    "triaged": "supported closed entered_in_error",
    "supported": "triaged closed entered_in_error",
    "closed": "reopened",
    "reopened": "assigned in_contact triaged supported closed entered_in_error",
    "entered_in_error": "",
}
ONWARD_STEPS = {
    "draft": "offered entered_in_error",
    "offered": "acknowledged information_requested accepted declined expired withdrawn entered_in_error",
    "acknowledged": "information_requested accepted declined expired withdrawn entered_in_error",
    "information_requested": "acknowledged accepted declined expired withdrawn entered_in_error",
    "accepted": "in_service returned withdrawn ended_early entered_in_error",
    "in_service": "closed returned withdrawn ended_early entered_in_error",
    "declined": "offered",
    "closed": "",
    "expired": "",
    "withdrawn": "",
    "returned": "",
    "ended_early": "",
    "entered_in_error": "",
}
WORDS = {"S": "SELECT", "I": "INSERT", "U": "UPDATE", "D": "DELETE"}


def upgrade() -> None:
    """Create roles and helpers, then grant and guard table by table."""
    _roles()
    _functions()
    for table, rules in RULES.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        for kind, grants in rules.items():
            for privileges, condition in grants:
                _allow(table, kind, privileges, condition.replace("{table}", table))
        appends = table in WORKER_APPENDS
        _allow(table, "worker", "SI" if appends else "SIUD" if table in WORKER_DELETES else "SIU", "true")
    for table in PUBLIC_TABLES:
        op.execute(f"GRANT SELECT ON {table} TO {', '.join('gateway_' + kind for kind in KINDS)}")
    op.execute("GRANT SELECT ON alembic_version TO gateway_app, gateway_worker")
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    _steps("referral", REFERRAL_STEPS)
    _steps("onward_referral", ONWARD_STEPS)


def _roles() -> None:
    """Roles belong to the whole server: another database of it may have made them, perhaps this very moment."""
    for name, options in (
        ("gateway_app", "LOGIN NOINHERIT"),
        *((f"gateway_{kind}", "NOLOGIN") for kind in KINDS),
    ):
        op.execute(
            f"""DO $$ BEGIN
                IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{name}') THEN CREATE ROLE {name} {options}; END IF;
            EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"""
        )
    kinds = ", ".join("gateway_" + kind for kind in KINDS)
    # Two databases of one server being made at once would collide on these grants: one at a time.
    op.execute("SELECT pg_advisory_xact_lock(7301003)")
    op.execute(f"GRANT {kinds} TO gateway_app")
    op.execute(
        """DO $$ BEGIN
            IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
            THEN EXECUTE format('GRANT gateway_app TO %I', current_user); END IF;
        END $$"""
    )
    op.execute(f"GRANT USAGE ON SCHEMA public TO gateway_app, {kinds}")


def _functions() -> None:
    for name, setting in (
        ("gateway_user_id", "gateway.user_id"),
        ("gateway_organisation_id", "gateway.organisation_id"),
    ):
        op.execute(
            f"CREATE FUNCTION {name}() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE"
            f" RETURN NULLIF(current_setting('{setting}', true), '')::uuid"
        )
    op.execute(
        """CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege'; END $$"""
    )
    op.execute("CREATE SEQUENCE referral_reference_seq")
    op.execute("GRANT USAGE ON SEQUENCE referral_reference_seq TO gateway_caseworker, gateway_worker")
    # These two read past row-level security, for one row each, with a fixed search path.
    op.execute(
        """CREATE FUNCTION audit_head() RETURNS TABLE (sequence bigint, hash bytea, now timestamptz)
        LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
            SELECT coalesce(max(a.sequence), 0),
                coalesce((SELECT b.hash FROM audit_entry b ORDER BY b.sequence DESC LIMIT 1), ''::bytea),
                clock_timestamp()
            FROM audit_entry a $$"""
    )
    op.execute(
        """CREATE FUNCTION search_index_key() RETURNS TABLE (id uuid, keyring_id varchar, wrapped bytea)
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
            SELECT k.id, k.keyring_id, k.wrapped FROM wrapped_key k WHERE k.purpose = 'index' $$"""
    )
    kinds = ", ".join("gateway_" + kind for kind in KINDS)
    for name in ("audit_head()", "search_index_key()"):
        op.execute(f"REVOKE ALL ON FUNCTION {name} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {name} TO {kinds}")
    # Forced row-level security holds for an owner that is no superuser too.
    op.execute("CREATE POLICY owner_reads ON audit_entry FOR SELECT TO CURRENT_USER USING (true)")
    op.execute(
        "CREATE POLICY owner_index_key ON wrapped_key TO CURRENT_USER"
        " USING (purpose = 'index') WITH CHECK (purpose = 'index')"
    )


def _allow(table: str, kind: str, privileges: str, condition: str) -> None:
    letters, _, columns = privileges.partition("(")
    for letter in letters:
        listed = f" ({columns}" if columns else ""
        op.execute(f"GRANT {WORDS[letter]}{listed} ON {table} TO gateway_{kind}")
        using = "" if letter == "I" else f" USING ({condition})"
        check = f" WITH CHECK ({condition})" if letter in "IU" else ""
        op.execute(
            f"CREATE POLICY {kind}_{WORDS[letter].lower()} ON {table} FOR {WORDS[letter]} TO gateway_{kind}{using}{check}"
        )


def _steps(table: str, steps: dict[str, str]) -> None:
    allowed = " OR ".join(
        f"(OLD.state = '{state}' AND NEW.state IN ({', '.join(repr(step) for step in following.split())}))"
        for state, following in steps.items()
        if following
    )
    op.execute(
        f"""CREATE FUNCTION {table}_steps() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NEW.state <> OLD.state AND NOT ({allowed}) THEN
                RAISE EXCEPTION 'a {table} can not go from % to %', OLD.state, NEW.state
                    USING ERRCODE = 'check_violation', CONSTRAINT = '{table}_steps';
            END IF;
            RETURN NEW;
        END $$"""
    )
    op.execute(
        f"CREATE TRIGGER {table}_steps BEFORE UPDATE OF state ON {table} FOR EACH ROW EXECUTE FUNCTION {table}_steps()"
    )


def downgrade() -> None:
    """Refused: records would lie open to every account of the server."""
    raise RuntimeError("0002 can't be taken back: the records would be left without their guards.")
