"""Command line of releases, for the repository of the working directory."""

import json
from datetime import datetime
from pathlib import Path
from typing import TextIO, get_args

import click

from release.affected import affected_services
from release.bump import bump
from release.check import check
from release.errors import RefusedError
from release.promote import promote
from release.repository import Repository
from release.tag import tag_versions
from release.version import Part

EXIT_CODES = "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused by the check"


@click.group("release", epilog=EXIT_CODES)
def main() -> None:
    """Give services their versions, and pin these in environments."""


@main.command("bump")
@click.argument("service")
@click.option("--bump", "part", type=click.Choice(get_args(Part)), help="The part to increase (default: see commits).")
def bump_command(service: str, part: Part | None) -> None:
    """Give a service its next version, write its changelog, and pin it in staging."""
    release = bump(Repository(Path.cwd()), service, part, datetime.now().astimezone().date())
    click.echo(f"{release.service}: {release.base or 'no version'} -> {release.version}")
    click.echo(f"Review and edit {release.files[1]}, and commit:")
    click.echo(f"  git add {' '.join(release.files)}")
    click.echo(f'  git commit -m "Release {release.service} {release.version}"')


@main.command("check")
def check_command() -> None:
    """Check that changed services have new versions, and that environments pin compatible versions."""
    report = check(Repository(Path.cwd()))
    for note in report.notes:
        click.echo(note)
    if report.findings:
        raise RefusedError("\n".join(finding.text for finding in report.findings))
    click.echo("All versions and pins are valid.")


@main.command("tag")
def tag_command() -> None:
    """Tag the untagged versions at HEAD, and push the tags."""
    for tagged in tag_versions(Repository(Path.cwd())):
        done = [word for word, is_so in (("tagged", tagged.made), ("pushed", tagged.pushed)) if is_so]
        click.echo(f"{tagged.tag}: {', '.join(done) or 'exists'}")


@main.command("promote")
@click.argument("service", required=False)
@click.option("--from", "source", required=True, help="The environment to take versions from.")
@click.option("--to", "target", required=True, help="The environment to change.")
def promote_command(service: str | None, source: str, target: str) -> None:
    """Pin the version of a service, or of all services, that another environment pins."""
    promotions = promote(Repository(Path.cwd()), service, source, target)
    for promotion in promotions:
        click.echo(f"{promotion.service}: {promotion.before} -> {promotion.after} in {target}")
    if not promotions:
        click.echo(f"No changes: {target} already pins the same.")


@main.command("affected")
@click.option("--base", required=True, help="The commit before the change; if it is unknown, print all services.")
@click.option("--outputs", type=click.File("a"), help="Append the line to this file ($GITHUB_OUTPUT).")
def affected_command(base: str, outputs: TextIO | None) -> None:
    """Print the services that a change affects, such as `services=["web"]`."""
    line = f"services={json.dumps(affected_services(Repository(Path.cwd()), base))}"
    click.echo(line)
    if outputs:
        outputs.write(f"{line}\n")


if __name__ == "__main__":
    main(prog_name="release")
