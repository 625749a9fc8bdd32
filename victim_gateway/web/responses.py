"""Security headers of every response, the request's correlation id, and URLs of built files."""

from __future__ import annotations

import json
import mimetypes
import secrets
from functools import lru_cache
from pathlib import Path
from uuid import UUID, uuid4

from flask import Flask, Response, current_app, g, request, url_for
from werkzeug.security import safe_join

BUILT = "built"
# What stands behind it in an address opens a referral.
BY_LINK = "by-link/"
_YEAR = 31_536_000
_NEVER_SHOWN = ("csrf_token", "submission_id", "version")
_SECRET = ("password", "code", "token")


def csp_nonce() -> str:
    """The nonce of the content security policy that lets this page's inline script run."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(18)
    return str(g.csp_nonce)


def correlation_id() -> UUID:
    """The number that ties together what one request did, in the log, the audit and on an error page."""
    if "correlation_id" not in g:
        g.correlation_id = uuid4()
    number: UUID = g.correlation_id
    return number


def reference_number() -> str:
    """The part of it that a person can read out: `4F7A-9C21`."""
    text = correlation_id().hex[:8].upper()
    return f"{text[:4]}-{text[4:]}"


def typed_answers() -> list[tuple[str, str]]:
    """What was sent, as name and answer, for a page from which it can be copied; never a password or a code."""
    shown = []
    for name, value in request.form.items(multi=True):
        hidden = name in _NEVER_SHOWN or any(part in name.lower() for part in _SECRET)
        if value.strip() and not hidden:
            shown.append((name.replace("_", " ").replace("-", " ").capitalize(), value))
    return shown


def clear_site_data(response: Response) -> Response:
    """Ask the browser to clear its data after signing out."""
    response.headers["Clear-Site-Data"] = '"cache", "cookies", "storage"'
    return response


def built_url(name: str) -> str:
    """The address of a file that `npm run build` made. Its folder is named after its contents."""
    return url_for("static", filename=f"{BUILT}/{_built_folder()}/{name}")


def send_static_file(filename: str) -> Response:
    """Send a file of `static`, as the build compressed it where the browser takes that.

    Pages are never compressed: they hold what is secret beside what somebody else may have put into an address, and
    the length of both together would tell of it (BREACH).
    """
    for coding, ending in (("br", ".br"), ("gzip", ".gz")):
        compressed = f"{filename}{ending}"
        if request.accept_encodings.quality(coding) > 0 and _is_built(compressed):
            response = current_app.send_static_file(compressed)
            response.mimetype = mimetypes.guess_type(filename)[0] or "application/octet-stream"
            response.content_encoding = coding
            break
    else:
        response = current_app.send_static_file(filename)
    response.vary.add("Accept-Encoding")
    return response


def _is_built(filename: str) -> bool:
    path = safe_join(str(current_app.static_folder), filename)
    return path is not None and filename.startswith(f"{BUILT}/") and Path(path).is_file()


def _built_folder() -> str:
    manifest = Path(str(current_app.static_folder)) / BUILT / "manifest.json"
    try:
        return _folder_named_in(manifest, manifest.stat().st_mtime_ns)
    except FileNotFoundError:
        # Pages still work, unstyled, on a checkout without built assets.
        return "not-built"


@lru_cache(maxsize=8)
def _folder_named_in(manifest: Path, _written_at: int) -> str:
    """Read once for each time it was written: a page names several files."""
    return str(json.loads(manifest.read_text())["folder"])


def _policy() -> str:
    return (
        f"default-src 'none'; script-src 'self' 'nonce-{csp_nonce()}'; style-src 'self'; img-src 'self'; "
        "font-src 'self'; connect-src 'self'; manifest-src 'self'; object-src 'none'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )


def register_security_headers(app: Flask, *, production: bool) -> None:
    """Headers on every response, errors too; `production` adds the promise that only HTTPS is spoken."""
    app.view_functions["static"] = send_static_file

    @app.after_request
    def secure(response: Response) -> Response:
        # A response with a stricter policy of its own keeps it.
        response.headers.setdefault("Content-Security-Policy", _policy())
        response.headers["X-Content-Type-Options"] = "nosniff"
        # Not "no-referrer": Flask-WTF compares the referrer of an HTTPS post with the host.
        # A page whose own address is a secret says no-referrer, and checks its forms itself.
        if request.path.lstrip("/").startswith(BY_LINK):
            # By the address, not by the page: what is not found there has the token in its address as well.
            response.headers["Referrer-Policy"] = "no-referrer"
            response.headers["X-Robots-Tag"] = "noindex, nofollow"
        response.headers.setdefault("Referrer-Policy", "same-origin")
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        response.headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
        response.headers["X-Request-ID"] = str(correlation_id())
        response.headers["Cache-Control"] = _caching(response)
        if production:
            response.headers["Strict-Transport-Security"] = f"max-age={_YEAR}; includeSubDomains"
        return response


def _caching(response: Response) -> str:
    if request.endpoint != "static" or response.status_code >= 400:
        return "no-store"
    if str((request.view_args or {}).get("filename", "")).startswith(f"{BUILT}/"):
        return f"public, max-age={_YEAR}, immutable"
    return "public, max-age=3600"
