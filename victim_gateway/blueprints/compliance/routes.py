"""Addresses under /compliance and /service."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from io import BytesIO

from flask import Blueprint, abort, render_template, send_file, url_for
from flask.typing import ResponseReturnValue

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.compliance import charts
from victim_gateway.blueprints.compliance.forms import FilterForm, PeriodForm, ReportForm, end_of
from victim_gateway.blueprints.compliance.sentences import code_sentences, local_sentence
from victim_gateway.blueprints.compliance.tally import (
    OWNERS,
    Tally,
    duties_of,
    duty_words,
    edition_words,
    limit_words,
    lines,
    right_words,
    tallied,
)
from victim_gateway.compliance.editions import LOCAL
from victim_gateway.queries import compliance_figures, service_figures
from victim_gateway.queries.compliance_figures import Cell
from victim_gateway.reporting.writers import MEDIA_TYPES, write
from victim_gateway.services import reports
from victim_gateway.services.reports import Wanted
from victim_gateway.transactions import settings, transaction
from victim_gateway.web.forms import render_form, saving
from victim_gateway.web.permissions import may, requires
from victim_gateway.web.sessions import signed_in_actor

bp = Blueprint("compliance", __name__, template_folder="templates")
bp.add_app_template_filter(duty_words)
bp.add_app_template_filter(right_words)
bp.add_app_template_filter(limit_words)
bp.add_app_template_filter(edition_words)
bp.add_app_template_filter(lambda owner: OWNERS.get(owner, owner.replace("_", " ")), "owner_words")
bp.add_app_template_filter(lambda month: date.fromisoformat(f"{month}-01").strftime("%b %Y"), "month_words")


@bp.get("/compliance")
@requires(Permission.VIEW_COMPLIANCE)
def overview() -> ResponseReturnValue:
    """Are promises being kept, and by whom not?"""
    today = times.london_date(times.now())
    area, duties = settings().area, duties_of(settings().area)
    with transaction(signed_in_actor()) as session:
        districts, crime_types = compliance_figures.places_and_crimes(session)
        form = FilterForm(duties, districts, crime_types)
        as_at = form.as_at(today)
        cells = compliance_figures.counts(session, form.chosen(today), today=today, as_at=as_at)
        held = compliance_figures.months_with_clocks(session)
    found = [cell for cell in cells if form.matches(cell, duties[cell.edition, cell.entitlement_id])]
    code = [cell for cell in found if cell.edition != LOCAL]
    local = [cell for cell in found if cell.edition == LOCAL]
    owners = tallied(code, lambda cell: duties[cell.edition, cell.entitlement_id].owner)
    period = form.period(today)
    return render_template(
        "compliance/overview.html",
        filters=form,
        period=period,
        as_at=as_at,
        today=today,
        sentences=code_sentences(period, _total(code), owners),
        local_sentence=local_sentence(_total(local), area.target(LOCAL)),
        code_total=_total(code),
        local_total=_total(local),
        code_lines=lines(code, duties),
        local_lines=lines(local, duties),
        owner_bars=charts.bars([(owner, owners[owner]) for owner in sorted(owners)]),
        height_of=charts.height_of,
        across=charts.across,
        trend=charts.trend(sorted(tallied(code, lambda cell: cell.month).items())),
        target=area.target("code"),
        held=held,
        chosen=_chosen_period(period, form),
    )


@bp.get("/compliance/<edition>/<entitlement_id>")
@requires(Permission.VIEW_COMPLIANCE)
def duty(edition: str, entitlement_id: str) -> ResponseReturnValue:
    """One clock: where is it kept, and where not?"""
    today = times.london_date(times.now())
    found = duties_of(settings().area).get((edition, entitlement_id))
    if found is None:
        abort(404)
    form = PeriodForm()
    period, as_at = form.period(today), form.as_at(today)
    with transaction(signed_in_actor()) as session:
        parts = compliance_figures.parts_of(
            session, found.edition, found.entitlement_id, period=period, today=today, as_at=as_at
        )
    total = Tally()
    for part in parts:
        total.add(part.status, part.clocks)
    return render_template(
        "compliance/duty.html",
        duty=found,
        filters=form,
        period=period,
        as_at=as_at,
        today=today,
        total=total,
        target=settings().area.target(edition),
        trend=charts.trend(sorted(tallied(parts, lambda part: part.month).items())),
        splits=(
            ("District", sorted(tallied(parts, lambda part: part.district).items())),
            ("Crime type", sorted(tallied(parts, lambda part: part.crime_type).items())),
            (
                "Enhanced rights",
                sorted(tallied(parts, lambda part: "Yes" if part.enhanced else "No").items()),
            ),
        ),
        chosen=_chosen_period(period, form),
    )


@bp.route("/compliance/report", methods=["GET", "POST"])
@requires(Permission.EXPORT_COMPLIANCE)
def report() -> ResponseReturnValue:
    """Take the figures out of the service as a file."""
    moment = times.now()
    today = times.london_date(moment)
    asked = PeriodForm()
    first, last = asked.period(today)
    form = ReportForm(started_from=first, started_to=last, known_on=asked.known_on.data, file_format="csv")
    if form.validate_on_submit():
        with saving(form, then=url_for("compliance.report")):
            return _file(form, moment)
    return render_form("compliance/report.html", form)


def _file(form: ReportForm, moment: datetime) -> ResponseReturnValue:
    actor = signed_in_actor()
    wanted = Wanted(
        started_from=form.started_from.data,
        started_to=form.started_to.data,
        as_at=end_of(form.known_on.data, moment),
        by=tuple(form.by.data or ()),
        unsuppressed=form.unsuppressed.data and may(Permission.EXPORT_UNSUPPRESSED),
    )
    made = reports.make(wanted, actor=actor, form=form.file_format.data, reason=form.reason.data)
    target = BytesIO()
    write(made.document(made_by=actor.name, made_at=moment), form.file_format.data, target)
    kept = "inside-only" if wanted.unsuppressed else "suppressed"
    name = f"compliance-{wanted.started_from}-to-{wanted.started_to}-{kept}.{form.file_format.data}"
    target.seek(0)
    return send_file(
        target, mimetype=MEDIA_TYPES[form.file_format.data], as_attachment=True, download_name=name
    )


@bp.get("/service")
@requires(Permission.VIEW_COMPLIANCE)
def service() -> ResponseReturnValue:
    """How is the Gateway doing?"""
    today = times.london_date(times.now())
    form = PeriodForm()
    first, last = form.started_from.data or today - timedelta(days=83), form.started_to.data or today
    with transaction(signed_in_actor()) as session:
        figures = service_figures.figures(session, min(first, last), last)
    return render_template(
        "compliance/service.html", filters=form, period=(min(first, last), last), figures=figures
    )


def _total(cells: list[Cell]) -> Tally:
    return tallied(cells, lambda cell: True).get(True, Tally())


def _chosen_period(period: tuple[date, date], form: PeriodForm) -> Mapping[str, int]:
    """The period and the moment as a page's address has them, for links that keep both."""
    named = {"started_from": period[0], "started_to": period[1], "known_on": form.known_on.data}
    return {
        f"{name}-{part}": getattr(day, part)
        for name, day in named.items()
        if day is not None
        for part in ("day", "month", "year")
    }
