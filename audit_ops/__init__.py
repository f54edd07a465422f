"""Provides tools for operators of a trail: the `audit` command, and pytest fixtures."""
