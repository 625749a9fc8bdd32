"""E-mail to members of staff and providers about what is due. Never to a victim."""
