"""The extensions use and replace private names of MiniStack, so its version and these names are checked."""

import ast
import re
import subprocess
import tomllib

import pytest

from local_cloud.ministack import PYTHON
from servers import REPOSITORY

EMULATOR = REPOSITORY / "localstack" / "ministack_extensions"


def used_names(source: str) -> dict[str, set[str]]:
    """Return the names that a module uses, by module of MiniStack."""
    tree = ast.parse(source)
    modules = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "ministack":
            modules.update({alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names})
        elif isinstance(node, ast.Import):
            modules.update({a.asname: a.name for a in node.names if a.asname and a.name.split(".")[0] == "ministack"})
    used: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
            used.setdefault(modules[node.value.id], set()).add(node.attr)
    return used


USED = {path.stem: names for path in EMULATOR.glob("*.py") if (names := used_names(path.read_text()))}


@pytest.mark.parametrize("module", sorted(USED))
def test_every_name_of_ministack_that_a_module_uses_exists(module: str) -> None:
    names = [(owner, name) for owner, used in USED[module].items() for name in sorted(used)]
    check = f"import importlib\nfor owner, name in {names}: getattr(importlib.import_module(owner), name)"
    found = subprocess.run([PYTHON, "-c", check], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr


def test_the_exact_pinned_version_is_installed() -> None:
    settings = tomllib.loads((EMULATOR.parent / "pyproject.toml").read_text())
    (pin,) = [line for line in settings["dependency-groups"]["ministack"] if line.startswith("ministack")]
    assert re.fullmatch(r"ministack==\d+\.\d+\.\d+", pin)
    check = "import importlib.metadata; print(importlib.metadata.version('ministack'))"
    found = subprocess.run([PYTHON, "-c", check], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == pin.split("==")[1]
