"""Versions of the services: which change needs a new one, what it contained, and where it runs.

Everything is decided from git: tags such as `annotate-v0.2.0` mark what a version was made from, and the files of
`infrastructure/environments/` pin the versions that an environment runs. Nothing here knows AWS.
"""
