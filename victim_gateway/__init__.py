"""The Victim Gateway: referrals of victims of crime, from the report to the support that fits."""
