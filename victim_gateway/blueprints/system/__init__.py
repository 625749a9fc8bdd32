"""For administrators: accounts and the system's state. For auditors: who did and saw what. No casework."""
