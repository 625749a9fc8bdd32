"""How long the heavy work takes: `make bench`. Generated referrals, a service of its own, the real commands."""
