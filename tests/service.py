"""Runs the tests of one service with only what its package contains: its own lock and the packages it bundles.

    .local/venv/service-annotate/bin/python tests/service.py annotate .local/venv/tests

First it imports all modules with nothing else installed, which finds dependencies missing in the service's pyproject.
Then it adds the test tools to the end of the path; from then on, an import inside a function may find those instead.
"""

import importlib
import pkgutil
import site
import sys
import sysconfig
import tomllib
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
TESTS = REPOSITORY / "tests"


def main(service: str, tools: Path, more: list[str]) -> int:
    """Run pytest with `more` arguments and return its exit status."""
    project = tomllib.loads((REPOSITORY / "services" / service / "pyproject.toml").read_text(encoding="utf-8"))
    folders = {bundled: str(REPOSITORY / "services" / bundled) for bundled in project["tool"]["package"]["bundles"]}
    sys.path[0:1] = folders.values()
    for name in folders:
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

    paths = [*folders.values(), *(str(REPOSITORY / other) for other in ("localstack", "tests"))]
    return pytest.main(
        [
            *(str(tests / service) for tests in (TESTS / "unit", TESTS / "component") if (tests / service).is_dir()),
            *("--override-ini", f"pythonpath={' '.join(paths)}"),
            *("-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning"),
            *more,
        ]
    )


def import_all(package: str) -> None:
    """Import every module of a package."""
    for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
        importlib.import_module(module.name)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]).absolute(), sys.argv[3:]))
