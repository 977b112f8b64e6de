"""Evidence in; campaigns, verdicts and attribution out."""
