"""Makes what tests are about, through the real services: invented people, referrals at each step, providers."""
