"""Explain a referral's next action in one sentence, the same in the queue and on its own page."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from victim_gateway.rules.next_action import TASK_BESIDE_SUPPORT
from victim_gateway.vocabulary import HeldReason, NextAction, ReferralState, SafeAnswer, TaskKind
from victim_gateway.web.filters import short_date
from victim_gateway.web.labels import label_of

_WHY = {
    NextAction.ASSIGN: "Nobody has it yet.",
    NextAction.MAKE_CONTACT: "Nobody has reached the person yet.",
    NextAction.ASSESS: "We have reached the person. Their needs are not assessed yet.",
    NextAction.REFER_OR_CLOSE: "Needs are assessed. No provider is helping.",
    NextAction.ANSWER_PROVIDER: "A provider asked for information and waits for our answer.",
    NextAction.PLAN_AFTER_DECLINE: "A provider said no or did not answer.",
    NextAction.WAIT_FOR_PROVIDER: "A provider has it.",
    NextAction.REVIEW_SUPPORT: "No provider is helping any more.",
    NextAction.NOTHING: "It is closed.",
}
_WHY_UNSAFE = {
    SafeAnswer.NO: "It is not safe to contact the person. Ask the police or the agency that knows them.",
    SafeAnswer.UNKNOWN: "It is not known to be safe to contact the person. Find out before you do.",
    SafeAnswer.YES: "No way of contact is known to be safe any more. Find out before you use one.",
}


def explain_next_step(
    action: NextAction,
    *,
    since: datetime,
    state: ReferralState,
    held_reasons: Sequence[HeldReason] = (),
    safe: SafeAnswer | None = None,
    tasks: Collection[TaskKind] = (),
    was_due_on_receipt: bool = False,
) -> str:
    """What prevents or delays the next action, and since when.

    `was_due_on_receipt` says that its day had passed before the referral reached us.
    """
    sentence = _WHY.get(action, "")
    if action is NextAction.RESOLVE_HOLD:
        reasons = [_lower(label_of(reason)) for reason in held_reasons] or ["not recorded"]
        sentence = f"Held: {'; '.join(reasons)}."
    elif action is NextAction.DO_TASK:
        # What waits for a senior is named only where nothing else does.
        own = [kind for kind in tasks if kind not in TASK_BESIDE_SUPPORT.kinds]
        first = next(iter(own or tasks), None)
        sentence = f"{label_of(first)}." if first else "Something has to be looked at."
    elif action is NextAction.FIND_SAFE_CONTACT:
        sentence = _WHY_UNSAFE[safe or SafeAnswer.UNKNOWN]
    if was_due_on_receipt:
        sentence = f"{sentence} It was due before it reached us, so do it at once."
    if state is ReferralState.ENTERED_IN_ERROR:
        entered = "It was entered in error, and figures leave it out."
        return f"{entered} {sentence}" if action is NextAction.DO_TASK else entered
    if state is ReferralState.REOPENED:
        sentence = f"It was reopened. {sentence}"
    if action is NextAction.NOTHING:
        return sentence
    return f"{sentence} Since {short_date(since)}."


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
