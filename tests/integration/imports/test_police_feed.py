"""Importing a police feed: what each row becomes, and that nothing is done twice."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import func, select, text

from tests.factories.feeds import feed_file, feed_row
from tests.factories.imports import IMPORTED_AT, IMPORTER, import_stream
from tests.plumbing.apps import Owner
from victim_gateway.actors import Actor
from victim_gateway.database import encrypted_rows
from victim_gateway.database.current import current_blind_index
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import UnusableFile
from victim_gateway.models import (
    AuditEntry,
    CaseEvent,
    CaseFacts,
    Consent,
    EntitlementClock,
    ImportBatch,
    ImportRow,
    Person,
    Referral,
    SafeContactPlan,
    Task,
)
from victim_gateway.services.imports.runner import ImportRequest, import_file
from victim_gateway.vocabulary import ImportKind, ReferralState, SafeAnswer, TaskKind

AT = IMPORTED_AT


def the_referral(feed_reference: str) -> Referral:
    with transaction(IMPORTER) as session:
        return session.scalars(select(Referral).where(Referral.feed_reference == feed_reference)).one()


def started(entitlement_id: str) -> list[str]:
    """The start dates of the clocks of one entitlement, in order."""
    with transaction(IMPORTER) as session:
        days = session.scalars(
            select(EntitlementClock.started_on).where(EntitlementClock.entitlement_id == entitlement_id)
        ).all()
    return sorted(day.isoformat() for day in days)


def the_person(feed_reference: str) -> dict[str, object]:
    """The opened document of the person of a referral."""
    with transaction(IMPORTER) as session:
        person = session.scalars(
            select(Person)
            .join(Referral, Referral.person_id == Person.id)
            .where(Referral.feed_reference == feed_reference)
        ).one()
        key = encrypted_rows.open_key(session, person.key_id)
        document: dict[str, object] = encrypted_rows.unseal_row(key, "person", person.id, person.sealed)
        return document


def count(model: type, *conditions: object) -> int:
    with transaction(IMPORTER) as session:
        return session.scalar(select(func.count()).select_from(model).where(*conditions)) or 0  # type: ignore[arg-type]


def open_tasks(feed_reference: str) -> set[TaskKind]:
    referral = the_referral(feed_reference)
    with transaction(IMPORTER) as session:
        return set(
            session.scalars(select(Task.kind).where(Task.referral_id == referral.id, Task.done_at.is_(None)))
        )


def test_a_row_becomes_a_referral_with_its_person_plan_consent_facts_events_and_clocks(app: Flask) -> None:
    row = feed_row(vulnerable="yes", acknowledged_at="2026-03-03T10:00:00")

    summary = import_stream(feed_file(row))

    assert (summary.rows, summary.imported, summary.set_aside) == (1, 1, 0)
    referral = the_referral(row["feed_reference"])
    assert referral.state is ReferralState.RECEIVED
    assert referral.reference.startswith("SG-26-")
    assert (referral.import_row_number, referral.district) == (2, "Stafford")
    assert the_person(row["feed_reference"])["phone"] == "+44" + row["phone"].replace(" ", "")[1:]
    assert count(Consent, Consent.person_id == referral.person_id, Consent.agreed) == 1
    with transaction(IMPORTER) as session:
        plan = session.scalars(select(SafeContactPlan)).one()
        assert (plan.safe, plan.safe_channels) == (SafeAnswer.YES, ["phone"])
        facts = session.scalars(select(CaseFacts)).one()
        assert facts.enhanced == [{"category": "vulnerable_or_intimidated", "from": "2026-03-02", "to": None}]
        events = set(session.scalars(select(CaseEvent.event)))
        assert events == {
            "reported_to_police", "referred_to_support_service", "written_acknowledgement_sent", "referral_received",
        }  # fmt: skip
        clocks = dict(session.execute(select(EntitlementClock.entitlement_id, EntitlementClock.status)).all())
        assert clocks["referred_to_support_service"] == "met"
        assert clocks["written_acknowledgement"] == "met"
        assert clocks["first_contact_attempted"] == "running"


def test_each_imported_row_is_audited_with_its_file_and_row(app: Flask) -> None:
    import_stream(feed_file(feed_row(), feed_row()))

    with transaction(Actor.worker("reader")) as session:
        entries = session.scalars(
            select(AuditEntry.entry).where(AuditEntry.action == "referral.imported")
        ).all()
    assert len(entries) == 2
    assert all("Example" not in entry and "07700" not in entry for entry in entries)


def test_nothing_that_tells_who_somebody_is_lies_open_in_any_table(app: Flask, owner: Owner) -> None:
    row = feed_row(
        given_name="Quetzalina", family_name="Ravensworth", safe_contact_note="Ring twice Zanzibar"
    )
    import_stream(feed_file(row, {**row, "phone": "07700 900987"}))

    secrets = (
        "Quetzalina",
        "Ravensworth",
        "Zanzibar",
        "900987",
        row["crime_number"],
        row["email"],
        "Test Street",
    )
    with owner() as session:
        tables = session.scalars(
            text("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'")
        ).all()
        assert len(tables) > 25
        for table in tables:
            for kept in session.scalars(text(f'SELECT t::text FROM "{table}" t')):  # noqa: S608
                assert not any(secret in kept for secret in secrets), table


def test_the_same_file_twice_changes_nothing_the_second_time(app: Flask) -> None:
    rows = [feed_row() for _ in range(5)]
    changed = {**rows[0], "phone": "07700 900555"}
    content = feed_file(*rows, changed).getvalue()
    first = import_stream(feed_file(*rows, changed))
    before = (
        count(Referral),
        count(Person),
        count(CaseEvent),
        count(EntitlementClock),
        count(SafeContactPlan),
    )

    second = import_stream(feed_file(*rows, changed))

    assert (first.imported, first.updated, first.unchanged) == (5, 1, 0)
    assert (second.imported, second.updated, second.unchanged, second.set_aside) == (0, 0, 6, 0)
    assert before == (
        count(Referral),
        count(Person),
        count(CaseEvent),
        count(EntitlementClock),
        count(SafeContactPlan),
    )
    assert content.count(b"\r\n") == 7


def test_a_row_that_lacks_what_is_required_is_set_aside_and_the_others_go_on(app: Flask) -> None:
    summary = import_stream(
        feed_file(
            feed_row(reported_at="yesterday"),
            feed_row(),
            feed_row(offence=""),
            feed_row(feed_reference=""),
            feed_row(),
        )
    )

    assert (summary.imported, summary.set_aside) == (2, 3)
    assert summary.imported + summary.updated + summary.unchanged + summary.set_aside == summary.rows
    with transaction(IMPORTER) as session:
        rows = session.scalars(
            select(ImportRow).where(ImportRow.outcome == "set_aside").order_by(ImportRow.row_number)
        ).all()
    assert [row.row_number for row in rows] == [2, 4, 5]
    assert [row.reasons[0]["column"] for row in rows] == ["reported_at", "offence", "feed_reference"]
    assert all("yesterday" not in row.reasons[0]["words"] for row in rows)


def test_an_impossible_birth_date_is_kept_as_given_and_left_empty(app: Flask) -> None:
    row = feed_row(date_of_birth="2090-01-01")

    summary = import_stream(feed_file(row))

    assert (summary.imported, summary.warnings) == (1, 1)
    assert "date_of_birth" not in the_person(row["feed_reference"])
    referral = the_referral(row["feed_reference"])
    with transaction(IMPORTER) as session:
        person = session.get_one(Person, referral.person_id)
        key = encrypted_rows.open_key(session, person.key_id)
        document = encrypted_rows.unseal_row(key, "referral", referral.id, referral.sealed)
    assert document["as_given"] == {"date_of_birth": "2090-01-01"}


def test_a_new_number_in_an_update_is_not_safe_until_somebody_has_asked(app: Flask) -> None:
    row = feed_row()
    import_stream(feed_file(row))

    summary = import_stream(feed_file({**row, "phone": "07700 900444"}))

    assert summary.updated == 1
    assert the_person(row["feed_reference"])["phone"] == "+447700900444"
    with transaction(IMPORTER) as session:
        plans = session.scalars(select(SafeContactPlan).order_by(SafeContactPlan.version)).all()
    assert [plan.safe for plan in plans] == [SafeAnswer.YES, SafeAnswer.UNKNOWN]
    assert plans[0].superseded_at == AT
    assert TaskKind.SAFE_CONTACT_CHECK in open_tasks(row["feed_reference"])


def test_a_feed_never_turns_unsafe_into_safe(app: Flask) -> None:
    row = feed_row(safe_to_contact="no")
    import_stream(feed_file(row))

    import_stream(feed_file({**row, "safe_to_contact": "yes"}))

    with transaction(IMPORTER) as session:
        plan = session.scalars(select(SafeContactPlan).where(SafeContactPlan.superseded_at.is_(None))).one()
    assert (plan.safe, plan.safe_channels) == (SafeAnswer.NO, [])
    assert TaskKind.SAFE_CONTACT_CHECK in open_tasks(row["feed_reference"])


def test_what_a_caseworker_corrected_is_not_overwritten_but_raises_a_task(app: Flask, owner: Owner) -> None:
    row = feed_row(district="Stafford")
    import_stream(feed_file(row))
    with owner() as session:
        referral = session.scalars(select(Referral)).one()
        referral.district, referral.corrected_fields = "Lichfield", ["district"]
        person = session.scalars(select(Person)).one()
        person.corrected_fields = ["phone"]

    import_stream(feed_file({**row, "district": "Tamworth", "phone": "07700 900222", "postcode": "ST17 4AA"}))

    assert the_referral(row["feed_reference"]).district == "Lichfield"
    document = the_person(row["feed_reference"])
    assert (document["phone"], document["postcode"]) == (
        "+44" + row["phone"].replace(" ", "")[1:],
        "ST17 4AA",
    )
    with transaction(IMPORTER) as session:
        task = session.scalars(select(Task).where(Task.kind == TaskKind.FEED_CONFLICT)).one()
    assert task.details == {"fields": ["district", "phone"]}


def test_a_corrected_report_time_voids_the_old_event_and_moves_the_clocks(app: Flask) -> None:
    row = feed_row(reported_at="2026-03-02T09:00:00", transferred_at="2026-03-06T09:00:00")
    import_stream(feed_file(row))
    import_stream(feed_file({**row, "reported_at": "2026-03-05T09:00:00"}))

    with transaction(IMPORTER) as session:
        clock = session.scalars(
            select(EntitlementClock).where(EntitlementClock.entitlement_id == "referred_to_support_service")
        ).one()
        voids = session.scalars(select(CaseEvent).where(CaseEvent.event == "event_voided")).all()
    assert (clock.started_on.isoformat(), clock.status) == ("2026-03-05", "met")
    assert len(voids) == 1


def test_a_correction_takes_back_only_what_the_police_feed_told(app: Flask) -> None:
    row = feed_row(reported_at="2026-03-02T09:00:00", transferred_at="2026-03-02T12:00:00")
    import_stream(feed_file(row))
    events_file = (
        "feed_reference,event,occurred_at,source\n"
        f"{row['feed_reference']},reported_to_police,2026-03-04T09:00:00,police\n"
    )
    import_file(
        io.BytesIO(events_file.encode()),
        ImportRequest(ImportKind.CASE_EVENTS, "events.csv"),
        actor=IMPORTER,
        at=AT,
    )

    import_stream(feed_file({**row, "reported_at": "2026-03-01T09:00:00"}))

    assert started("referred_to_support_service") == ["2026-03-01", "2026-03-04"]


def test_a_correction_in_history_changes_nothing_before_it_was_known(app: Flask) -> None:
    row = feed_row(reported_at="2018-10-02T09:00:00", transferred_at="2018-10-03T09:00:00", occurred_from="")
    import_stream(feed_file(row), history=True)
    corrected = {**row, "reported_at": "2018-10-01T09:00:00", "transferred_at": "2018-10-08T09:00:00"}

    import_stream(feed_file(corrected), history=True)

    with transaction(IMPORTER) as session:
        first, later = (
            session.scalars(select(CaseEvent.recorded_at).where(CaseEvent.event == event)).all()
            for event in ("reported_to_police", "event_voided")
        )
    assert sorted(first) == [datetime(2018, 10, 3, 8, tzinfo=UTC), datetime(2018, 10, 8, 8, tzinfo=UTC)]
    assert set(later) == {datetime(2018, 10, 8, 8, tzinfo=UTC)}
    assert started("referred_to_support_service") == ["2018-10-01"]


def test_what_was_taken_back_can_be_told_again(app: Flask) -> None:
    row = feed_row(acknowledged_at="2026-03-03T10:00:00")
    import_stream(feed_file(row))
    import_stream(feed_file({**row, "acknowledged_at": "2026-03-04T10:00:00"}))
    import_stream(feed_file({**row, "phone": "07700 900002"}))

    with transaction(IMPORTER) as session:
        clock = session.scalars(
            select(EntitlementClock).where(EntitlementClock.entitlement_id == "written_acknowledgement")
        ).one()
    assert (clock.status, clock.stopped_at) == ("met", datetime(2026, 3, 3, 10, tzinfo=UTC))


def test_the_same_force_reference_is_the_same_person_in_one_file_or_two(app: Flask) -> None:
    first, second = feed_row(), feed_row()
    again = {**feed_row(), "victim_reference": first["victim_reference"], "given_name": first["given_name"]}

    one = import_stream(feed_file(first, second, again))
    two = import_stream(feed_file({**feed_row(), "victim_reference": second["victim_reference"]}))

    assert count(Person) == 2
    assert (one.repeat_victims, two.repeat_victims) == (1, 1)


def test_people_of_one_name_and_birth_date_are_proposed_and_never_merged(app: Flask) -> None:
    first = feed_row(given_name="Siân", family_name="O’Neill")
    import_stream(feed_file(first))
    second = feed_row(given_name="SIAN", family_name="O'Neill")

    import_stream(feed_file(second))

    assert count(Person) == 2
    assert open_tasks(second["feed_reference"]) == {TaskKind.POSSIBLE_SAME_PERSON}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"consent_to_referral": "no"}, "consent_refused"),
        ({"consent_to_referral": "not_asked", "domestic_abuse": "yes"}, "explicit_consent_needed"),
        ({"consent_to_referral": "", "victim_type": "bereaved_relative"}, "explicit_consent_needed"),
        ({"phone": "", "email": "", "address_line_1": ""}, "no_contact_details"),
    ],
)
def test_a_referral_that_nobody_may_act_on_is_held_with_its_reason(
    app: Flask, changes: dict[str, str], reason: str
) -> None:
    row = feed_row(**changes)
    import_stream(feed_file(row))
    referral = the_referral(row["feed_reference"])
    assert (referral.state, referral.held_reason) == (ReferralState.HELD, reason)


def test_a_trial_run_counts_everything_and_changes_nothing(app: Flask) -> None:
    rows = [feed_row(), feed_row(offence="")]
    trial = import_stream(feed_file(*rows), dry_run=True)
    assert (count(Referral), count(ImportBatch), count(Person)) == (0, 0, 0)

    real = import_stream(feed_file(*rows))

    assert trial.batch is None
    assert (trial.imported, trial.set_aside) == (real.imported, real.set_aside) == (1, 1)


def test_history_is_recorded_at_the_time_the_feed_gives(app: Flask) -> None:
    import_stream(feed_file(feed_row(reported_at="2018-10-02T09:00:00", transferred_at="2018-10-03T09:00:00",
                               occurred_from="")), history=True)  # fmt: skip
    with transaction(IMPORTER) as session:
        recorded = set(session.scalars(select(CaseEvent.recorded_at)))
        referral = session.scalars(select(Referral)).one()
    assert recorded == {datetime(2018, 10, 3, 8, tzinfo=UTC)}
    assert referral.reference.startswith("SG-18-")


def test_a_file_that_is_not_a_feed_is_refused_whole(app: Flask) -> None:
    for content in (
        b"",
        b"\x00\x01\x02binary",
        b"name;offence\nx;y\n",
        b"PK\x03\x04zip",
        b"nothing,of,this\n1,2,3\n",
    ):
        with pytest.raises(UnusableFile):
            import_stream(io.BytesIO(content))
    assert count(ImportBatch) == 0


def test_unknown_columns_are_kept_and_reported(app: Flask) -> None:
    row = feed_row(body_worn_video="yes")
    summary = import_stream(feed_file(row))
    assert summary.unknown_columns == ("body_worn_video",)
    referral = the_referral(row["feed_reference"])
    with transaction(IMPORTER) as session:
        kept = session.scalars(select(ImportRow)).one()
        raw = encrypted_rows.unseal_row(
            encrypted_rows.open_key(session, kept.key_id or UUID(int=0)),
            "import_row",
            referral.id,
            kept.sealed or b"",
        )
    assert raw["body_worn_video"] == "yes"


def test_a_person_is_found_again_by_phone_however_it_is_written(app: Flask) -> None:
    from victim_gateway.services.people.person_hashes import phone_hash

    row = feed_row(phone="(07700) 900-123")
    import_stream(feed_file(row))
    with transaction(IMPORTER) as session:
        hashes = session.scalars(select(Person.phone_hashes)).one()
        assert hashes == [phone_hash(current_blind_index(session), "+44 7700 900123")]
