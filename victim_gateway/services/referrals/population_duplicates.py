"""The pass over the whole population: records that are one person, however long ago they were stored, are proposed.

An import compares new people with known ones, by keys; what it could not see then, or what an earlier release stored,
is never looked at again. This pass opens everybody's name, birth date, phone, email and postcode in memory, a page of
people in a transaction of its own, has splink weigh them with no transaction open, and proposes the pairs that the
weights of the area and the rule for new records let stand. It merges nothing, locks no record, and may be killed at
any moment: what was proposed stands, and the next pass proposes the rest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.database.advisory_locks import AdvisoryLock, lock_until_commit
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.current import current_settings
from victim_gateway.database.transaction import transaction
from victim_gateway.integrations.record_linkage import LinkedPair, PopulationLinker
from victim_gateway.models import Task
from victim_gateway.queries.people.decrypted_people import open_person_documents
from victim_gateway.queries.people.identity_weighing import proposing_weights
from victim_gateway.queries.people.population import (
    OpenReferral,
    newest_open_referrals,
    people_to_link,
    settled_pairs,
    still_linkable,
)
from victim_gateway.rules.identity_explanations import level_codes
from victim_gateway.rules.identity_match import IdentityComparison, compare_identities, identity_record
from victim_gateway.rules.linkage_rows import PairRefusal, find_refusal, linkage_row
from victim_gateway.services.referrals.duplicate_alerts import (
    ProposedRecord,
    SameProposal,
    propose_same_person,
)
from victim_gateway.services.shared import next_action
from victim_gateway.vocabulary import ProposalSource, TaskKind

if TYPE_CHECKING:
    from config.identity_weights import IdentityWeights

PEOPLE_IN_A_PAGE = 2000
PAIRS_IN_A_PAGE = 250
_KEY_PREFIX = "same-person-in-population:"

Advance = Callable[[int], None]
"""Called with how many more people were read."""


@dataclass(slots=True)
class PopulationPassResult:
    """What a pass found, in counts. `linked` pairs weigh enough; of each it is counted what became of it."""

    people: int = 0
    linked: int = 0
    refused: Counter[PairRefusal] = field(default_factory=Counter)
    settled: int = 0
    """Told apart, merged, linked as two people, or asked about before."""
    at_rest: int = 0
    """Neither of the two has an open referral: asked about when one of them comes back."""
    proposed: int = 0
    waiting: int = 0
    """Left for a later pass, as enough proposals wait for an answer."""

    def as_counts(self) -> dict[str, int]:
        """The counts by name, for the audit and for the command."""
        return {
            "people": self.people,
            "linked": self.linked,
            **{f"refused_{reason}": self.refused[reason] for reason in PairRefusal},
            "settled": self.settled,
            "at_rest": self.at_rest,
            "proposed": self.proposed,
            "waiting": self.waiting,
        }


@dataclass(frozen=True, slots=True)
class PersonPair:
    """Two people whom the linkage takes for one, the lower id first, and what the rule says of them."""

    one: UUID
    other: UUID
    match_weight: float
    comparison: IdentityComparison
    refusal: PairRefusal | None


def find_duplicates(
    *, actor: Actor, at: datetime, is_dry_run: bool = False, advance: Advance = lambda people: None
) -> PopulationPassResult:
    """Look through everybody once, and propose the pairs that weigh most; `is_dry_run` proposes nothing.

    Safe to run twice at once and to run again. Raises LinkageNotInstalled before anything is read, and LinkageFailed.
    """
    weights = current_settings().area.identity
    result = PopulationPassResult()
    for page in _compared_pairs(actor, weights, result, advance):
        with transaction(actor) as session:
            # Two passes at once would each fill what may wait.
            lock_until_commit(session, AdvisoryLock.POPULATION_PASS)
            _propose_page(session, page, result, at=at, is_dry_run=is_dry_run)
    with transaction(actor) as session:
        record_audit(session, "people.linkage_done", counts=result.as_counts())
    return result


def linked_people(
    *, actor: Actor, weights: IdentityWeights, advance: Advance = lambda people: None
) -> list[PersonPair]:
    """Every pair of the population that weighs enough, the refused ones too, and nothing else done. For measures."""
    pages = _compared_pairs(actor, weights, PopulationPassResult(), advance)
    return [pair for page in pages for pair in page]


def _compared_pairs(
    actor: Actor, weights: IdentityWeights, result: PopulationPassResult, advance: Advance
) -> Iterator[list[PersonPair]]:
    """The pairs that weigh enough, those with the most weight first, a page at a time."""
    with PopulationLinker(weights) as linker:
        person_ids = _read_people(actor, linker, advance)
        pairs = linker.link()
    result.people, result.linked = len(person_ids), len(pairs)
    for start in range(0, len(pairs), PAIRS_IN_A_PAGE):
        page = pairs[start : start + PAIRS_IN_A_PAGE]
        with transaction(actor) as session:
            compared = _compare_page(session, page, person_ids)
        yield compared


def _read_people(actor: Actor, linker: PopulationLinker, advance: Advance) -> list[UUID]:
    """Give the linker everybody; gives their ids in the order of its row numbers."""
    with transaction(actor) as session:
        # Before anybody is opened, so that a pass that breaks off has been seen too.
        record_audit(session, "people.linkage_begun")
    person_ids: list[UUID] = []
    while True:
        with transaction(actor) as session:
            people = people_to_link(session, person_ids[-1] if person_ids else None, PEOPLE_IN_A_PAGE)
            documents = open_person_documents(session, people)
        if not people:
            return person_ids
        linker.add_rows([linkage_row(documents[person.person_id]) for person in people])
        person_ids += [person.person_id for person in people]
        advance(len(people))


def _compare_page(
    session: Session, page: Sequence[LinkedPair], person_ids: Sequence[UUID]
) -> list[PersonPair]:
    """Open the few people of a page once more, and compare them by the rule and the weights for new records."""
    weights = proposing_weights(session)
    wanted = {person_ids[row] for pair in page for row in (pair.one, pair.other)}
    documents = open_person_documents(session, still_linkable(session, wanted))
    records = {person_id: identity_record(document) for person_id, document in documents.items()}
    compared = []
    for pair in page:
        one, other = sorted((person_ids[pair.one], person_ids[pair.other]))
        # Changed meanwhile: erased, restricted or merged.
        if one not in records or other not in records:
            continue
        comparison = compare_identities(records[one], records[other], weights)
        compared.append(PersonPair(one, other, pair.match_weight, comparison, find_refusal(comparison)))
    return compared


def _propose_page(
    session: Session,
    page: Sequence[PersonPair],
    result: PopulationPassResult,
    *,
    at: datetime,
    is_dry_run: bool,
) -> None:
    result.refused.update(pair.refusal for pair in page if pair.refusal is not None)
    possible = [pair for pair in page if pair.refusal is None]
    settled = settled_pairs(session, [(pair.one, pair.other) for pair in possible])
    open_referrals = newest_open_referrals(
        session, {id_ for pair in possible for id_ in (pair.one, pair.other)}
    )
    limits = current_settings().area.identity.population_pass
    room = limits.most_open - _open_proposals(session)
    if is_dry_run:
        room -= result.proposed
    touched: list[UUID] = []
    for pair in possible:
        asked_on = _referral_to_ask_on(pair, open_referrals)
        if (pair.one, pair.other) in settled:
            result.settled += 1
        elif asked_on is None:
            result.at_rest += 1
        elif len(touched) >= room:
            result.waiting += 1
        else:
            touched.append(asked_on.referral_id)
            result.proposed += 1
            if not is_dry_run:
                _propose_pair(session, pair, asked_on, at=at, due_in_days=limits.due_in_days)
    if touched and not is_dry_run:
        next_action.refresh_next_actions(session, touched, at=at)


def _referral_to_ask_on(pair: PersonPair, open_referrals: Mapping[UUID, OpenReferral]) -> OpenReferral | None:
    """The open referral on which to ask; where both people have one, that of the record that was stored later."""
    return open_referrals.get(pair.other) or open_referrals.get(pair.one)


def _propose_pair(
    session: Session, pair: PersonPair, asked_on: OpenReferral, *, at: datetime, due_in_days: int
) -> None:
    """Ask about this one pair: an answer is never about a third person."""
    known = pair.one if asked_on.person_id == pair.other else pair.other
    proposal = SameProposal(
        referral_id=asked_on.referral_id,
        dedupe_key=f"{_KEY_PREFIX}{pair.one}:{pair.other}",
        people=[ProposedRecord(known, pair.match_weight, level_codes(pair.comparison.levels))],
        found_by=ProposalSource.WHOLE_POPULATION,
        due_on=times.london_date(at) + timedelta(days=due_in_days),
    )
    propose_same_person(session, proposal, at=at)
    record_audit(
        session,
        "person.duplicate_proposed",
        subject_type="person",
        subject_id=asked_on.person_id,
        person_id=asked_on.person_id,
        other_person=str(known),
        weight=round(pair.match_weight, 1),
    )


def _open_proposals(session: Session) -> int:
    statement = select(func.count()).where(
        Task.kind == TaskKind.POSSIBLE_SAME_PERSON,
        Task.done_at.is_(None),
        Task.dedupe_key.startswith(_KEY_PREFIX),
    )
    return int(session.scalar(statement) or 0)
