"""People who were children when they became known, and of whom a file brings a referral or another birth date."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from uuid import UUID

from sqlalchemy.orm import Session

from victim_gateway.database.transaction import actor_of
from victim_gateway.queries.people.decrypted_people import birth_date_of
from victim_gateway.rules.coming_of_age import adult_from, is_new_adult
from victim_gateway.services.imports.batches import RunningBatch
from victim_gateway.services.imports.imported_person import ImportedPerson
from victim_gateway.services.referrals import coming_of_age
from victim_gateway.services.shared.command import Command


def hand_over_new_adults(
    session: Session,
    batch: RunningBatch,
    people: Iterable[ImportedPerson],
    *,
    with_new_referral: Collection[UUID] = (),
) -> None:
    """Ask those anew who turned 18 since they became known; what is theirs is locked and written already.

    Only a new referral or another birth date can make it due. Of all others nothing is read, and of a new person
    nothing was ever asked.
    """
    command, at = Command(actor_of(session), batch.imported_at), batch.imported_at
    for person in people:
        if person.known_since is None:
            continue
        born, born_before = birth_date_of(person.document), person.birth_date_before
        is_due = person.id in with_new_referral or born != born_before
        if is_due and is_new_adult(born, person.known_since, at):
            coming_of_age.hand_over_if_due(session, command, person.id)
        elif born and born_before and adult_from(born_before) <= at < adult_from(born):
            coming_of_age.follow_birth_date(session, command, person.id)
