"""The rules of reminders: each in plain words, what it says today, what became of it lately, and changing it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.reminders.rule_forms import ReminderRuleForm
from victim_gateway.database.transaction import transaction
from victim_gateway.errors import InvalidInput
from victim_gateway.queries.reminders.rule_figures import (
    FIGURE_DAYS,
    MOST_PASSED,
    RuleFigures,
    last_pass_at,
    passed_reminders,
    rule_figures,
    service_gaps,
    stall_answer_counts,
)
from victim_gateway.queries.reminders.rules_in_force import rule_changes, rule_in_force, rules_in_force
from victim_gateway.reminder_vocabulary import ReminderSource, StallAnswerCode
from victim_gateway.rules.reminder_rule_texts import describe_channel, describe_reader, describe_when
from victim_gateway.rules.reminder_rules import ReminderRule
from victim_gateway.services.reminders import changed_rules
from victim_gateway.services.reminders.changed_rules import ChangeToday, RuleToday
from victim_gateway.web.flashes import flash_success
from victim_gateway.web.forms import render_form, save_or_refuse
from victim_gateway.web.permissions import may_use, requires
from victim_gateway.web.sessions import signed_in_actor

bp = Blueprint("reminder_rules", __name__, url_prefix="/reminder-rules", template_folder="templates")
_PREVIEW = "preview"


@bp.get("")
@requires(Permission.VIEW_REMINDER_RULES)
def home() -> ResponseReturnValue:
    """Every rule with what it says today and what became of it in the last days."""
    now = times.now()
    with transaction(signed_in_actor()) as session:
        rules = rules_in_force(session)
        figures = rule_figures(session, now)
        gaps, last_pass = service_gaps(session, now), last_pass_at(session)
        today = changed_rules.list_rules_today(session, now)
    return render_template(
        "reminders/rules.html",
        rules=[_line(rule, today.get(rule.code), figures.get(rule.code, RuleFigures())) for rule in rules],
        gaps=gaps,
        last_pass=last_pass,
        figure_days=FIGURE_DAYS,
    )


@bp.get("/passed")
@requires(Permission.VIEW_REMINDER_RULES)
def passed() -> ResponseReturnValue:
    """What passed while the service was away: never e-mailed, for a person to go through."""
    now, may_open = times.now(), may_use(Permission.VIEW_REFERRAL)
    with transaction(signed_in_actor()) as session:
        gaps = service_gaps(session, now)
        # Administrators see that something passed, and open no case.
        found = passed_reminders(session) if may_open else []
        names = {rule.code: rule.name for rule in rules_in_force(session)}
    return render_template(
        "reminders/passed.html", gaps=gaps, passed=found, names=names, may_open=may_open, most=MOST_PASSED
    )


@bp.get("/<rule_code>")
@requires(Permission.VIEW_REMINDER_RULES)
def detail(rule_code: str) -> ResponseReturnValue:
    """One rule in plain words, with its history."""
    now, may_open = times.now(), may_use(Permission.VIEW_REFERRAL)
    with transaction(signed_in_actor()) as session:
        rule = rule_in_force(session, rule_code)
        figures = rule_figures(session, now).get(rule_code, RuleFigures())
        changes = rule_changes(session, rule_code)
        is_stall = rule.source is ReminderSource.STALL
        answers = stall_answer_counts(session, now) if is_stall else {}
        today = _today(session, rule, now, may_open=may_open)
    return render_template(
        "reminders/rule.html",
        line=_line(rule, today, figures),
        today=today,
        answers=[(answer, answers.get(answer, 0)) for answer in StallAnswerCode] if is_stall else [],
        changes=changes,
        may_change=may_use(Permission.CHANGE_REMINDER_RULES),
        figure_days=FIGURE_DAYS,
    )


@bp.route("/<rule_code>/change", methods=["GET", "POST"])
@requires(Permission.CHANGE_REMINDER_RULES)
def change(rule_code: str) -> ResponseReturnValue:
    """Change a rule; first it can be looked at what that does today."""
    now = times.now()
    with transaction(signed_in_actor()) as session:
        rule = rule_in_force(session, rule_code)
    form, after = ReminderRuleForm(rule), url_for("reminder_rules.detail", rule_code=rule_code)
    if request.method == "GET":
        form.fill(rule)
    does_today: ChangeToday | None = None
    if form.validate_on_submit():
        if request.form.get("do") == _PREVIEW:
            does_today = _preview(form, rule)
        else:
            with save_or_refuse(form, then=after):
                changed_rules.change_reminder_rule(
                    form.command(now), rule_code, form.changes(), reason=form.reason.data or ""
                )
                flash_success("The rule is changed. It holds from the next minute on.")
                return redirect(after)
    if form.is_stale:
        form.version.data = rule.version
    return render_form(
        "reminders/change_rule.html", form, rule=rule, does_today=does_today, now_says=describe_when(rule)
    )


def _preview(form: ReminderRuleForm, rule: ReminderRule) -> ChangeToday | None:
    try:
        with transaction(signed_in_actor()) as session:
            return changed_rules.preview_rule_change(session, rule, form.changes(), times.now())
    except InvalidInput as error:
        form.refuse(error)
        return None


def _today(session: Any, rule: ReminderRule, now: Any, *, may_open: bool) -> RuleToday | None:
    if not rule.is_on:
        return None
    if may_open:
        return changed_rules.list_rule_today(session, rule, now)
    return changed_rules.list_rules_today(session, now).get(rule.code)


def _line(rule: ReminderRule, today: RuleToday | None, figures: RuleFigures) -> dict[str, Any]:
    return {
        "rule": rule,
        "when": describe_when(rule),
        "reader": describe_reader(rule),
        "channel": describe_channel(rule.channel),
        "today": today,
        "figures": figures,
    }
