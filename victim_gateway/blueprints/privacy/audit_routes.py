"""Routes for auditors: audit entries, who saw a referral, and the check of the audit chain."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from victim_gateway.access.permissions import Permission
from victim_gateway.audit_chain import describe_sequence
from victim_gateway.blueprints.privacy.forms import AuditFilterForm, action_label
from victim_gateway.database.current import current_keyring
from victim_gateway.errors import NotFound
from victim_gateway.queries.privacy.audit_log import (
    AuditSubject,
    audit_actions,
    audit_entries,
    find_audit_subject,
    record_readers,
    staff_accounts,
    verify_newest_entries,
)
from victim_gateway.web.permissions import requires
from victim_gateway.web.sessions import signed_in_actor

bp = Blueprint("audit", __name__, url_prefix="/audit", template_folder="templates")

CHECKED_ON_PAGE = 2_000
_LONGEST_NUMBER = 15


@bp.get("")
@requires(Permission.READ_AUDIT)
def home() -> ResponseReturnValue:
    """List audit entries, newest first."""
    actor = signed_in_actor()
    filters = AuditFilterForm(
        staff=[(str(user_id), name) for user_id, name in staff_accounts(actor=actor)],
        actions=audit_actions(actor=actor),
    )
    subject = _subject(filters.reference.data)
    page = None
    if subject is not None or not filters.reference.data:
        page = audit_entries(
            actor=actor,
            action=filters.action.data or None,
            user_id=UUID(filters.user.data) if filters.user.data else None,
            subject=subject,
            before=_before(),
        )
    return render_template(
        "privacy/audit.html",
        filters=filters,
        page=page,
        action_label=action_label,
    )


@bp.get("/who-saw")
@requires(Permission.READ_AUDIT)
def who_saw() -> ResponseReturnValue:
    """List who saw or changed one referral or its person."""
    reference = _reference(request.args.get("reference", ""))
    subject = _subject(reference)
    readers = record_readers(subject, actor=signed_in_actor()) if subject else []
    return render_template(
        "privacy/who_saw.html",
        reference=reference,
        subject=subject,
        readers=readers,
        action_label=action_label,
    )


@bp.get("/chain")
@requires(Permission.READ_AUDIT)
def chain() -> ResponseReturnValue:
    """Check the newest entries of the chain, and say how to check all of it."""
    actor = signed_in_actor()
    state = verify_newest_entries(CHECKED_ON_PAGE, actor=actor, keyring=current_keyring())
    return render_template("privacy/chain.html", state=state, describe_sequence=describe_sequence)


def _subject(typed: str | None) -> AuditSubject | None:
    reference = _reference(typed or "")
    try:
        return find_audit_subject(reference, actor=signed_in_actor()) if reference else None
    except NotFound:
        return None


def _reference(typed: str) -> str:
    return "".join(letter for letter in typed.upper() if letter.isalnum() or letter == "-")[:40]


def _before() -> int | None:
    text = request.args.get("before", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _LONGEST_NUMBER else None
