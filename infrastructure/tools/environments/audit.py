"""Asks PyPI for known vulnerabilities of what the locks pin."""

import subprocess

from environments.environment import ENVIRONMENTS, LOCKS, REPOSITORY

SBOMS = REPOSITORY / ".local" / "sbom"
AUDITED = [lock for lock in LOCKS if lock is not ENVIRONMENTS[".local/venv/localstack"]]
"""Every lock but LocalStack's: that release is archived and only runs tests, so nobody can fix what is found in it."""


def audit() -> int:
    """Print what is found, write an SBOM for each lock to `.local/sbom`, and return an exit status."""
    SBOMS.mkdir(parents=True, exist_ok=True)
    audits = [_audit(lock.file) for lock in AUDITED]
    return max(audits)


def _audit(file: str) -> int:
    print(file, flush=True)
    options = ("--strict", "--disable-pip", "--require-hashes", "--progress-spinner", "off", "--requirement", file)
    command = [str(REPOSITORY / ".venv" / "bin" / "pip-audit"), *options]
    sbom = SBOMS / f"{file.removesuffix('.txt').replace('/', '-')}.json"
    subprocess.run(
        [*command, "--format", "cyclonedx-json", "--output", sbom],
        stderr=subprocess.DEVNULL,
        cwd=REPOSITORY,
        check=False,
    )
    return subprocess.run(command, cwd=REPOSITORY, check=False).returncode
