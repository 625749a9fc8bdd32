"""Who may see and do what: checks by role, and "visible to" conditions for queries."""
