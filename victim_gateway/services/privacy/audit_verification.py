"""Verification of the audit in pieces: each night on from the last checkpoint, each week from the first entry.

After each piece a signed checkpoint says how far the walk has come: a walk that was killed or ran out of time goes
on there. The weekly walk finds what was changed before the checkpoint from which the nights go on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from victim_gateway.actors import Actor
from victim_gateway.audit_chain import (
    ChainBreak,
    describe_sequence,
    find_cut_end,
    lane_of,
    verify_part,
)
from victim_gateway.audit_checkpoints import (
    Checkpoint,
    CheckpointForged,
    CheckpointKind,
    sign_checkpoint,
)
from victim_gateway.crypto import Keyring
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.transaction import transaction
from victim_gateway.models import AuditCheckpoint
from victim_gateway.queries.privacy.audit_lanes import (
    lane_ends,
    read_lane,
    stored_checkpoint,
    stored_hashes,
)

WHOLE_WALK_EVERY = timedelta(days=7)
ENTRIES_AT_ONCE = 20_000


@dataclass(frozen=True, slots=True)
class AuditVerification:
    """What a run found: `entries` checked in it, and whether it came to the end of every lane."""

    checkpoint: Checkpoint
    entries: int
    is_finished: bool
    broken: ChainBreak | None = None

    @property
    def is_whole(self) -> bool:
        return self.broken is None


@dataclass(frozen=True, slots=True)
class Verifier:
    """Who verifies, with which keys, and when: `should_stop` is asked after each piece, `progress` is told of it."""

    actor: Actor
    keyring: Keyring
    at: datetime
    should_stop: Callable[[], bool] = lambda: False
    progress: Callable[[int], None] = lambda _: None


def verify_whole_audit(verifier: Verifier, *, kept: Checkpoint | None = None) -> AuditVerification:
    """Walk every lane from its first entry, and compare with `kept` and with what was verified before."""
    return _recorded(verifier, lambda: _walk_whole(verifier, _new_walk(verifier), kept))


def continue_verification(verifier: Verifier) -> AuditVerification:
    """Go on from the last checkpoint; then, where a week has passed, walk everything from the first entry."""
    return _recorded(verifier, lambda: _continue(verifier))


def _continue(verifier: Verifier) -> AuditVerification:
    newest = _stored(verifier, CheckpointKind.NEWEST)
    whole = _stored(verifier, CheckpointKind.WHOLE)
    checked = 0
    if newest is not None:
        done = _LaneWalk(verifier, replace(newest, is_complete=False), known={}).run()
        if done.broken or not done.is_finished:
            return done
        checked = done.entries
        if whole is not None and whole.is_complete and not _is_due(whole, verifier.at):
            return done
    if whole is None or whole.is_complete:
        whole = _new_walk(verifier)
    done = _walk_whole(verifier, whole, None)
    return replace(done, entries=done.entries + checked)


def _is_due(whole: Checkpoint, at: datetime) -> bool:
    # An hour's grace: the walk of last week may have begun a little later in the night than this one.
    return whole.began_at is None or at - whole.began_at > WHOLE_WALK_EVERY - timedelta(hours=1)


def _new_walk(verifier: Verifier) -> Checkpoint:
    return Checkpoint(CheckpointKind.WHOLE, verifier.at, verifier.at)


def _walk_whole(verifier: Verifier, start: Checkpoint, kept: Checkpoint | None) -> AuditVerification:
    newest = _stored(verifier, CheckpointKind.NEWEST)
    known = {
        sequence: digest
        for checkpoint in (newest, kept)
        if checkpoint
        for sequence, digest in checkpoint.known_hashes().items()
    }
    done = _LaneWalk(verifier, start, known=known).run()
    if done.is_whole and done.is_finished:
        # It has come at least as far as the nights have.
        _store(verifier, replace(done.checkpoint, kind=CheckpointKind.NEWEST))
    return done


class _LaneWalk:
    """One walk over the lanes from where a checkpoint stands, which it moves on piece by piece."""

    def __init__(self, verifier: Verifier, start: Checkpoint, *, known: dict[int, bytes]) -> None:
        self._verifier, self._start, self._known = verifier, start, known
        self._heads = dict(start.heads)
        self._entries = 0
        self._broken: ChainBreak | None = None

    def run(self) -> AuditVerification:
        with transaction(self._verifier.actor) as session:
            lanes = {end.lane for end in lane_ends(session)} | set(map(lane_of, self._known))
            self._broken = _find_lost(session, self._start.known_hashes())
        is_finished = self._broken is None and all(self._walk_lane(lane) for lane in sorted(lanes))
        if is_finished:
            self._save(is_complete=True)
        return AuditVerification(self._checkpoint(is_finished), self._entries, is_finished, self._broken)

    def _walk_lane(self, lane: int) -> bool:
        """Walk one lane to its end; False where it breaks or the time is up."""
        while self._broken is None:
            if self._verifier.should_stop():
                return False
            read = self._check_next_entries(lane)
            if read and self._broken is None:
                self._save(is_complete=False)
            if read < ENTRIES_AT_ONCE:
                break
        return self._broken is None

    def _check_next_entries(self, lane: int) -> int:
        """Check further entries of a lane, and that what they seal is there; gives how many there were."""
        head = self._checkpoint(is_complete=False).head_of(lane)
        with transaction(self._verifier.actor) as session:
            rows = read_lane(session, after=head.sequence, lane=lane, size=ENTRIES_AT_ONCE)
            part = verify_part(rows, self._verifier.keyring, after=head, known=self._known)
            self._broken = part.broken or _find_lost(session, part.sealed)
        if self._broken is None and len(rows) < ENTRIES_AT_ONCE:
            self._broken = find_cut_end(part.head, self._known)
        self._entries += part.entries
        self._heads[lane] = part.head
        self._verifier.progress(len(rows))
        return len(rows)

    def _checkpoint(self, is_complete: bool) -> Checkpoint:
        return replace(
            self._start,
            recorded_at=self._verifier.at,
            entries=self._start.entries + self._entries,
            is_complete=is_complete,
            heads=self._heads,
        )

    def _save(self, *, is_complete: bool) -> None:
        _store(self._verifier, self._checkpoint(is_complete))


def _find_lost(session: Session, known: dict[int, bytes]) -> ChainBreak | None:
    """The first of the entries, known by a checkpoint or a seal, that is gone or another one now."""
    stored = stored_hashes(session, known.keys())
    for sequence, digest in sorted(known.items()):
        if sequence not in stored:
            ends = {end.lane: end.head for end in lane_ends(session)}
            lane = lane_of(sequence)
            cut = find_cut_end(ends[lane], known) if lane in ends else None
            gone = f"entry {describe_sequence(sequence)}, which was there before, is missing"
            return cut or ChainBreak(sequence, gone)
        if stored[sequence] != digest:
            return ChainBreak(
                sequence, "it is not the entry that was there before: the chain was written anew"
            )
    return None


def _stored(verifier: Verifier, kind: CheckpointKind) -> Checkpoint | None:
    with transaction(verifier.actor) as session:
        return stored_checkpoint(session, kind, verifier.keyring)


def _store(verifier: Verifier, checkpoint: Checkpoint) -> None:
    signed = sign_checkpoint(checkpoint, verifier.keyring)
    with transaction(verifier.actor) as session:
        session.merge(AuditCheckpoint(kind=checkpoint.kind.value, signed=signed))


def _recorded(verifier: Verifier, walk: Callable[[], AuditVerification]) -> AuditVerification:
    """Walk, and record in the audit that it was checked and with what result."""
    try:
        done = walk()
    except CheckpointForged:
        forged = ChainBreak(0, "what is stored of the last check is not signed by a key of ours")
        nothing = Checkpoint(CheckpointKind.NEWEST, None, None)
        done = AuditVerification(nothing, 0, False, forged)
    with transaction(verifier.actor) as session:
        record_audit(
            session,
            "audit.verified",
            entries=done.entries,
            finished=done.is_finished,
            broken_at=done.broken.sequence if done.broken else None,
        )
    return done
