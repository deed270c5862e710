"""Fixtures that any test of the workspace may ask for."""
