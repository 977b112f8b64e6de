"""Logs in, exchanges out: one file a log format."""
