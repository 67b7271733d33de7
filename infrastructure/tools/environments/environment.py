"""The environments of this repository and the locks that fill them. Paths are relative to its root."""

from dataclasses import dataclass
from pathlib import Path

from environments.project import installed_from

REPOSITORY = Path(__file__).parents[3]
EVERYTHING = "requirements.txt"
"""The lock of development. It bounds the others, so that one version of a dependency is tested and deployed."""


@dataclass(frozen=True)
class Lock:
    """A hashed lock: of the dependencies in the `pyproject.toml` of a folder, or of one group of them.

    `options` are more options for `uv pip compile`.
    """

    file: str
    project: str
    group: str = ""
    options: tuple[str, ...] = ("--constraint", EVERYTHING)

    @property
    def packages(self) -> list[Path]:
        """Return the folders of this repository's packages to install beside what the lock pins.

        A group belongs to its own project alone: an emulator, or a tool, needs no other package of ours.
        """
        project = (REPOSITORY / self.project).resolve()
        return [folder for folder in installed_from(project) if not self.group or folder == project]


UV = Lock("infrastructure/tools/uv.txt", "infrastructure/tools", "uv")
ENVIRONMENTS = {
    ".venv": Lock(EVERYTHING, ".", options=()),
    ".local/venv/run": Lock("localstack/requirements.txt", "localstack"),
    ".local/venv/tools": Lock("infrastructure/tools/requirements.txt", "infrastructure/tools"),
    ".local/venv/tests": Lock("tests/requirements.txt", ".", "service-tests"),
    ".local/venv/emulator": Lock("localstack/ministack.txt", "localstack", "ministack", ()),
    ".local/venv/localstack": Lock(
        "localstack/localstack.txt", "localstack", "localstack", ("--exclude-newer", "2026-02-25")
    ),  # later releases of what LocalStack needs break it
    ".local/venv/taskcat": Lock("infrastructure/tools/taskcat.txt", "infrastructure/tools", "taskcat", ()),
    ".local/venv/checkov": Lock("infrastructure/tools/checkov.txt", "infrastructure/tools", "checkov", ()),
    **{
        f".local/venv/service-{name}": Lock(f"services/{name}/requirements.txt", f"services/{name}")
        for name in sorted(path.parent.name for path in REPOSITORY.glob("services/*/requirements.txt"))
    },
}
LOCKS = (*ENVIRONMENTS.values(), UV)
