"""Reminders: what is overdue, due today, due soon; the address that e-mails lead to."""

from victim_gateway.blueprints.reminders import routes

BLUEPRINTS = (routes.bp,)
