"""Functions on a schema that is one version newer or older than their release."""

from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any

import boto3
import pytest

from annotate.config import AnnotateSettings
from annotate.handler import Describer
from catalog import images
from catalog.bucket import Bucket
from catalog.database import Database, SchemaBehindError
from catalog.finder import find
from catalog.schema import Migration, own_migrations
from catalog.search import parse
from catalog_functions.custom_resource import MigrationSettings, apply
from catalog_functions.sweeper import Sweeper
from catalog_functions.topic import Topic
from support import photos
from support.uploads import put_upload
from thumbnail.handler import Thumbnailer

BUCKET = "photos"
NEXT = Migration(
    "9999_next",
    """ALTER TABLE image ADD COLUMN place VARCHAR(100) NULL, ADD COLUMN stars TINYINT UNSIGNED NOT NULL DEFAULT 0;
       CREATE TABLE album (id CHAR(36) NOT NULL PRIMARY KEY);""",
)
"""An expanding migration of a later release."""
FIRST, *LATER = own_migrations()


class Functions:
    """All functions of this release with one bucket and one database."""

    def __init__(self, settings: MigrationSettings) -> None:
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        bucket = Bucket(BUCKET, s3)
        topic = boto3.client("sns").create_topic(Name="uploads")["TopicArn"]
        where: dict[str, Any] = {field.name: getattr(settings, field.name) for field in fields(settings)}
        where["database_secret_arn"] = where.pop("application_secret_arn")
        annotate = AnnotateSettings(**where, bucket_name=BUCKET)
        self.database = Database(annotate)
        self._thumbnailer = Thumbnailer(bucket, self.database)
        self._describer = Describer(annotate, bucket, self.database)
        self._sweeper = Sweeper(bucket, Topic(boto3.client("sns"), topic, BUCKET), self.database)
        self.photo = put_upload(BUCKET, photos.jpeg(64, 48))

    def thumbnail(self) -> None:
        self._thumbnailer.process(self.photo)

    def annotate(self) -> None:
        self._describer.process(self.photo, 240)

    def sweep(self) -> None:
        self._sweeper.run()

    def row(self) -> images.Image | None:
        return self.database.run(lambda connection: images.get(connection, self.photo))


FUNCTIONS = [Functions.thumbnail, Functions.annotate, Functions.sweep]


@pytest.fixture
def functions(migration_settings: MigrationSettings) -> Iterator[Functions]:
    functions = Functions(migration_settings)
    yield functions
    functions.database.close()


def bring_to(settings: MigrationSettings, migrations: list[Migration]) -> None:
    """Create a database with some migrations, and grant the application's user access to it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("catalog_functions.migrate.own_migrations", lambda: migrations)
        apply(settings)


def test_an_older_release_works_on_a_newer_schema(migration_settings: MigrationSettings, functions: Functions) -> None:
    bring_to(migration_settings, [*own_migrations(), NEXT])
    for function in FUNCTIONS:
        function(functions)
    row = functions.row()
    assert row is not None
    assert (row.thumbnail_status, row.annotation_status) == ("ready", "ready")
    functions.database.run(lambda connection: images.edit(connection, row.id, caption="Mine"))
    found = functions.database.run(lambda connection: find(connection, parse("mine"), 10))
    assert found.images == [functions.row()]


def test_an_older_release_leaves_the_migrations_of_a_newer_one_alone(migration_settings: MigrationSettings) -> None:
    bring_to(migration_settings, [*own_migrations(), NEXT])
    assert apply(migration_settings) == []


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_newer_release_on_an_older_schema_names_the_migration_and_works_once_it_is_applied(
    migration_settings: MigrationSettings, functions: Functions, function: Callable[[Functions], None]
) -> None:
    bring_to(migration_settings, [FIRST])
    with pytest.raises(SchemaBehindError, match=f"lacks {', '.join(migration.name for migration in LATER)}"):
        function(functions)
    apply(migration_settings)
    row = functions.row()
    assert row is None or (row.thumbnail_status, row.annotation_status) == ("pending", "pending")
    function(functions)


def test_a_database_without_a_schema_lacks_every_migration(
    migration_settings: MigrationSettings, functions: Functions
) -> None:
    bring_to(migration_settings, [])
    with pytest.raises(SchemaBehindError, match=", ".join(migration.name for migration in own_migrations())):
        functions.thumbnail()
