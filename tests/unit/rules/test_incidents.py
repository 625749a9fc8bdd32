"""Who of an incident is a suspect for another person in it, and what is said of the incident."""

from __future__ import annotations

from uuid import UUID

from victim_gateway.rules.incidents import find_description_mistakes, find_suspects_within


def numbered(number: int) -> UUID:
    return UUID(int=number)


def test_whoever_is_a_suspect_on_any_record_for_any_record_of_another_is_found_and_nobody_else() -> None:
    victim, suspect, other = numbered(1), numbered(2), numbered(3)
    merged_victim, merged_suspect, outsider = numbered(11), numbered(12), numbered(99)
    person_of = {
        numbered(101): victim,
        numbered(102): suspect,
        numbered(103): other,
        numbered(104): merged_suspect,
    }
    records = {victim: {victim, merged_victim}, suspect: {suspect, merged_suspect}, other: {other}}
    records[merged_suspect] = records[suspect]

    def found(*links: tuple[UUID, UUID]) -> frozenset[UUID]:
        return find_suspects_within(person_of, records, links)

    of_suspect = {numbered(102), numbered(104)}
    assert found((victim, suspect)) == of_suspect
    assert found((merged_victim, merged_suspect)) == of_suspect
    assert found((victim, outsider), (outsider, other)) == frozenset()
    assert found((suspect, merged_suspect)) == frozenset()
    assert found((victim, suspect), (suspect, victim)) == of_suspect | {numbered(101)}


def test_an_incident_has_a_title_and_no_endless_text() -> None:
    assert find_description_mistakes("Burglaries in Mill Lane", "") == {}
    assert find_description_mistakes("  ", "x" * 4001).keys() == {"title", "facts"}
    assert find_description_mistakes("x" * 121, "").keys() == {"title"}
