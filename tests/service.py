"""Runs the tests of one service with only what its package contains: its own lock and the packages it bundles.

    .local/venv/service-annotate/bin/python tests/service.py annotate .local/venv/tests

First it imports all modules with nothing else installed, which finds dependencies missing in the service's pyproject.
Then it adds the test tools to the end of the path; from then on, an import inside a function may find those instead.
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
    """Run pytest with `more` arguments and return its exit status."""
    for name in installed_packages():
        try:
            import_all(name)
        except ModuleNotFoundError as error:
            sys.stderr.write(
                f"{service} imports {error.name}, which is missing from its package: add it to "
                f"services/{service}/pyproject.toml and run `make lock`, or remove the import.\n"
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
