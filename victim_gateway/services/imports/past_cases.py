"""Which new referrals of a file of past cases are left closed.

The case may be over, the person's is not: what a row says of safe contact, of a death or of a name guards them on
every referral. So a past case stays open, with holds and tasks as any other, where the person has a referral that is
not over, stored or in the same chunk, or may be the same as somebody who has one. Of one that is left closed the
check of safe contact and a contradicted correction still open a task on it: it counts for the next referral of the
person (`services/shared/next_action.py`), which may stand further on in the file. A death and a refusal need no task:
they stand in the person's own records, by which the next referral is held.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from victim_gateway.database import bulk_insert
from victim_gateway.models import Referral
from victim_gateway.rules.transitions import OVER_STATES
from victim_gateway.services.imports.batches import RunningBatch

# A past case that came so lately is looked at all the same: its file may hold people who still wait.
STAYS_OPEN = timedelta(days=28)


@dataclass(frozen=True, slots=True)
class NewCase:
    """A new referral: of whom, and who may be the same person."""

    received_at: datetime
    person_id: UUID
    may_be: frozenset[UUID]

    @property
    def people(self) -> frozenset[UUID]:
        """Everyone whom it may be about."""
        return self.may_be | {self.person_id}


def find_past_cases(session: Session, batch: RunningBatch, cases: Sequence[NewCase]) -> list[int]:
    """The places of the cases to be left closed."""
    if not batch.leave_closed:
        return []
    latest = batch.imported_at - STAYS_OPEN
    past = [place for place, case in enumerate(cases) if case.received_at < latest]
    people = frozenset[UUID]().union(*(cases[place].people for place in past))
    with_open_referral = set(
        session.scalars(
            select(Referral.person_id).where(
                bulk_insert.column_in(Referral.person_id, people), Referral.state.not_in(OVER_STATES)
            )
        )
    )
    for case in cases:
        if case.received_at >= latest:
            # Whom a current row may be the same as is compared by the task of that row.
            with_open_referral.add(case.person_id)
    return [place for place in past if not cases[place].people & with_open_referral]
