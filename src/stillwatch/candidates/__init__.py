"""Recipes and infrastructure in, groups of accounts that might be a campaign out."""
