"""Weigh known people against one who is being recorded, by the area's weights: form and feed share them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from victim_gateway.database.current import current_settings
from victim_gateway.rules.identity_match import IdentityComparison, compare_identities, identity_record


def compare_with_known_people(
    document: Mapping[str, Any], known: Mapping[UUID, Mapping[str, Any]]
) -> dict[UUID, IdentityComparison]:
    """Compare a document with those of known people; the best match first."""
    weights, own = current_settings().area.identity, identity_record(document)
    compared = {
        person_id: compare_identities(own, identity_record(stored), weights)
        for person_id, stored in known.items()
    }
    return dict(sorted(compared.items(), key=lambda item: (-item[1].match_weight, str(item[0]))))
