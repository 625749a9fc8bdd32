"""The directory read: which services there are, what one of them is, which a provider has."""

from __future__ import annotations

from uuid import UUID

from flask import redirect, render_template, request
from flask.typing import ResponseReturnValue

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.providers.blueprint import bp
from victim_gateway.blueprints.providers.forms import (
    DirectoryFilterForm,
    district_choices,
    need_choices,
)
from victim_gateway.blueprints.providers.presenters import change_texts, service_rows
from victim_gateway.database.current import current_settings
from victim_gateway.database.transaction import transaction
from victim_gateway.queries.providers.directory_pages import (
    DirectoryFilter,
    directory_changes,
    directory_page,
    left_by_succession,
    provider_view,
    service_line,
)
from victim_gateway.queries.providers.successions import newest_succession_id
from victim_gateway.services.providers.directory_rows import stored_entries
from victim_gateway.vocabulary import Harm
from victim_gateway.web.labels import choices_of
from victim_gateway.web.list_pages import first_page_url, is_beside_the_list, paging_of
from victim_gateway.web.permissions import may_use, requires
from victim_gateway.web.sessions import signed_in_actor


@bp.get("/directory")
@requires(Permission.VIEW_DIRECTORY)
def directory() -> ResponseReturnValue:
    """Every service, by what a person needs, what happened and where they live."""
    form = DirectoryFilterForm(
        choices={"need": need_choices(), "harm": choices_of(Harm), "district": district_choices()}
    )
    before, after = (_position(name) for name in ("before", "after"))
    position, is_before = after or before, after is None and before is not None
    chosen = DirectoryFilter(
        form.need.data, form.harm.data, form.district.data, shows_retired=form.retired.data == "yes"
    )
    today = times.london_date(times.now())
    with transaction(signed_in_actor()) as session:
        found = directory_page(session, chosen, today=today, position=position, is_before=is_before)
    if is_beside_the_list(position, is_before=is_before, before=found.before, shown=len(found.lines)):
        return redirect(first_page_url())
    return render_template(
        "providers/directory.html",
        form=form,
        found=found,
        paging=paging_of(found.before, found.after, len(found.lines), found.total),
        today=today,
        stale_after=stale_after_days(),
        may_edit=may_use(Permission.MANAGE_DIRECTORY),
    )


@bp.get("/directory/services/<uuid:service_id>")
@requires(Permission.VIEW_DIRECTORY)
def service(service_id: UUID) -> ResponseReturnValue:
    """One service: all that is known of it, and what was changed."""
    today = times.london_date(times.now())
    with transaction(signed_in_actor()) as session:
        line = service_line(session, service_id, today=today)
        (entry,) = stored_entries(session, service_id)
        changes, older = directory_changes(session, service_id=service_id, older_than=_position("older"))
    return render_template(
        "providers/service.html",
        line=line,
        entry=entry,
        cards=service_rows(entry),
        changes=change_texts(changes),
        older=older,
        today=today,
        stale_after=stale_after_days(),
        may_edit=may_use(Permission.MANAGE_DIRECTORY),
    )


@bp.get("/directory/providers/<uuid:provider_id>")
@requires(Permission.VIEW_DIRECTORY)
def provider(provider_id: UUID) -> ResponseReturnValue:
    """One provider with its services, and what was changed in it."""
    today = times.london_date(times.now())
    with transaction(signed_in_actor()) as session:
        found = provider_view(session, provider_id, today=today)
        changes, older = directory_changes(session, provider_id=provider_id, older_than=_position("older"))
        has_left = found.successor_id is not None and may_use(Permission.EDIT_CASEWORK)
        succession_id = (
            newest_succession_id(session, provider_id) if may_use(Permission.NAME_SUCCESSOR) else None
        )
        left = left_by_succession(session, provider_id) if has_left else []
    return render_template(
        "providers/provider.html",
        found=found,
        changes=change_texts(changes),
        left=left,
        succession_id=succession_id,
        may_succeed=may_use(Permission.NAME_SUCCESSOR),
        older=older,
        today=today,
        stale_after=stale_after_days(),
        may_edit=may_use(Permission.MANAGE_DIRECTORY),
    )


def stale_after_days() -> int:
    """How many days what a provider says of its capacity is gone by."""
    return current_settings().area.thresholds.capacity_stale_after_days


def _position(name: str) -> UUID | None:
    try:
        return UUID(request.args.get(name, ""))
    except ValueError:
        return None
