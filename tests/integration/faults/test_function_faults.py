"""Whatever happens to a working function, its photo ends in the right state."""

import io
import resource
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from PIL import Image

from deploy.environment import INFRASTRUCTURE
from deploy.template import Template
from integration.faults.invariant import ready, settled
from integration.faults.pictures import Photo, Picture
from integration.faults.processes import kill_function, processes_of
from integration.faults.world import World
from localstack_executor.log_metrics import metric_data
from support import photos
from support.packages import package_place, read_package
from support.releases import point_to, release_code
from support.waiting import wait_until

LONGER_THAN_A_TEST = 60.0
READING = {"service": "s3", "operation": "GetObject"}


@pytest.fixture
def waiting_for_gemini(world: World) -> Photo:
    """Upload a photo, and wait until annotate waits for its description."""
    (photo,) = world.upload_slow(seconds=LONGER_THAN_A_TEST)
    return photo


@pytest.fixture
def being_read(world: World) -> list[Photo]:
    """Upload a photo, and wait until both functions are reading it."""
    world.proxy.fail({**READING, "latency": LONGER_THAN_A_TEST * 1000, "times": 2})
    uploaded = world.upload()
    wait_until(lambda: len(world.proxy.fired()) == 2, "not both functions have read the photo")
    return uploaded


def test_a_function_killed_while_gemini_responds_leaves_nothing_undone(world: World, waiting_for_gemini: Photo) -> None:
    kill_function(world, "annotate")
    world.verify([waiting_for_gemini])


def test_a_hanging_function_killed_by_the_platform_leaves_nothing_undone(
    world: World, waiting_for_gemini: Photo
) -> None:
    for process in processes_of(world, "annotate"):
        process.suspend()  # so that its own timeout cannot work
    world.verify([waiting_for_gemini])


def test_functions_killed_while_they_read_a_photo_leave_nothing_undone(world: World, being_read: list[Photo]) -> None:
    for name in ("thumbnail", "annotate"):
        kill_function(world, name)
    world.verify(being_read)


def test_functions_that_time_out_leave_nothing_undone(world: World, being_read: list[Photo]) -> None:
    world.verify(being_read)


def test_a_photo_that_exceeded_the_memory_is_repaired_by_retry(world: World) -> None:
    world.verify(world.upload())  # so that idle processes exist
    processes = processes_of(world, "thumbnail")
    for process in processes:
        enough = process.memory_info().vms + 16 * 1024**2
        process.rlimit(resource.RLIMIT_AS, (enough, resource.RLIM_INFINITY))
    picture = Picture()
    large = photos.encoded(Image.new("RGB", (4000, 3000), picture.colour), "PNG")
    photo = Photo(world.gallery.upload(large, content_type="image/png"), picture)
    wait_until(lambda: settled(world.row(photo)), "the photo is still pending")
    assert not ready(world.row(photo))
    for process in processes:
        process.rlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    world.verify([photo])


@contextmanager
def release_of(world: World, name: str, archive: bytes) -> Iterator[None]:
    """Route events to a release with this package until the block ends."""
    functions, function = world.client("lambda"), world.function(name)
    before = release_code(functions, function, ZipFile=archive)
    try:
        yield
    finally:
        point_to(functions, function, before)
        bucket, key = package_place(world, world.cloud, name)
        functions.update_function_code(FunctionName=function, S3Bucket=bucket, S3Key=key)


def package(files: dict[str, str], base: bytes = b"") -> bytes:
    """Return a package with these files after those of another one."""
    archive = io.BytesIO(base)
    with zipfile.ZipFile(archive, "a") as opened:
        for path, text in files.items():
            opened.writestr(path, text)
    return archive.getvalue()


def unimportable(name: str) -> bytes:
    """Return a package whose handler cannot be imported."""
    return package({f"{name}/__init__.py": "", f"{name}/handler.py": "import a_missing_package\n"})


def with_bug(world: World, name: str, path: str, function: str) -> bytes:
    """Return a Lambda function's package in which one Python function always fails."""
    own = read_package(world, world.cloud, name)
    sound = zipfile.ZipFile(io.BytesIO(own)).read(path).decode()
    bug = f"\n\ndef {function}(*_):\n    raise ZeroDivisionError(id(_))\n"
    kept = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(own)) as old, zipfile.ZipFile(kept, "w") as new:
        for info in old.infolist():
            if info.filename != path:
                new.writestr(info, old.read(info))
    return package({path: sound + bug}, kept.getvalue())


@pytest.mark.parametrize(("name", "by_redriving"), [("thumbnail", True), ("annotate", False)])
def test_a_broken_release_is_rolled_back_and_its_photos_are_repaired(
    world: World, name: str, by_redriving: bool
) -> None:
    with release_of(world, name, unimportable(name)):
        uploaded = world.upload(2)
        world.wait_idle()
        assert {photo.id for photo in uploaded} <= set(world.dead_letters()[name])
        assert not any(ready(world.row(photo)) for photo in uploaded)
    if by_redriving:
        world.redrive()
        assert all(ready(world.row(photo)) for photo in uploaded)
    world.verify(uploaded)


@pytest.mark.parametrize(
    ("name", "path", "function"),
    [("thumbnail", "thumbnail/resize.py", "_webp"), ("annotate", "annotate/gemini/client.py", "_jpeg")],
)
def test_photos_fail_at_the_third_error_which_raises_an_alarm_and_are_repaired_by_retry(
    world: World, name: str, path: str, function: str
) -> None:
    with release_of(world, name, with_bug(world, name, path, function)):
        (photo,) = world.upload()
        wait_until(lambda: settled(world.row(photo)), "the photo is still pending")
        world.wait_idle()
        assert not ready(world.row(photo))
        assert world.dead_letters() == {}
        assert repeated_errors(world, name) == [1.0]
    world.verify([photo])


def repeated_errors(world: World, name: str) -> list[float]:
    """Return the values that the alarm's metric filter extracts from a function's log since the test began."""
    properties = Template(INFRASTRUCTURE / "templates" / f"{name}.yaml").document["Resources"]["RepeatedErrors"][
        "Properties"
    ]
    (transformation,) = properties["MetricTransformations"]
    described = {
        "filterPattern": properties["FilterPattern"],
        "metricTransformations": [{f"{key[0].lower()}{key[1:]}": value for key, value in transformation.items()}],
    }
    return [point["Value"] for point in metric_data(described, world.log(name))]


def test_a_release_during_work_loses_and_repeats_nothing(world: World) -> None:
    before = world.upload_slow(2, seconds=3)
    world.release("annotate", {"LANGUAGE": "en-GB"})
    world.verify(before + world.upload(2))
