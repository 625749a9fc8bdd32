"""Printed references: short, digits only after the area's letters, so that nothing can be misread aloud."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.database.current import current_settings


def allocate_references(session: Session, received_at: Sequence[datetime]) -> list[str]:
    """One new reference for each moment of receipt, such as SG-26-004217. Numbers may be skipped, never reused."""
    if not received_at:
        return []
    numbers = session.execute(
        text("SELECT nextval('referral_reference_seq') FROM generate_series(1, :count)"),
        {"count": len(received_at)},
    ).scalars()
    prefix = current_settings().area.reference_prefix
    return [
        f"{prefix}-{times.london_date(moment):%y}-{number:06d}"
        for moment, number in zip(received_at, numbers, strict=True)
    ]
