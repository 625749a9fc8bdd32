"""The index pass: works out the keyed hashes of people and referrals that are stored without search parts.

Only the program can: the hashes are keyed and the names sealed. People stored by an earlier release wait without
parts, found by whole names alone, until a pass has been; so do all of them after a change to how names are folded,
for which a migration sets the column to NULL.
"""

from __future__ import annotations

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.database import encrypted_rows
from victim_gateway.database.current import current_blind_index
from victim_gateway.database.transaction import transaction
from victim_gateway.models import Person, Referral
from victim_gateway.search_parts import reference_parts
from victim_gateway.services.people.person_hashes import person_index_values

BATCH = 500
# What a minute's pass does at most, in a few seconds; the next one goes on where it ended.
MOST_IN_A_PASS = 20_000


def index_waiting_people(*, actor: Actor, at_most: int = MOST_IN_A_PASS) -> int:
    """Index people and referrals that wait, in batches that commit each for itself; gives how many were done."""
    done = 0
    for index_batch in (_index_people, _index_referrals):
        while done < at_most:
            with transaction(actor) as session:
                number = index_batch(session, min(BATCH, at_most - done))
            done += number
            if number == 0:
                break
    return done


def _index_people(session: Session, at_most: int) -> int:
    rows = session.execute(
        select(Person.id, Person.key_id, Person.sealed)
        .where(Person.search_parts.is_(None), Person.erased_at.is_(None))
        .order_by(Person.id)
        .limit(at_most)
        .with_for_update(skip_locked=True)
    ).all()
    if not rows:
        return 0
    index = current_blind_index(session)
    keys = encrypted_rows.open_keys(session, [row.key_id for row in rows])
    values = []
    for row in rows:
        document = encrypted_rows.unseal_row(keys[row.key_id], "person", row.id, row.sealed)
        hashes = person_index_values(index, document)
        # The force's own id is not in the document.
        del hashes["victim_reference_hash"]
        values.append({"row": row.id, **hashes})
    _write(session, Person, values)
    return len(rows)


def _index_referrals(session: Session, at_most: int) -> int:
    rows = session.execute(
        select(Referral.id, Referral.feed_reference, Referral.sealed, Person.key_id, Person.erased_at)
        .join(Person, Person.id == Referral.person_id)
        .where(Referral.search_parts.is_(None))
        .order_by(Referral.id)
        .limit(at_most)
        .with_for_update(of=Referral, skip_locked=True)
    ).all()
    if not rows:
        return 0
    index = current_blind_index(session)
    keys = encrypted_rows.open_keys(session, [row.key_id for row in rows if row.erased_at is None])
    values = []
    for row in rows:
        number = None
        if row.erased_at is None:
            number = encrypted_rows.unseal_row(keys[row.key_id], "referral", row.id, row.sealed).get(
                "crime_number"
            )
        reference = row.feed_reference if row.erased_at is None else None
        values.append({"row": row.id, "search_parts": reference_parts(index, reference, number)})
    _write(session, Referral, values)
    return len(rows)


def _write(session: Session, model: type[Person] | type[Referral], values: list[dict[str, object]]) -> None:
    table = model.metadata.tables[model.__tablename__]
    statement = (
        update(table)
        .where(table.c.id == bindparam("row"))
        .values({name: bindparam(name) for name in values[0] if name != "row"})
    )
    session.connection().execute(statement, values)
