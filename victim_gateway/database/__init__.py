"""How the program stands on its database: what it is loaded for, and why it refuses."""
