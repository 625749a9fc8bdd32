"""`POST /notify/receipts`: what became of messages, from GOV.UK Notify and nobody else."""

from __future__ import annotations

import hmac

import structlog
from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from marshmallow import ValidationError

from victim_gateway import times
from victim_gateway.actors import Actor
from victim_gateway.database.current import current_settings
from victim_gateway.extensions import csrf
from victim_gateway.schemas.notify_receipts import NotifyReceiptSchema
from victim_gateway.services.victim_messages.receipts import record_receipt
from victim_gateway.web.permissions import public

log = structlog.get_logger()
bp = Blueprint("notify", __name__, url_prefix="/notify")

MOST_BYTES = 10_000
_SCHEME = "Bearer "


@bp.post("/receipts")
@csrf.exempt  # type: ignore[untyped-decorator]
@public
def receipts() -> ResponseReturnValue:
    """Take a receipt over. No cookie counts here: who sends one is known by its token, so no form can be forged."""
    if not _is_from_notify():
        log.warning("notify.receipt_refused", reason="wrong or no token")
        return "", 401, {"WWW-Authenticate": "Bearer"}
    request.max_content_length = MOST_BYTES
    try:
        receipt = NotifyReceiptSchema().load(request.get_json(force=True, silent=True) or {})
    except ValidationError:
        return "", 400
    record_receipt(receipt, actor=Actor.worker("receipts of Notify"), at=times.now())
    # The same for one that is unknown: whoever asks learns nothing of which there are.
    return "", 204


def _is_from_notify() -> bool:
    token, given = current_settings().notify_receipts_token, request.headers.get("Authorization", "")
    if token is None or not given.startswith(_SCHEME):
        return False
    return hmac.compare_digest(given.removeprefix(_SCHEME).encode(), token.encode())
