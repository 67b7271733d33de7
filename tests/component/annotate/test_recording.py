"""A paid answer is recorded even if the real database restarts at that moment."""

from collections.abc import Callable, Iterator

import boto3
import pytest

from annotate.config import AnnotateSettings
from annotate.handler import Describer
from catalog.bucket import Bucket
from catalog.database import Database, DatabaseUnavailableError
from catalog_functions.custom_resource import apply
from servers.database import PrivateServer
from servers.installation import Installation
from support import migration, photos
from support.catalog_rows import row
from support.database_server import started
from support.gemini_server import GeminiServer, Reply, Request, blocked, failure
from support.uploads import put_upload

BUCKET = "photos"

# PyMySQL does not close a unix socket when it cannot connect.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, programs: Installation) -> Iterator[PrivateServer]:
    with started(PrivateServer(tmp_path_factory.mktemp("server"), programs, durable=False)) as server:
        yield server


@pytest.fixture
def settings(aws: None, server: PrivateServer) -> AnnotateSettings:
    migrated = migration.settings(server.address, "gallery")
    apply(migrated)
    return AnnotateSettings(
        database_host=migrated.database_host,
        database_port=migrated.database_port,
        database_name=migrated.database_name,
        database_secret_arn=migrated.application_secret_arn,
        bucket_name=BUCKET,
        gemini_api_key="AIza-the-key-of-the-tests",
    )


@pytest.fixture
def gemini(gemini: GeminiServer, server: PrivateServer, monkeypatch: pytest.MonkeyPatch) -> GeminiServer:
    """Stop the database during the first answer."""
    choose = gemini.choose

    def stop_and_choose(request: Request) -> Reply:
        if len(gemini.requests) == 1:
            server.stop()
        return choose(request)

    monkeypatch.setattr(gemini, "choose", stop_and_choose)
    return gemini


class Failover(Database):
    """A database whose server returns after this many seconds of sleep, which take no time."""

    def __init__(self, settings: AnnotateSettings, seconds: float, back: Callable[[], None]) -> None:
        self.slept = 0.0
        self._until = seconds
        self._back = back
        super().__init__(settings, sleep=self._pause, clock=lambda: self.slept)

    def _pause(self, seconds: float) -> None:
        before = self.slept
        self.slept += seconds
        if before < self._until <= self.slept:
            self._back()


@pytest.fixture
def database(settings: AnnotateSettings, server: PrivateServer) -> Iterator[Failover]:
    """A database whose failover takes 100 seconds."""
    database = Failover(settings, 100, server.start)
    yield database
    database.close()


@pytest.fixture
def photo(aws: None) -> str:
    boto3.client("s3").create_bucket(Bucket=BUCKET)
    return put_upload(BUCKET, photos.jpeg(640, 480))


def deliver(settings: AnnotateSettings, database: Database, photo: str) -> None:
    Describer(settings, Bucket(BUCKET), database).process(photo, 240)


@pytest.mark.parametrize(("replies", "status"), [([], "ready"), ([blocked("SAFETY")], "failed")])
def test_an_outcome_survives_a_failover_of_the_database(
    settings: AnnotateSettings, database: Failover, gemini: GeminiServer, photo: str, replies: list[Reply], status: str
) -> None:
    gemini.reply(*replies)
    deliver(settings, database, photo)
    assert (row(database, photo).annotation_status, len(gemini.requests)) == (status, 1)


def test_a_lease_is_released_after_a_failover_of_the_database(
    settings: AnnotateSettings, database: Failover, gemini: GeminiServer, photo: str
) -> None:
    gemini.reply(failure(503, "UNAVAILABLE", "The model is overloaded.", retry_after="999"))
    with pytest.raises(Exception, match="503"):
        deliver(settings, database, photo)
    deliver(settings, database, photo)
    assert (row(database, photo).annotation_status, len(gemini.requests)) == ("ready", 2)


def test_an_unavailable_database_is_given_up_before_lambda_stops_the_function(
    settings: AnnotateSettings, server: PrivateServer, gemini: GeminiServer, photo: str
) -> None:
    database = Failover(settings, 1000, server.start)
    with pytest.raises(DatabaseUnavailableError):
        deliver(settings, database, photo)
    assert 100 < database.slept < 2 * 240
    server.start()
    assert row(Database(settings), photo).annotation_status == "pending"
    database.close()
