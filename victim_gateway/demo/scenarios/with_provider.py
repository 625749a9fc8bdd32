"""Scenarios in which a provider is asked to help: `to` says which, as `onward.offer` understands it."""

from __future__ import annotations

from collections.abc import Callable

from victim_gateway.demo import casework, onward
from victim_gateway.demo.case import DemoCase
from victim_gateway.demo.scenarios.alone import Moments, case_assessed
from victim_gateway.vocabulary import CloseOutcome


def case_offered(case: DemoCase, to: str) -> Moments:
    yield from case_assessed(case)
    yield case.ago(1, 15)
    onward.offer_case(case, to)


def offer_overdue(case: DemoCase, to: str) -> Moments:
    yield from case_assessed(case)
    yield case.ago(4, 15)
    onward.offer_case(case, to)


def case_acknowledged(case: DemoCase, to: str) -> Moments:
    yield from case_assessed(case)
    yield case.ago(1, 9)
    onward.offer_case(case, to)
    yield case.ago(1, 15)
    onward.acknowledge_offer_of(case)


def offered_early(case: DemoCase, to: str) -> Moments:
    yield from case_assessed(case)
    yield case.on(3, 9)
    onward.offer_case(case, to)
    if case.likely(0.5):
        yield case.on(3, 15)
        onward.acknowledge_offer_of(case)


def case_question(case: DemoCase, to: str) -> Moments:
    yield from case_assessed(case)
    yield case.ago(2, 15)
    onward.offer_case(case, to)
    yield case.ago(1, 10)
    onward.ask_about_case(case)


def question_answered(case: DemoCase, to: str) -> Moments:
    yield from case_question(case, to)
    yield case.ago(1, 15)
    onward.answer_question(case)


def case_accepted(case: DemoCase, to: str) -> Moments:
    yield from offered_early(case, to)
    yield case.on(4, 11)
    onward.accept_case(case)


def in_service(case: DemoCase, to: str) -> Moments:
    yield from case_accepted(case, to)
    yield case.on(case.pick(5, 6, 8), 12)
    onward.begin_support(case)
    if case.likely(0.35):
        yield case.on(9, 10)
        onward.share_note(case)
        yield case.on(9, 14)
        onward.reply_to_note(case)


def service_ended(case: DemoCase, to: str) -> Moments:
    yield from in_service(case, to)
    yield case.on(14, 15)
    onward.end_support(case)


def ended_early(case: DemoCase, to: str) -> Moments:
    yield from case_accepted(case, to)
    yield case.on(9, 15)
    onward.end_early(case)


def case_declined(case: DemoCase, to: str) -> Moments:
    yield from offered_early(case, to)
    yield case.on(4, 16)
    onward.decline_case(case)


def decline_confirmed(case: DemoCase, to: str) -> Moments:
    yield from case_declined(case, to)
    yield case.on(5, 10)
    onward.confirm_decline(case)


def decline_overturned(case: DemoCase, to: str) -> Moments:
    yield from case_declined(case, to)
    yield case.ago(2, 10)
    onward.overturn_decline(case)


def case_withdrawn(case: DemoCase, to: str) -> Moments:
    yield from offered_early(case, to)
    yield case.on(4, 15)
    onward.withdraw_case(case)


def consent_taken_back(case: DemoCase, to: str) -> Moments:
    yield from in_service(case, to)
    yield case.on(10, 11)
    onward.take_back_consent(case)


def case_expired(case: DemoCase, to: str) -> Moments:
    yield from case_assessed(case)
    yield case.on(3, 9)
    onward.offer_case(case, to)
    yield case.on(10, 8)
    onward.expire_offer_of(case)


def needs_met_with_help(case: DemoCase, to: str) -> Moments:
    yield from service_ended(case, to)
    yield case.on(16, 11)
    casework.close_case(case, CloseOutcome.NEEDS_MET)


WITH_PROVIDER: dict[str, Callable[[DemoCase, str], Moments]] = {
    "offered": case_offered,
    "offer_overdue": offer_overdue,
    "acknowledged": case_acknowledged,
    "question": case_question,
    "question_answered": question_answered,
    "accepted": case_accepted,
    "first_contact_overdue": case_accepted,
    "in_service": in_service,
    "service_ended": service_ended,
    "ended_early": ended_early,
    "declined": case_declined,
    "decline_confirmed": decline_confirmed,
    "decline_overturned": decline_overturned,
    "withdrawn": case_withdrawn,
    "consent_taken_back": consent_taken_back,
    "expired": case_expired,
    "needs_met_with_help": needs_met_with_help,
}
