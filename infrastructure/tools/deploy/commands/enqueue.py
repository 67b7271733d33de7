"""What `deploy annotate` and `deploy retry` share: they count photos, ask, and put them into the queue."""

from __future__ import annotations

import sys

import click

from deploy.commands.context import Context, answer
from deploy.enqueue import AnnotationQueue, Request
from deploy.show import queued_text

where_option = click.option(
    "--where",
    required=True,
    metavar="TERMS",
    help="The photos: state: (ready, pending, failed), model: (offline is the offline tagger), prompt:, language:, "
    "before: and after: (a date), reason: (a part of it), id:; or all.",
)
yes_option = click.option("--yes", is_flag=True, help="Queue the photos without asking.")


def enqueue(context: Context, environment: str, request: Request, *, yes: bool, as_json: bool) -> None:
    """Show how many photos a request selects, and queue them if a person agrees or `yes` is given."""
    queue = AnnotationQueue(context.session, context.load(environment))
    found = queue.count(request)
    if found.images and not yes:
        answer(as_json, found, queued_text(request, found))
        if as_json:
            return
        if not (sys.stdin.isatty() and click.confirm("Queue them?")):
            click.echo("Nothing was queued; --yes queues them.")
            return
    if found.images:
        found = queue.enqueue(request)
    answer(as_json, found, queued_text(request, found))
