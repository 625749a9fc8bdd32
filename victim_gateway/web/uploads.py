"""Routes that take a file: a larger body than other pages, stored sealed while it arrives."""

from __future__ import annotations

from collections.abc import Callable
from typing import IO, Any, TypeVar, cast

from flask import Flask, Request, current_app, request

from victim_gateway.web.permissions import may_use, permission_of
from victim_gateway.web.sealed_spool import SealedSpool

View = TypeVar("View", bound=Callable[..., Any])
_MARK = "_accepts_file"
# Allowance for the form's other fields and the separators between them.
_BESIDE_THE_FILE = 1 << 20


class UploadRequest(Request):
    """A request whose files are sealed chunk by chunk as they arrive, whatever their size."""

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        return cast("IO[bytes]", SealedSpool())


def accepts_file(view: View) -> View:
    """Mark a view that takes a feed's file up to the size that the settings allow. Stands under `@requires`."""
    setattr(view, _MARK, "max_upload_bytes")
    return view


def accepts_attachment(view: View) -> View:
    """Mark a view that takes a file of a referral, which has a limit of its own. Stands under `@requires`."""
    setattr(view, _MARK, "max_attachment_bytes")
    return view


def register_uploads(app: Flask) -> None:
    """Allow larger bodies on the marked routes, for users with permission, before any body is read.

    The CSRF check reads the body before the permission is checked, so strangers keep the small limit.
    """
    app.request_class = UploadRequest

    @app.before_request
    def allow() -> None:
        # Any other kind of body would be read into memory as a whole.
        if request.mimetype != "multipart/form-data":
            return
        limit = getattr(app.view_functions[request.endpoint], _MARK, None) if request.endpoint else None
        if request.endpoint is None or limit is None:
            return
        permission = permission_of(app, request.endpoint)
        if permission is not None and may_use(permission):
            most = getattr(current_app.extensions["settings"], limit)
            request.max_content_length = most + _BESIDE_THE_FILE
