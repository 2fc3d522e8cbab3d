"""Answers that are already known."""
