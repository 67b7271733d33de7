"""Photos survive a restart and the death of any process. The Gemini key is used, and no file contains it."""

import os
import signal
from collections.abc import Iterator

import pytest
import requests

from deploy.commands.context import Context
from deploy.enqueue import AnnotationQueue, Queued, Request
from local_cloud.cloud import AlreadyRunningError, LocalCloud, find_running
from local_cloud.session import EmulatorSession
from servers.ports import free_ports
from support import photos
from support.gallery_client import GalleryClient
from support.gemini_server import GeminiServer
from support.running_cloud import running_cloud
from support.waiting import wait_until

KEY = "AQ.a-secret-test-key"


@pytest.fixture(scope="module")
def gemini_server() -> Iterator[GeminiServer]:
    with GeminiServer() as server:
        yield server


@pytest.fixture(scope="module")
def own_cloud(
    gemini_server: GeminiServer, tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> Iterator[LocalCloud]:
    environ = {"GEMINI_API_KEY": KEY, "GOOGLE_GEMINI_BASE_URL": gemini_server.url}
    database = pytestconfig.getoption("--database")
    with running_cloud(tmp_path_factory.mktemp("restart"), environ, database=database) as cloud:
        yield cloud


@pytest.fixture
def gallery(own_cloud: LocalCloud) -> GalleryClient:
    return GalleryClient(own_cloud.gallery_url)


def test_photos_captions_and_thumbnails_survive_a_restart_and_the_key_is_in_no_file(
    own_cloud: LocalCloud, gallery: GalleryClient, gemini_server: GeminiServer
) -> None:
    image_id = gallery.upload(photos.jpeg())
    before = gallery.wait(image_id)
    assert before["annotation"]["model"] == "gemini-3.5-flash-lite"
    assert [request.api_key for request in gemini_server.requests] == [KEY]
    own_cloud.stop()
    files = [path for path in own_cloud._data.rglob("*") if path.is_file()]
    assert files
    assert [path for path in files if KEY.encode() in path.read_bytes()] == []
    own_cloud.start(print)
    after = gallery.image(image_id)
    assert after["annotation"] == before["annotation"]
    assert requests.get(after["thumbnail"]["url"], timeout=10).headers["Content-Type"] == "image/webp"


@pytest.mark.parametrize("name", ["gallery", "database", "emulator"])
def test_nothing_is_lost_when_a_process_is_killed(own_cloud: LocalCloud, gallery: GalleryClient, name: str) -> None:
    image_id = gallery.upload(photos.jpeg())
    before = gallery.wait(image_id)
    victim = own_cloud.processes[name].pid
    assert victim is not None
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: own_cloud.restart(print), f"the dead {name} was not restarted")
    after = gallery.image(image_id)
    assert after["annotation"] == before["annotation"]
    assert requests.get(after["thumbnail"]["url"], timeout=10).ok
    later = gallery.wait(gallery.upload(photos.jpeg(seed=1)))
    assert (later["thumbnail"]["status"], later["annotation"]["status"]) == ("ready", "ready")


def test_operators_reach_the_running_gallery(own_cloud: LocalCloud) -> None:
    running = find_running([own_cloud._data])
    context = Context(EmulatorSession(running.endpoint_url), environ=running.variables)
    queue = AnnotationQueue(context.session, context.load("local"))
    assert queue.count(Request("retry", "id:none")) == Queued(0, None, applied=False)


def test_a_second_cloud_in_the_same_folder_is_refused(own_cloud: LocalCloud) -> None:
    gallery_port, emulator_port = free_ports(2)
    other = LocalCloud(own_cloud._data, gallery_port, emulator_port, {})
    with pytest.raises(AlreadyRunningError, match=own_cloud.gallery_url):
        other.start(print)
