"""Many referrals taken or handed over at once, each in a transaction of its own.

One that was changed meanwhile stays where it is and is named; the others change hands all the same. The same form
sent again goes on where the first sending stopped, and does nothing twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from uuid import UUID, uuid5

from sqlalchemy import select

from victim_gateway.access.permissions import Permission, is_permitted
from victim_gateway.database.audit_log import record_audit
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import (
    AlreadyDone,
    GatewayError,
    InvalidInput,
    NotAllowed,
    NotFound,
    StaleVersion,
    TransitionNotAllowed,
)
from victim_gateway.models import Referral
from victim_gateway.queries.referrals.work_queue import first_unassigned
from victim_gateway.queries.referrals.workload import assignable_user_ids
from victim_gateway.services.referrals.assignment import HandoverWhy, readers_of_restricted
from victim_gateway.services.referrals.status import assign_referral
from victim_gateway.services.shared.command import Command
from victim_gateway.times import london_date

MOST_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class ChosenReferral:
    """One referral that was ticked, with the version that the page showed."""

    referral_id: UUID
    version: int

    def __str__(self) -> str:
        """As the value of a box to tick."""
        return f"{self.referral_id}.{self.version}"


@dataclass(frozen=True, slots=True)
class RefusedAssignment:
    """A referral that stayed where it is, and why. `reference` is None for one that the actor may not see."""

    referral_id: UUID
    reference: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class BulkAssignment:
    """What became of the ticked referrals: how many changed hands, and which did not."""

    given: int
    refused: tuple[RefusedAssignment, ...]


def take_referrals(command: Command, chosen: Sequence[ChosenReferral]) -> BulkAssignment:
    """The actor takes on those of the referrals that nobody has."""
    if command.actor.user_id is None:
        raise NotAllowed("Only a person can take a referral on.")
    check_number(chosen)
    targets = [command.actor.user_id] * len(chosen)
    return _assign_each(command, chosen, targets, None, only_unassigned=True)


def take_next_referral(command: Command) -> UUID:
    """The actor takes on the unassigned referral that stands first in the order of work, and no other by choice.

    One that somebody else takes meanwhile is passed over. Raises TransitionNotAllowed where there is none.
    """
    if command.actor.user_id is None:
        raise NotAllowed("Only a person can take a referral on.")
    with transaction(command.actor) as session:
        following = first_unassigned(session, london_date(command.at))
    for referral_id, version in following:
        own = replace(command, version=version)
        try:
            assign_referral(own, referral_id, to_user_id=command.actor.user_id, only_unassigned=True)
        except (TransitionNotAllowed, StaleVersion, NotFound):
            continue
        return referral_id
    raise TransitionNotAllowed("Every referral has a caseworker. New ones appear here when they come in.")


def hand_over_referrals(
    command: Command, chosen: Sequence[ChosenReferral], *, to_user_ids: Sequence[UUID], why: HandoverWhy
) -> BulkAssignment:
    """A senior gives the referrals to a caseworker, or shares them out evenly among several, in the order given.

    A restricted one goes to one of them who may see it. Raises NotAllowed for another role, and InvalidInput where
    one of them can't be given a referral, or more than MOST_AT_ONCE are to change hands.
    """
    if not is_permitted(command.actor.role, Permission.ASSIGN_OTHERS):
        raise NotAllowed("Only a senior caseworker can give a referral to somebody else.")
    check_number(chosen)
    with transaction(command.actor) as session:
        if not to_user_ids or not set(to_user_ids) <= assignable_user_ids(session):
            message = "Choose caseworkers who can be given a referral"
            raise InvalidInput(message, fields={"to_users": message})
        readers = readers_of_restricted(session, [each.referral_id for each in chosen])
    return _assign_each(command, chosen, list(_share_out(chosen, to_user_ids, readers)), why)


def check_number(chosen: Sequence[ChosenReferral]) -> None:
    """Raises InvalidInput for none, and for more than MOST_AT_ONCE."""
    if not 0 < len(chosen) <= MOST_AT_ONCE:
        message = f"Tick at least one referral, and {MOST_AT_ONCE} at most"
        raise InvalidInput(message, fields={"rows": message})


def _share_out(
    chosen: Sequence[ChosenReferral], to_user_ids: Sequence[UUID], readers: Mapping[UUID, set[UUID]]
) -> Iterator[UUID]:
    # In turn and in the order of the list: each is given as many of those at high risk as the others.
    following = cycle(to_user_ids)
    for each in chosen:
        allowed = readers.get(each.referral_id)
        fitting = [user_id for user_id in to_user_ids if allowed is None or user_id in allowed]
        target = next(following)
        yield target if target in fitting or not fitting else fitting[0]


def _assign_each(
    command: Command,
    chosen: Sequence[ChosenReferral],
    targets: Sequence[UUID],
    why: HandoverWhy | None,
    *,
    only_unassigned: bool = False,
) -> BulkAssignment:
    reasons: dict[UUID, str] = {}
    for each, target in zip(chosen, targets, strict=True):
        own = replace(command, version=each.version, submission_id=submission_of(command, each, target))
        try:
            assign_referral(
                own, each.referral_id, to_user_id=target, why=why, only_unassigned=only_unassigned
            )
        except AlreadyDone:
            # By the first sending of this form: that is what was asked for.
            continue
        except GatewayError as error:
            reasons[each.referral_id] = error.message
    return BulkAssignment(len(chosen) - len(reasons), name_refused(command, reasons, len(chosen)))


def submission_of(command: Command, each: ChosenReferral, target: UUID) -> UUID | None:
    """A number for one referral of the form: another caseworker chosen after going back is another sending."""
    if command.submission_id is None:
        return None
    return uuid5(command.submission_id, f"{each.referral_id}.{target}")


def name_refused(command: Command, reasons: Mapping[UUID, str], asked: int) -> tuple[RefusedAssignment, ...]:
    """Those that stayed, in the order given, with the references of what the actor may see."""
    with transaction(command.actor) as session:
        rows = session.execute(select(Referral.id, Referral.reference).where(Referral.id.in_(list(reasons))))
        references = {row.id: row.reference for row in rows}
        record_audit(session, "work.handed_over", asked=asked, refused=len(reasons))
    return tuple(
        RefusedAssignment(
            referral_id,
            references.get(referral_id),
            reason if referral_id in references else "It is not there any more, or not yours to see.",
        )
        for referral_id, reason in reasons.items()
    )
