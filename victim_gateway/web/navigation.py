"""The frame of a page: the navigation for each role, the signed-in user, the links at the foot."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from flask import Flask, current_app, g, request, url_for
from flask_login import current_user

from victim_gateway.access.permissions import Permission
from victim_gateway.web.permissions import may_use

SERVICE_NAME = "Victim Gateway"


@dataclass(frozen=True, slots=True)
class NavigationArea:
    """One link of the navigation; shown where its endpoint exists and the person may use it.

    It is marked as current on its own page and on every page of the blueprints in `covers`.
    """

    text: str
    endpoint: str
    permission: Permission
    covers: tuple[str, ...] = ()


# The first one that a person sees is where signing in leads.
AREAS = (
    NavigationArea(
        "Work",
        "work_queue.home",
        Permission.VIEW_WORK,
        (
            "work_queue",
            "caseloads",
            "calendar",
            "referrals",
            "onward_referrals",
            "drafts",
            "device_stock",
            "video_rooms",
            "group_reviews",
            "unsent_messages",
        ),
    ),
    NavigationArea("Search", "people.search", Permission.SEARCH_PEOPLE, ("people", "person", "incidents")),
    NavigationArea(
        "Record a referral", "record_referral.start", Permission.RECORD_REFERRAL, ("record_referral",)
    ),
    NavigationArea("Complaints", "complaints.home", Permission.HANDLE_COMPLAINTS, ("complaints",)),
    NavigationArea("Import", "imports.home", Permission.IMPORT_FEED, ("imports",)),
    NavigationArea("Inbox", "onward_referrals.inbox", Permission.VIEW_INBOX, ("onward_referrals",)),
    NavigationArea("All referrals", "onward_list.home", Permission.VIEW_INBOX, ("onward_list",)),
    NavigationArea("Reminders", "reminders.home", Permission.VIEW_INBOX, ("reminders",)),
    NavigationArea("Our service", "providers.our_service", Permission.MANAGE_OWN_SERVICE, ("providers",)),
    NavigationArea("Our figures", "providers.our_figures", Permission.MANAGE_OWN_SERVICE),
    NavigationArea("Our users", "members.home", Permission.MANAGE_OWN_USERS, ("members",)),
    NavigationArea("Compliance", "compliance.overview", Permission.VIEW_COMPLIANCE),
    NavigationArea("Service", "compliance.service", Permission.VIEW_COMPLIANCE),
    NavigationArea("Reports", "compliance.report", Permission.EXPORT_COMPLIANCE),
    NavigationArea("Users", "users.home", Permission.MANAGE_USERS, ("users",)),
    NavigationArea("Lists", "lists.home", Permission.MANAGE_LISTS, ("lists",)),
    NavigationArea("Directory", "providers.directory", Permission.VIEW_DIRECTORY, ("providers",)),
    NavigationArea("System", "system.state", Permission.VIEW_SYSTEM, ("system",)),
    NavigationArea("Outbox", "outbox.home", Permission.VIEW_OUTBOX, ("outbox",)),
    NavigationArea("Audit", "audit.home", Permission.READ_AUDIT, ("audit",)),
)

FOOT = (
    ("Accessibility statement", "public.accessibility"),
    ("Privacy", "public.privacy"),
)


@dataclass(frozen=True, slots=True)
class NavigationLink:
    text: str
    url: str
    is_current: bool = False
    is_active: bool = False


@dataclass(frozen=True, slots=True)
class PageFrame:
    """Everything the layout shows around a page. Without a signed-in user there are no areas and no name.

    `can_change_organisation`: the user works for more than one provider, and for `organisation_name` now.
    """

    area_name: str
    links: tuple[NavigationLink, ...] = ()
    foot: tuple[NavigationLink, ...] = ()
    user_name: str | None = None
    organisation_name: str | None = None
    can_change_organisation: bool = False

    @property
    def is_signed_in(self) -> bool:
        return self.user_name is not None


def page_frame() -> PageFrame:
    """The frame of this page. After `forget_user()` it does not look up the signed-in user."""
    area = str(current_app.config.get("AREA_NAME", ""))
    foot = tuple(
        NavigationLink(text, _url_of(name)) for text, name in FOOT if name in current_app.view_functions
    )
    if g.get("no_user") or not current_user.is_authenticated:
        return PageFrame(area, foot=foot)
    return PageFrame(
        area,
        links=_links(visible_areas()),
        foot=foot,
        user_name=current_user.actor.name,
        organisation_name=current_user.organisation_name,
        can_change_organisation=current_user.organisations > 1,
    )


def forget_user() -> None:
    """Stop looking up the user, for an error page: the look-up could fail again."""
    g.no_user = True


def visible_areas() -> list[NavigationArea]:
    """The areas of the person signed in, in order."""
    return [
        item for item in AREAS if item.endpoint in current_app.view_functions and may_use(item.permission)
    ]


def home_url() -> str:
    """Where the person signed in starts: their first area. "/" when they have none."""
    areas = visible_areas()
    return url_for(areas[0].endpoint) if areas else "/"


def _url_of(endpoint: str) -> str:
    """The address of a page without parts, built once: every page names a dozen of them."""
    known: dict[tuple[str, str], str] = current_app.extensions.setdefault("plain_urls", {})
    key = request.script_root, endpoint
    if key not in known:
        known[key] = url_for(endpoint)
    return known[key]


def _links(areas: Iterable[NavigationArea]) -> tuple[NavigationLink, ...]:
    """A page that has a link of its own marks that one, and not the link that covers the rest of its blueprint."""
    shown = tuple(areas)
    has_own = any(request.endpoint == item.endpoint for item in shown)
    return tuple(
        NavigationLink(
            item.text,
            _url_of(item.endpoint),
            is_current=request.endpoint == item.endpoint,
            is_active=request.blueprint in item.covers and (not has_own or request.endpoint == item.endpoint),
        )
        for item in shown
    )


def register_navigation(app: Flask) -> None:
    app.add_template_global(page_frame)
    app.add_template_global(SERVICE_NAME, "SERVICE_NAME")  # type: ignore[arg-type]
