"""Open reminders of the person signed in."""
