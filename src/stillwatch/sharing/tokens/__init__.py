"""Tokens of account and payment identifiers that nobody can compute alone: a VOPRF (RFC 9497) whose key stays at one service."""
