"""Checks of the infrastructure that no other tool makes."""
