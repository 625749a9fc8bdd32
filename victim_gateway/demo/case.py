"""One referral of the demonstration while its scenario runs: its owner, the simulated moment, its random choices."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TypeVar
from uuid import UUID

from victim_gateway.actors import Actor
from victim_gateway.demo.accounts import DemoStaff
from victim_gateway.demo.plan import PlannedReferral
from victim_gateway.demo.working_time import WorkingTime
from victim_gateway.vocabulary import Channel

T = TypeVar("T")
Plans = dict[str, "KnownPlan"]
BREATH = timedelta(minutes=7)


@dataclass(frozen=True, slots=True)
class KnownPlan:
    """A person's plan for safe contact as it stands; `checked_at` None: not asked yet."""

    version: int
    safe_channels: tuple[Channel, ...]
    checked_at: datetime | None


class DemoCase:
    """`at` is the simulated moment; every action of the scenario happens then."""

    def __init__(
        self,
        planned: PlannedReferral,
        staff: DemoStaff,
        working: WorkingTime,
        *,
        plans: Plans,
        before: DemoCase | None = None,
    ) -> None:
        """`plans` holds every person's, by the force's reference; `before` is the case that came before it.

        `referral_id` is filled in when the referral has come, `onward_id` when it was offered to a provider.
        """
        self.planned, self.staff, self.working, self.before = planned, staff, working, before
        self.at: datetime = working.moment(planned.age, time(8, 0))
        self.owner: Actor = staff.team[planned.owner]
        self.referral_id: UUID | None = None
        self.onward_id: UUID | None = None
        self.provider: Actor | None = None
        self.assessments = 0
        self._plans = plans
        self._chance = planned.chance("story")

    @property
    def id(self) -> UUID:
        """The referral's id. Raises ValueError before it has come."""
        if self.referral_id is None:
            raise ValueError("the referral has not come yet")
        return self.referral_id

    @property
    def plan(self) -> KnownPlan | None:
        """How the person may be reached; None while it has not been looked up, or must be again."""
        return self._plans.get(self.planned.victim.reference)

    @plan.setter
    def plan(self, plan: KnownPlan | None) -> None:
        if plan is None:
            self._plans.pop(self.planned.victim.reference, None)
        else:
            self._plans[self.planned.victim.reference] = plan

    def on(self, day: int, hour: int) -> datetime:
        """A moment `day` working days after the referral came, and after the last action."""
        return self._moment(self.planned.age - day, hour)

    def ago(self, days_ago: int, hour: int) -> datetime:
        """A moment `days_ago` working days ago, 1 being the last that is over. Raises ValueError otherwise."""
        return self._moment(days_ago - self.working.shift, hour)

    def _moment(self, days_ago: int, hour: int) -> datetime:
        if days_ago < 1 - self.working.shift:
            raise ValueError(f"{self.planned.scenario.name} asks for an older referral")
        moment = self.working.moment(days_ago, time(hour, self._chance.randrange(60)))
        return max(moment, self.at + BREATH)

    def wait(self) -> None:
        """Move on by the few minutes between two actions of one conversation."""
        self.at += BREATH

    def pick(self, *choices: T) -> T:
        """One of these, as chance has it."""
        return self._chance.choice(choices)

    def several(self, choices: list[T], count: int) -> list[T]:
        """Pick `count` different items."""
        return self._chance.sample(choices, count)

    def likely(self, share: float) -> bool:
        """Yes as often as `share` says."""
        return self._chance.random() < share
