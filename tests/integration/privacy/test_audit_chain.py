"""The chain of the audit: whole under load, and broken nowhere that is not seen."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import text
from structlog.testing import capture_logs

from tests.plumbing.apps import Owner
from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.audit_chain import LANE_SIZE, LaneHead, read_seal
from victim_gateway.audit_checkpoints import (
    Checkpoint,
    CheckpointForged,
    CheckpointKind,
    read_checkpoint,
    sign_checkpoint,
)
from victim_gateway.crypto import Keyring
from victim_gateway.database.audit_log import record_audit, write_audit_entries
from victim_gateway.database.current import current_keyring
from victim_gateway.database.state import state_of
from victim_gateway.database.transaction import transaction
from victim_gateway.extensions import db
from victim_gateway.models import AuditEntry
from victim_gateway.queries.privacy import audit_log
from victim_gateway.services.privacy.audit_seals import seal_audit_lanes
from victim_gateway.services.privacy.audit_verification import (
    AuditVerification,
    Verifier,
    continue_verification,
    verify_whole_audit,
)
from workers.privacy import verify_audit

WRITER = Actor.worker("writer")


def write(count: int, actor: Actor = WRITER) -> None:
    for number in range(count):
        with transaction(actor) as session:
            record_audit(session, "test.written", number=number)


@contextmanager
def busy_lanes(count: int) -> Iterator[None]:
    """Others are writing to the first lanes, so that the next entry goes into the one after them."""
    with db.engine.connect() as connection:
        for lane in range(count):
            key = "7301001" if lane == 0 else f"7301001, {lane}"
            connection.execute(text(f"SELECT pg_advisory_xact_lock({key})"))
        yield


def write_in_lane(lane: int, count: int) -> None:
    with busy_lanes(lane):
        write(count)


def write_three_lanes() -> None:
    """Five entries in each of the lanes 0, 1 and 2."""
    for lane in range(3):
        write_in_lane(lane, 5)


def in_lane(lane: int, number: int) -> int:
    return lane * LANE_SIZE + number


def verifier(**more: object) -> Verifier:
    return Verifier(WRITER, current_keyring(), times.now(), **more)  # type: ignore[arg-type]


def checked(kept: Checkpoint | None = None) -> AuditVerification:
    return verify_whole_audit(verifier(), kept=kept)


def broken_place(found: AuditVerification) -> tuple[int, str]:
    assert found.broken is not None
    return found.broken.sequence, found.broken.problem


def tamper(owner: Owner, *statements: str) -> None:
    with owner() as session:
        session.execute(text("ALTER TABLE audit_entry DISABLE TRIGGER audit_entry_append_only"))
        for statement in statements:
            session.execute(text(statement))


def forget_checkpoints(owner: Owner) -> None:
    """What is left to find is what the chain itself shows."""
    tamper(owner, "DELETE FROM audit_checkpoint")


def test_an_empty_audit_is_whole_and_an_untouched_one_too(committed_app: Flask) -> None:
    assert checked().is_whole
    # The check itself is an entry: it went into lane 0.
    write_three_lanes()
    state = checked()
    assert state.is_whole and state.is_finished and state.entries == 16


@pytest.mark.parametrize("lane", [0, 2])
def test_a_tampered_entry_of_any_lane_is_named(
    committed_app: Flask, committed_owner: Owner, lane: int
) -> None:
    write_three_lanes()
    third = in_lane(lane, 3)
    where = f"WHERE sequence = {third}"
    kept = f"CREATE TABLE kept AS SELECT * FROM audit_entry {where}"
    tamper(committed_owner, kept)
    for place, statement, problem in (
        (third, f"UPDATE audit_entry SET entry = replace(entry, 'written', 'hidden!') {where}", "text"),
        (third, f"UPDATE audit_entry SET action = 'other' {where}", "action was changed"),
        (third, f"UPDATE audit_entry SET actor_id = gen_random_uuid() {where}", "actor was changed"),
        (third, f"UPDATE audit_entry SET person_id = gen_random_uuid() {where}", "person was changed"),
        (third, f"UPDATE audit_entry SET at = at + interval '1 hour' {where}", "time was changed"),
        (third, f"UPDATE audit_entry SET hash = sha256('x') {where}", "text was changed"),
        (third, f"UPDATE audit_entry SET key_id = 'other' {where}", "not in GATEWAY_DATA_KEYS"),
        (third, f"DELETE FROM audit_entry {where}", "is missing"),
        # moved into another lane's gap, or before its first place: its text says where it belongs
        (in_lane(lane, 0), f"UPDATE audit_entry SET sequence = {in_lane(lane, 0)} {where}", "is missing"),
    ):
        tamper(committed_owner, statement)
        sequence, found = broken_place(checked())
        assert problem in found and sequence == place
        tamper(
            committed_owner,
            f"DELETE FROM audit_entry WHERE sequence IN ({third}, {in_lane(lane, 0)})",
            "INSERT INTO audit_entry SELECT * FROM kept",
        )
    assert checked().is_whole


@pytest.mark.parametrize(
    ("first", "second"), [((1, 2), (1, 3)), ((0, 4), (2, 4))], ids=["within a lane", "across lanes"]
)
def test_entries_that_changed_places_are_named(
    committed_app: Flask, committed_owner: Owner, first: tuple[int, int], second: tuple[int, int]
) -> None:
    write_three_lanes()
    left, right = in_lane(*first), in_lane(*second)
    tamper(
        committed_owner,
        f"UPDATE audit_entry SET sequence = -1 WHERE sequence = {left}",
        f"UPDATE audit_entry SET sequence = {left} WHERE sequence = {right}",
        f"UPDATE audit_entry SET sequence = {right} WHERE sequence = -1",
    )
    assert broken_place(checked())[0] == left


def test_lanes_that_changed_places_are_named(committed_app: Flask, committed_owner: Owner) -> None:
    write_three_lanes()
    swapped = f"""UPDATE audit_entry SET sequence = CASE sequence / {LANE_SIZE}
        WHEN 1 THEN sequence + 2 * {LANE_SIZE} ELSE sequence - {LANE_SIZE} END WHERE sequence > {LANE_SIZE}"""
    tamper(committed_owner, swapped)
    assert broken_place(checked()) == (in_lane(1, 1), "its sequence was changed")


@pytest.mark.parametrize("place", [in_lane(0, 6), in_lane(2, 6), in_lane(7, 1), 0, -3])
def test_a_forged_entry_is_named_wherever_it_stands(
    committed_app: Flask, committed_owner: Owner, place: int
) -> None:
    write_three_lanes()
    tamper(
        committed_owner,
        f"""INSERT INTO audit_entry SELECT {place}, at, actor_id, action, subject_type, subject_id, person_id,
        replace(entry, '"sequence": 5', '"sequence": {place}'), key_id,
        coalesce((SELECT b.hash FROM audit_entry b WHERE b.sequence = {place} - 1), ''), sha256('forged')
        FROM audit_entry WHERE sequence = 5""",
    )
    assert broken_place(checked())[0] == place


def test_an_end_that_was_cut_off_is_seen_by_the_checkpoint_kept_elsewhere(
    committed_app: Flask, committed_owner: Owner
) -> None:
    write_three_lanes()
    kept = checked().checkpoint
    tamper(committed_owner, f"DELETE FROM audit_entry WHERE sequence > {in_lane(2, 3)}")
    forget_checkpoints(committed_owner)
    assert checked().is_whole
    forget_checkpoints(committed_owner)
    sequence, problem = broken_place(checked(kept))
    assert sequence == in_lane(2, 4) and "cut off" in problem
    # Entries written after a cut do not hide it.
    write_in_lane(2, 4)
    assert broken_place(checked(kept)) == (
        in_lane(2, 5),
        "it is not the entry that the checkpoint was made of: the chain was written anew",
    )


def test_a_lane_that_was_removed_whole_is_seen_by_either_checkpoint(
    committed_app: Flask, committed_owner: Owner
) -> None:
    write_three_lanes()
    kept = checked().checkpoint
    tamper(committed_owner, f"DELETE FROM audit_entry WHERE sequence / {LANE_SIZE} = 1")
    assert broken_place(checked())[0] == in_lane(1, 1)
    assert broken_place(continue_verification(verifier()))[0] == in_lane(1, 5)
    forget_checkpoints(committed_owner)
    assert broken_place(checked(kept))[0] == in_lane(1, 1)


def test_an_idle_lanes_end_can_not_be_cut_off_under_a_seal(
    committed_app: Flask, committed_owner: Owner
) -> None:
    write_three_lanes()
    assert seal_audit_lanes(actor=WRITER, at=times.now())
    # Nothing but the seal has been written since: another would say nothing new.
    assert not seal_audit_lanes(actor=WRITER, at=times.now())
    write(2)
    assert not seal_audit_lanes(actor=WRITER, at=times.now())
    tamper(committed_owner, f"DELETE FROM audit_entry WHERE sequence = {in_lane(2, 5)}")
    sequence, problem = broken_place(checked())
    assert sequence == in_lane(2, 5) and "missing" in problem
    # The program goes on in that lane: the entry at the same place is another one.
    write_in_lane(2, 1)
    assert "written anew" in broken_place(checked())[1]


def seal_beside(app: Flask) -> threading.Thread:
    """A seal that is made in another session, begun."""

    def run() -> None:
        with app.app_context():
            seal_audit_lanes(actor=WRITER, at=times.now())

    sealing = threading.Thread(target=run)
    sealing.start()
    return sealing


def test_a_seal_waits_for_lane_0_and_never_stands_in_an_idle_lane(
    committed_app: Flask, committed_owner: Owner
) -> None:
    write_three_lanes()
    with busy_lanes(1):
        sealing = seal_beside(committed_app)
        sealing.join(0.2)
        assert sealing.is_alive()
    sealing.join(20)
    (seal,) = audit_log.audit_entries(actor=WRITER, action="audit.sealed").lines
    assert seal.sequence == 6
    tamper(committed_owner, f"DELETE FROM audit_entry WHERE sequence >= {in_lane(1, 3)}")
    assert broken_place(checked())[0] == in_lane(1, 3)


def test_an_entry_that_is_committed_while_a_seal_is_made_is_sealed_by_the_next(committed_app: Flask) -> None:
    write_in_lane(1, 1)
    with transaction(WRITER) as session:
        record_audit(session, "test.written")
        state = state_of(session)
        with busy_lanes(2):
            write_audit_entries(session, state)
        state.audit.clear()
        seal_beside(committed_app).join(20)
    (first,) = audit_log.audit_entries(actor=WRITER, action="audit.sealed").lines
    assert seal_audit_lanes(actor=WRITER, at=times.now())
    assert not seal_audit_lanes(actor=WRITER, at=times.now())
    newest, _ = audit_log.audit_entries(actor=WRITER, action="audit.sealed").lines
    with transaction(WRITER) as session:
        named = [read_seal(session.get_one(AuditEntry, each.sequence).entry) for each in (first, newest)]
    assert [sorted(heads) for heads in named] == [[1], [0, 1, 2]]
    assert checked().is_whole


def test_a_checkpoint_that_we_did_not_sign_or_that_was_made_for_another_walk_is_refused(
    committed_app: Flask, committed_owner: Owner
) -> None:
    write(2)
    whole = checked().checkpoint
    strangers = Keyring((("dev", b"x" * 32),))
    for forged in (sign_checkpoint(whole, strangers), sign_checkpoint(whole, Keyring((("x", b"x" * 32),)))):
        with pytest.raises(CheckpointForged):
            read_checkpoint(forged, current_keyring(), kind=CheckpointKind.WHOLE)
    ours = sign_checkpoint(whole, current_keyring())
    with pytest.raises(CheckpointForged):
        read_checkpoint(ours, current_keyring(), kind=CheckpointKind.NEWEST)
    moved_on = ours.replace('"entries": 2', '"entries": 3')
    assert moved_on != ours
    with committed_owner() as session:
        session.execute(
            text("UPDATE audit_checkpoint SET signed = :signed WHERE kind = 'newest'"), {"signed": moved_on}
        )
    assert "not signed" in broken_place(continue_verification(verifier()))[1]
    assert "not signed" in broken_place(checked())[1]


def test_a_checkpoint_comes_back_from_its_file_as_it_was(committed_app: Flask) -> None:
    kept = Checkpoint(
        CheckpointKind.KEPT, times.now(), times.now(), 9, True, {2: LaneHead(in_lane(2, 7), b"\x01" * 32)}
    )
    keyring = current_keyring()
    assert read_checkpoint(sign_checkpoint(kept, keyring), keyring, kind=CheckpointKind.KEPT) == kept
    for nonsense in ("", "{}", "[1]", '{"sequence": 1, "hash": "zz", "key_id": "dev", "signature": ""}'):
        with pytest.raises(ValueError, match="not a checkpoint"):
            read_checkpoint(nonsense, keyring, kind=CheckpointKind.KEPT)


def test_the_checkpoint_file_of_the_release_before_still_speaks_for_lane_0(committed_app: Flask) -> None:
    signed = (
        '{"hash": "0707070707070707070707070707070707070707070707070707070707070707", "key_id": "dev",'
        ' "sequence": 7, "signature": "%s"}'
    )
    good = "9911bac28ddfa9143a1d488acc53ce2096b7ab20815f6fc141369966000405bd"  # pragma: allowlist secret
    read = read_checkpoint(signed % good, current_keyring(), kind=CheckpointKind.KEPT)
    assert read.known_hashes() == {7: b"\x07" * 32}
    with pytest.raises(CheckpointForged):
        read_checkpoint(signed % ("00" * 32), current_keyring(), kind=CheckpointKind.KEPT)


def test_the_program_cannot_change_what_it_wrote(committed_app: Flask) -> None:
    write(1)
    for statement in (
        "UPDATE audit_entry SET action = 'x'",
        "DELETE FROM audit_entry",
        "TRUNCATE audit_entry",
        "DELETE FROM audit_checkpoint",
    ):
        with pytest.raises(Exception, match="permission denied|append-only"), transaction(WRITER) as session:
            session.execute(text(statement))


def test_eight_writers_at_once_keep_every_lane_whole(committed_app: Flask) -> None:
    def run(number: int) -> None:
        with committed_app.app_context():
            write(15, Actor.worker(f"writer {number}"))

    writers = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    state = checked()
    assert state.is_whole and state.entries == 120


def test_who_finds_every_lane_taken_waits_for_one_and_is_then_chained_to_it(committed_app: Flask) -> None:
    with busy_lanes(64):
        waiting = threading.Thread(target=_write_one, args=(committed_app,))
        waiting.start()
        waiting.join(0.2)
        assert waiting.is_alive()
    waiting.join(20)
    state = checked()
    assert state.is_whole and state.entries == 1


def _write_one(app: Flask) -> None:
    with app.app_context():
        write(1)


def test_the_release_before_goes_on_in_lane_0_beside_this_one(committed_app: Flask) -> None:
    write_three_lanes()
    with transaction(WRITER) as session:
        session.execute(text("SELECT pg_advisory_xact_lock(7301001)"))
        assert session.execute(text("SELECT sequence FROM audit_head()")).scalar_one() == 5
        # This transaction holds lane 0 already and so is given it.
        record_audit(session, "test.written")
    assert sorted(checked().checkpoint.heads) == [0, 1, 2]
    with transaction(WRITER) as session:
        assert session.execute(text("SELECT sequence FROM audit_head()")).scalar_one() == 7


def test_the_newest_entries_of_every_lane_can_be_checked_alone(
    committed_app: Flask, committed_owner: Owner
) -> None:
    write_three_lanes()
    actor = Actor.worker("tests")
    newest = audit_log.verify_newest_entries(9, actor=actor, keyring=current_keyring())
    assert (newest.entries, newest.lanes, newest.broken) == (9, 3, None)
    tamper(committed_owner, f"UPDATE audit_entry SET action = 'other' WHERE sequence = {in_lane(2, 5)}")
    newest = audit_log.verify_newest_entries(9, actor=actor, keyring=current_keyring())
    assert newest.broken and newest.broken.sequence == in_lane(2, 5)


def test_pages_of_the_audit_go_by_time_through_all_lanes(committed_app: Flask) -> None:
    write_in_lane(2, 2)
    write(2)
    write_in_lane(1, 2)
    seal_audit_lanes(actor=WRITER, at=times.now())
    listed, before = [], None
    for _ in range(3):
        page = audit_log.audit_entries(actor=WRITER, size=2, before=before, action="test.written")
        listed += [line.sequence for line in page.lines]
        before = page.older
    assert before is None
    assert listed == [in_lane(1, 2), in_lane(1, 1), 2, 1, in_lane(2, 2), in_lane(2, 1)]
    seals = audit_log.audit_entries(actor=WRITER, action="audit.sealed").lines
    assert len(seals) == 1
    assert "audit.sealed" not in {line.action for line in audit_log.audit_entries(actor=WRITER).lines}


def test_a_retired_key_still_verifies_what_it_sealed(committed_app: Flask) -> None:
    write(2)
    usual = committed_app.extensions["keyring"]
    committed_app.extensions["keyring"] = Keyring((("next", b"n" * 32), *usual.keys))
    write(2)
    assert checked().is_whole


def test_the_nights_go_on_from_the_last_and_the_week_finds_what_was_changed_before(
    committed_app: Flask, committed_owner: Owner
) -> None:
    write_three_lanes()
    first = continue_verification(verifier())
    assert first.is_finished and first.entries == 15
    write_in_lane(1, 2)
    second = continue_verification(verifier())
    # its own entry of the night before, and two new ones
    assert second.is_whole and second.entries == 3
    tamper(committed_owner, f"UPDATE audit_entry SET action = 'other' WHERE sequence = {in_lane(1, 3)}")
    assert continue_verification(verifier()).is_whole
    week = Verifier(WRITER, current_keyring(), times.now() + timedelta(days=7))
    assert broken_place(continue_verification(week)) == (in_lane(1, 3), "its action was changed")


def test_a_walk_that_ran_out_of_time_or_was_killed_goes_on_where_it_stood(
    committed_app: Flask, committed_owner: Owner
) -> None:
    write_three_lanes()
    asked = 0

    def stop_in_the_second_lane() -> bool:
        nonlocal asked
        asked += 1
        return asked > 1

    part = continue_verification(verifier(should_stop=stop_in_the_second_lane))
    assert not part.is_finished and part.is_whole and part.entries == 5
    rest = continue_verification(verifier())
    assert rest.is_finished and rest.entries == 11
    # A night that stopped has verified up to its checkpoint: what stands there can't be cut off any more.
    tamper(committed_owner, f"DELETE FROM audit_entry WHERE sequence = {in_lane(2, 5)}")
    sequence, problem = broken_place(continue_verification(verifier()))
    assert sequence == in_lane(2, 5) and "cut off" in problem


def test_the_nightly_check_raises_an_alarm_when_the_chain_is_broken(
    committed_app: Flask, committed_owner: Owner
) -> None:
    write(5)
    with capture_logs() as before:
        verify_audit()
    tamper(committed_owner, "UPDATE audit_entry SET action = 'other' WHERE sequence = 6")
    with capture_logs() as after:
        verify_audit()

    assert [(entry["event"], entry["log_level"]) for entry in before] == [("audit.whole", "info")]
    assert [(entry["event"], entry["log_level"], entry["broken_at"]) for entry in after] == [
        ("audit.broken", "error", 6)
    ]
