"""Attacks by strangers, and what other callers wait meanwhile."""
