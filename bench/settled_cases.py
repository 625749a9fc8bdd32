"""Makes of freshly imported referrals what two years of casework would: most closed, the rest in every state.

Set by set and with the owner's rights, because the actions of the service, one referral at a time, would take days. The
clocks, the next actions and the reminders are computed afterwards by the service itself.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, create_engine, func, select, text
from sqlalchemy.pool import NullPool

from config import Settings
from victim_gateway.actors import Actor
from victim_gateway.database.transaction import transaction
from victim_gateway.demo import DEMO_PASSWORD
from victim_gateway.models import CaseFacts, User
from victim_gateway.services.accounts.administration import NewAccount, add_account
from victim_gateway.services.shared.command import Command
from victim_gateway.vocabulary import Role

CASEWORKERS = 30
MAIN_CASEWORKER = "caseworker@demo.example"
OWN_CASES = 300
"""How many open referrals the account has whose pages are measured: as many at every size."""

# One row for each imported referral: whether it is open, how far it came, and some chance of its own.
_CASES = """
CREATE UNLOGGED TABLE bench_case AS
SELECT r.id, r.person_id, r.reference, r.received_at, r.state AS came_as, random() AS u, random() AS v, random() AS w,
    false AS is_open, ''::text AS stage, NULL::uuid AS owner_id, ''::text AS owner_name, NULL::timestamptz AS closed_at,
    ''::text AS outcome
FROM (SELECT * FROM referral WHERE feed_reference LIKE 'BV-%' ORDER BY feed_reference) r
"""
# The younger a referral the likelier it is open; a few are very old.
_OPEN = """
UPDATE bench_case SET is_open = true WHERE id IN (
    SELECT id FROM bench_case
    ORDER BY -ln(greatest(u, 1e-12)) / (exp(extract(epoch FROM received_at - :at) / 86400 / 45.0) + 0.004), id
    LIMIT :open_count)
"""
_STAGE = """
UPDATE bench_case SET
    stage = CASE WHEN NOT is_open THEN 'closed' WHEN came_as = 'held' THEN 'held' WHEN v < 0.15 THEN 'received'
        WHEN v < 0.40 THEN 'assigned' WHEN v < 0.55 THEN 'in_contact' WHEN v < 0.75 THEN 'triaged'
        WHEN v < 0.95 THEN 'supported' ELSE 'reopened' END,
    outcome = CASE WHEN v < 0.4 THEN 'needs_met' WHEN v < 0.6 THEN 'declined' WHEN v < 0.85 THEN 'no_contact'
        WHEN v < 0.95 THEN 'referred_on' ELSE 'other' END,
    closed_at = received_at + (CAST(:at AS timestamptz) - received_at) * least(1,
        (2 + w * 45) * 86400 / extract(epoch FROM CAST(:at AS timestamptz) - received_at))
"""
_OWNERS = """
UPDATE bench_case c SET owner_id = o.id, owner_name = o.name
FROM (SELECT id, 1 + (row_number() OVER (ORDER BY u, id) % :others)::int AS place,
        is_open AND row_number() OVER (PARTITION BY is_open ORDER BY w, id) <= :own AS is_main
      FROM bench_case WHERE stage NOT IN ('held', 'received')) p,
    (SELECT id, name, email, row_number() OVER (ORDER BY email <> :main, email) - 1 AS place
     FROM app_user WHERE role IN ('caseworker', 'senior')) o
WHERE p.id = c.id AND o.place = CASE WHEN p.is_main THEN 0 ELSE p.place END
"""
_REACHED = (
    "(c.stage IN ('in_contact', 'triaged', 'supported', 'reopened')"
    " OR (c.stage = 'closed' AND c.outcome IN ('needs_met', 'declined', 'referred_on')))"
)
_TRIED = f"({_REACHED} OR c.stage = 'closed' OR (c.stage = 'assigned' AND c.u < 0.5))"
_ASSESSED = (
    "(c.stage IN ('triaged', 'supported')"
    " OR (c.stage = 'closed' AND c.outcome IN ('needs_met', 'referred_on')))"
)
# Each moment lies between the arrival and the closing, in this order.
_MOMENTS = {"assigned": 0.1, "tried": 0.2, "reached": 0.4, "assessed": 0.7}


def _moment(name: str) -> str:
    return f"c.received_at + (c.closed_at - c.received_at) * {_MOMENTS[name]} * (0.3 + 0.7 * c.u)"


def _events(event: str, kind: str, moment: str, where: str, from_state: str = "", to_state: str = "") -> str:
    return f"""
    INSERT INTO case_event (id, referral_id, kind, event, occurred_at, recorded_at, source, grade, actor_id, actor_name,
        organisation_id, from_state, to_state, details)
    SELECT gen_random_uuid(), c.id, '{kind}', '{event}', {moment}, {moment}, 'gateway', 'system_record', c.owner_id,
        c.owner_name, u.organisation_id, nullif('{from_state}', ''), nullif('{to_state}', ''), '{{}}'
    FROM bench_case c LEFT JOIN app_user u ON u.id = c.owner_id
    WHERE {where} ORDER BY c.received_at"""


_HAPPENED = (
    _events(
        "referral.assigned", "story", _moment("assigned"), "c.owner_id IS NOT NULL", "received", "assigned"
    ),
    _events("first_contact_attempted", "local", _moment("tried"), _TRIED),
    _events("first_contact_made", "local", _moment("reached"), _REACHED),
    _events("triage_assessment_completed", "local", _moment("assessed"), _ASSESSED),
    _events("referral.closed", "story", "c.closed_at", "c.stage = 'closed'", "in_contact", "closed"),
    f"""INSERT INTO contact_attempt (id, referral_id, attempted_at, recorded_at, by_id, channel, outcome,
        safe_contact_plan_id, safety_checked)
    SELECT gen_random_uuid(), c.id, {_moment("tried")}, {_moment("tried")}, c.owner_id, 'phone',
        CASE WHEN {_REACHED} THEN 'reached' ELSE 'no_answer' END, p.id, true
    FROM bench_case c LEFT JOIN safe_contact_plan p ON p.person_id = c.person_id AND p.superseded_at IS NULL
    WHERE {_TRIED} AND c.owner_id IS NOT NULL""",
    f"""INSERT INTO triage_assessment (id, referral_id, version, assessed_at, recorded_at, by_id, needs, risk,
        risk_grounds, enhanced_categories, wants_restorative_justice)
    SELECT gen_random_uuid(), c.id, 1, {_moment("assessed")}, {_moment("assessed")}, c.owner_id,
        jsonb_build_object('mental_and_physical_health', floor(c.w * 4), 'finance_and_benefits', floor(c.u * 4)),
        CASE WHEN c.w < 0.1 THEN 'high' WHEN c.w < 0.35 THEN 'medium' ELSE 'standard' END, '{{}}', '{{}}', 'not_asked'
    FROM bench_case c WHERE {_ASSESSED} AND c.owner_id IS NOT NULL""",
)
_SAFE = """
UPDATE safe_contact_plan p SET safe = 'yes', safe_channels = '{phone}',
    checked_at = CAST(:at AS timestamptz) - interval '3 days'
FROM bench_case c WHERE p.person_id = c.person_id AND p.superseded_at IS NULL
    AND (c.stage IN ('in_contact', 'triaged', 'supported') OR (c.stage = 'assigned' AND c.v < 0.3))
"""
_RESTRICTED = (
    "UPDATE person p SET restricted = true FROM bench_case c WHERE c.person_id = p.id AND c.is_open AND c.w < 0.01",
    "UPDATE referral r SET restricted = true FROM person p WHERE p.id = r.person_id AND p.restricted",
    "INSERT INTO referral_access (referral_id, user_id, granted_at) SELECT r.id, r.assigned_to_id, :at FROM referral r"
    " WHERE r.restricted AND r.assigned_to_id IS NOT NULL ON CONFLICT DO NOTHING",
)
# A step at a time, as the database allows them.
_STEPS = (
    ("assigned", "received", ("assigned", "in_contact", "triaged", "supported")),
    ("in_contact", "assigned", ("in_contact", "triaged", "supported")),
    ("triaged", "in_contact", ("triaged", "supported")),
    ("supported", "triaged", ("supported",)),
)
_RISK = "CASE WHEN c.w < 0.1 THEN 'high' WHEN c.w < 0.35 THEN 'medium' ELSE 'standard' END"
_MOVE = f"""
UPDATE referral r SET state = CAST(:to AS varchar), assigned_to_id = c.owner_id, version = r.version + 1,
    risk = CASE WHEN CAST(:to AS varchar) = 'triaged' THEN {_RISK} ELSE r.risk END
FROM bench_case c WHERE c.id = r.id AND r.state = :before AND c.stage = ANY(:stages)
"""
_CLOSE = f"""
UPDATE referral r SET state = 'closed', outcome = c.outcome, closed_at = c.closed_at, held_reason = NULL,
    held_reasons = '{{}}', assigned_to_id = c.owner_id, version = r.version + 3,
    risk = CASE WHEN {_ASSESSED} THEN {_RISK} ELSE r.risk END,
    next_act = 'nothing', waiting_on = 'nobody', next_due_on = NULL, next_since = c.closed_at
FROM bench_case c WHERE c.id = r.id AND (c.stage = 'closed' OR (c.stage = 'reopened' AND r.state <> 'closed'))
"""
_REOPEN = """
UPDATE referral r SET state = 'reopened', outcome = NULL, closed_at = NULL, next_act = 'make_contact',
    waiting_on = 'gateway', next_since = :at
FROM bench_case c WHERE c.id = r.id AND c.stage = 'reopened'
"""
_TASKS_DONE = """
UPDATE task t SET done_at = c.closed_at FROM bench_case c
WHERE c.id = t.referral_id AND c.stage = 'closed' AND t.done_at IS NULL
"""
_KEPT_FACTS = [
    column.name
    for column in CaseFacts.__table__.columns
    if column.name not in ("id", "sequence", "recorded_at", "closed_at")
]
_FACTS = f"""
INSERT INTO case_facts (id, recorded_at, closed_at, {", ".join(_KEPT_FACTS)})
SELECT gen_random_uuid(), greatest(c.closed_at, f.recorded_at), c.closed_at, f.{", f.".join(_KEPT_FACTS)}
FROM bench_case c
JOIN LATERAL (SELECT * FROM case_facts k WHERE k.referral_id = c.id
    ORDER BY k.recorded_at DESC, k.sequence DESC LIMIT 1) f ON true
WHERE c.stage = 'closed' ORDER BY c.received_at
"""


def arrange_cases(settings: Settings, *, at: datetime, open_count: int, seed: int) -> None:
    """Close all but `open_count` of the imported referrals and spread those over the states and caseworkers."""
    values = {
        "at": at,
        "open_count": open_count,
        "others": _count_caseworkers() - 1,
        "own": OWN_CASES,
        "main": MAIN_CASEWORKER,
    }
    engine = create_engine(str(settings.database_owner_url), poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL work_mem = '256MB'"))
        connection.execute(text("SELECT setseed(:seed)"), {"seed": seed % 1000 / 1000})
        for statement in (_CASES, _OPEN, _STAGE):
            _run(connection, statement, values)
        connection.execute(text("CREATE UNIQUE INDEX ON bench_case (id)"))
        connection.execute(text("ANALYZE bench_case"))
        for statement in (_OWNERS, *_HAPPENED, _SAFE):
            _run(connection, statement, values)
        for to, before, stages in _STEPS:
            connection.execute(text(_MOVE), {"to": to, "before": before, "stages": list(stages)})
        for statement in (_CLOSE, _REOPEN, _TASKS_DONE, _FACTS, *_RESTRICTED):
            _run(connection, statement, values)
    engine.dispose()


def settle_database(settings: Settings) -> None:
    """Do what autovacuum and the checkpointer do in a quiet hour, so that every run begins alike."""
    engine = create_engine(str(settings.database_owner_url), poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("VACUUM ANALYZE"))
        connection.execute(text("CHECKPOINT"))
    engine.dispose()


def _run(connection: Connection, statement: str, values: dict[str, object]) -> None:
    wanted = text(statement)
    connection.execute(wanted, {name: values[name] for name in wanted._bindparams})


def add_caseworkers(at: datetime) -> None:
    """Add the accounts that a service of this size has, where they are not there yet."""
    actor = Actor.worker("bench")
    with transaction(actor) as session:
        known = set(session.scalars(select(User.email)))
    for number in range(1, CASEWORKERS + 1):
        account = NewAccount(
            email=f"caseworker{number:02}@bench.example",
            name=f"Caseworker {number}",
            role=Role.CASEWORKER,
            password=DEMO_PASSWORD,
            is_demo=True,
        )
        if account.email not in known:
            add_account(Command(actor, at), account)


def _count_caseworkers() -> int:
    with transaction(Actor.worker("bench")) as session:
        roles = (Role.CASEWORKER, Role.SENIOR)
        return session.scalar(select(func.count()).where(User.role.in_(roles))) or 0
