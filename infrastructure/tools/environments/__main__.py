"""Makes the environments. Runs on any Python 3, to say which one is needed, and needs nothing but the standard library.

cd infrastructure/tools && python3 -m environments install .venv
"""

import importlib.util
import sys

if sys.version_info < (3, 11):  # noqa: UP036 - an older one runs this file only
    sys.exit(
        "Python 3.11 or newer is needed, this is {}.{}. Name another: make PYTHON=python3.13 …".format(
            *sys.version_info
        )
    )
if importlib.util.find_spec("pip") is None:
    sys.exit("This Python has no pip. On Debian and Ubuntu: sudo apt install python3-pip")


def main(command: str, *words: str) -> int:
    """Run a command: `uv`, `install FOLDER`, `lock [FLAG…]` or `audit`. Return its exit status."""
    from environments.audit import audit
    from environments.environment import ENVIRONMENTS, LOCKS
    from environments.uv import compile_lock, install, install_uv

    if command == "uv":
        install_uv()
    elif command == "install":
        install(words[0], ENVIRONMENTS[words[0]])
    elif command == "lock":
        for lock in LOCKS:
            compile_lock(lock, list(words))
    else:
        return audit()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
