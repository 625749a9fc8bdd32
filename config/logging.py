"""Logging set-up: constant event names with fields, on standard error, with personal data removed."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

from config import Settings

Event = MutableMapping[str, Any]

# Fields whose values never reach a log, wherever they are nested. Events carry ids and references instead.
REDACTED = frozenset(
    # identity and contact details of a person
    "name title given_name family_name date_of_birth dob address address_line_1 address_line_2 town postcode"
    " lsoa_code phone email identity organisation_contact officer_name officer_email crime_number"
    # free text written by or about a person
    " note safe_contact_note text body search"
    # credentials
    " authorization cookie csrf_token password totp token secret secret_key data_keys notify_api_key smtp_url"
    " database_url database_owner_url database_replica_url redis_url broker_url"
    # parameters of an SQL statement
    " params parameters".split()
)
REDACTION = "[not logged]"
# These loggers print requests or statements with their parameters, which may be personal.
_QUIET = ("alembic.runtime", "sqlalchemy.engine", "werkzeug", "kombu", "amqp", "urllib3")


def redact_fields(_logger: Any, _method: str, event: Event) -> Event:
    """A structlog processor: replaces the value of every field on the list."""
    for key, value in event.items():
        event[key] = _redacted(key, value)
    return event


def _redacted(key: str, value: Any) -> Any:
    if key.lower() in REDACTED:
        return REDACTION
    if isinstance(value, Mapping):
        return {inner: _redacted(str(inner), nested) for inner, nested in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted("", nested) for nested in value]
    return value


def describe_database_error(_logger: Any, _method: str, event: Event) -> Event:
    """A structlog processor: log a database error by its constraint, because its text repeats the row's values."""
    exc_info = event.get("exc_info")
    error = (
        exc_info
        if isinstance(exc_info, BaseException)
        else exc_info[1]
        if isinstance(exc_info, tuple)
        else None
    )
    diagnosis = getattr(getattr(error, "orig", error), "diag", None)
    if diagnosis is not None:
        event.pop("exc_info")
        event["database_error"] = type(getattr(error, "orig", error)).__name__
        event["constraint"] = diagnosis.constraint_name
        event["primary"] = diagnosis.message_primary
    return event


def _resolve_exc_info(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    if event.get("exc_info") is True:
        event["exc_info"] = sys.exc_info()
    return event


def _json_lines() -> list[Any]:
    # tracebacks as text, without local variables: those may hold decrypted personal data
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]


def _console_lines() -> list[Any]:
    plain = structlog.dev.plain_traceback
    return [structlog.dev.ConsoleRenderer(exception_formatter=plain, colors=sys.stderr.isatty())]


def configure_logging(settings: Settings) -> None:
    """Send every line, structlog's or the standard library's, to standard error in the format asked for."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        redact_fields,
        _resolve_exc_info,
        describe_database_error,
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            *(_json_lines() if settings.log_format == "json" else _console_lines()),
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
