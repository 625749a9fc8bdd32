"""Every page of every role: the addresses of the app's GET routes, filled in from a volume."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import Flask
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool
from werkzeug.routing import BuildError, Rule

from config import Settings

ACCOUNTS = {
    "caseworker": "caseworker@demo.example",
    "senior": "senior@demo.example",
    "manager": "manager@demo.example",
    "admin": "admin@demo.example",
    "auditor": "auditor@demo.example",
    "provider": "newera@demo.example",
}
# Not pages: files, probes, and what ends or begins a session.
_LEFT_OUT = ("static", "health.live", "health.ready", "health.metrics", "accounts.sign_out")
# One referral of each state in which a page may be shown, among the main account's own where it has an owner.
_STATES = ("supported", "triaged", "in_contact", "assigned", "received", "held", "reopened", "closed")
_REFERRAL = """
SELECT r.id FROM referral r LEFT JOIN app_user u ON u.id = r.assigned_to_id
WHERE r.state = :state AND NOT r.restricted AND r.feed_reference LIKE 'BV-%'
ORDER BY (u.email = 'caseworker@demo.example') DESC NULLS LAST, r.feed_reference LIMIT 1
"""
_OTHERS = {
    "batch_id": "SELECT id FROM import_batch WHERE kind = 'police_feed' ORDER BY rows DESC LIMIT 1",
    "user_id": "SELECT id FROM app_user WHERE email = 'caseworker2@demo.example'",
    "service_id": "SELECT s.id FROM provider_service s JOIN organisation o ON o.id = s.provider_id"
    " WHERE o.key = 'victim-support' OR true ORDER BY s.key LIMIT 1",
}
_ONWARD = """
SELECT o.id, o.state FROM onward_referral o JOIN organisation p ON p.id = o.provider_id
JOIN referral r ON r.id = o.referral_id
WHERE p.key = 'new-era' AND o.state = :state AND NOT r.restricted AND r.feed_reference LIKE 'BV-%'
ORDER BY o.reference LIMIT 1
"""
_ONWARD_STATES = (
    "in_service",
    "accepted",
    "offered",
    "acknowledged",
    "information_requested",
    "declined",
    "closed",
)
_OF_REFERRAL = {
    "clock_id": "SELECT id FROM entitlement_clock WHERE referral_id = :id AND edition <> 'local' AND status = 'running'"
    " ORDER BY id LIMIT 1",
    "task_id": "SELECT id FROM task WHERE referral_id = :id AND done_at IS NULL LIMIT 1",
    "consent_id": "SELECT id FROM consent WHERE referral_id = :id AND withdrawn_at IS NULL AND agreed LIMIT 1",
}
_FIXED = {
    "edition": "2020",
    "entitlement_id": "written_acknowledgement",
    "column": "domestic_abuse",
}
_SEVERAL = {
    "tab": ("mine", "team", "unassigned", "waiting", "held"),
    "shown": ("mine", "team"),
    "name": ("answer", "contact", "support"),
}


def page_addresses(settings: Settings, app: Flask) -> dict[str, list[str]]:
    """For each page its addresses, the first of which that answers is the one to measure."""
    candidates = list(_candidates(settings))
    found: dict[str, list[str]] = {}
    with app.test_request_context("/"):
        for rule in app.url_map.iter_rules():
            if "GET" in (rule.methods or ()) and rule.endpoint not in _LEFT_OUT:
                for title, addresses in _addresses(app, rule, candidates):
                    found.setdefault(title, []).extend(addresses)
    return found


def _addresses(app: Flask, rule: Rule, candidates: list[dict[str, Any]]) -> Iterator[tuple[str, list[str]]]:
    several = next((name for name in _SEVERAL if name in rule.arguments), None)
    for value in _SEVERAL[several] if several else ("",):
        chosen = {several: value} if several else {}
        title = f"{rule.endpoint}({value})" if several else rule.endpoint
        made = []
        for parts in candidates:
            values = {**parts, **chosen}
            if all(values.get(name) is not None for name in rule.arguments):
                try:
                    address = rule.build(
                        {name: values[name] for name in rule.arguments}, append_unknown=False
                    )
                except BuildError:
                    continue
                if address and address[1] not in made:
                    made.append(address[1])
        yield title, made


def _candidates(settings: Settings) -> Iterator[dict[str, Any]]:
    """Values for the parts of an address, around one referral after another."""
    engine = create_engine(str(settings.database_owner_url), poolclass=NullPool)
    with engine.connect() as connection:

        def one(statement: str, **values: Any) -> Any:
            return connection.scalar(text(statement), values)

        fixed = _FIXED | {name: one(statement) for name, statement in _OTHERS.items()}
        for state in _STATES:
            referral_id = one(_REFERRAL, state=state)
            of_referral = {name: one(statement, id=referral_id) for name, statement in _OF_REFERRAL.items()}
            yield {**fixed, **of_referral, "referral_id": referral_id, "onward_referral_id": None}
        for state in _ONWARD_STATES:
            yield {"onward_referral_id": one(_ONWARD, state=state)}
    engine.dispose()
