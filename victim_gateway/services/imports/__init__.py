"""Files from outside: each row becomes a record, an update, nothing new, or a row set aside with its reason."""
