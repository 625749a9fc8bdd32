"""The rules of section 6 of the contract and the hard cases of the Code, one by one."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest

from victim_gateway.compliance.clocks import Clock, Status
from victim_gateway.compliance.editions import (
    EnhancedCategory,
    Entitlement,
    Unit,
    code_editions,
    event_names,
    local_edition,
)
from victim_gateway.compliance.evaluate import evaluate
from victim_gateway.compliance.facts import Declined, EnhancedPeriod, Event, Facts, VictimBasis, Withheld
from victim_gateway.errors import CalendarExhausted
from victim_gateway.times import parse_moment

VULNERABLE = EnhancedCategory.VULNERABLE_OR_INTIMIDATED
SERIOUS = EnhancedCategory.MOST_SERIOUS_CRIME
ARRESTED, TOLD = "suspect_arrested", "victim_told_suspect_arrested"
MONDAY = "2026-03-02T10:00"
"""The arrest of most tests: standard due Monday 9 March 2026, enhanced Tuesday 3 March."""


def happened(event: str, at: str, *, recorded: str | None = None, subject: str | None = None) -> Event:
    occurred_at = parse_moment(at)
    return Event(event, occurred_at, parse_moment(recorded) if recorded else occurred_at, subject)


def clocks(*events: Event, as_at: str = "2026-03-06T09:00", **facts: Any) -> list[Clock]:
    return evaluate(code_editions(), Facts(**facts), events, parse_moment(as_at))


def arrest_clock(*events: Event, as_at: str = "2026-03-06T09:00", **facts: Any) -> Clock:
    (clock,) = clocks(happened(ARRESTED, MONDAY), *events, as_at=as_at, **facts)
    return clock


def period(begun: str, ended: str | None = None, category: EnhancedCategory = VULNERABLE) -> EnhancedPeriod:
    return EnhancedPeriod(category, date.fromisoformat(begun), date.fromisoformat(ended) if ended else None)


def due(clock: Clock) -> str:
    return str(clock.due_on)


class TestWhatIsKnown:
    def test_an_event_recorded_after_the_moment_is_not_known(self) -> None:
        late = happened(TOLD, "2026-03-03T10:00", recorded="2026-03-06T09:01")

        assert arrest_clock(late).status is Status.RUNNING
        assert arrest_clock(late, as_at="2026-03-06T09:01").status is Status.MET

    def test_a_late_entry_is_not_a_late_act(self) -> None:
        stop = happened(TOLD, "2026-03-09T23:50", recorded="2026-04-20T10:00")

        assert arrest_clock(stop, as_at="2026-05-01").status is Status.MET

    def test_a_start_that_is_not_known_yet_opens_nothing(self) -> None:
        assert clocks(happened(ARRESTED, MONDAY, recorded="2026-03-07T10:00")) == []

    def test_an_event_may_be_recorded_before_it_happens(self) -> None:
        planned = happened(ARRESTED, "2026-03-10T10:00", recorded="2026-03-01T10:00")

        assert [clock.status for clock in clocks(planned)] == [Status.RUNNING]


class TestWhatOpensAClock:
    def test_a_report_opens_one_clock_for_each_entitlement_it_starts(self) -> None:
        edition = code_editions()[-1]

        opened = clocks(happened("reported_to_police", MONDAY))

        expected = sorted(
            e.entitlement_id for e in edition.entitlements if e.start_event == "reported_to_police"
        )
        assert [clock.entitlement.entitlement_id for clock in opened] == expected

    def test_two_identical_starts_open_two_clocks(self) -> None:
        assert len(clocks(happened(ARRESTED, MONDAY), happened(ARRESTED, MONDAY))) == 2

    def test_every_event_of_the_glossary_can_be_evaluated_in_every_edition(self) -> None:
        for day in ("2013-02-01", "2014-02-03", "2018-02-01", "2024-02-01"):
            for name in event_names():
                for clock in clocks(happened(name, day), as_at="2027-01-01"):
                    assert clock.entitlement.start_event == name

    def test_before_the_first_edition_nothing_is_owed(self) -> None:
        assert clocks(happened("investigation_started", "2006-04-02T23:59")) == []
        assert len(clocks(happened("investigation_started", "2006-04-03T00:00"))) == 1

    @pytest.mark.parametrize(
        ("at", "edition", "limits"),
        [
            ("2013-12-09T23:59", "2006", (5, 5)),
            ("2013-12-10T00:00", "2013", (5, 1)),
            ("2015-11-15T23:59", "2013", (5, 1)),
            ("2015-11-16T00:00", "2015", (5, 1)),
            ("2021-03-31T22:59:59+00:00", "2015", (5, 1)),
            ("2021-03-31T23:00:00+00:00", "2020", (5, 1)),
        ],
    )
    def test_the_edition_is_that_of_the_london_date_of_the_start(
        self, at: str, edition: str, limits: tuple[int, int]
    ) -> None:
        decided = happened("police_decided_not_to_investigate", at)
        always = period("2000-01-01")

        (standard,) = clocks(decided)
        (enhanced,) = clocks(decided, enhanced=(always,))

        assert (standard.edition.key, standard.limit, enhanced.limit) == (edition, *limits)

    def test_a_deadline_that_crosses_a_change_of_edition_keeps_its_edition(self) -> None:
        (clock,) = clocks(happened(ARRESTED, "2021-03-31T12:00"), as_at="2021-04-20")

        assert (clock.edition.key, due(clock)) == ("2015", "2021-04-09")

    def test_release_under_investigation_before_april_2021_opens_no_clock(self) -> None:
        assert clocks(happened("suspect_released_under_investigation", "2019-03-04")) == []
        assert len(clocks(happened("suspect_released_under_investigation", "2021-04-01"))) == 1


class TestConditions:
    def test_a_part_that_is_false_makes_the_clock_not_applicable_even_when_the_act_was_done(self) -> None:
        stop = happened(TOLD, "2026-03-03")
        blocked = arrest_clock(stop, conditions={"one_clock_per_suspect_and_occurrence": False})

        assert blocked.status is Status.NOT_APPLICABLE
        assert due(blocked) == "2026-03-09"

    def test_a_part_that_is_true_or_not_mentioned_blocks_nothing(self) -> None:
        assert (
            arrest_clock(conditions={"one_clock_per_suspect_and_occurrence": True}).status is Status.RUNNING
        )
        assert arrest_clock(conditions={"offender_is_adult": False}).status is Status.RUNNING

    def test_consent_that_was_required_and_refused_takes_the_referral_out(self) -> None:
        reported = happened("reported_to_police", "2016-02-01")
        found = clocks(reported, conditions={"explicit_consent_held_where_required": False})

        status = {clock.entitlement.entitlement_id: clock.status for clock in found}
        assert status["referred_to_support_service"] is Status.NOT_APPLICABLE
        assert status["needs_assessment_offered"] is Status.RUNNING

    def test_a_business_without_a_named_contact_is_owed_nothing(self) -> None:
        business = {"victim_basis": VictimBasis.BUSINESS_CONTACT}
        found = clocks(
            happened("reported_to_police", MONDAY), conditions={"named_contact": False}, **business
        )

        assert {clock.status for clock in found} == {Status.NOT_APPLICABLE}
        assert arrest_clock(conditions={"named_contact": True}, **business).status is Status.RUNNING
        assert arrest_clock(**business).status is Status.RUNNING

    def test_a_person_needs_no_named_contact(self) -> None:
        assert arrest_clock(conditions={"named_contact": False}).status is Status.RUNNING


class TestDueDates:
    @pytest.mark.parametrize(
        ("at", "expected"),
        [
            # Half an hour either side of midnight in London, in winter and in summer.
            ("2026-01-12T23:30:00+00:00", "2026-01-19"),
            ("2026-01-13T00:30:00+00:00", "2026-01-20"),
            ("2026-07-13T22:30:00+00:00", "2026-07-20"),
            ("2026-07-13T23:30:00+00:00", "2026-07-21"),
            # The nights on which the clocks change.
            ("2026-03-28T23:30:00+00:00", "2026-04-07"),
            ("2026-03-29T23:30:00+00:00", "2026-04-08"),
            ("2026-10-24T23:30:00+00:00", "2026-10-30"),
            ("2026-10-25T23:30:00+00:00", "2026-10-30"),
            # Easter and Christmas.
            ("2026-04-02T12:00:00+01:00", "2026-04-13"),
            ("2026-12-23T12:00:00+00:00", "2027-01-04"),
        ],
    )
    def test_the_london_date_of_the_start_counts(self, at: str, expected: str) -> None:
        (clock,) = clocks(happened(ARRESTED, at), as_at="2027-06-01")

        assert due(clock) == expected

    def test_a_duty_without_a_limit_has_no_due_date_and_runs_until_done(self) -> None:
        found = clocks(happened("investigation_started", "2022-03-02"), as_at="2035-01-01")

        assert [(c.due_on, c.limit, c.status) for c in found] == [(None, None, Status.RUNNING)]

    def test_a_due_date_past_the_bank_holiday_table_is_refused_with_its_event(self) -> None:
        with pytest.raises(CalendarExhausted, match="^suspect_arrested: 5 working days from 2027-12-31 "):
            clocks(happened(ARRESTED, "2027-12-31"), as_at="2028-03-01")

    def test_only_counted_days_need_the_table(self) -> None:
        assert arrest_clock(as_at="2040-01-01", enhanced=(period("2039-01-01"),)).status is Status.UNKNOWN
        assert len(clocks(happened("investigation_started", "2039-01-01"), as_at="2040-01-01")) == 1


class TestEnhancedRights:
    def test_a_category_in_force_on_the_start_date_shortens_the_limit_from_the_start(self) -> None:
        clock = arrest_clock(enhanced=(period("2026-03-02"),))

        assert (due(clock), clock.limit, clock.enhanced) == ("2026-03-03", 1, True)

    @pytest.mark.parametrize(
        ("begun", "ended", "enhanced"),
        [
            ("2026-01-01", "2026-03-02", False),
            ("2026-01-01", "2026-03-03", True),
            ("2026-03-02", "2026-03-02", False),
            ("2026-03-04", "2026-03-04", False),
            ("2026-03-04", "2026-03-03", False),
            ("2026-03-04", "2026-03-05", True),
        ],
    )
    def test_a_category_holds_up_to_but_not_on_its_last_date(
        self, begun: str, ended: str, enhanced: bool
    ) -> None:
        assert arrest_clock(enhanced=(period(begun, ended),)).enhanced is enhanced

    def test_enhanced_rights_shorten_the_limit_from_the_day_they_begin(self) -> None:
        clock = arrest_clock(enhanced=(period("2026-03-04"),))

        assert (due(clock), clock.limit, clock.enhanced) == ("2026-03-05", 1, True)
        assert str(clock.due_without_change_on) == "2026-03-09"

    def test_they_never_move_a_due_date_later(self) -> None:
        clock = arrest_clock(enhanced=(period("2026-03-20"),), as_at="2026-03-25")

        assert (due(clock), clock.limit, clock.enhanced) == ("2026-03-09", 1, True)

    def test_a_category_that_begins_after_the_moment_is_not_there_yet(self) -> None:
        assert not arrest_clock(enhanced=(period("2026-03-07"),)).enhanced
        assert arrest_clock(enhanced=(period("2026-03-06"),)).enhanced

    @pytest.mark.parametrize(("told_on", "enhanced"), [("2026-03-03", False), ("2026-03-04", True)])
    def test_a_clock_that_had_stopped_is_not_shortened(self, told_on: str, enhanced: bool) -> None:
        clock = arrest_clock(happened(TOLD, told_on), enhanced=(period("2026-03-04"),))

        assert clock.enhanced is enhanced

    def test_of_several_categories_the_first_to_begin_decides(self) -> None:
        several = (period("2026-03-05", category=SERIOUS), period("2026-03-03"), period("2026-03-04"))

        assert due(arrest_clock(enhanced=several)) == "2026-03-04"

    def test_a_category_that_has_ended_leaves_running_clocks_shortened_and_later_ones_alone(self) -> None:
        ended = (period("2026-03-03", "2026-03-04"),)
        first, second = clocks(
            happened(ARRESTED, MONDAY), happened(ARRESTED, "2026-03-05"), enhanced=ended, as_at="2026-03-12"
        )

        assert (due(first), due(second)) == ("2026-03-04", "2026-03-12")

    def test_a_duty_without_a_limit_says_that_the_victim_is_enhanced(self) -> None:
        (clock,) = clocks(happened("investigation_started", MONDAY), enhanced=(period("2026-03-01"),))

        assert (clock.enhanced, clock.due_on, clock.limit) == (True, None, None)

    def test_a_business_is_never_enhanced(self) -> None:
        clock = arrest_clock(
            victim_basis=VictimBasis.BUSINESS_CONTACT,
            enhanced=(period("2026-03-01"), period("2026-03-04")),
            date_of_birth=date(2015, 1, 1),
            offence_on=date(2026, 3, 1),
        )

        assert (clock.enhanced, due(clock)) == (False, "2026-03-09")

    @pytest.mark.parametrize("category", [SERIOUS, EnhancedCategory.PERSISTENTLY_TARGETED])
    def test_the_2006_edition_does_not_know_the_later_categories(self, category: EnhancedCategory) -> None:
        bailed = happened("suspect_released_on_police_bail", "2013-12-09")
        later = period("2013-12-10", category=category)

        for unknown in (period("2013-01-01", category=category), later):
            (clock,) = clocks(bailed, enhanced=(unknown,), as_at="2013-12-20")
            assert not clock.enhanced
        (clock,) = clocks(bailed, enhanced=(period("2013-01-01"),), as_at="2013-12-20")
        assert due(clock) == "2013-12-10"


class TestAge:
    @pytest.mark.parametrize(
        ("born", "enhanced"), [("2008-03-02", True), ("2008-03-01", False), ("2008-02-29", False)]
    )
    def test_the_eighteenth_birthday_ends_childhood(self, born: str, enhanced: bool) -> None:
        clock = arrest_clock(date_of_birth=date.fromisoformat(born), offence_on=date(2026, 3, 1))

        assert clock.enhanced is enhanced

    def test_a_child_born_on_29_february_is_18_on_1_march(self) -> None:
        born = date(2008, 2, 29)

        assert arrest_clock(date_of_birth=born, offence_on=date(2026, 2, 28)).enhanced
        assert not arrest_clock(date_of_birth=born, offence_on=date(2026, 3, 1)).enhanced

    def test_a_child_at_the_offence_stays_enhanced_after_turning_18(self) -> None:
        assert due(arrest_clock(date_of_birth=date(2006, 1, 1), offence_on=date(2023, 6, 1))) == "2026-03-03"

    def test_the_2006_edition_draws_the_line_at_17(self) -> None:
        bailed = happened("suspect_released_on_police_bail", "2013-12-09")
        (at_17,) = clocks(bailed, date_of_birth=date(1996, 12, 1), offence_on=date(2013, 12, 1))
        (at_16,) = clocks(bailed, date_of_birth=date(1996, 12, 2), offence_on=date(2013, 12, 1))

        assert (at_17.enhanced, at_16.enhanced) == (False, True)

    def test_an_unknown_age_gives_no_enhanced_rights(self) -> None:
        assert not arrest_clock(date_of_birth=date(2015, 1, 1)).enhanced
        assert not arrest_clock(offence_on=date(2026, 3, 1)).enhanced

    def test_a_ready_made_answer_stands_in_for_the_dates(self) -> None:
        bailed = happened("suspect_released_on_police_bail", "2013-12-09")

        assert arrest_clock(under_18=True).enhanced
        assert not arrest_clock(under_17=False, under_18=False).enhanced
        assert [c.enhanced for c in clocks(bailed, under_17=False, under_18=True)] == [False]
        assert [c.enhanced for c in clocks(bailed, under_17=True, under_18=True)] == [True]

    def test_the_dates_win_over_a_ready_made_answer(self) -> None:
        adult: dict[str, Any] = {"date_of_birth": date(1990, 1, 1), "offence_on": date(2026, 3, 1)}

        assert not arrest_clock(under_18=True, **adult).enhanced


class TestStops:
    def test_an_earlier_hour_of_the_same_day_stops_the_clock(self) -> None:
        clock = arrest_clock(happened(TOLD, "2026-03-02T08:00"))

        assert (clock.status, clock.stopped_at) == (Status.MET, parse_moment("2026-03-02T08:00"))

    def test_an_act_of_the_day_before_does_not(self) -> None:
        assert arrest_clock(happened(TOLD, "2026-03-01T23:59")).stopped_at is None

    def test_the_earliest_act_counts_whatever_the_order_of_entry(self) -> None:
        later, earlier = happened(TOLD, "2026-03-12"), happened(TOLD, "2026-03-04", recorded="2026-03-20")

        assert arrest_clock(later, earlier, as_at="2026-03-15").status is Status.MET_LATE
        assert arrest_clock(later, earlier, as_at="2026-03-25").status is Status.MET

    @pytest.mark.parametrize(
        ("suspect", "stop_subject", "stops"),
        [("s1", "s1", True), ("s1", "s2", False), ("s1", None, True), (None, "s2", True), (None, None, True)],
    )
    def test_subjects_must_match_where_both_are_given(
        self, suspect: str | None, stop_subject: str | None, stops: bool
    ) -> None:
        (clock,) = clocks(
            happened(ARRESTED, MONDAY, subject=suspect), happened(TOLD, "2026-03-03", subject=stop_subject)
        )

        assert (clock.stopped_at is not None) is stops

    def test_one_notice_stops_the_clocks_of_several_suspects_and_occurrences(self) -> None:
        found = clocks(
            happened(ARRESTED, MONDAY, subject="s1"),
            happened(ARRESTED, MONDAY, subject="s2"),
            happened(ARRESTED, "2026-03-03", subject="s1"),
            happened(TOLD, "2026-03-04"),
        )

        assert [clock.status for clock in found] == [Status.MET] * 3

    @pytest.mark.parametrize(
        ("told_on", "status"),
        [
            ("2026-03-09T23:59:59", Status.MET),
            ("2026-03-10T00:00", Status.MET_LATE),
            ("2026-03-07T12:00", Status.MET),
        ],
    )
    def test_an_act_is_in_time_until_the_end_of_the_last_day(self, told_on: str, status: Status) -> None:
        assert arrest_clock(happened(TOLD, told_on), as_at="2026-04-01").status is status

    def test_the_last_day_ends_at_midnight_in_london_in_summer(self) -> None:
        arrested = happened(ARRESTED, "2026-07-13T12:00")
        in_time = happened(TOLD, "2026-07-20T22:59:59+00:00")
        late = happened(TOLD, "2026-07-20T23:00:00+00:00")

        assert [c.status for c in clocks(arrested, in_time, as_at="2026-08-01")] == [Status.MET]
        assert [c.status for c in clocks(arrested, late, as_at="2026-08-01")] == [Status.MET_LATE]


MOMENT_IN_TIME, MOMENT_TOO_LATE = "2026-03-09T23:59", "2026-03-10T00:00"


def declined(at: str, entitlement_id: str = "told_suspect_arrested") -> tuple[Declined, ...]:
    return (Declined(entitlement_id, parse_moment(at)),)


def withheld(begun: str, until: str | None = None) -> tuple[Withheld, ...]:
    end: datetime | None = parse_moment(until) if until else None
    return (Withheld("told_suspect_arrested", parse_moment(begun), end),)


class TestStatuses:
    def test_a_clock_runs_to_the_end_of_its_last_day(self) -> None:
        assert arrest_clock(as_at=MOMENT_IN_TIME).status is Status.RUNNING
        assert arrest_clock(as_at=MOMENT_TOO_LATE).status is Status.UNKNOWN

    def test_overdue_needs_somebody_who_would_have_seen_the_act(self) -> None:
        late = "2026-03-20"

        assert arrest_clock(as_at=late, observers=frozenset({"partner"})).status is Status.OVERDUE
        assert arrest_clock(as_at=late, observers=frozenset({"victim_report"})).status is Status.UNKNOWN
        reported = clocks(happened("reported_to_police", MONDAY), as_at=late)
        status = {clock.entitlement.entitlement_id: clock.status for clock in reported}
        assert status["referred_to_support_service"] is Status.OVERDUE

    @pytest.mark.parametrize(
        ("at", "status"), [(MOMENT_IN_TIME, Status.DECLINED), (MOMENT_TOO_LATE, Status.UNKNOWN)]
    )
    def test_a_refusal_counts_until_the_due_date(self, at: str, status: Status) -> None:
        assert arrest_clock(declined=declined(at), as_at="2026-03-20").status is status

    def test_a_refusal_counts_only_from_its_moment_and_for_its_service(self) -> None:
        later = declined("2026-03-06T09:01")
        other = declined("2026-03-03", "told_suspect_charged")

        assert arrest_clock(declined=later).status is Status.RUNNING
        assert arrest_clock(declined=other).status is Status.RUNNING

    def test_a_timely_act_stands_whatever_was_declined_or_cancelled(self) -> None:
        clock = arrest_clock(
            happened(TOLD, "2026-03-05"),
            declined=declined("2026-03-03"),
            withheld_for_safety=withheld("2026-03-03"),
            cancelled_at=parse_moment("2026-03-03"),
        )

        assert clock.status is Status.MET

    @pytest.mark.parametrize(
        ("at", "status"), [(MOMENT_IN_TIME, Status.NOT_APPLICABLE), (MOMENT_TOO_LATE, Status.UNKNOWN)]
    )
    def test_a_cancelled_crime_ends_open_clocks_and_leaves_missed_ones_missed(
        self, at: str, status: Status
    ) -> None:
        assert arrest_clock(cancelled_at=parse_moment(at), as_at="2026-03-20").status is status

    def test_what_happens_at_the_moment_itself_is_known(self) -> None:
        now = "2026-03-06T09:00"

        assert arrest_clock(declined=declined(now)).status is Status.DECLINED
        assert arrest_clock(cancelled_at=parse_moment(now)).status is Status.NOT_APPLICABLE

    def test_of_several_refusals_one_in_time_is_enough(self) -> None:
        several = declined(MOMENT_TOO_LATE) + declined("2026-03-04")

        assert arrest_clock(declined=several, as_at="2026-03-20").status is Status.DECLINED

    def test_a_cancellation_to_come_changes_nothing(self) -> None:
        assert arrest_clock(cancelled_at=parse_moment("2026-03-06T09:01")).status is Status.RUNNING

    @pytest.mark.parametrize(
        ("begun", "until", "holds"),
        [
            ("2026-03-06T09:00", None, True),
            ("2026-03-06T09:01", None, False),
            ("2026-03-03T00:00", "2026-03-06T09:00", False),
            ("2026-03-03T00:00", "2026-03-06T09:01", True),
            ("2026-03-03T00:00", "2026-03-03T00:00", False),
        ],
    )
    def test_an_act_is_withheld_up_to_but_not_at_the_end(
        self, begun: str, until: str | None, holds: bool
    ) -> None:
        expected = Status.WITHHELD_FOR_SAFETY if holds else Status.RUNNING

        assert arrest_clock(withheld_for_safety=withheld(begun, until)).status is expected

    def test_withholding_comes_after_cancelling_and_declining_and_outlasts_the_due_date(self) -> None:
        unsafe: dict[str, Any] = {"withheld_for_safety": withheld("2026-03-03")}

        assert arrest_clock(**unsafe, as_at="2026-03-20").status is Status.WITHHELD_FOR_SAFETY
        assert arrest_clock(**unsafe, declined=declined("2026-03-03")).status is Status.DECLINED
        both: dict[str, Any] = {
            "declined": declined("2026-03-03"),
            "cancelled_at": parse_moment("2026-03-03"),
        }
        assert arrest_clock(**unsafe, **both).status is Status.NOT_APPLICABLE

    def test_a_duty_without_a_limit_can_be_declined_or_cancelled_at_any_time(self) -> None:
        started = happened("investigation_started", "2022-03-02")
        refusal = declined("2025-03-03", "update_preferences_agreed")

        assert [c.status for c in clocks(started, declined=refusal)] == [Status.DECLINED]
        cancelled = clocks(started, cancelled_at=parse_moment("2025-03-03"))
        assert [c.status for c in cancelled] == [Status.NOT_APPLICABLE]

    def test_a_shorter_limit_can_turn_a_timely_refusal_into_a_late_one(self) -> None:
        clock = arrest_clock(
            declined=declined("2026-03-06"), enhanced=(period("2026-03-04"),), as_at="2026-03-20"
        )

        assert (due(clock), clock.status) == ("2026-03-05", Status.UNKNOWN)


class TestStandardsOfAnArea:
    STANDARD = Entitlement("local", "first_contact", "", "", "Make first contact", "gateway",
                           "reported_to_police", "first_contact_made", Unit.WORKING_DAY, 2, 0,
                           (), "gateway", "", "")  # fmt: skip

    def test_they_are_evaluated_by_the_same_rules_and_only_when_asked_for(self) -> None:
        local = local_edition([self.STANDARD], title="Area standards")
        events = [happened("reported_to_police", "2026-03-05"), happened("first_contact_made", "2026-03-09")]

        found = evaluate([local], Facts(), events, parse_moment("2026-03-20"))

        assert [(c.edition.key, due(c), c.status) for c in found] == [("local", "2026-03-09", Status.MET)]
        assert "local" not in {c.edition.key for c in clocks(*events, as_at="2026-03-20")}

    def test_a_limit_of_no_days_never_moves_a_due_date_later(self) -> None:
        local = local_edition([self.STANDARD], title="Area standards")
        reported = [happened("reported_to_police", "2026-03-04")]

        for begun, expected in (("2026-03-05", "2026-03-05"), ("2026-03-07", "2026-03-06")):
            facts = Facts(enhanced=(period(begun),))
            (clock,) = evaluate([local], facts, reported, parse_moment("2026-03-20"))
            assert due(clock) == expected
