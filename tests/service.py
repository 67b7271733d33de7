"""Runs the tests of one service in the environment that its own lock fills, with the packages it bundles and no other.

    .local/venv/service-annotate/bin/python tests/service.py annotate .local/venv/tests

First all its modules are imported with nothing else in reach: that finds a dependency that its pyproject forgot.
Then the tools of the tests join in, behind what the service has: an import within a function may find them instead.
"""

import importlib.util
import pkgutil
import site
import sys
import sysconfig
from pathlib import Path

TESTS = Path(__file__).parent
REPOSITORY = TESTS.parent


def main(service: str, tools: Path, more: list[str]) -> int:
    """Return the exit status of pytest, which gets `more` arguments."""
    for name in installed_packages():
        try:
            import_all(name)
        except ModuleNotFoundError as error:
            sys.stderr.write(
                f"{service} needs {error.name}, and does not have it when it is deployed: name its package in "
                f"services/{service}/pyproject.toml and run `make lock`, or stop importing it.\n"
            )
            return 1
    for kind in {"purelib", "platlib"}:
        site.addsitedir(sysconfig.get_path(kind, vars={"base": str(tools), "platbase": str(tools)}))

    import pytest

    return pytest.main(
        [
            *(str(tests / service) for tests in (TESTS / "unit", TESTS / "component") if (tests / service).is_dir()),
            *("--override-ini", f"pythonpath={REPOSITORY / 'localstack'} {TESTS}"),
            *("-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning"),
            *more,
        ]
    )


def installed_packages() -> list[str]:
    """Return the packages of `services/` that this environment holds."""
    packages = {path.parent.name for path in REPOSITORY.glob("services/*/*/__init__.py")}
    return sorted(name for name in packages if importlib.util.find_spec(name))


def import_all(package: str) -> None:
    """Import every module of a package."""
    for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
        importlib.import_module(module.name)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]).absolute(), sys.argv[3:]))
