"""Versions of the services: when a new one is needed, what it contains, and where it is deployed.

Git is the only source: tags such as `annotate-v0.2.0` mark the commits of versions, and the files of
`infrastructure/environments/` pin the versions of each environment. AWS is not used here.
"""
