"""From one JSON document, or a list of them, to the clocks as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from victim_gateway.compliance.clocks import Clock
from victim_gateway.compliance.document import Document, read_document
from victim_gateway.compliance.editions import code_editions
from victim_gateway.compliance.evaluate import evaluate
from victim_gateway.compliance.explain import explain_clock
from victim_gateway.errors import CalendarExhausted, InvalidInput

ClockRow = dict[str, str | int | bool | None]


@dataclass(frozen=True, slots=True)
class Answer:
    """The clocks of one document, or a list of them for a list of documents, and what was ignored."""

    clocks: list[ClockRow] | list[list[ClockRow]]
    remarks: tuple[str, ...]
    """One line for each different remark, however many documents it is about."""


def answer_documents(value: object, *, after_each: Callable[[], None] = lambda: None) -> Answer:
    """The Code's clocks for a document or a list of documents, in the same order.

    Raises InvalidInput or CalendarExhausted, with the document, event or fact that can't be used;
    then nothing is answered, not even for the documents before it. `after_each` is called after every
    document of a list, to show progress.
    """
    if not isinstance(value, list):
        document = read_document(value)
        return Answer(_clocks(document), document.remarks)
    answered: list[list[ClockRow]] = []
    seen: Counter[str] = Counter()
    first: dict[str, int] = {}
    for number, item in enumerate(value, start=1):
        try:
            document = read_document(item)
            answered.append(_clocks(document))
        except (InvalidInput, CalendarExhausted) as refusal:
            raise type(refusal)(f"document {number}, {refusal.message}") from refusal
        for remark in document.remarks:
            seen[remark] += 1
            first.setdefault(remark, number)
        after_each()
    return Answer(answered, tuple(_remark(text, first[text], count) for text, count in seen.items()))


def clock_as_json(clock: Clock) -> ClockRow:
    """A clock as a JSON object: moments in UTC, due dates as London dates."""
    return {
        "edition": clock.edition.key,
        "entitlement_id": clock.entitlement.entitlement_id,
        "right": clock.entitlement.right,
        "owner": clock.entitlement.owner,
        "start_event": clock.start.event,
        "started_at": _utc(clock.started_at),
        "subject": clock.start.subject,
        "unit": clock.entitlement.unit.value,
        "limit": clock.limit,
        "enhanced": clock.enhanced,
        "due_on": None if clock.due_on is None else clock.due_on.isoformat(),
        "stop_event": clock.entitlement.stop_event,
        "stopped_at": None if clock.stopped_at is None else _utc(clock.stopped_at),
        "status": clock.status.value,
        "because": explain_clock(clock),
    }


def _clocks(document: Document) -> list[ClockRow]:
    found = evaluate(code_editions(), document.facts, document.events, document.as_at)
    return [clock_as_json(clock) for clock in found]


def _remark(text: str, first: int, count: int) -> str:
    others = f" and {count - 1} more" if count > 1 else ""
    return f"document {first}{others}: {text}"


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()
