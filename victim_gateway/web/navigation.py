"""The frame of a page: the navigation for each role, the signed-in user, the links at the foot."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from flask import Flask, current_app, g, request, url_for
from flask_login import current_user

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.queries.reminders.addressing import MOST_COUNTED, count_unseen_reminders
from victim_gateway.web.permissions import may_use
from victim_gateway.web.sessions import signed_in_actor

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
    NavigationArea(
        "Reminder rules", "reminder_rules.home", Permission.VIEW_REMINDER_RULES, ("reminder_rules",)
    ),
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
    NavigationArea("Delivery", "delivery.home", Permission.VIEW_DELIVERY, ("delivery",)),
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
class Bell:
    """How many reminders its reader has not seen, as a number to look at and as words to hear."""

    url: str
    number: str
    text: str


@dataclass(frozen=True, slots=True)
class PageFrame:
    """Everything the layout shows around a page. Without a signed-in user there are no areas and no name.

    `can_change_organisation`: the user works for more than one provider, and for `organisation_name` now.
    `leave_url`: it is a registered contact who works by link, and leaves by it.
    `bell` is None for who gets no reminders.
    """

    area_name: str
    links: tuple[NavigationLink, ...] = ()
    foot: tuple[NavigationLink, ...] = ()
    user_name: str | None = None
    organisation_name: str | None = None
    can_change_organisation: bool = False
    leave_url: str | None = None
    bell: Bell | None = None

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
    if current_user.is_contact:
        contact = current_user.contact.contact
        return PageFrame(
            area,
            foot=foot,
            user_name=current_user.actor.name,
            leave_url=url_for("by_link.leave", onward_referral_id=contact.onward_referral_id),
        )
    return PageFrame(
        area,
        links=_links(visible_areas()),
        foot=foot,
        user_name=current_user.actor.name,
        organisation_name=current_user.organisation_name,
        can_change_organisation=current_user.organisations > 1,
        bell=_bell(),
    )


def _bell() -> Bell | None:
    if "reminders.home" not in current_app.view_functions or not may_use(Permission.VIEW_REMINDERS):
        return None
    count = count_unseen_reminders(signed_in_actor(), times.now())
    number = f"{MOST_COUNTED - 1}+" if count >= MOST_COUNTED else str(count)
    noun = "reminder" if count == 1 else "reminders"
    text = f"{number} {noun} you have not seen" if count else "No reminders that you have not seen"
    return Bell(_url_of("reminders.home"), number, text)


def forget_user() -> None:
    """Stop looking up the user, for an error page: the look-up could fail again."""
    g.no_user = True


def visible_areas() -> list[NavigationArea]:
    """The areas of the person signed in, in order."""
    return [
        item for item in AREAS if item.endpoint in current_app.view_functions and may_use(item.permission)
    ]


def home_url() -> str:
    """Where the person signed in starts: their first area, or the one referral of a link. "/" when they have none."""
    if current_user.is_authenticated and current_user.is_contact:
        return url_for(
            "onward_referrals.detail",
            onward_referral_id=current_user.contact.contact.onward_referral_id,
        )
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
