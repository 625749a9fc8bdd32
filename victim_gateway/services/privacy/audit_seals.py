"""Sealing of the audit's lanes: one entry that names the last entry of each.

A lane that was busy for a moment may then lie idle for days, and its last entries could be cut off unseen. A seal
stands in a lane that goes on: what it names can be cut off only together with everything that follows the seal.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.audit_chain import SEAL_ACTION, seal_details
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.transaction import transaction
from victim_gateway.models import AuditEntry
from victim_gateway.queries.privacy.audit_lanes import lane_ends

# Longer than any pause of the scheduler that nobody notices; what is older is sealed by the nightly checkpoint.
_LOOKED_BACK = timedelta(days=1)


def seal_audit_lanes(*, actor: Actor, at: datetime) -> bool:
    """Write a seal where a lane besides lane 0 has gone on since the last; gives whether one was written."""
    with transaction(actor) as session:
        ends = lane_ends(session)
        since = _last_sealed_at(session, at - _LOOKED_BACK) or at - _LOOKED_BACK
        if not any(end.lane and end.action != SEAL_ACTION and end.at > since for end in ends):
            return False
        record_audit(session, SEAL_ACTION, heads=seal_details({end.lane: end.head for end in ends}))
    return True


def _last_sealed_at(session: Session, since: datetime) -> datetime | None:
    return session.scalar(
        select(func.max(AuditEntry.at)).where(AuditEntry.action == SEAL_ACTION, AuditEntry.at > since)
    )
