"""Exits with a message if this Python cannot run the project. Works with any Python 3."""

import importlib.util
import sys

if sys.version_info < (3, 11):  # noqa: UP036 - older versions run only this file
    sys.exit(
        "Python 3.11 or newer is required, but this is {}.{}. Choose another: make PYTHON=python3.13 …".format(
            *sys.version_info
        )
    )
if importlib.util.find_spec("pip") is None:
    sys.exit("This Python has no pip. On Debian and Ubuntu: sudo apt install python3-pip")
