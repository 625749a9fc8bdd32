"""Links of registered contacts: reading."""
