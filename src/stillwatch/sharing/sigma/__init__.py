"""Behaviours of a campaign as Sigma rules: written, read back in the subset that is written, and looked for."""
