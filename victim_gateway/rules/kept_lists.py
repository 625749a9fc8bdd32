"""The lists that administrators keep: what each is for, what ships with the service, and what may be changed in it.

Three kinds. Of a list of their own every entry is the administrators'. The reasons and harms that rules read have
codes of the service: an entry is worded anew, moved or retired, and what protects somebody is always offered. The
lists of the area profile begin as the profile has them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from victim_gateway.reminder_vocabulary import StallAnswerCode
from victim_gateway.rules.decline_consequences import DECLINE_RULE_ENTRIES
from victim_gateway.rules.duplicate_weights import WEIGHT_ENTRIES
from victim_gateway.rules.harms import EXPLICIT_CONSENT_HARMS
from victim_gateway.rules.listed_labels import shipped_label
from victim_gateway.vocabulary import (
    AttemptOutcome,
    CloseOutcome,
    DeclineReason,
    HandoverReason,
    Harm,
    HeldReason,
    ServiceOutcome,
    WithdrawReason,
)

if TYPE_CHECKING:
    # Its reader is no plain Python; what is read here of it is.
    from config.area_profile import AreaProfile

LONGEST_LABEL = 120
LONGEST_BODY = 8000
NOTE_TEMPLATES = "note_templates"
VENUES = "venues"
PROPOSAL_RULES = "proposal_rules"
DUPLICATE_WEIGHTS = "duplicate_weights"
DECLINE_CONSEQUENCES = "decline_consequences"
HARMS = "harms"
NEEDS = "needs"
WANTS = "wants"
ACTIVITY_KINDS = "activity_kinds"
NOTHING_WANTED = "nothing_now"

HARM_ORDER = (
    Harm.DOMESTIC_ABUSE,
    Harm.SEXUAL_ABUSE,
    Harm.HARMFUL_SEXUAL_BEHAVIOUR,
    Harm.FEMALE_GENITAL_MUTILATION,
    Harm.EXPLOITATION,
    Harm.MODERN_SLAVERY,
    Harm.VIOLENCE,
    Harm.HATE_CRIME,
    Harm.ROAD_CRIME,
    Harm.BURGLARY_AND_THEFT,
    Harm.FRAUD_AND_CYBER,
    Harm.ANTI_SOCIAL_BEHAVIOUR,
    Harm.RURAL_CRIME,
    Harm.BUSINESS_CRIME,
    Harm.OTHER,
)
"""The harms as a form asks for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptList:
    """One list. `body_label` names the longer text of an entry; None where an entry is its label alone.

    `members`: the codes that rules read, in their order. `always_offered`: codes that can't be retired, because
    without them a person would choose one that protects less. `stands_for`: a new entry stands for one of the codes;
    for one that is not among `protective` only once its administrator says that this protects the person enough.
    `fixed`: the entries of a list of numbers, in which nothing but the numbers changes.
    """

    key: str
    name: str
    purpose: str
    label_name: str = "Wording"
    body_label: str | None = None
    members: tuple[StrEnum, ...] = ()
    is_of_area: bool = False
    may_add: bool = False
    may_retire: bool = True
    always_offered: frozenset[str] = frozenset()
    stands_for: frozenset[str] = frozenset()
    protective: frozenset[str] = frozenset()
    fixed: tuple[tuple[str, str], ...] = ()

    def may_be_retired(self, code: str) -> bool:
        """Whether an entry may be taken off the forms."""
        return self.may_retire and code not in self.always_offered

    def shipped_entries(self, area: AreaProfile) -> tuple[tuple[str, str], ...]:
        """Code and wording of each entry that is there before anybody keeps the list."""
        if self.members:
            return tuple((member.value, shipped_label(member)) for member in self.members)
        return _entries_of_area(self.key, area) if self.is_of_area else self.fixed


def _entries_of_area(list_key: str, area: AreaProfile) -> tuple[tuple[str, str], ...]:
    if list_key == NEEDS:
        return area.needs.areas
    if list_key == WANTS:
        return area.triage.wants
    return tuple((kind.key, kind.label) for kind in area.support.activities)


_RULES_READ = " The rules read its code, which stays: change the wording only for the same meaning."
KEPT_LISTS: Mapping[str, KeptList] = {
    kept.key: kept
    for kept in (
        KeptList(
            key=PROPOSAL_RULES,
            name="Who is proposed for a new referral",
            purpose="The first rule that fits a referral, and has a caseworker who is free, proposes the one with the"
            " least to do. Somebody away, disabled or over their limit is passed over; a restricted referral is"
            " proposed to nobody. A person gives it, or does not.",
            label_name="Name of the rule",
            body_label="Rule",
            may_add=True,
        ),
        KeptList(
            key=DUPLICATE_WEIGHTS,
            name="How likely duplicates are found",
            purpose="How much each agreement between two records counts for their being one person, in bits: one more"
            " is twice as likely. From the sum below on, a person is proposed to a caseworker, for records that come"
            " in or change from then on; what was proposed stays. When two are certainly one person, and when they"
            " can't be, is not decided here.",
            label_name="Field",
            body_label="Weights",
            may_retire=False,
            fixed=WEIGHT_ENTRIES,
        ),
        KeptList(
            key=NOTE_TEMPLATES,
            name="Note templates",
            purpose="Offered to caseworkers when they write a note. Never write anything about a person here.",
            label_name="Subject",
            body_label="Text",
            may_add=True,
        ),
        KeptList(
            key=VENUES,
            name="Venues",
            purpose="Places where people are met or give evidence. Never a place that has to stay secret.",
            label_name="Name and place",
            may_add=True,
        ),
        KeptList(
            key=ACTIVITY_KINDS,
            name="Kinds of support",
            purpose="What a caseworker did for a person. A new kind can be given in every way.",
            is_of_area=True,
            may_add=True,
        ),
        KeptList(
            key=WANTS,
            name="What people want",
            purpose="The answers to “What do they want?” in a triage assessment.",
            is_of_area=True,
            may_add=True,
            always_offered=frozenset({NOTHING_WANTED}),
        ),
        KeptList(
            key=NEEDS,
            name="Needs",
            purpose="The needs that a triage assessment asks about. Providers' services are found by all of them, so"
            " none is retired here.",
            is_of_area=True,
            may_retire=False,
        ),
        KeptList(
            key=HARMS,
            name="Kinds of harm",
            purpose="Chosen when a referral is recorded." + _RULES_READ,
            members=HARM_ORDER,
            may_add=True,
            always_offered=frozenset({*HARM_ORDER[:6], Harm.VIOLENCE, Harm.HATE_CRIME, Harm.OTHER}),
            # A hate crime asks for its kind, and the form asks that beside its own entry only.
            stands_for=frozenset(HARM_ORDER) - {Harm.HATE_CRIME},
            protective=frozenset(EXPLICIT_CONSENT_HARMS),
        ),
        KeptList(
            key="attempt_outcomes",
            name="What came of a contact attempt",
            purpose="Chosen when an attempt is logged." + _RULES_READ,
            members=tuple(AttemptOutcome),
            always_offered=frozenset(
                {
                    AttemptOutcome.REACHED,
                    AttemptOutcome.NO_ANSWER,
                    AttemptOutcome.SOMEONE_ELSE_ANSWERED,
                    AttemptOutcome.WRONG_NUMBER,
                    AttemptOutcome.UNSAFE_STOPPED,
                }
            ),
        ),
        KeptList(
            key="hold_reasons",
            name="Reasons to hold a referral",
            purpose="Chosen when a referral is put on hold." + _RULES_READ,
            members=tuple(HeldReason),
            always_offered=frozenset(HeldReason) - {HeldReason.OUT_OF_SCOPE},
        ),
        KeptList(
            key="handover_reasons",
            name="Reasons to hand a referral over",
            purpose="Chosen when a referral goes to another caseworker.",
            members=tuple(HandoverReason),
            always_offered=frozenset({HandoverReason.CONFLICT, HandoverReason.OTHER}),
        ),
        KeptList(
            key="close_outcomes",
            name="How a referral ended",
            purpose="Chosen when a referral is closed." + _RULES_READ,
            members=tuple(CloseOutcome),
            always_offered=frozenset(
                {CloseOutcome.DECLINED, CloseOutcome.NO_CONTACT, CloseOutcome.DUPLICATE, CloseOutcome.OTHER}
            ),
        ),
        KeptList(
            key="decline_reasons",
            name="Why a provider says no",
            purpose="Chosen by a provider who does not take a person on." + _RULES_READ,
            members=tuple(DeclineReason),
            always_offered=frozenset(
                {
                    DeclineReason.PERSON_SAID_NO,
                    DeclineReason.CANNOT_REACH_SAFELY,
                    DeclineReason.CONFLICT_OF_INTEREST,
                    DeclineReason.OTHER,
                }
            ),
        ),
        KeptList(
            key=DECLINE_CONSEQUENCES,
            name="What follows when a provider says no",
            purpose="Carried out when a caseworker confirms the decline; they may choose something else with a reason."
            " Where the person said no, or can't be reached safely, they are always asked first.",
            label_name="Reason",
            body_label="What follows",
            may_retire=False,
            fixed=DECLINE_RULE_ENTRIES,
        ),
        KeptList(
            key="withdraw_reasons",
            name="Why we take an offer back",
            purpose="Chosen when an onward referral is taken back." + _RULES_READ,
            members=tuple(WithdrawReason),
            always_offered=frozenset(
                {
                    WithdrawReason.PERSON_SAID_NO,
                    WithdrawReason.CONSENT_WITHDRAWN,
                    WithdrawReason.NO_LONGER_SAFE,
                    WithdrawReason.SENT_BY_MISTAKE,
                    WithdrawReason.WENT_TO_WRONG_SERVICE,
                    WithdrawReason.OTHER,
                }
            ),
        ),
        KeptList(
            key="hold_ups",
            name="What holds a case up",
            purpose="Chosen when nothing has happened on a case for some time." + _RULES_READ,
            members=tuple(StallAnswerCode),
            always_offered=frozenset({StallAnswerCode.NO_LONGER_NEEDED, StallAnswerCode.SOMETHING_ELSE}),
        ),
        KeptList(
            key="service_outcomes",
            name="How a provider's support ended",
            purpose="Chosen by a provider when their part is done." + _RULES_READ,
            members=tuple(ServiceOutcome),
            always_offered=frozenset({ServiceOutcome.NOT_MET, ServiceOutcome.OTHER}),
        ),
    )
}
LIST_OF_MEMBERS: Mapping[type[StrEnum], str] = {
    type(kept.members[0]): kept.key for kept in KEPT_LISTS.values() if kept.members
}


def code_of_label(label: str) -> str:
    """The code of a new entry, made of its first label; it never changes, whatever the label becomes later."""
    return fold_label(label)[:60]


def fold_label(label: str) -> str:
    """A wording without what the eye passes over: case, spaces, marks. Two that are equal so are one to a reader."""
    plain = unicodedata.normalize("NFKD", label).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")


def is_wording_taken(label: str, others: Iterable[str]) -> bool:
    """Whether another entry is, was shipped as, or is called so: `others` are their codes and wordings."""
    return fold_label(label) in {fold_label(other) for other in others}
