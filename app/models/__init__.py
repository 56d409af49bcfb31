"""Frozen nouns and their rules: no I/O, no clock."""
