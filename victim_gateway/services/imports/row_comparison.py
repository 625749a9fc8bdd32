"""A row of a referral that is stored already, beside what the force had said of it before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from victim_gateway.crypto import BlindIndex
from victim_gateway.database.current import current_settings
from victim_gateway.feeds.facts import ReferralFacts, referral_facts
from victim_gateway.feeds.places import place_names_of
from victim_gateway.feeds.problems import Accepted, Problem, RejectedRow
from victim_gateway.feeds.referrals import ReferralRow
from victim_gateway.feeds.statements import RowChanges, compare_with_statements
from victim_gateway.schemas.referral_rows import parse_referral_row
from victim_gateway.services.imports.batches import RunningBatch
from victim_gateway.services.imports.changed_facts import StoredReferral
from victim_gateway.services.imports.prepared_row import PreparedRow, prepare_row_values
from victim_gateway.services.people.person_hashes import victim_reference_hash


@dataclass(frozen=True, slots=True)
class ComparedRow:
    """What a row changes. `effective` is the row with everything else that the force has said and that stands."""

    changes: RowChanges
    effective: PreparedRow
    facts_before: ReferralFacts | None
    # Of the reference with the force that sends it, which a file with fewer columns may not name.
    effective_reference_hash: bytes | None


def compare_row(
    batch: RunningBatch, index: BlindIndex, item: PreparedRow, before: StoredReferral
) -> ComparedRow | RejectedRow:
    """Compare a row with what the force has said so far; rejected where the two together make no usable row."""
    if batch.put_back and before.put_back is not None:
        item = _row_of_the_file_put_back(batch, item, before)
    effective_before = before.statements.effective_cells()
    known = _typed_row(batch, effective_before, item.row.number) if effective_before else None
    changes = compare_with_statements(before.statements, known, item.row, batch.number)
    cells = {**effective_before, **{column: item.row.raw.get(column, "") for column in changes.applied}}
    parsed = _parse(batch, cells, item.row.number)
    if isinstance(parsed, RejectedRow):
        return replace(parsed, raw=item.row.raw, cells=tuple(item.row.raw.values()))
    given = {column: item.row.raw.get(column, "") for column in changes.kept & item.row.unread}
    effective = prepare_row_values(item, parsed, batch, index, kept_as_given=given)
    facts_before = (
        referral_facts(known, imported_at=batch.imported_at, with_history=batch.history) if known else None
    )
    reference_hash = victim_reference_hash(
        index, parsed.row.force or batch.own_force, parsed.row.victim_reference
    )
    return ComparedRow(changes, effective, facts_before, reference_hash)


def _row_of_the_file_put_back(batch: RunningBatch, item: PreparedRow, before: StoredReferral) -> PreparedRow:
    """The row as it stood after its file was imported: what only later files said is blank in it."""
    assert before.put_back is not None  # noqa: S101  asked by the caller
    then = before.put_back.cells
    cells = {column: then.get(column, "") for column in {*then, *before.statements.cells}}
    parsed = _parse(batch, cells, item.row.number)
    return replace(item, row=parsed.row) if isinstance(parsed, Accepted) else item


def _typed_row(batch: RunningBatch, cells: Mapping[str, str], number: int) -> ReferralRow | None:
    parsed = _parse(batch, cells, number)
    return parsed.row if isinstance(parsed, Accepted) else None


def _parse(batch: RunningBatch, cells: Mapping[str, str], number: int) -> Accepted[ReferralRow] | RejectedRow:
    return parse_referral_row(
        cells,
        number=number,
        imported_at=batch.imported_at,
        places=place_names_of(current_settings().area),
    )


def reject_row(item: PreparedRow, reason: Problem) -> RejectedRow:
    """Set a row aside that could be read; its cells go back as they came."""
    row = item.row
    return RejectedRow(row.number, row.raw, tuple(row.raw.values()), (reason,))


# A reference that is used for another person, and a second crime number under it.
OTHER_PERSON = Problem(
    "feed_reference",
    "other_person",
    "This reference is used here for another person. Nothing was changed; give this person's referral a reference "
    "of its own, or compare the two and tell the force.",
)
OTHER_CRIME = Problem(
    "feed_reference",
    "other_crime",
    "Another row of this file has the same reference and another crime number. Give each referral a reference of "
    "its own.",
)
