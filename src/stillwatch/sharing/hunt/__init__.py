"""Peers' indicators against one's own requests and recipes: what matches, in whose accounts, and a sighting in return."""
