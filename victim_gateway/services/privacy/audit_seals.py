"""Sealing of the audit's lanes: one entry that names the last entry of each.

A lane that was busy for a moment may then lie idle for days, and its last entries could be cut off unseen. A seal
stands in a lane that goes on: what it names can be cut off only together with everything that follows the seal.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.audit_chain import SEAL_ACTION, LaneHead, read_seal, seal_details
from victim_gateway.database.advisory_locks import AdvisoryLock, lock_until_commit
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.transaction import transaction
from victim_gateway.models import AuditEntry
from victim_gateway.queries.privacy.audit_lanes import lane_ends

# Longer than any pause of the scheduler that nobody notices; what is older is sealed by the nightly checkpoint.
_LOOKED_BACK = timedelta(days=1)


def seal_audit_lanes(*, actor: Actor, at: datetime) -> bool:
    """Write a seal where a lane besides lane 0 ends otherwise than the last one says; gives whether it did.

    Heads are compared, not times: an entry gets its time when it is chained, and may be committed after a seal
    that could not see it yet.
    """
    with transaction(actor) as session:
        # Lane 0 is the one that always goes on. The lowest free lane may be idle, and cut off with its own seal.
        lock_until_commit(session, AdvisoryLock.AUDIT_CHAIN)
        ends = lane_ends(session)
        since = at - _LOOKED_BACK
        sealed = _last_sealed(session, since)
        # A seal stands in lane 0, and so is no reason for the next one.
        open_ends = [end for end in ends if end.lane and sealed.get(end.lane) != end.head]
        if not open_ends or (not sealed and all(end.at <= since for end in open_ends)):
            return False
        record_audit(session, SEAL_ACTION, heads=seal_details({end.lane: end.head for end in ends}))
    return True


def _last_sealed(session: Session, since: datetime) -> dict[int, LaneHead]:
    """What the last seal names; nothing where there was none since."""
    entry = session.scalar(
        select(AuditEntry.entry)
        .where(AuditEntry.action == SEAL_ACTION, AuditEntry.at > since)
        .order_by(AuditEntry.at.desc(), AuditEntry.sequence.desc())
        .limit(1)
    )
    return {} if entry is None else read_seal(entry)
