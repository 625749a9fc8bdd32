"""Weigh known people against one who is being recorded, by the area's weights: form and feed share them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from config.identity_weights import IdentityWeights
from victim_gateway.database.current import current_settings
from victim_gateway.models import ListEntry
from victim_gateway.rules.duplicate_weights import lay_weights_over
from victim_gateway.rules.identity_match import IdentityComparison, compare_identities, identity_record
from victim_gateway.rules.kept_lists import DUPLICATE_WEIGHTS


def proposing_weights(session: Session) -> IdentityWeights:
    """The weights by which likely duplicates are proposed from now on: the area's, as administrators keep them."""
    rows = session.execute(
        select(ListEntry.code, ListEntry.body).where(
            ListEntry.list_key == DUPLICATE_WEIGHTS, ListEntry.body.is_not(None)
        )
    )
    return lay_weights_over(current_settings().area.identity, {row.code: row.body for row in rows})


def compare_with_known_people(
    session: Session, document: Mapping[str, Any], known: Mapping[UUID, Mapping[str, Any]]
) -> dict[UUID, IdentityComparison]:
    """Compare a document with those of known people; the best match first."""
    weights, own = proposing_weights(session), identity_record(document)
    compared = {
        person_id: compare_identities(own, identity_record(stored), weights)
        for person_id, stored in known.items()
    }
    return dict(sorted(compared.items(), key=lambda item: (-item[1].match_weight, str(item[0]))))
