"""What to do about a campaign: bounded, approved, expiring, open to appeal; shared like any other object."""
