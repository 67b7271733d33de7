"""Compares the rights of services with their AWS calls.

rights.py             turns calls and policies into rights, which can be compared
recorded.py           an environment that records the AWS calls of its services (support/hooks)
usage.py              uses every feature of it
platform_rights.py    the rights that AWS itself uses on behalf of services
"""
