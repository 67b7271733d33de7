"""Promotes versions from one environment to another by editing pins; the other direction is a roll-back."""

from dataclasses import dataclass

from release.check import Finding, environment_findings
from release.errors import RefusedError, ReleaseError
from release.pins import environment_path, read_pins, with_pin
from release.repository import Repository
from release.service import choose, read_services
from release.version import Version


@dataclass(frozen=True)
class Promotion:
    """A pin that was changed."""

    service: str
    before: Version
    after: Version


def promote(repository: Repository, name: str | None, source: str, target: str) -> list[Promotion]:
    """Pin in `target` the versions that `source` pins, of one service or all; return the changes.

    Raises:
        ReleaseError: an environment or the service is unknown, or pins no versions.
        RefusedError: the pins of the target would break a rule; nothing was written.
    """
    if source == target:
        raise ReleaseError(f"FROM and TO are both {source!r}; they must differ")
    services = read_services(repository)
    if name:
        choose(services, name)
    offered_by, path = environment_path(repository, source), environment_path(repository, target)
    offered, pins = _pins(repository, offered_by), _pins(repository, path)
    text, promotions = repository.read(path), []
    for service in [name] if name else sorted(offered):
        if service not in offered:
            raise ReleaseError(f"{offered_by} pins no version of {service}")
        text = with_pin(text, path, service, offered[service])
        if offered[service] != pins[service]:
            promotions.append(Promotion(service, pins[service], offered[service]))
    after = pins | {promotion.service: promotion.after for promotion in promotions}
    if findings := list(environment_findings(repository, services, path, after)):
        raise RefusedError("\n".join(_advice(finding, name, source, target) for finding in findings))
    if promotions:
        repository.write(path, text)
    return promotions


def _pins(repository: Repository, path: str) -> dict[str, Version]:
    pins = read_pins(repository.read(path), path)
    if not pins:
        raise ReleaseError(f"{path} has no versions: it runs the packages of the work tree")
    return pins


def _advice(finding: Finding, name: str | None, source: str, target: str) -> str:
    others = [service for service in finding.services if service != name]
    if name not in finding.services or not others:
        return finding.text
    return (
        f"{finding.text}; promote {others[0]} first (make promote SERVICE={others[0]} FROM={source} TO={target}), "
        "or all services together, without SERVICE="
    )
