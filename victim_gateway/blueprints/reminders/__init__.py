"""Reminders: what is overdue, due today, due soon; the address that e-mails lead to; the rules that make them."""

from victim_gateway.blueprints.reminders import routes, rule_routes

BLUEPRINTS = (routes.bp, rule_routes.bp)
