"""What every verb takes beside its own values: who asks for it, when, from which form."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from victim_gateway.actors import Actor


@dataclass(frozen=True, slots=True)
class Command:
    """Who does something, at which moment, with which sending of a form, having seen which version.

    `submission_id` makes a form that is sent twice do its work once; None (a task, a command line) claims
    nothing. `version` is that of the record the verb acts on, as the user saw it: the referral, the onward
    referral, the safe-contact plan or the assessment (0 for none yet); None where nothing was seen.
    `draft_id` is the draft of the form, which goes when the form is saved.
    """

    actor: Actor
    at: datetime
    submission_id: UUID | None = None
    version: int | None = None
    draft_id: UUID | None = None
