"""Signatures in, templates and recipes out."""

from stillwatch.templates.mine import mine

__all__ = ["mine"]
