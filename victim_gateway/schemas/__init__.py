"""One validation for every door: marshmallow schemas of a person, a referral and a case event."""
