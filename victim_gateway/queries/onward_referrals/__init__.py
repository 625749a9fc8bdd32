"""Onward referrals as pages show them: which services fit, what is handed over, the inbox, one record."""
