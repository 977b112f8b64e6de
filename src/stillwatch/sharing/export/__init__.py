"""From a ruled-on campaign to a STIX 2.1 bundle that says what others can look for, and nothing of anyone."""
