"""A scratch repository of small services with tagged versions."""

from pathlib import Path

from support.git_repository import GitRepository

LOCK = """\
six==1.17.0 \\
    --hash=sha256:4721f391ed90541fddacab5acf947aa0d3dc7d27b2e1e8eda2be8970586c3274 \\
    --hash=sha256:ff70335d468e7eb6ec65b95b99d3a2836546063f63acc5171de367e834932a81
"""


SHARED = """\
dependencies = ["shared"]

[tool.uv.sources]
shared = { path = "../shared" }
"""


class TaggedServices(GitRepository):
    """A repository with `services/`; each service bundles the package `shared`."""

    def __init__(self, folder: Path) -> None:
        """Create it without a commit."""
        super().__init__(folder)
        folder.mkdir(exist_ok=True)
        self.git("init", "--quiet")
        self._write_package("shared", "0.1.0", "", "SHARED = 1\n")

    @property
    def services(self) -> Path:
        """The folder of the services."""
        return self.path / "services"

    def write(self, service: str, version: str, code: str) -> None:
        """Write a service into the work tree."""
        self._write_package(service, version, SHARED, code)
        (self.services / service / "requirements.txt").write_text(LOCK)

    def release(self, service: str, version: str, code: str) -> str:
        """Write a service, commit and tag it; return the commit."""
        self.write(service, version, code)
        commit = self.commit(f"Release {service} {version}")
        self.git("tag", f"{service}-v{version}")
        return commit

    def _write_package(self, name: str, version: str, more: str, code: str) -> None:
        folder = self.services / name
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "pyproject.toml").write_text(f'[project]\nname = "{name}"\nversion = "{version}"\n{more}')
        (folder / name / "__init__.py").write_text(code)
