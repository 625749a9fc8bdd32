"""Stories in which a provider is asked to help: `to` says which, as `onward.offer` understands it."""

from __future__ import annotations

from collections.abc import Callable

from victim_gateway.demo import casework, onward
from victim_gateway.demo.case import Case
from victim_gateway.demo.stories.alone import Moments, assessed
from victim_gateway.vocabulary import CloseOutcome


def offered(case: Case, to: str) -> Moments:
    yield from assessed(case)
    yield case.ago(1, 15)
    onward.offer(case, to)


def offer_overdue(case: Case, to: str) -> Moments:
    yield from assessed(case)
    yield case.ago(4, 15)
    onward.offer(case, to)


def acknowledged(case: Case, to: str) -> Moments:
    yield from assessed(case)
    yield case.ago(1, 9)
    onward.offer(case, to)
    yield case.ago(1, 15)
    onward.acknowledge(case)


def offered_early(case: Case, to: str) -> Moments:
    yield from assessed(case)
    yield case.on(3, 9)
    onward.offer(case, to)
    if case.likely(0.5):
        yield case.on(3, 15)
        onward.acknowledge(case)


def question(case: Case, to: str) -> Moments:
    yield from assessed(case)
    yield case.ago(2, 15)
    onward.offer(case, to)
    yield case.ago(1, 10)
    onward.ask(case)


def question_answered(case: Case, to: str) -> Moments:
    yield from question(case, to)
    yield case.ago(1, 15)
    onward.answer(case)


def accepted(case: Case, to: str) -> Moments:
    yield from offered_early(case, to)
    yield case.on(4, 11)
    onward.accept(case)


def in_service(case: Case, to: str) -> Moments:
    yield from accepted(case, to)
    yield case.on(case.pick(5, 6, 8), 12)
    onward.begin_support(case)
    if case.likely(0.35):
        yield case.on(9, 10)
        onward.share_note(case)
        yield case.on(9, 14)
        onward.reply(case)


def service_ended(case: Case, to: str) -> Moments:
    yield from in_service(case, to)
    yield case.on(14, 15)
    onward.end_support(case)


def ended_early(case: Case, to: str) -> Moments:
    yield from accepted(case, to)
    yield case.on(9, 15)
    onward.end_early(case)


def declined(case: Case, to: str) -> Moments:
    yield from offered_early(case, to)
    yield case.on(4, 16)
    onward.decline(case)


def decline_confirmed(case: Case, to: str) -> Moments:
    yield from declined(case, to)
    yield case.on(5, 10)
    onward.confirm_decline(case)


def decline_overturned(case: Case, to: str) -> Moments:
    yield from declined(case, to)
    yield case.ago(2, 10)
    onward.overturn_decline(case)


def withdrawn(case: Case, to: str) -> Moments:
    yield from offered_early(case, to)
    yield case.on(4, 15)
    onward.withdraw(case)


def consent_taken_back(case: Case, to: str) -> Moments:
    yield from in_service(case, to)
    yield case.on(10, 11)
    onward.take_back_consent(case)


def expired(case: Case, to: str) -> Moments:
    yield from assessed(case)
    yield case.on(3, 9)
    onward.offer(case, to)
    yield case.on(10, 8)
    onward.expire(case)


def needs_met_with_help(case: Case, to: str) -> Moments:
    yield from service_ended(case, to)
    yield case.on(16, 11)
    casework.close(case, CloseOutcome.NEEDS_MET)


WITH_PROVIDER: dict[str, Callable[[Case, str], Moments]] = {
    "offered": offered,
    "offer_overdue": offer_overdue,
    "acknowledged": acknowledged,
    "question": question,
    "question_answered": question_answered,
    "accepted": accepted,
    "first_contact_overdue": accepted,
    "in_service": in_service,
    "service_ended": service_ended,
    "ended_early": ended_early,
    "declined": declined,
    "decline_confirmed": decline_confirmed,
    "decline_overturned": decline_overturned,
    "withdrawn": withdrawn,
    "consent_taken_back": consent_taken_back,
    "expired": expired,
    "needs_met_with_help": needs_met_with_help,
}
