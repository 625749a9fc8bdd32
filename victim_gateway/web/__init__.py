"""Shared page plumbing: layout, forms, filters, headers, error pages, permissions. See docs/pages.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from flask import Flask
from jinja2 import (
    ChoiceLoader,
    PackageLoader,
    PrefixLoader,
    StrictUndefined,
    Template,
    Undefined,
)
from jinja2.environment import TemplateModule
from jinja2.runtime import Context
from jinja2.utils import missing

from victim_gateway.web.drafts import register_drafts
from victim_gateway.web.errors import register_errors
from victim_gateway.web.filters import register_filters
from victim_gateway.web.flashes import flash_banners
from victim_gateway.web.forms import is_hidden
from victim_gateway.web.labels import register_labels
from victim_gateway.web.left_messages import register_left_messages
from victim_gateway.web.list_pages import with_query
from victim_gateway.web.navigation import register_navigation
from victim_gateway.web.permissions import register_permissions
from victim_gateway.web.responses import built_url, csp_nonce, register_security_headers
from victim_gateway.web.stale_saves import register_stale_saves


class PageUndefined(StrictUndefined):
    """A name that a page uses and nobody gave is an error.

    Not so a key missing from a dict and an absent `caller`: the GOV.UK macros take dicts with most keys
    left out, and ask whether they were called with a block.
    """

    def __new__(cls, hint: str | None = None, obj: Any = missing, name: str | None = None, *exc: Any) -> Any:
        if isinstance(obj, Mapping) or name == "caller":
            return Undefined(hint, obj, name, *exc)
        return object.__new__(cls)


class PageTemplate(Template):
    """A template whose macros are made ready once.

    Jinja compares all globals at every import of a macro, because one template could be given others than the next.
    Ours all stand in the environment; it was a tenth of the time of a page.
    """

    def _get_default_module(self, ctx: Context | None = None) -> TemplateModule:
        return super()._get_default_module()


def _register_templates(app: Flask) -> None:
    app.jinja_loader = ChoiceLoader(
        [
            PackageLoader("victim_gateway"),
            PrefixLoader({"govuk_frontend_jinja": PackageLoader("govuk_frontend_jinja")}),
        ]
    )
    app.jinja_env.undefined = PageUndefined
    app.jinja_env.template_class = PageTemplate
    # Two JavaScript keywords that the GOV.UK macros use as undefined variables.
    app.jinja_env.globals.update(undefined=Undefined(name="undefined"), null=None)
    for function in (flash_banners, built_url, csp_nonce, with_query):
        app.add_template_global(function)
    app.add_template_global(lambda: str(uuid4()), "new_submission_id")
    app.add_template_test(is_hidden, "hidden_field")


def register_web(app: Flask, *, production: bool = False) -> None:
    """Register filters, globals, headers, error pages and permissions on the app.

    Needs flask-login and CSRFProtect bound to the app; the header shows config `AREA_NAME`. The user that
    flask-login loads has `role`, `actor` and `organisation_name`.
    """
    _register_templates(app)
    register_filters(app)
    register_labels(app)
    register_navigation(app)
    register_security_headers(app, production=production)
    register_errors(app)
    register_stale_saves(app)
    # After the check against forged forms, before that of the permission.
    register_drafts(app)
    register_left_messages(app)
    register_permissions(app)
