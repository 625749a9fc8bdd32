"""Messages to a person: asked for, let through by the gate at the moment of sending, followed to their end."""
