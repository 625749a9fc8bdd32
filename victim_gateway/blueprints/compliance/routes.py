"""Routes under /compliance and /service."""

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
from victim_gateway.blueprints.compliance.summary_text import code_sentences, local_sentence
from victim_gateway.blueprints.compliance.totals import (
    OWNERS,
    duties_of,
    duty_label,
    edition_label,
    limit_label,
    right_label,
    standard_figures,
    tally_all,
    tally_by,
)
from victim_gateway.compliance.editions import LOCAL
from victim_gateway.database.current import current_settings
from victim_gateway.database.replica import figures_session
from victim_gateway.database.transaction import transaction
from victim_gateway.queries.compliance import figures, service_figures
from victim_gateway.queries.compliance.day_counts import CountSplit
from victim_gateway.queries.compliance.kind_figures import kind_figures
from victim_gateway.queries.compliance.satisfaction import satisfaction_by_stage
from victim_gateway.reporting.closed_quarters import newest_closed_quarter
from victim_gateway.reporting.writers import MEDIA_TYPES, write_report
from victim_gateway.rules.service_kinds import label_of_kind
from victim_gateway.rules.withdraw_groups import WITHDRAW_GROUP_HEADINGS
from victim_gateway.services.compliance.report import ReportRequest, make_report
from victim_gateway.web.forms import render_form, save_or_refuse
from victim_gateway.web.permissions import may_use, requires
from victim_gateway.web.sessions import signed_in_actor

bp = Blueprint("compliance", __name__, template_folder="templates")
bp.add_app_template_filter(duty_label)
bp.add_app_template_filter(right_label)
bp.add_app_template_filter(limit_label)
bp.add_app_template_filter(edition_label)
bp.add_app_template_filter(lambda owner: OWNERS.get(owner, owner.replace("_", " ")), "owner_label")
bp.add_app_template_filter(lambda month: date.fromisoformat(f"{month}-01").strftime("%b %Y"), "month_label")


@bp.get("/compliance")
@requires(Permission.VIEW_COMPLIANCE)
def overview() -> ResponseReturnValue:
    """Show how many clocks were met, by duty and by owner."""
    today = times.london_date(times.now())
    area, duties = current_settings().area, duties_of(current_settings().area)
    with transaction(signed_in_actor()) as session, figures_session(session) as reading:
        districts, crime_types = figures.list_districts_and_crime_types(reading)
        form = FilterForm(duties, districts, crime_types)
        as_at = form.as_at(today)
        cells = figures.count_clocks(reading, form.clock_filter(today), today=today, as_at=as_at)
        recorded_months = figures.months_with_clocks(reading)
    found = [cell for cell in cells if form.includes_duty(cell, duties[cell.edition, cell.entitlement_id])]
    code = standard_figures((cell for cell in found if cell.edition != LOCAL), duties)
    local = standard_figures((cell for cell in found if cell.edition == LOCAL), duties)
    owners = tally_by(code.cells, lambda cell: duties[cell.edition, cell.entitlement_id].owner)
    period = form.chosen_period(today)
    return render_template(
        "compliance/overview.html",
        filters=form,
        period=period,
        as_at=as_at,
        today=today,
        sentences=code_sentences(period, code, owners),
        local_sentence=local_sentence(local.total, area.target_rate(LOCAL)),
        code=code,
        local=local,
        owner_bars=charts.rate_bars([(owner, owners[owner]) for owner in sorted(owners)]),
        height_of=charts.height_of,
        across=charts.rate_offset,
        trend=charts.rate_trend(sorted(tally_by(code.cells, lambda cell: cell.month).items())),
        target=area.target_rate("code"),
        recorded_months=recorded_months,
        chosen=_chosen_period(period, form),
    )


@bp.get("/compliance/<edition>/<entitlement_id>")
@requires(Permission.VIEW_COMPLIANCE)
def duty(edition: str, entitlement_id: str) -> ResponseReturnValue:
    """Show one duty's clocks by place, crime type and month."""
    today = times.london_date(times.now())
    found = duties_of(current_settings().area).get((edition, entitlement_id))
    if found is None:
        abort(404)
    form = PeriodForm()
    period, as_at = form.chosen_period(today), form.as_at(today)
    with transaction(signed_in_actor()) as session, figures_session(session) as reading:
        parts = figures.count_duty_parts(
            reading, found.edition, found.entitlement_id, period=period, today=today, as_at=as_at
        )
    has_limit = found.limit is not None
    # Every clock is in both splits.
    places = [part for part in parts if part.split is CountSplit.DISTRICT]
    crimes = [part for part in parts if part.split is CountSplit.CRIME_TYPE]
    return render_template(
        "compliance/duty.html",
        duty=found,
        filters=form,
        period=period,
        as_at=as_at,
        today=today,
        total=tally_all(places),
        has_limit=has_limit,
        target=current_settings().area.target_rate(edition) if has_limit else None,
        trend=charts.rate_trend(sorted(tally_by(places, lambda part: part.month).items()))
        if has_limit
        else None,
        splits=(
            ("District", sorted(tally_by(places, lambda part: part.value).items())),
            ("Crime type", sorted(tally_by(crimes, lambda part: part.value).items())),
            (
                "Enhanced rights",
                sorted(tally_by(places, lambda part: "Yes" if part.enhanced else "No").items()),
            ),
        ),
        chosen=_chosen_period(period, form),
    )


@bp.route("/compliance/report", methods=["GET", "POST"])
@requires(Permission.EXPORT_COMPLIANCE)
def report() -> ResponseReturnValue:
    """Download the compliance report as a file."""
    moment = times.now()
    today = times.london_date(moment)
    asked = PeriodForm()
    first, last = asked.chosen_period(today)
    form = ReportForm(started_from=first, started_to=last, known_on=asked.known_on.data, file_format="csv")
    if form.validate_on_submit():
        with save_or_refuse(form, then=url_for("compliance.report")):
            return _file(form, moment)
    return render_form("compliance/report.html", form)


def _file(form: ReportForm, moment: datetime) -> ResponseReturnValue:
    actor = signed_in_actor()
    wanted = ReportRequest(
        started_from=form.started_from.data,
        started_to=form.started_to.data,
        as_at=end_of(form.known_on.data, moment),
        by=tuple(form.by.data or ()),
        unsuppressed=form.unsuppressed.data and may_use(Permission.EXPORT_UNSUPPRESSED),
    )
    made = make_report(wanted, actor=actor, form=form.file_format.data, reason=form.reason.data)
    target = BytesIO()
    write_report(made.document(made_by=actor.name, made_at=moment), form.file_format.data, target)
    kept = "inside-only" if wanted.unsuppressed else "suppressed"
    name = f"compliance-{wanted.started_from}-to-{wanted.started_to}-{kept}.{form.file_format.data}"
    target.seek(0)
    return send_file(
        target, mimetype=MEDIA_TYPES[form.file_format.data], as_attachment=True, download_name=name
    )


@bp.get("/service")
@requires(Permission.VIEW_COMPLIANCE)
def service() -> ResponseReturnValue:
    """Show the Gateway's own figures: waits, answers and outcomes."""
    today = times.london_date(times.now())
    form = PeriodForm()
    first, last = form.started_from.data or today - timedelta(days=83), form.started_to.data or today
    with transaction(signed_in_actor()) as session, figures_session(session) as reading:
        figures = service_figures.service_figures(reading, min(first, last), last)
        quarter = newest_closed_quarter(last, today)
        satisfaction = satisfaction_by_stage(reading, *quarter)
        of_kinds = kind_figures(reading, *quarter)
    return render_template(
        "compliance/service.html",
        withdraw_headings=WITHDRAW_GROUP_HEADINGS,
        filters=form,
        period=(min(first, last), last),
        figures=figures,
        satisfaction=satisfaction,
        of_kinds=of_kinds,
        kind_label=label_of_kind,
        quarter=quarter,
    )


def _chosen_period(period: tuple[date, date], form: PeriodForm) -> Mapping[str, int]:
    """The period and the as-at day as query parameters, for links that keep both."""
    named = {"started_from": period[0], "started_to": period[1], "known_on": form.known_on.data}
    return {
        f"{name}-{part}": getattr(day, part)
        for name, day in named.items()
        if day is not None
        for part in ("day", "month", "year")
    }
