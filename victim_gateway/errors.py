"""Refusals that a person or a program can understand and act on; anything else is a defect."""

from __future__ import annotations

from collections.abc import Mapping


class GatewayError(Exception):
    """A refusal with a message for the reader, a stable `code` for programs and an HTTP `status`."""

    code = "gateway.error"
    status = 400

    def __init__(self, message: str, *, fields: Mapping[str, str] | None = None) -> None:
        """`fields` maps a form field to what is wrong with it and how to put it right."""
        super().__init__(message)
        self.message = message
        self.fields = dict(fields or {})


class NotFound(GatewayError):
    """Absent, or not visible to this reader: one answer for both, so that existence is not disclosed."""

    code = "gateway.not-found"
    status = 404

    def __init__(self, message: str = "This page does not exist, or it is not yours to see.") -> None:
        super().__init__(message)


class OnwardReferralEnded(NotFound):
    """An onward referral that was the reader's, and of which it was told that it has ended; nothing of it is shown."""

    def __init__(self, reference: str) -> None:
        super().__init__(
            f"The Gateway has taken referral {reference} back, or it has run out. You can't see it any more."
        )


class NotAllowed(GatewayError):
    """The reader may know that the thing exists but may not do this to it."""

    code = "gateway.not-allowed"
    status = 403


class InvalidInput(GatewayError):
    """Something that was typed or sent can't be used; `fields` says which and why."""

    code = "gateway.invalid-input"
    status = 422


class TransitionNotAllowed(GatewayError):
    """The record is in a state from which this step can't be taken."""

    code = "state.transition-not-allowed"
    status = 409


class StaleVersion(GatewayError):
    """The record was saved by another user after this page was opened; nothing was overwritten."""

    code = "state.stale-version"
    status = 409


class AlreadyDone(GatewayError):
    """The same form was sent before and its work is done; nothing was done twice."""

    code = "state.already-done"
    status = 409


class UnsafeContact(GatewayError):
    """The way of contact is not recorded as safe for this person at this moment."""

    code = "contact.not-safe"
    status = 409


class UnusableFile(GatewayError):
    """A whole file is refused; nothing in it was used."""

    code = "file.unusable"
    status = 422


class CalendarExhausted(GatewayError):
    """A date lies outside the bank-holiday table: a deadline a day out is worse than none."""

    code = "calendar.exhausted"
    status = 422
