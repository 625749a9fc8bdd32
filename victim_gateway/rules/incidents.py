"""What may be said and done to all referrals of one incident at once.

People of one incident are victims of the same thing and strangers to each other, and now and then one of them is a
suspect for another. Nothing about one may reach another: what is written to all is kept out of the record of whoever
must never be contacted about somebody else in it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from uuid import UUID

LONGEST_TITLE = 120
LONGEST_FACTS = 4000
LONGEST_REASON = 1000


def find_suspects_within(
    person_of: Mapping[UUID, UUID],
    records_of: Mapping[UUID, Collection[UUID]],
    links: Iterable[tuple[UUID, UUID]],
) -> frozenset[UUID]:
    """The referrals whose person is a suspect, or lives with one, for another person of the same incident.

    `person_of` gives the person of each referral, `records_of` every record of a person, and `links` the pairs
    (victim, whoever must never be contacted about them) that stand, by record.
    """
    person_of_record = {
        record: person for person in set(person_of.values()) for record in records_of.get(person, (person,))
    }
    suspects = {
        records
        for victim, suspect in links
        if victim in person_of_record and suspect in person_of_record
        for records in [frozenset(records_of.get(person_of_record[suspect], (suspect,)))]
        if victim not in records
    }
    found = frozenset[UUID]().union(*suspects)
    return frozenset(
        referral
        for referral, person in person_of.items()
        if found & frozenset(records_of.get(person, (person,)))
    )


def find_description_mistakes(title: str, facts: str) -> dict[str, str]:
    """What is missing or too long: a message for each field."""
    wrong = {}
    if not title.strip():
        wrong["title"] = "Enter what to call the incident"
    elif len(title) > LONGEST_TITLE:
        wrong["title"] = f"Shorten this to {LONGEST_TITLE} characters"
    if len(facts) > LONGEST_FACTS:
        wrong["facts"] = f"Shorten this to {LONGEST_FACTS:,} characters"
    return wrong
