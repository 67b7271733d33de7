"""A paid answer is recorded even if the real database restarts at that moment."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import boto3
import pytest

from annotate.config import AnnotateSettings
from annotate.handler import Describer
from catalog.bucket import Bucket
from catalog.database import Credentials, Database, DatabaseUnavailableError
from catalog.keys import new_id, upload_key
from catalog_functions.custom_resource import MigrationSettings, apply
from servers.database import PrivateServer
from servers.installation import Installation
from support import photos
from support.catalog_rows import row
from support.gemini_server import GeminiServer, Reply, Request, blocked, failure

BUCKET = "photos"

# PyMySQL does not close a unix socket when it cannot connect.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


@dataclass
class GeminiThatStopsTheDatabase(GeminiServer):
    """Stops the database during the first answer."""

    stop: Callable[[], None] = lambda: None

    def choose(self, request: Request) -> Reply:
        if len(self.requests) == 1:
            self.stop()
        return super().choose(request)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, programs: Installation) -> Iterator[PrivateServer]:
    server = PrivateServer(tmp_path_factory.mktemp("server"), programs, durable=False)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def settings(aws: None, server: PrivateServer) -> AnnotateSettings:
    application = Credentials("application", "of the tests")
    migration = MigrationSettings(
        database_host=server.address.host,
        database_name="gallery",
        database_secret_arn=_secret(Credentials(server.address.username, server.address.password)),
        application_secret_arn=_secret(application),
    )
    apply(migration)
    return AnnotateSettings(
        database_host=migration.database_host,
        database_name=migration.database_name,
        database_secret_arn=migration.application_secret_arn,
        bucket_name=BUCKET,
        gemini_api_key="AIza-the-key-of-the-tests",
    )


def _secret(user: Credentials) -> str:
    value = json.dumps({"username": user.username, "password": user.password})
    return boto3.client("secretsmanager").create_secret(Name=f"secret-{new_id()}", SecretString=value)["ARN"]


@pytest.fixture
def gemini(server: PrivateServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[GeminiServer]:
    monkeypatch.setattr("google.genai._api_client.has_aiohttp", False)
    with GeminiThatStopsTheDatabase(stop=server.stop) as gemini:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", gemini.url)
        yield gemini


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


def deliver(settings: AnnotateSettings, database: Database, photo: str) -> None:
    Describer(settings, Bucket(BUCKET), database).process(photo, 240)


@pytest.fixture
def photo(aws: None) -> str:
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    photo = new_id()
    s3.put_object(Bucket=BUCKET, Key=upload_key(photo), Body=photos.jpeg(640, 480))
    return photo


def test_a_description_outlives_a_failover_of_the_database(
    settings: AnnotateSettings, server: PrivateServer, gemini: GeminiServer, photo: str
) -> None:
    database = Failover(settings, 100, server.start)
    deliver(settings, database, photo)
    assert (row(database, photo).annotation_status, len(gemini.requests)) == ("ready", 1)
    database.close()


def test_a_refusal_outlives_a_failover_of_the_database(
    settings: AnnotateSettings, server: PrivateServer, gemini: GeminiServer, photo: str
) -> None:
    gemini.reply(blocked("SAFETY"))
    database = Failover(settings, 100, server.start)
    deliver(settings, database, photo)
    assert (row(database, photo).annotation_status, len(gemini.requests)) == ("failed", 1)
    database.close()


def test_a_lease_is_released_after_a_failover_of_the_database(
    settings: AnnotateSettings, server: PrivateServer, gemini: GeminiServer, photo: str
) -> None:
    gemini.reply(failure(503, "UNAVAILABLE", "The model is overloaded.", retry_after="999"))
    database = Failover(settings, 100, server.start)
    with pytest.raises(Exception, match="503"):
        deliver(settings, database, photo)
    deliver(settings, database, photo)
    assert (row(database, photo).annotation_status, len(gemini.requests)) == ("ready", 2)
    database.close()


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
