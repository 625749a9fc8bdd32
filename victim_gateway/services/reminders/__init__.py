"""Reminders: what is due, overdue or unanswered."""
