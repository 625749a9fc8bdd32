"""Scenarios between a person and the Gateway."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from victim_gateway.demo import casework, contact, names, onward, phrases, support_work
from victim_gateway.demo.case import DemoCase
from victim_gateway.vocabulary import CloseOutcome, HeldReason

Moments = Iterator[datetime]
Telling = Callable[[DemoCase], Moments]


def nothing_yet(case: DemoCase) -> Moments:
    yield from ()


def case_taken(case: DemoCase) -> Moments:
    yield case.on(0, 9)
    casework.take_case(case)


def no_answer_yet(case: DemoCase) -> Moments:
    yield from case_taken(case)
    for day in (0, 1)[: case.pick(1, 2)]:
        yield case.on(day, 11)
        contact.try_to_reach(case)


def wrong_number(case: DemoCase) -> Moments:
    yield from case_taken(case)
    yield case.on(1, 10)
    contact.find_dead_line(case)


def not_safe_to_call(case: DemoCase) -> Moments:
    yield from case_taken(case)
    yield case.on(1, 12)
    contact.stop_because_unsafe(case)


def feed_conflict(case: DemoCase) -> Moments:
    """The person gives a number; two days later the force sends another one."""
    yield from case_taken(case)
    yield case.on(0, 13)
    contact.reach_person(case)
    case.wait()
    casework.correct_phone(
        case, names.demo_phone(case.planned.number + names.MOBILES // 2, case.planned.chance("new"))
    )
    case.wait()
    contact.agree_safe_contact(case)


def case_reached(case: DemoCase) -> Moments:
    # Whoever tries first takes a referral on; some are taken on, or given to somebody, before that.
    if case.likely(0.3):
        yield from case_taken(case)
    if case.likely(0.15):
        yield case.on(0, 11)
        contact.try_to_reach(case)
    yield case.on(case.pick(0, 0, 1), 14)
    contact.reach_person(case)
    support_work.ask_how_it_went(case)
    if case.likely(0.25):
        case.wait()
        casework.write_case_note(case)


def contact_refused(case: DemoCase) -> Moments:
    yield from case_reached(case)
    yield case.on(3, 15)
    casework.refuse_contact(case)


def case_assessed(case: DemoCase) -> Moments:
    yield from case_reached(case)
    yield case.on(case.pick(1, 2, 2), 11)
    casework.assess_case(case)
    if case.likely(0.2):
        case.wait()
        casework.record_told_by_police(case)


def assessed_again(case: DemoCase) -> Moments:
    """Targeted again and again by neighbours: a case review was asked for, and is not answered."""
    yield from case_assessed(case)
    case.wait()
    support_work.ask_for_review(case)
    yield case.on(7, 10)
    casework.assess_case(case, phrases.REASSESSED)


def restorative_asked(case: DemoCase) -> Moments:
    """After domestic abuse the person wants restorative justice: a senior is asked, and has not answered."""
    yield from case_assessed(case)
    case.wait()
    onward.ask_senior(case)


def case_released(case: DemoCase) -> Moments:
    yield case.on(2, 10)
    casework.release_case(case)
    yield case.on(2, 13)
    casework.take_case(case)
    yield case.on(3, 10)
    contact.reach_person(case)
    yield case.on(4, 10)
    casework.assess_case(case)


def needs_met(case: DemoCase) -> Moments:
    yield from case_assessed(case)
    yield case.on(5, 11)
    casework.close_case(case, CloseOutcome.NEEDS_MET)


def not_reached(case: DemoCase) -> Moments:
    # Every so often the first try comes after the area's standard.
    late = 3 if case.planned.age > 9 and case.likely(0.15) else 0
    for day in (0, 1, 3):
        yield case.on(late + day, 11)
        contact.try_to_reach(case)
    yield case.on(late + 4, 16)
    casework.close_case(case, CloseOutcome.NO_CONTACT)


def _closed_after_talking(outcome: CloseOutcome) -> Telling:
    def telling(case: DemoCase) -> Moments:
        yield from case_reached(case)
        yield case.on(2, 12)
        if outcome is CloseOutcome.DECLINED and case.likely(0.6):
            casework.assess_case(case, phrases.NOTHING_NEEDED)
            case.wait()
        casework.close_case(case, outcome, phrases.CLOSING_TEXTS.get(outcome))

    return telling


def case_duplicate(case: DemoCase) -> Moments:
    yield from case_taken(case)
    yield case.on(0, 12)
    if case.before is None:
        casework.close_case(case, CloseOutcome.OUT_OF_AREA)
    else:
        casework.close_as_duplicate(case, case.before.id)


def case_reopened(case: DemoCase) -> Moments:
    yield from needs_met(case)
    yield case.ago(case.pick(1, 2, 3), 10)
    casework.reopen_case(case)


def reopened_in_contact(case: DemoCase) -> Moments:
    """Closed without contact; the person rings weeks later."""
    yield from not_reached(case)
    yield case.ago(3, 10)
    casework.reopen_case(case)
    yield case.ago(2, 10)
    contact.reach_person(case)


def reopened_assessed(case: DemoCase) -> Moments:
    yield from case_reopened(case)
    case.wait()
    casework.assess_case(case, phrases.REASSESSED)


def _hold_by_caseworker(reason: HeldReason) -> Telling:
    def telling(case: DemoCase) -> Moments:
        yield case.on(1, 10)
        casework.hold_case(case, reason)

    return telling


def _stop_by_caseworker(field: str, reason: HeldReason) -> Telling:
    def telling(case: DemoCase) -> Moments:
        yield case.on(1, 10)
        casework.stop_contact(case, field, reason)

    return telling


def child_with_aunt(case: DemoCase) -> Moments:
    """The school names the aunt; the first call is hers, and the child comes to the phone."""
    yield case.on(0, 10)
    casework.name_safe_adult(case, "aunt")
    yield case.on(0, 14)
    casework.take_case(case)
    yield case.on(1, 16)
    contact.reach_person(case)


def called_as_witness(case: DemoCase) -> Moments:
    """Intimidated, with a day in court ahead: a plan, an alarm, a room with a video link, and a complaint."""
    yield from case_assessed(case)
    case.wait()
    contact.agree_safe_contact(case)
    case.wait()
    support_work.make_plan(case)
    support_work.lend_alarm(case)
    yield case.on(4, 11)
    support_work.book_room(case)
    support_work.complain(case)
    yield case.on(9, 15)
    support_work.look_at_plan_again(case)


ALONE: dict[str, Telling] = {
    "business_reported_late": nothing_yet,
    "unsafe_phone": case_taken,
    "child_with_aunt": child_with_aunt,
    "first_spelling": needs_met,
    "second_spelling": nothing_yet,
    "bereaved_father": case_assessed,
    "called_as_witness": called_as_witness,
    "new": nothing_yet,
    "new_business": nothing_yet,
    "namesake": nothing_yet,
    "waiting": nothing_yet,
    "held": nothing_yet,
    "held_by_hand": nothing_yet,
    "held_unreadable": nothing_yet,
    "told_of_death": _stop_by_caseworker("deceased", HeldReason.PERSON_DIED),
    "taken_back_by_force": _stop_by_caseworker("withdrawn", HeldReason.WITHDRAWN_BY_FORCE),
    "out_of_scope": _hold_by_caseworker(HeldReason.OUT_OF_SCOPE),
    "recorded_new": nothing_yet,
    "released": case_released,
    "contact_refused": contact_refused,
    "taken": case_taken,
    "no_answer_yet": no_answer_yet,
    "wrong_number": wrong_number,
    "not_safe_to_call": not_safe_to_call,
    "feed_conflict": feed_conflict,
    "reached": case_reached,
    "assessment_overdue": case_reached,
    "assessed": case_assessed,
    "assessed_again": assessed_again,
    "restorative_asked": restorative_asked,
    "needs_met": needs_met,
    "not_reached": not_reached,
    "wants_nothing": _closed_after_talking(CloseOutcome.DECLINED),
    "out_of_area": _closed_after_talking(CloseOutcome.OUT_OF_AREA),
    "duplicate": case_duplicate,
    "referred_on": _closed_after_talking(CloseOutcome.REFERRED_ON),
    "closed_for_another_reason": _closed_after_talking(CloseOutcome.OTHER),
    "reopened": case_reopened,
    "reopened_in_contact": reopened_in_contact,
    "reopened_assessed": reopened_assessed,
}
NOTHING_HAPPENS = frozenset(name for name, telling in ALONE.items() if telling is nothing_yet)
