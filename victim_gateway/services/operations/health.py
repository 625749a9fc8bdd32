"""Health checks: one result per part of the service, with no personal data."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import redis
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from config import Settings
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.audit_checkpoints import CheckpointForged, CheckpointKind
from victim_gateway.crypto import SealBroken
from victim_gateway.database.area_record import WrongArea
from victim_gateway.database.broker import CONNECT_TIMEOUT_S, broker_client, is_broker_up
from victim_gateway.database.current import current_blind_index, current_keyring
from victim_gateway.database.failures import explain_database_failure
from victim_gateway.database.replica import replica_delay_s
from victim_gateway.database.schema_revision import newest_revision
from victim_gateway.database.transaction import transaction
from victim_gateway.integrations.notify import NotifyUnavailable, notify_service
from victim_gateway.integrations.record_linkage import NOT_INSTALLED, is_linkage_installed
from victim_gateway.integrations.virus_scanner import is_scanner_up
from victim_gateway.queries.privacy.audit_lanes import stored_checkpoint
from victim_gateway.rules.victim_message_texts import TEXTS_BY_CODE, compare_template
from victim_gateway.services.operations.delivery_state import read_delivery_state

HEARTBEAT_KEY = "gateway:heartbeat:{}"
# Both beat every 30 seconds.
HEARTBEAT_GOOD_FOR = timedelta(seconds=120)
# A day and a night's work; a week and some nights.
AUDIT_GOOD_FOR = timedelta(hours=36)
WHOLE_AUDIT_GOOD_FOR = timedelta(days=9)
OUTBOX_GOOD_FOR = timedelta(minutes=5)
# A minute's sweep, and what is put back for a while.
PEOPLE_MESSAGES_GOOD_FOR = timedelta(minutes=40)
FILES_GOOD_FOR = timedelta(hours=1)
_OLDEST_WAITING_FILE = text(
    "SELECT least((SELECT min(added_at) FROM attachment WHERE state = 'waiting'),"
    " (SELECT min(asked_at) FROM shared_file WHERE state = 'waiting'))"
)
REPLICA_DELAY_GOOD_S = 60.0
# Bank holidays are announced years ahead; half a year is time enough to load the next ones.
CALENDAR_NEEDED_FOR = timedelta(days=183)


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """The result for one part of the service: whether it is right, and a `finding` as text.

    `is_warning`: it works, and somebody should look at it all the same.
    """

    name: str
    is_right: bool
    finding: str
    is_warning: bool = False


def check_health(settings: Settings, *, actor: Actor, at: datetime) -> list[HealthCheck]:
    """Check every part, in order of dependency. Never raises for a part that is away."""
    return [
        *_database_checks(settings, actor, at),
        *_replica(settings),
        _broker(settings),
        *(check_heartbeat(settings, name, at) for name in ("worker", "scheduler")),
        _delivery(settings, actor, at),
        _channels(settings),
        *_templates(settings),
        _scanner(settings, actor, at),
        _linkage(),
        _public_contact(settings),
    ]


def is_ready(settings: Settings, *, actor: Actor) -> bool:
    """Whether requests can be served: database with the newest schema, and broker."""
    try:
        with transaction(actor) as session:
            current = _schema(session).is_right
    except (SQLAlchemyError, WrongArea):
        return False
    return current and _broker(settings).is_right


def check_heartbeat(settings: Settings, name: str, at: datetime) -> HealthCheck:
    """When `worker` or `scheduler` last showed that it is alive."""
    age = heartbeat_age(settings, name, at)
    if age is None:
        return HealthCheck(name, False, "not running: it has not been heard of")
    finding = f"last heard of {int(age.total_seconds())} seconds ago"
    return HealthCheck(name, age <= HEARTBEAT_GOOD_FOR, finding)


def heartbeat_age(settings: Settings, name: str, at: datetime) -> timedelta | None:
    """How long ago `worker` or `scheduler` was heard of; None: never, or the broker is away."""
    try:
        with broker_client(settings) as broker:
            stored = broker.get(HEARTBEAT_KEY.format(name))
    except redis.RedisError:
        return None
    return timedelta(seconds=max(0.0, at.timestamp() - float(stored))) if stored else None


def _database_checks(settings: Settings, actor: Actor, at: datetime) -> list[HealthCheck]:
    parts: tuple[tuple[str, Callable[[Session], HealthCheck]], ...] = (
        ("schema", _schema),
        ("area", lambda session: _area(session, settings)),
        ("keys", _keys),
        ("calendar", lambda session: _calendar(session, at)),
        ("audit", lambda session: _audit(session, at)),
        ("outbox", lambda session: _outbox(session, at)),
        ("messages", _messages),
        ("to_people", lambda session: _people_messages(session, settings, at)),
    )
    try:
        with transaction(actor) as session:
            version = session.scalar(text("SHOW server_version"))
    except WrongArea as error:
        found = [HealthCheck("database", True, "answers"), HealthCheck("area", False, str(error))]
        return [*found, *_unknown(parts, "not looked at in another area's database", without="area")]
    except SQLAlchemyError as error:
        found = [HealthCheck("database", False, _reason(error))]
        return [*found, *_unknown(parts, "not known: the database can't be used")]
    found = [HealthCheck("database", True, f"PostgreSQL {version} answers")]
    return [*found, *(_in_own_transaction(name, part, actor) for name, part in parts)]


def _unknown(parts: Iterable[tuple[str, Any]], reason: str, *, without: str = "") -> list[HealthCheck]:
    return [HealthCheck(name, False, reason) for name, _ in parts if name != without]


def _reason(error: SQLAlchemyError) -> str:
    return explain_database_failure(error) or f"fails ({type(error).__name__})"


def _in_own_transaction(name: str, part: Callable[[Session], HealthCheck], actor: Actor) -> HealthCheck:
    """Run one check in its own transaction, so that a missing table fails only that check."""
    try:
        with transaction(actor) as session:
            return part(session)
    except SQLAlchemyError as error:
        return HealthCheck(name, False, f"can't be read: {_reason(error)}")


def _schema(session: Session) -> HealthCheck:
    if session.scalar(text("SELECT to_regclass('public.alembic_version') IS NULL")):
        return HealthCheck("schema", False, "there are no tables yet: run gateway db upgrade")
    stored = session.scalar(text("SELECT version_num FROM alembic_version"))
    newest = newest_revision()
    if stored == newest:
        return HealthCheck("schema", True, f"current ({stored})")
    return HealthCheck("schema", False, f"has {stored}, needs {newest}: run gateway db upgrade")


def _area(session: Session, settings: Settings) -> HealthCheck:
    """Check the recorded area; it equals that of the settings, or the connection would have been refused."""
    recorded = session.scalar(text("SELECT area FROM database_area"))
    if recorded is None:
        return HealthCheck("area", False, "the database does not say which it holds: run gateway db upgrade")
    return HealthCheck("area", True, f"{settings.area.name}, as the database says")


def _keys(session: Session) -> HealthCheck:
    """Every key that something is sealed under is in the keyring, and the search key opens."""
    ring = current_keyring()
    used = session.scalars(
        text(
            "SELECT keyring_id FROM wrapped_key WHERE wrapped IS NOT NULL"
            " UNION SELECT totp_key_id FROM app_user WHERE totp_key_id IS NOT NULL"
        )
    ).all()
    missing = sorted(set(used) - {key_id for key_id, _ in ring.keys})
    if missing:
        return HealthCheck(
            "keys", False, f"GATEWAY_DATA_KEYS lacks {', '.join(missing)}, which sealed records need"
        )
    try:
        current_blind_index(session)
    except SealBroken:
        return HealthCheck(
            "keys", False, f"the key {ring.current_id} does not open the search key: it is another key"
        )
    return HealthCheck("keys", True, f"{len(ring.keys)} in the keyring, {ring.current_id} is current")


def _audit(session: Session, at: datetime) -> HealthCheck:
    """When the nightly check last came to its end, and when it last started at the first entry."""
    try:
        newest, whole = (
            stored_checkpoint(session, kind, current_keyring())
            for kind in (CheckpointKind.NEWEST, CheckpointKind.WHOLE)
        )
    except CheckpointForged:
        return HealthCheck("audit", False, "what is stored of the last check is not signed by a key of ours")
    if newest is None or newest.recorded_at is None:
        return HealthCheck("audit", True, "not checked yet: the nightly check does it")
    age = at - newest.recorded_at
    finding = f"checked {int(age.total_seconds() // 3600)} hours ago"
    if whole is not None and whole.began_at is not None:
        finding += f"; from the first entry on {(at - whole.began_at).days} days ago"
        is_late = age > AUDIT_GOOD_FOR or at - whole.began_at > WHOLE_AUDIT_GOOD_FOR
    else:
        is_late = True
    return HealthCheck("audit", True, finding, is_warning=is_late)


def _calendar(session: Session, at: datetime) -> HealthCheck:
    last: date | None = session.scalar(text("SELECT max(day) FROM calendar_day"))
    if last is None:
        return HealthCheck("calendar", False, "no working days are loaded: run gateway db upgrade")
    finding = f"bank holidays are known until {last.day} {last:%B %Y}"
    return HealthCheck("calendar", last - times.london_date(at) >= CALENDAR_NEEDED_FOR, finding)


def _outbox(session: Session, at: datetime) -> HealthCheck:
    oldest: datetime | None = session.scalar(
        text("SELECT min(created_at) FROM outbox WHERE published_at IS NULL")
    )
    if oldest is None:
        return HealthCheck("outbox", True, "nothing waits to be passed on")
    age = at - oldest
    finding = f"the oldest task has waited {int(age.total_seconds())} seconds to be passed on"
    return HealthCheck("outbox", age <= OUTBOX_GOOD_FOR, finding)


def _messages(session: Session) -> HealthCheck:
    """E-mails that were given up and that nobody has dealt with yet; each has a task of its own."""
    count, oldest = session.execute(
        text("SELECT count(*), min(created_at) FROM message WHERE state = 'failed'")
    ).one()
    if not count:
        return HealthCheck("messages", True, "none waits for a person")
    day = times.london_date(oldest)
    what = "1 e-mail" if count == 1 else f"{count} e-mails"
    finding = f"{what} could not be delivered, the oldest of {day.day} {day:%B %Y}"
    return HealthCheck("messages", True, finding, is_warning=True)


def _delivery(settings: Settings, actor: Actor, at: datetime) -> HealthCheck:
    """E-mails that are late, which is wrong, and open alarms, which somebody has been told of."""
    try:
        state = read_delivery_state(settings, actor=actor, at=at)
    except (SQLAlchemyError, WrongArea):
        return HealthCheck("delivery", False, "not known: the database can't be used")
    if settings.smtp_url is not None and state.late:
        what = "1 e-mail is" if state.late == 1 else f"{state.late} e-mails are"
        return HealthCheck("delivery", False, f"{what} more than {settings.alarm_after_s} seconds late")
    if state.alarms:
        finding = f"there is an alarm: {', '.join(sorted(state.alarms))}"
        return HealthCheck("delivery", True, finding, is_warning=True)
    if settings.smtp_url is not None and settings.operations_email is None:
        finding = "nothing is late; set GATEWAY_OPERATIONS_EMAIL, or an alarm stands in the log alone"
        return HealthCheck("delivery", True, finding, is_warning=True)
    return HealthCheck("delivery", True, "nothing is late and there is no alarm")


def _people_messages(session: Session, settings: Settings, at: datetime) -> HealthCheck:
    """Messages to people: how long the oldest is due, and how many wait for a decision or were never accepted."""
    row = session.execute(
        text(
            "SELECT min(next_try_at) FILTER (WHERE state = 'queued') AS due_since,"
            " min(leased_until) FILTER (WHERE state = 'sending') AS open_since,"
            " count(*) FILTER (WHERE state IN ('parked', 'perhaps_sent')) AS stuck"
            " FROM victim_message WHERE state IN ('queued', 'sending', 'parked', 'perhaps_sent')"
        )
    ).one()
    age = max((at - since for since in (row.due_since, row.open_since) if since), default=timedelta())
    # Where nothing carries them they stand on the page Outbox, and expire.
    if age > PEOPLE_MESSAGES_GOOD_FOR and settings.notify_api_key:
        minutes = int(age / timedelta(minutes=1))
        return HealthCheck("to_people", False, f"the oldest has been due for {minutes} minutes")
    if row.stuck:
        what = "1 message waits" if row.stuck == 1 else f"{row.stuck} messages wait"
        return HealthCheck("to_people", True, f"{what} for a caseworker's decision", is_warning=True)
    return HealthCheck("to_people", True, "none is late and none is stuck")


def _templates(settings: Settings) -> list[HealthCheck]:
    """The templates at Notify held against the approved wordings; one that differs lets nothing of its kind leave."""
    notify = notify_service(settings.notify_api_key, settings.notify_base_url)
    if notify is None:
        return []
    named = dict(settings.area.messages.templates)
    try:
        templates = {template.template_id: template for template in notify.list_templates()}
    except NotifyUnavailable as problem:
        return [HealthCheck("templates", False, f"can't be read: {problem}")]
    wrong = [f"{code} is no wording of ours" for code in named if code not in TEXTS_BY_CODE]
    for code, approved in TEXTS_BY_CODE.items():
        if code not in named:
            continue
        template = templates.get(named[code])
        difference = "is not there" if template is None else compare_template(approved, template)
        wrong += [f"{code}: {difference}"] if difference else []
    if wrong:
        return [HealthCheck("templates", False, f"nothing of these kinds is sent: {'; '.join(wrong)}")]
    missing = sorted(set(TEXTS_BY_CODE) - set(named))
    if missing:
        return [
            HealthCheck("templates", True, f"the area has none for {', '.join(missing)}", is_warning=True)
        ]
    return [HealthCheck("templates", True, f"{len(named)} are equal to the approved wordings")]


def _replica(settings: Settings) -> list[HealthCheck]:
    """The replica that figures are read from; where it is away they are read from the database itself."""
    if settings.database_replica_url is None:
        return []
    delay = replica_delay_s()
    if delay is None:
        return [HealthCheck("replica", True, "does not answer: figures are read from the database", True)]
    finding = f"answers, {delay:.0f} seconds behind"
    return [HealthCheck("replica", True, finding, is_warning=delay > REPLICA_DELAY_GOOD_S)]


def _broker(settings: Settings) -> HealthCheck:
    if is_broker_up(settings):
        return HealthCheck("broker", True, "answers")
    return HealthCheck("broker", False, "does not answer")


def _channels(settings: Settings) -> HealthCheck:
    named = {
        "SMTP": settings.smtp_url,
        "Notify": settings.notify_base_url if settings.notify_api_key else None,
    }
    urls = {name: url for name, url in named.items() if url}
    if not urls:
        finding = "none set: nothing leaves the service, what it has to say stands on its pages only"
        return HealthCheck("channels", True, finding, is_warning=True)
    away = [name for name, url in urls.items() if not _can_connect(url)]
    if away:
        return HealthCheck("channels", False, f"{' and '.join(away)} can't be reached")
    return HealthCheck("channels", True, f"{' and '.join(urls)} can be reached")


def _linkage() -> HealthCheck:
    """Whether the optional pass over the whole population can run; the service lacks nothing else without it."""
    says = (
        "installed: a pass over the whole population runs once a month"
        if is_linkage_installed()
        else NOT_INSTALLED
    )
    return HealthCheck("matching", True, says)


def _scanner(settings: Settings, actor: Actor, at: datetime) -> HealthCheck:
    """ClamAV, which attached files wait for; without one production takes none. A file that waits long is a warning."""
    if settings.clamd_url is None:
        finding = (
            "none set (CLAMD_URL): no file can be attached"
            if settings.is_production
            else "none set (CLAMD_URL): attached files are not scanned, which is for trying out only"
        )
        return HealthCheck("scanner", True, finding, is_warning=True)
    waiting = _describe_waiting_file(actor, at)
    if not is_scanner_up(settings.clamd_url):
        finding = f"ClamAV does not answer: attached files wait until it does{waiting}"
        return HealthCheck("scanner", False, finding)
    return HealthCheck("scanner", True, f"ClamAV answers{waiting}", is_warning=bool(waiting))


def _describe_waiting_file(actor: Actor, at: datetime) -> str:
    """How long the oldest file has waited to be checked or copied; empty below an hour, or where nobody can say."""
    try:
        with transaction(actor) as session:
            oldest: datetime | None = session.scalar(_OLDEST_WAITING_FILE)
    except (SQLAlchemyError, WrongArea):
        return ""
    if oldest is None or at - oldest < FILES_GOOD_FOR:
        return ""
    return f"; the oldest file has waited {int((at - oldest) / timedelta(hours=1))} hours to be checked"


def _public_contact(settings: Settings) -> HealthCheck:
    """What the area profile says of how the public reaches the Gateway; the rights sheet prints it."""
    area = settings.area
    missing = [name for name in ("telephone", "address") if not getattr(area, name)]
    if not missing:
        return HealthCheck("contact", True, "the area profile has a telephone and an address")
    finding = f"set {' and '.join(missing)} in config/areas/{area.key}.json: the rights sheet prints none"
    return HealthCheck("contact", True, finding, is_warning=True)


def _can_connect(url: str) -> bool:
    parts = urlsplit(url)
    ports = {"smtp": 25, "smtps": 465, "http": 80, "https": 443}
    address = (parts.hostname or "", parts.port or ports[parts.scheme])
    try:
        with socket.create_connection(address, timeout=CONNECT_TIMEOUT_S):
            return True
    except OSError:
        return False
