"""Upgrades from the previous release: photos and captions survive, and the gallery responds to every request."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from deploy.apply import deploy
from deploy.environment import load_environment
from deploy.outputs import Outputs, environment_outputs
from deploy.plan import make_plan
from local_cloud.cloud import ARTIFACT_BUCKET, DATABASE_NAME
from local_cloud.emulator import client_environ
from local_cloud.gallery import Gallery, gallery_settings
from local_cloud.ministack import MiniStack
from local_cloud.session import EmulatorSession
from servers import REPOSITORY
from servers.database import PrivateServer
from servers.mariadb import MariaDb
from servers.ports import free_ports, http_problem
from servers.processes import Child
from smoke.errors import GalleryError
from support import photos
from support.gallery_client import GalleryClient
from support.waiting import SECONDS

FIRST = "6f075e401a2abd6da9473ca49bc0618865c74101"
"""The commit to upgrade from while this repository has no release: the first complete application."""

UPLOAD_EVERY_SECONDS = 1.0
REQUEST_EVERY_SECONDS = 0.1


def git(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["git", "-C", str(REPOSITORY), *arguments], capture_output=True, check=False)


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the files of the previous release."""
    tag = git("describe", "--tags", "--abbrev=0", "HEAD^")
    release = tag.stdout.decode().strip() if tag.returncode == 0 else FIRST
    archive = git("archive", release)
    assert archive.returncode == 0, f"{release} is not in this clone: `git fetch --unshallow --tags`"
    folder = tmp_path_factory.mktemp("earlier")
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.stdout, check=True)
    (folder / ".local").symlink_to(REPOSITORY / ".local", target_is_directory=True)
    return folder


@dataclass
class Cloud:
    """An account, a database, and the settings of both releases for them."""

    session: EmulatorSession
    variables: Mapping[str, str]
    environ: Mapping[str, str]
    ports: list[int]
    data: Path

    def outputs(self) -> Outputs:
        """Return the outputs of the stacks."""
        return environment_outputs(self.session, load_environment("local", self.variables))


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    data = tmp_path_factory.mktemp("upgrade")
    server = PrivateServer(data, MariaDb.find_or_fetch(print), durable=False)
    emulator_port, *ports = free_ports(3)
    emulator = MiniStack(data, emulator_port, os.environ)
    session, environ = EmulatorSession(emulator.endpoint_url), client_environ(emulator.endpoint_url)
    server.start()
    emulator.start()
    try:
        session.client("s3").create_bucket(Bucket=ARTIFACT_BUCKET)
        secret = f'{{"username": "{server.address.username}", "password": ""}}'
        secrets = session.client("secretsmanager")
        variables = {
            "ARTIFACT_BUCKET": ARTIFACT_BUCKET,
            "DATABASE_HOST": server.address.host,
            "DATABASE_PORT": str(server.address.port),
            "DATABASE_NAME": DATABASE_NAME,
            "GALLERY_ORIGIN": f"http://127.0.0.1:{ports[0]}",
            "MASTER_SECRET_ARN": secrets.create_secret(Name="master", SecretString=secret)["ARN"],
            "PLATFORM": "host",
            "SECURITY_GROUP_ID": "sg-00000000",  # parameters of the earlier release
            "SUBNET_ID": "subnet-00000000",
        }
        yield Cloud(session, variables, environ, ports, data)
    finally:
        emulator.stop()
        server.stop()


def deploy_earlier(folder: Path, cloud: Cloud) -> None:
    """Deploy with the code and the templates of the earlier release."""
    services = ("catalog", "imaging", "thumbnail", "annotate", "web")
    path = [str(folder / "services" / service) for service in services] + [str(folder / "infrastructure")]
    environ = {**os.environ, **cloud.environ, **cloud.variables, "PYTHONPATH": os.pathsep.join(path)}
    commands = ["plan", "apply"] if (folder / "infrastructure" / "deploy" / "plan.py").exists() else ["apply"]
    for command in commands:
        done = subprocess.run(
            [sys.executable, "-m", "deploy", command, "local"], env=environ, cwd=folder, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr


@contextmanager
def gallery_of(folder: Path, cloud: Cloud) -> Iterator[GalleryClient]:
    """Run the gallery of the earlier release as its instances do."""
    outputs = cloud.outputs()
    # Every release accepts the name of a function; the first ones accept nothing else.
    named = {stack: {**values, "FunctionArn": values.get("FunctionName", "")} for stack, values in outputs.items()}
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(str(folder / "services" / service) for service in ("catalog", "web")),
        **gallery_settings(cloud.session.endpoint_url, named),
    }
    port = cloud.ports[0]
    config = folder / "services" / "web" / "web" / "gunicorn.conf.py"
    command = [sys.executable, "-m", "gunicorn", "-c", str(config), "-b", f"127.0.0.1:{port}", "web.app:create_app()"]
    gallery = Child("earlier-gallery", cloud.data)
    gallery.start(command, environ, folder, lambda: http_problem(port, "/readyz"), SECONDS)
    try:
        yield GalleryClient(f"http://127.0.0.1:{port}")
    finally:
        gallery.stop()


@dataclass
class Visitors:
    """Users who constantly browse the gallery and upload photos, and the errors that they see."""

    gallery: GalleryClient
    responses: int = 0
    uploads: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @contextmanager
    def around(self) -> Iterator[None]:
        """Visit until the block ends."""
        over = threading.Event()
        threads = [threading.Thread(target=visit, args=(over,)) for visit in (self._look, self._upload)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            over.set()
            for thread in threads:
                thread.join()

    def _look(self, over: threading.Event) -> None:
        while not over.wait(REQUEST_EVERY_SECONDS):
            for path in ("/", "/api/images", "/readyz"):
                try:
                    requests.get(f"{self.gallery.url}{path}", timeout=10).raise_for_status()
                    self.responses += 1
                except requests.RequestException as error:
                    self.errors.append(str(error))

    def _upload(self, over: threading.Event) -> None:
        while not over.wait(UPLOAD_EVERY_SECONDS):
            try:
                self.uploads.append(self.gallery.upload(photos.jpeg(seed=len(self.uploads) + 10)))
            except (AssertionError, GalleryError) as error:
                self.errors.append(str(error))


def test_everything_survives_the_upgrade_and_every_request_succeeds(earlier: Path, cloud: Cloud) -> None:
    deploy_earlier(earlier, cloud)
    with gallery_of(earlier, cloud) as before:
        ids = [before.upload(photos.jpeg(seed=seed), f"{seed}.jpg") for seed in range(3)]
        seen = {image_id: before.wait(image_id) for image_id in ids}
        visitors = Visitors(before)
        with visitors.around():
            environment = load_environment("local", cloud.variables)
            deploy(cloud.session, environment, print)
            after = Gallery(
                cloud.data, cloud.ports[1]
            )  # like a rolling update: the new one starts before the old one stops
            after.start(gallery_settings(cloud.session.endpoint_url, cloud.outputs()))
        assert visitors.errors == []
        assert visitors.responses > 0
        assert visitors.uploads
    try:
        now = GalleryClient(after.url)
        for image_id, image in seen.items():
            assert without_new_fields(without_url(now.image(image_id)), image) == without_url(image)
            assert requests.get(now.wait(image_id)["thumbnail"]["url"], timeout=10).ok
        for image_id in [*visitors.uploads, now.upload(photos.jpeg(seed=99))]:
            image = now.wait(image_id)
            assert (image["thumbnail"]["status"], image["annotation"]["status"]) == ("ready", "ready")
        assert not make_plan(cloud.session, environment).changes_anything
    finally:
        after.stop()


def without_new_fields(image: dict[str, Any], earlier: dict[str, Any]) -> dict[str, Any]:
    """Return an image with the fields of an earlier release only."""
    return {**image, "annotation": {name: image["annotation"][name] for name in earlier["annotation"]}}


def without_url(image: dict[str, Any]) -> dict[str, Any]:
    """Return an image without its signed URL, which differs between processes."""
    return {**image, "thumbnail": {**image["thumbnail"], "url": None}}
