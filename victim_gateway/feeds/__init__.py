"""Reading what others send: bytes into rows and reasons. Asks neither the database nor the time."""
