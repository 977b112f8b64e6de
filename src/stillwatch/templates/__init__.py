"""Signatures in, templates and recipes out."""
