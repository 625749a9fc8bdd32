"""What follows from a reason to decline, as administrators keep it over what ships."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway.database.transaction import as_service
from victim_gateway.models import ListEntry
from victim_gateway.rules.decline_consequences import DeclineRule, read_decline_rule
from victim_gateway.rules.kept_lists import DECLINE_CONSEQUENCES
from victim_gateway.vocabulary import DeclineReason


def decline_rule_of(session: Session, reason: DeclineReason) -> DeclineRule:
    """The rule in force for a reason. As the service: a provider's decline follows it and may not read the list."""
    kept = select(ListEntry.body).where(
        ListEntry.list_key == DECLINE_CONSEQUENCES, ListEntry.code == reason.value
    )
    with as_service(session):
        body = session.scalar(kept)
    return read_decline_rule(reason, body)
