"""Reminders: what is overdue, due today, due soon; the address that e-mails lead to."""

from victim_gateway.blueprints.reminders.routes import bp

__all__ = ["bp"]
