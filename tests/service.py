"""Runs the quick tests of one service as its package is: with what its own lock installs, and the packages it bundles.

    .local/venv/service-annotate/bin/python tests/service.py annotate .local/venv/tests

At first all its modules are imported with nothing else in reach: that finds a dependency that its pyproject forgot.
Then the tools of the tests join in, behind what the service has: an import within a function may find them instead.
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
    """Return the exit status of pytest, which gets `more` arguments."""
    project = tomllib.loads((REPOSITORY / "services" / service / "pyproject.toml").read_text(encoding="utf-8"))
    folders = {bundled: str(REPOSITORY / "services" / bundled) for bundled in project["tool"]["package"]["bundles"]}
    sys.path[0:1] = folders.values()
    modules = project.get("tool", {}).get("uv", {}).get("build-backend", {}).get("module-name", [])
    for name in {*folders, *([modules] if isinstance(modules, str) else modules)}:
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
