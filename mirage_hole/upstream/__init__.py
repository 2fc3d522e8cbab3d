"""Whom to ask, and whether a reply answers the question."""
