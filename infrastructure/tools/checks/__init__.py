"""Checks of the templates that no linter makes."""
