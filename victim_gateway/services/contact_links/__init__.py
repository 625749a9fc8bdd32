"""Links of registered contacts: making and sending them, their codes, the sessions they begin."""
