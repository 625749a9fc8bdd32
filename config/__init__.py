"""The only reader of the environment: `load_settings()` gives typed settings, or names the bad variable."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from config import development
from config.area_profile import AreaProfile, AreaStandard, NeedsScale, Thresholds, load_area
from config.password_hashing import FULL_HASHING, TEST_HASHING, PasswordHashing
from config.reading import Environment, Keyring, SettingsError

__all__ = [
    "AreaProfile",
    "AreaStandard",
    "NeedsScale",
    "PasswordHashing",
    "Settings",
    "SettingsError",
    "Thresholds",
    "load_settings",
]

ENVIRONMENTS = ("development", "test", "production")
LOG_FORMATS = ("console", "json")
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
SHORTEST_SECRET_KEY = 32
SHORTEST_LEASE_S = 90
MEGABYTE = 1024 * 1024
# Who shares a server connection: one client for its whole life, or many, each for one transaction (PgBouncer).
POOLINGS = ("session", "transaction")
LOOPBACK = ("127.0.0.1", "localhost")
# Set by `gateway up --demo` for its children.
MAIL_STAND_IN = "GATEWAY_MAIL_STAND_IN_URL"
NOTIFY = "https://api.notifications.service.gov.uk"
_UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_NOTIFY_KEY = re.compile(f".+-{_UUID}-{_UUID}")


@dataclass(frozen=True, slots=True)
class Settings:
    """The program's settings, typed and checked. Secrets are left out of `repr`."""

    env: str
    home: Path
    area: AreaProfile
    port: int
    public_url: str
    require_mfa: bool
    max_upload_bytes: int
    max_attachment_bytes: int
    # None: no virus scanner; in production no file can be attached then.
    clamd_url: str | None
    session_idle_minutes: int
    session_absolute_hours: int
    log_format: str
    log_level: str
    mail_from: str
    # Who is told by e-mail when work stands still; None: the log alone says so.
    operations_email: str | None
    # How long mail may be late, or a program silent, until there is an alarm.
    alarm_after_s: int
    # How long a sender has for one e-mail before another may take it over.
    mail_lease_s: int
    trusted_proxies: int
    # None: an embedded server is to be used; `devservers.embedded_servers(settings)` fills these in.
    database_url: str | None = field(repr=False)
    database_owner_url: str | None = field(repr=False)
    database_pooling: str
    # None: figures are read from the database itself.
    database_replica_url: str | None = field(repr=False)
    redis_url: str | None = field(repr=False)
    # None: tasks queue in Redis.
    broker_url: str | None = field(repr=False)
    secret_key: str = field(repr=False)
    data_keys: Keyring = field(repr=False)
    smtp_url: str | None = field(repr=False)
    notify_api_key: str | None = field(repr=False)
    notify_base_url: str
    # What the receipts of Notify carry; None: none is taken.
    notify_receipts_token: str | None = field(repr=False)
    # Outside production nothing goes to anybody else.
    notify_allowed_recipients: tuple[str, ...] = field(repr=False)
    # From where e-mail to a person comes by SMTP; None: none goes that way. It must not say what the service is for.
    people_mail_from: str | None = None
    # False: nothing leaves to a person, as for a restored copy that has not been released.
    sends_to_people: bool = True
    # True: `smtp_url` is a stand-in that sends to nobody, and what it took is shown on a page; never in production.
    keeps_mail: bool = False

    @property
    def is_production(self) -> bool:
        """Whether the records are about real people, so that development defaults are refused."""
        return self.env == "production"

    @property
    def password_hashing(self) -> PasswordHashing:
        """What passwords are hashed with; no variable changes it.

        Cheap in the environment `test` with no public address and with the published keys, where requests must name
        this machine (`trusted_hosts`): a system for trying things out that others reach, or with keys of its own,
        has people's real passwords.
        """
        return TEST_HASHING if self._is_for_own_tests else FULL_HASHING

    @property
    def _is_for_own_tests(self) -> bool:
        """Whether nobody's password is in it: only the program's own tests run like this."""
        is_local = urlsplit(self.public_url).hostname in LOOPBACK
        return self.env == "test" and is_local and self.data_keys == development.DATA_KEYS

    @property
    def task_broker_url(self) -> str | None:
        """Where tasks queue: the broker that is named for them, or Redis."""
        return self.broker_url or self.redis_url

    @property
    def queues_in_rabbitmq(self) -> bool:
        """Whether tasks queue in RabbitMQ rather than in Redis."""
        return (self.broker_url or "").startswith("amqp")

    @property
    def trusted_hosts(self) -> list[str] | None:
        """The host names of requests: the public address's, that of links to questions, this machine's own.

        None (any host) while no public address is set; this machine's own alone where passwords are hashed cheaply.
        """
        name = urlsplit(self.public_url).hostname
        if name not in LOOPBACK:
            links = urlsplit(self.area.support.survey.link_address or "").hostname
            return [str(name), *([links] if links else ()), *LOOPBACK]
        return list(LOOPBACK) if self._is_for_own_tests else None


def load_settings(values: Mapping[str, str] | None = None) -> Settings:
    """Read and check the settings from `values`, by default the process's environment.

    Raises SettingsError with one line that names the variable.
    """
    environment = Environment(os.environ if values is None else values)
    env = environment.read_choice("GATEWAY_ENV", ENVIRONMENTS, "development")
    number = environment.read_whole_number
    port = number("PORT", 8000, least=1, most=65535)
    database_url = environment.read_postgresql_url("DATABASE_URL")
    if environment.read_text("DATABASE_OWNER_URL") and database_url is None:
        raise SettingsError(
            "DATABASE_OWNER_URL",
            "is set, but DATABASE_URL is not: set DATABASE_URL too, to what the service signs in with"
            " (postgresql://gateway_app:...; gateway db upgrade makes that account)",
        )
    smtp_url, stand_in_url = (
        environment.read_url("SMTP_URL", ("smtp", "smtps")),
        _mail_stand_in_url(environment, env),
    )
    public_url = environment.read_url("GATEWAY_PUBLIC_URL", ("https", "http"), f"http://127.0.0.1:{port}")
    settings = Settings(
        env=env,
        home=_home(environment),
        area=load_area(environment.read_text("GATEWAY_AREA", "staffordshire")),
        port=port,
        public_url=str(public_url).rstrip("/"),
        require_mfa=environment.read_flag("GATEWAY_REQUIRE_MFA", default=env == "production"),
        max_upload_bytes=number("GATEWAY_MAX_UPLOAD_MB", 100, least=1, most=2048) * MEGABYTE,
        max_attachment_bytes=number("GATEWAY_MAX_ATTACHMENT_MB", 10, least=1, most=25) * MEGABYTE,
        clamd_url=environment.read_url("CLAMD_URL", ("tcp", "unix")),
        session_idle_minutes=number("GATEWAY_SESSION_IDLE_MINUTES", 30, least=1, most=1440),
        session_absolute_hours=number("GATEWAY_SESSION_ABSOLUTE_HOURS", 12, least=1, most=168),
        log_format=environment.read_choice(
            "GATEWAY_LOG_FORMAT", LOG_FORMATS, "json" if env == "production" else "console"
        ),
        log_level=environment.read_choice("GATEWAY_LOG_LEVEL", LOG_LEVELS, "INFO"),
        mail_from=environment.read_text("GATEWAY_MAIL_FROM", "victim-gateway@localhost"),
        operations_email=environment.read_email("GATEWAY_OPERATIONS_EMAIL"),
        # With a look every half minute it is within the five minutes that are promised.
        alarm_after_s=number("GATEWAY_ALARM_AFTER_S", 240, least=3, most=240),
        # Longer than sending one e-mail can take: each of its eight answers is waited for ten seconds at most.
        mail_lease_s=number("GATEWAY_MAIL_LEASE_S", 120, least=2, most=600),
        trusted_proxies=number("GATEWAY_TRUSTED_PROXIES", 0, least=0, most=5),
        database_url=database_url,
        database_owner_url=environment.read_postgresql_url("DATABASE_OWNER_URL") or database_url,
        database_pooling=environment.read_choice("DATABASE_POOLING", POOLINGS, "session"),
        database_replica_url=environment.read_postgresql_url("DATABASE_REPLICA_URL"),
        redis_url=environment.read_url("REDIS_URL", ("redis", "rediss", "unix")),
        broker_url=environment.read_url("BROKER_URL", ("amqp", "amqps", "redis", "rediss")),
        secret_key=environment.read_text("SECRET_KEY", development.SECRET_KEY),
        data_keys=environment.read_keyring("GATEWAY_DATA_KEYS", development.DATA_KEYS),
        smtp_url=smtp_url or stand_in_url,
        notify_api_key=environment.read_text("NOTIFY_API_KEY") or None,
        notify_base_url=str(environment.read_url("NOTIFY_BASE_URL", ("https", "http"), NOTIFY)).rstrip("/"),
        notify_receipts_token=_receipts_token(environment),
        notify_allowed_recipients=_listed(environment.read_text("NOTIFY_ALLOWED_RECIPIENTS")),
        people_mail_from=environment.read_text("GATEWAY_PEOPLE_MAIL_FROM") or None,
        sends_to_people=environment.read_flag("GATEWAY_SENDS_TO_PEOPLE", default=True),
        keeps_mail=smtp_url is None and stand_in_url is not None,
    )
    _refuse_unusable_notify(settings)
    if settings.is_production:
        if settings.mail_lease_s < SHORTEST_LEASE_S:
            raise SettingsError("GATEWAY_MAIL_LEASE_S", f"must be {SHORTEST_LEASE_S} or more in production")
        _refuse_embedded_servers(settings)
        _refuse_development_values(environment, settings)
    return settings


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _mail_stand_in_url(environment: Environment, env: str) -> str | None:
    """Where `gateway up --demo` has its stand-in for a mail server; used where SMTP_URL is not set."""
    url = environment.read_url(MAIL_STAND_IN, ("smtp",))
    if url is not None and env == "production":
        raise SettingsError(MAIL_STAND_IN, "is for trying the service out: leave it out in production")
    if url is not None and urlsplit(url).hostname not in LOOPBACK:
        raise SettingsError(
            MAIL_STAND_IN, "must be an address on this machine: the e-mails it keeps hold links and codes"
        )
    return url


def _receipts_token(environment: Environment) -> str | None:
    token = environment.read_text("NOTIFY_RECEIPTS_TOKEN") or None
    if token is not None and (len(token) < SHORTEST_SECRET_KEY or len(set(token)) < 8):
        raise SettingsError(
            "NOTIFY_RECEIPTS_TOKEN", f"must be {SHORTEST_SECRET_KEY} or more random characters"
        )
    return token


def _refuse_unusable_notify(settings: Settings) -> None:
    """Refuse a key of another shape, and a key that would be sent over the network unprotected."""
    if settings.notify_api_key is None:
        return
    if not _NOTIFY_KEY.fullmatch(settings.notify_api_key):
        raise SettingsError("NOTIFY_API_KEY", "must look like name-uuid-uuid, as Notify gives it")
    parts = urlsplit(settings.notify_base_url)
    if parts.scheme != "https" and parts.hostname not in LOOPBACK:
        raise SettingsError("NOTIFY_BASE_URL", "must begin with https:// unless it is on this machine")


def _home(environment: Environment) -> Path:
    home = Path(environment.read_text("GATEWAY_HOME", "var")).expanduser().absolute()
    if home.exists() and not home.is_dir():
        raise SettingsError("GATEWAY_HOME", f"names something that is not a folder: {home}")
    return home


def _refuse_embedded_servers(settings: Settings) -> None:
    """Refuse embedded servers in production: a missing URL would start an empty service without backups."""
    for name, url in (("DATABASE_URL", settings.database_url), ("REDIS_URL", settings.redis_url)):
        if url is None:
            raise SettingsError(name, "must be set in production: the embedded servers are for a first look")


def _refuse_development_values(environment: Environment, settings: Settings) -> None:
    """Refuse a published development value in production: keys and secrets must be this deployment's own."""
    for name in ("SECRET_KEY", "GATEWAY_DATA_KEYS"):
        if not environment.read_text(name):
            raise SettingsError(name, "must be set in production")
    if settings.secret_key == development.SECRET_KEY:
        raise SettingsError("SECRET_KEY", "is the development value, which is public: choose another")
    if len(settings.secret_key) < SHORTEST_SECRET_KEY or len(set(settings.secret_key)) < 8:
        raise SettingsError("SECRET_KEY", f"must be {SHORTEST_SECRET_KEY} or more random characters")
    development_keys = {key for _, key in development.DATA_KEYS}
    for key_id, key in settings.data_keys:
        if key in development_keys:
            raise SettingsError("GATEWAY_DATA_KEYS", f"has the development key, which is public, as {key_id}")
        if len(set(key)) < 8:
            raise SettingsError("GATEWAY_DATA_KEYS", f"has a key that is not random: {key_id}")
    public = urlsplit(settings.public_url)
    if settings.smtp_url is not None and (public.scheme != "https" or public.hostname in LOOPBACK):
        raise SettingsError(
            "GATEWAY_PUBLIC_URL",
            "must be the https address that people reach, where SMTP_URL is set: e-mails carry secret links",
        )
    if not settings.require_mfa:
        raise SettingsError("GATEWAY_REQUIRE_MFA", "can't be 0 in production: everybody signs in with two")
