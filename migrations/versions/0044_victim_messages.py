"""Messages to a person: each goes through one gate, and its state moves forward only.

A new table and another kind of task: the release before neither reads nor writes either.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None

TABLE = "victim_message"
KINDS = ("tried_to_reach", "appointment_tomorrow", "survey", "rights_letter")
CHANNELS = ("phone", "sms", "email", "post")
STATES = (
    "queued",
    "sending",
    "accepted",
    "delivered",
    "failed",
    "refused",
    "expired",
    "cancelled",
    "perhaps_sent",
    "parked",
)
REFUSALS = (
    "not_released",
    "no_template",
    "template_differs",
    "recipient_not_listed",
    "erased",
    "died",
    "withdrawn_by_force",
    "referral_not_open",
    "never_contact",
    "refused_contact",
    "opted_out",
    "child_or_age_unknown",
    "no_plan",
    "contact_not_safe",
    "channel_not_safe",
    "plan_changed",
    "plan_too_old",
    "no_detail",
    "other_detail",
    "suspects_detail",
    "unsafe_for_another",
    "another_may_answer",
    "other_referral",
    "protected",
    "not_confirmed",
    "senior_needed",
    "not_right_any_more",
    "sent_recently",
    "expired",
    "outside_window",
)
# As `MESSAGE_STEPS` of victim_gateway/rules/victim_message_states.py has them.
STEPS = {
    "queued": "sending accepted delivered failed refused expired cancelled parked",
    "sending": "queued accepted delivered failed perhaps_sent parked expired cancelled",
    "accepted": "delivered failed",
    "perhaps_sent": "accepted queued cancelled",
    "parked": "queued cancelled accepted delivered failed",
}
OPEN = "state IN ('queued', 'sending', 'perhaps_sent', 'parked')"
THROUGH_REFERRAL = f"EXISTS (SELECT 1 FROM referral r WHERE r.id = {TABLE}.referral_id)"
OWN = f"asked_by_id = gateway_user_id() AND state = 'queued' AND agreed_by_id IS NULL AND {THROUGH_REFERRAL}"
LINK_WITH_CONTACT = (
    "num_nonnulls(link_hash, link_channel, link_made_at, link_expires_at, contact_attempt_id) IN (0, 5)"
)
LINK_BEFORE_CONTACT = (
    "num_nonnulls(link_hash, link_channel, link_made_at, link_expires_at) IN (0, 4)"
    " AND (contact_attempt_id IS NULL OR link_hash IS NOT NULL)"
)
TASK_KIND = "message_to_person"


def upgrade() -> None:
    """The table with its guards, and the task."""
    _create_table()
    _create_indexes()
    _guard()
    _forward_only()
    _change_task_kinds(added=(TASK_KIND,))
    _change_link_check(LINK_BEFORE_CONTACT)
    _add_details_of_plans()


def downgrade() -> None:
    """Only while no message was asked for: that would be lost."""
    # Under row-level security the owner sees no row: as the worker, who sees all.
    op.execute("SET LOCAL ROLE gateway_worker")
    is_used = op.get_bind().scalar(
        sa.text(
            f"SELECT EXISTS (SELECT FROM {TABLE}) OR EXISTS (SELECT FROM task WHERE kind = '{TASK_KIND}')"
        )
    )
    op.execute("RESET ROLE")
    if is_used:
        raise RuntimeError("messages to people were asked for")
    _change_task_kinds(removed=(TASK_KIND,))
    _change_link_check(LINK_WITH_CONTACT)
    op.drop_index("ix_safe_contact_plan_details", table_name="safe_contact_plan")
    op.drop_column("safe_contact_plan", "detail_hashes")
    op.drop_table(TABLE)
    op.execute("DROP FUNCTION keep_message_going_forward()")


def _add_details_of_plans() -> None:
    """Of a plan that was written before, and by the release before, the person's own hashes count."""
    hashes = sa.Column(
        "detail_hashes", postgresql.ARRAY(sa.LargeBinary()), server_default=sa.text("'{}'"), nullable=False
    )
    op.add_column("safe_contact_plan", hashes)
    # Every list is empty still: the index is there at once.
    op.execute(
        "-- squawk-ignore require-concurrent-index-creation\n"
        "CREATE INDEX ix_safe_contact_plan_details ON safe_contact_plan USING gin (detail_hashes)"
    )


def _change_link_check(condition: str) -> None:
    """A link may be made before the contact that carries it is logged: a message has to leave first."""
    # Looser than before, and the table has hundreds of rows.
    op.execute(
        "-- squawk-ignore ban-drop-constraint\n"
        "ALTER TABLE satisfaction_survey DROP CONSTRAINT ck_satisfaction_survey_link_whole"
    )
    op.execute(
        "ALTER TABLE satisfaction_survey ADD CONSTRAINT ck_satisfaction_survey_link_whole"
        f" CHECK ({condition}) NOT VALID"
    )
    op.execute(
        "-- squawk-ignore constraint-missing-not-valid\n"
        "ALTER TABLE satisfaction_survey VALIDATE CONSTRAINT ck_satisfaction_survey_link_whole"
    )


def _create_table() -> None:
    op.create_table(
        TABLE,
        sa.Column("id", sa.Uuid(), nullable=False),
        _code("kind", "victimmessagekind", KINDS),
        _code("channel", "channel", CHANNELS),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("plan_version", sa.Integer(), nullable=False),
        sa.Column("detail_hash", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("template_code", sa.String(), nullable=False),
        sa.Column("template_version", sa.Integer(), nullable=True),
        sa.Column("reference", sa.String(), nullable=False),
        _code("state", "victimmessagestate", STATES),
        sa.Column("is_by_hand", sa.Boolean(), nullable=False),
        _moment("warned_at"),
        sa.Column("agreed_by_id", sa.Uuid(), nullable=True),
        _moment("agreed_at"),
        sa.Column("asked_by_id", sa.Uuid(), nullable=True),
        _moment("asked_at", nullable=False),
        _moment("not_before", nullable=False),
        _moment("expires_at", nullable=False),
        _moment("next_try_at", nullable=False),
        sa.Column("deliveries", sa.Integer(), nullable=False),
        *(
            _moment(name)
            for name in (
                "leased_until",
                "start_before",
                "claimed_at",
                "missing_since",
                "begun_at",
                "accepted_at",
                "ended_at",
            )
        ),
        _code("refusal", "messagerefusal", REFUSALS, nullable=True),
        sa.Column("problem", sa.String(), nullable=True),
        sa.Column("notify_id", sa.Uuid(), nullable=True),
        sa.Column("notify_status", sa.String(), nullable=True),
        sa.Column("appointment_id", sa.Uuid(), nullable=True),
        _moment("about_at"),
        sa.Column("survey_id", sa.Uuid(), nullable=True),
        sa.Column("settled_by_id", sa.Uuid(), nullable=True),
        *_checks(),
        _key("referral_id", "referral"),
        _key("person_id", "person", ondelete="RESTRICT"),
        _key("appointment_id", "onward_appointment"),
        _key("survey_id", "satisfaction_survey"),
        *(_key(column, "app_user") for column in ("agreed_by_id", "asked_by_id", "settled_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{TABLE}")),
    )


def _checks() -> list[sa.CheckConstraint]:
    said = {
        "no_call": "channel IN ('sms', 'email', 'post')",
        "hash_size": "octet_length(detail_hash) = 16",
        "expires_after_asked": "expires_at > asked_at",
        "sending_with_lease": "(state = 'sending') = (leased_until IS NOT NULL)"
        " AND (state <> 'sending' OR start_before IS NOT NULL)",
        "refused_with_code": "(state = 'refused') = (refusal IS NOT NULL)",
        "agreed_whole": "(agreed_at IS NULL) = (agreed_by_id IS NULL)",
        "two_people": "agreed_by_id IS NULL OR agreed_by_id IS DISTINCT FROM asked_by_id",
        "warned_by_hand": "warned_at IS NULL OR is_by_hand",
        "deliveries_not_negative": "deliveries >= 0",
        "about_appointment": "(kind = 'appointment_tomorrow') = (appointment_id IS NOT NULL)"
        " AND (appointment_id IS NULL) = (about_at IS NULL)",
        "about_survey": "(kind = 'survey') = (survey_id IS NOT NULL)",
    }
    return [sa.CheckConstraint(text, name=op.f(f"ck_{TABLE}_{name}")) for name, text in said.items()]


def _create_indexes() -> None:
    nothing = "'00000000-0000-0000-0000-000000000000'::uuid"
    op.create_index("uq_victim_message_reference", TABLE, ["reference"], unique=True)
    _index(
        "uq_victim_message_one_open",
        ["referral_id", "kind", f"coalesce(appointment_id, {nothing})"],
        OPEN,
        True,
    )
    _index(
        "uq_victim_message_appointment",
        ["appointment_id", "about_at"],
        "appointment_id IS NOT NULL AND state <> 'cancelled'",
        True,
    )
    op.create_index("ix_victim_message_referral_id", TABLE, ["referral_id", "asked_at"])
    _index("ix_victim_message_person_open", ["person_id"], OPEN)
    _index("ix_victim_message_due", ["next_try_at"], "state = 'queued'")
    _index("ix_victim_message_lease", ["leased_until"], "state = 'sending'")
    _index("ix_victim_message_claimed_at", ["claimed_at"], "claimed_at IS NOT NULL")
    _index("ix_victim_message_for_person", ["asked_at"], "state IN ('parked', 'perhaps_sent')")


def _index(name: str, columns: list[str], condition: str, unique: bool = False) -> None:
    named = [sa.text(column) if "(" in column else column for column in columns]
    op.create_index(name, TABLE, named, unique=unique, postgresql_where=sa.text(condition))


def _guard() -> None:
    """Caseworkers see and ask through the referral; what becomes of a message is the service's alone to write."""
    op.execute(f"ALTER TABLE {TABLE} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {TABLE} FORCE ROW LEVEL SECURITY")
    op.execute(f"GRANT SELECT, INSERT ON {TABLE} TO gateway_caseworker")
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON {TABLE} TO gateway_worker")
    op.execute(
        f"CREATE POLICY caseworker_select ON {TABLE} FOR SELECT TO gateway_caseworker USING ({THROUGH_REFERRAL})"
    )
    op.execute(
        f"CREATE POLICY caseworker_insert ON {TABLE} FOR INSERT TO gateway_caseworker WITH CHECK ({OWN})"
    )
    op.execute(f"CREATE POLICY worker_select ON {TABLE} FOR SELECT TO gateway_worker USING (true)")
    op.execute(f"CREATE POLICY worker_insert ON {TABLE} FOR INSERT TO gateway_worker WITH CHECK (true)")
    op.execute(
        f"CREATE POLICY worker_update ON {TABLE} FOR UPDATE TO gateway_worker USING (true) WITH CHECK (true)"
    )


def _forward_only() -> None:
    allowed = " OR ".join(
        f"(OLD.state = '{state}' AND NEW.state IN ({', '.join(repr(each) for each in following.split())}))"
        for state, following in STEPS.items()
    )
    op.execute(
        "CREATE FUNCTION keep_message_going_forward() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        f" IF OLD.state <> NEW.state AND NOT ({allowed}) THEN"
        " RAISE EXCEPTION 'a message can not go from % to %', OLD.state, NEW.state USING ERRCODE = 'check_violation';"
        " END IF;"
        " IF (OLD.referral_id, OLD.person_id, OLD.channel, OLD.detail_hash, OLD.reference)"
        " IS DISTINCT FROM (NEW.referral_id, NEW.person_id, NEW.channel, NEW.detail_hash, NEW.reference) THEN"
        " RAISE EXCEPTION 'to whom a message goes never changes' USING ERRCODE = 'check_violation';"
        " END IF;"
        " RETURN NEW; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {TABLE}_forward_only BEFORE UPDATE ON {TABLE}"
        " FOR EACH ROW EXECUTE FUNCTION keep_message_going_forward()"
    )


def _code(name: str, kind: str, values: tuple[str, ...], *, nullable: bool = False) -> sa.Column[str]:
    code = sa.Enum(*values, name=kind, native_enum=False, create_constraint=True, length=40)
    return sa.Column(name, code, nullable=nullable)


def _moment(name: str, *, nullable: bool = True) -> sa.Column[sa.DateTime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _key(column: str, other: str, *, ondelete: str | None = None) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{other}.id"], name=op.f(f"fk_{TABLE}_{column}"), ondelete=ondelete
    )


def _listed(values: tuple[str, ...]) -> str:
    return ", ".join(f"'{value}'" for value in values)


def _change_task_kinds(*, added: tuple[str, ...] = (), removed: tuple[str, ...] = ()) -> None:
    """Add kinds to the check of tasks or take some out, whatever others it allows."""
    more, less = (f"ARRAY[{_listed(values)}]::text[]" for values in (added, removed))
    op.execute(
        f"""DO $$
        DECLARE allowed text;
        BEGIN
            SELECT string_agg(DISTINCT quote_literal(value), ', ') INTO allowed
            FROM (
                SELECT matched[1] AS value
                FROM pg_constraint c, regexp_matches(pg_get_constraintdef(c.oid), '''([a-z_]+)''', 'g') AS matched
                WHERE c.conname = 'ck_task_taskkind' AND c.conrelid = 'task'::regclass
                UNION SELECT unnest({more})
            ) known
            WHERE value <> ALL ({less});
            ALTER TABLE task DROP CONSTRAINT ck_task_taskkind;
            EXECUTE format(
                'ALTER TABLE task ADD CONSTRAINT ck_task_taskkind CHECK (kind IN (%s)) NOT VALID', allowed
            );
            ALTER TABLE task VALIDATE CONSTRAINT ck_task_taskkind;
        END $$"""
    )
