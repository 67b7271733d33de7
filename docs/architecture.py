"""Draws docs/web_app_architecture.png, docs/serverless_architecture.png and docs/pipeline.png: `make diagrams`.

Needs Graphviz (`dot`) and the font DejaVu Sans. Positions are in inches from the left and from the top. Each picture
contains a digest of its description and one of its renderer. They tell a test whether the picture is current, and
whether it can be compared pixel by pixel.
"""

import hashlib
import subprocess
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import diagrams
from diagrams import Diagram, Edge, Node
from diagrams.aws.compute import EC2, Lambda
from diagrams.aws.database import RDSMysqlInstance
from diagrams.aws.general import Users
from diagrams.aws.integration import (
    EventbridgeRule,
    SimpleNotificationServiceSnsTopic,
    SimpleQueueServiceSqsQueue,
)
from diagrams.aws.management import Cloudformation, Cloudwatch
from diagrams.aws.network import ElbApplicationLoadBalancer, Endpoint, NATGateway
from diagrams.aws.security import SecretsManager
from diagrams.aws.storage import SimpleStorageServiceS3Bucket
from diagrams.gcp.ml import AIPlatform
from diagrams.onprem.ci import GithubActions
from diagrams.onprem.client import Client, User
from PIL import Image
from PIL.PngImagePlugin import PngInfo

FOLDER = Path(__file__).parent
FONT = "DejaVu Sans"
ICON, LINE = 0.9, 0.19  # inches: an icon, and a line of its label
GRAPH = {
    "layout": "neato",
    "splines": "line",
    "outputorder": "nodesfirst",
    "dpi": "120",
    "pad": "0.2",
    "bgcolor": "white",
}

PHOTOS = {"color": "#1f5fa8", "penwidth": "2.4"}
BESIDE = {"color": "#6b7680", "style": "dashed", "penwidth": "1.3"}
FAILED = {"color": "#b3401f", "style": "dashed", "penwidth": "1.6"}

Place = tuple[float, float]


def _at(x: float, y: float) -> str:
    return f"{x},{-y}!"


def icon(kind: type[Node], label: str, x: float, y: float) -> Node:
    """Draw the icon of a service at a position, with its label below."""
    lines = label.count("\n") + 1
    note(label, x, y + (ICON + LINE * lines) / 2 + 0.06, fontsize="11", fontcolor="#1d2429")
    return kind("", nodeid=f"icon {x} {y}", pos=_at(x, y), width=str(ICON), height=str(ICON))


def note(text: str, x: float, y: float, **look: str) -> None:
    """Write a few words, centred on a position."""
    look = {"fontsize": "10", "fontcolor": "#4a535b", **look}
    Node(
        text,
        nodeid=f"note {x} {y}",
        pos=_at(x, y),
        shape="plaintext",
        width="0",
        height="0",
        labelloc="c",
        fontname=FONT,
        **look,
    )


def frame(label: str, colour: str, left: float, top: float, right: float, bottom: float) -> None:
    """Draw a frame with its label in the upper left corner."""
    Node(
        f"\\l{label}\\l",
        nodeid=label,
        pos=_at((left + right) / 2, (top + bottom) / 2),
        width=str(right - left),
        height=str(bottom - top),
        margin="0.14",
        shape="box",
        style="rounded,filled",
        color="#aeb6be",
        fillcolor=colour,
        labelloc="t",
        fontname=f"{FONT} Bold",
        fontsize="12",
    )


def arrow(look: dict[str, str], *way: Node | Place) -> None:
    """Draw an arrow from the first node or position to the last."""
    stops = [step if isinstance(step, Node) else _bend(*step) for step in way]
    for start, end in pairwise(stops[:-1]):
        start - Edge(**look) - end
    stops[-2] >> Edge(**look) >> stops[-1]


def _bend(x: float, y: float) -> Node:
    return Node("", nodeid=f"bend {x} {y}", pos=_at(x, y), shape="point", width="0", height="0", style="invis")


def web() -> None:
    """From the browser to the database, through three kinds of subnets."""
    frame("AWS region", "#ffffff", 1.9, 0.2, 11.1, 8.65)
    frame("VPC over two or three availability zones", "#f5f7f9", 2.2, 0.7, 10.8, 6.6)
    frame("public subnets", "#e6f3e2", 2.5, 1.2, 4.6, 6.3)
    frame("private subnets", "#e2eefa", 5.3, 1.2, 7.4, 6.3)
    frame("Auto Scaling group", "#cfe2f6", 5.4, 1.65, 7.3, 4.65)
    frame("isolated subnets", "#ede7f6", 8.4, 1.2, 10.5, 6.3)
    people = icon(Users, "people", 0.6, 3.2)
    balancer = icon(ElbApplicationLoadBalancer, "Application\nLoad Balancer", 3.55, 3.2)
    nat = icon(NATGateway, "NAT gateway", 3.55, 5.4)
    first = icon(EC2, "gunicorn, Flask", 6.35, 2.6)
    second = icon(EC2, "gunicorn, Flask", 6.35, 3.85)
    endpoint = icon(Endpoint, "S3 gateway endpoint", 6.35, 5.4)
    primary = icon(RDSMysqlInstance, "RDS for MySQL", 9.45, 2.6)
    standby = icon(RDSMysqlInstance, "standby, other zone", 9.45, 4.4)
    watch = icon(Cloudwatch, "CloudWatch", 2.6, 7.65)
    secrets = icon(SecretsManager, "Secrets Manager", 4.2, 7.65)
    functions = icon(Lambda, "functions", 5.8, 7.65)
    images = icon(SimpleStorageServiceS3Bucket, "image bucket", 7.7, 7.65)
    artifacts = icon(SimpleStorageServiceS3Bucket, "artifact bucket", 9.5, 7.65)

    arrow(PHOTOS, people, balancer)
    note("HTTPS", 1.45, 3.05)
    arrow(PHOTOS, balancer, first)
    arrow(PHOTOS, balancer, second)
    note("HTTP", 4.95, 3.2)
    arrow(PHOTOS, first, primary)
    arrow(PHOTOS, second, primary)
    note("MySQL, TLS", 7.9, 2.45)
    arrow(BESIDE, (9.45, 3.4), standby)
    note("copies", 9.8, 3.65)
    arrow(PHOTOS, (0.6, 3.95), (0.6, 9.0), (7.7, 9.0), (7.7, 8.4))
    note("photos: presigned POST and GET, past the gallery", 4.1, 8.87)
    arrow(BESIDE, second, nat)
    arrow(BESIDE, (6.35, 4.65), endpoint)
    arrow(BESIDE, (3.3, 6.15), watch)
    arrow(BESIDE, (3.55, 6.15), secrets)
    arrow(BESIDE, (3.8, 6.15), functions)
    note("logs", 2.75, 6.8)
    note("database\nuser", 4.34, 7.0)
    note("retries", 5.35, 6.75)
    arrow(BESIDE, (6.6, 6.15), images)
    arrow(BESIDE, (6.85, 6.15), artifacts)
    note("packages", 8.65, 6.75)


def serverless() -> None:
    """From an upload to its thumbnail and its caption."""
    frame("AWS region", "#ffffff", 2.1, 0.2, 12.1, 9.9)
    people = icon(Users, "people", 0.6, 3.6)
    gallery = icon(EC2, "gallery", 3.5, 1.6)
    uploads = icon(SimpleStorageServiceS3Bucket, "image bucket\nuploads/", 3.5, 3.6)
    topic = icon(SimpleNotificationServiceSnsTopic, "topic", 5.9, 3.6)
    icon(SimpleQueueServiceSqsQueue, "dead letters", 8.2, 0.95)
    thumbnail = icon(Lambda, "thumbnail", 8.2, 2.7)
    annotate = icon(Lambda, "annotate", 8.2, 4.5)
    annotate_letters = icon(SimpleQueueServiceSqsQueue, "dead letters", 8.2, 6.2)
    thumbnails = icon(SimpleStorageServiceS3Bucket, "image bucket\nthumbnails/", 11.1, 1.5)
    database = icon(RDSMysqlInstance, "RDS for MySQL", 11.1, 3.6)
    gemini = icon(AIPlatform, "Gemini", 13.4, 5.1)
    sweep = icon(Lambda, "sweep", 8.2, 7.7)
    schedule = icon(EventbridgeRule, "schedules", 8.2, 9.15)
    migrations = icon(Lambda, "migrations", 11.1, 7.7)
    deployment = icon(Cloudformation, "CloudFormation", 11.1, 9.15)

    arrow(PHOTOS, people, gallery)
    note("1  form", 1.55, 2.55)
    arrow(PHOTOS, people, uploads)
    note("2  presigned POST", 2.05, 3.45)
    arrow(PHOTOS, uploads, topic)
    note("3  object created", 4.7, 3.45)
    note("The functions run in the private subnets.\nThey reach Gemini through the NAT gateway.", 4.1, 8.6)
    arrow(PHOTOS, topic, thumbnail)
    arrow(PHOTOS, topic, annotate)
    note("4", 7.0, 2.95)
    note("4", 7.0, 4.25)
    arrow(PHOTOS, thumbnail, thumbnails)
    note("WebP", 9.95, 1.8)
    arrow(PHOTOS, thumbnail, database)
    arrow(PHOTOS, annotate, database)
    note("results", 10.05, 3.6)
    arrow(PHOTOS, annotate, gemini)
    note("photo, small", 9.5, 4.88)
    arrow(FAILED, thumbnail, (8.2, 1.75))
    arrow(FAILED, (8.2, 5.3), annotate_letters)
    note("after two retries", 8.9, 2.0)
    note("after two retries", 8.9, 5.55)
    arrow(BESIDE, sweep, (5.9, 7.7), (5.9, 4.45))
    note("overdue or queued:\nannounced again", 5.2, 6.1)
    arrow(BESIDE, sweep, (10.9, 4.45))
    arrow(BESIDE, schedule, (8.2, 8.5))
    arrow(BESIDE, migrations, (11.1, 4.45))
    note("schema", 11.45, 6.5)
    arrow(BESIDE, deployment, (11.1, 8.5))


def pipeline() -> None:
    """From a branch to production."""
    frame("pull request", "#f5f7f9", 2.1, 0.3, 7.7, 2.55)
    frame("main", "#f5f7f9", 8.6, 0.3, 10.4, 2.55)
    frame("staging", "#e6f3e2", 2.1, 3.25, 10.4, 5.2)
    frame("production", "#ede7f6", 2.1, 5.9, 10.4, 7.85)
    branch = icon(Client, "branch\nmake release", 0.8, 1.35)
    checks = icon(GithubActions, "checks", 3.0, 1.35)
    comment = icon(Cloudformation, "plans of staging\nand production", 4.9, 1.35)
    review = icon(User, "review", 6.8, 1.35)
    tags = icon(GithubActions, "checks, tags", 9.5, 1.35)
    staging = [
        icon(Cloudformation, "plan", 3.7, 4.25),
        icon(SimpleStorageServiceS3Bucket, "publish, by tag", 6.5, 4.25),
        icon(Cloudformation, "apply that plan", 8.0, 4.25),
        icon(GithubActions, "smoke test", 9.5, 4.25),
    ]
    production = [
        icon(Cloudformation, "plan", 3.7, 6.9),
        icon(User, "approval", 5.1, 6.9),
        icon(SimpleStorageServiceS3Bucket, "publish, by tag", 6.5, 6.9),
        icon(Cloudformation, "apply that plan", 8.0, 6.9),
        icon(GithubActions, "smoke test", 9.5, 6.9),
    ]
    for steps in ([branch, checks, comment, review, tags], staging, production):
        for first, second in pairwise(steps):
            arrow(PHOTOS, first, second)
    note("merge", 8.1, 1.2)
    arrow(PHOTOS, (9.5, 2.15), (9.5, 2.9), (3.7, 2.9), (3.7, 3.75))
    arrow(PHOTOS, (9.5, 5.05), (9.5, 5.55), (3.7, 5.55), (3.7, 6.4))
    arrow(BESIDE, (2.1, 4.25), (0.8, 4.25), (0.8, 2.25))
    note("make promote:\nanother pull request\npins in production\nwhat staging runs", 0.95, 5.0)


PICTURES: dict[str, Callable[[], None]] = {
    "web_app_architecture": web,
    "serverless_architecture": serverless,
    "pipeline": pipeline,
}


def draw(name: str, folder: Path) -> Path:
    """Draw one of `PICTURES` into a folder and return its path."""
    diagram = Diagram(filename=str(folder / name), show=False, graph_attr=GRAPH)
    with diagram:
        PICTURES[name]()
    icons = str(Path(diagrams.__file__).parents[1])
    description = diagram.dot.source.replace(icons, "").replace(str(folder), "")
    marks = PngInfo()
    marks.add_text("description", hashlib.sha256(description.encode()).hexdigest())
    marks.add_text("renderer", _renderer())
    path = folder / f"{name}.png"
    with Image.open(path) as picture:
        picture.convert("RGB").save(path, optimize=True, pnginfo=marks)
    return path


def _renderer() -> str:
    """Return a digest of how Graphviz, the libraries and the fonts of this machine draw."""
    probe = f'digraph {{ node [fontname="{FONT}"] edge [style=dashed] "Hamburgefonstiv 0123" -> "Ægir" }}'
    drawn = subprocess.run(["dot", "-Tpng"], input=probe.encode(), capture_output=True, check=True)  # noqa: S607
    return hashlib.sha256(drawn.stdout).hexdigest()


if __name__ == "__main__":
    for name in PICTURES:
        draw(name, FOLDER)
