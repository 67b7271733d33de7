"""Migrations, on a real database as its master user."""

from collections.abc import Iterator
from typing import Any

import pymysql
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog import word_index
from catalog.database import connect, read_credentials
from catalog.finder import find
from catalog.keys import new_id
from catalog.schema import Migration, missing_migrations, own_migrations
from catalog.search import parse
from catalog.transaction import atomic
from catalog_functions.custom_resource import MigrationSettings
from catalog_functions.migrate import MigrationError, migrate, statements

FIRST = Migration("0001_first", "CREATE TABLE a (id INT); CREATE TABLE b (id INT);")
SECOND = Migration("0002_second", "ALTER TABLE a ADD COLUMN name VARCHAR(10);")
BROKEN = Migration("0002_second", "CREATE TABLE c (id INT); CREATE TABLE a (id INT);")


def tables(connection: Any) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SHOW TABLES")
        return {name for (name,) in cursor.fetchall()}


@pytest.fixture
def connection(migration_settings: MigrationSettings) -> Iterator[Any]:
    """Connect to an empty database as the master user."""
    user = read_credentials(migration_settings.database_secret_arn)
    connection = connect(migration_settings, user)
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {migration_settings.database_name}")
    connection.select_db(migration_settings.database_name)
    yield connection
    connection.close()


def test_an_empty_database_gets_every_migration(connection: Any) -> None:
    assert migrate(connection) == [migration.name for migration in own_migrations()]
    assert "image" in tables(connection)
    assert not missing_migrations(connection)


def test_a_second_run_has_nothing_to_do(connection: Any) -> None:
    migrate(connection, [FIRST])
    assert migrate(connection, [FIRST]) == []


def test_only_missing_migrations_are_applied(connection: Any) -> None:
    migrate(connection, [FIRST])
    assert migrate(connection, [FIRST, SECOND]) == ["0002_second"]


def test_an_older_release_does_not_change_a_newer_schema(connection: Any) -> None:
    migrate(connection, [FIRST, SECOND])
    assert migrate(connection, [FIRST]) == []


def test_an_edited_migration_is_refused(connection: Any) -> None:
    migrate(connection, [FIRST])
    with pytest.raises(MigrationError, match="0001_first was edited"):
        migrate(connection, [Migration(FIRST.name, "CREATE TABLE z (id INT);")])


def test_a_failed_migration_resumes_where_it_stopped(connection: Any) -> None:
    migrate(connection, [FIRST])
    with pytest.raises(pymysql.err.OperationalError):
        migrate(connection, [FIRST, BROKEN])
    assert "c" in tables(connection)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE a")
    assert migrate(connection, [FIRST, BROKEN]) == ["0002_second"]


def test_a_lost_connection_raises_its_own_error(connection: Any, migration_settings: MigrationSettings) -> None:
    migrate(connection, [FIRST])
    user = read_credentials(migration_settings.database_secret_arn)
    impatient = connect(
        migration_settings,
        user,
        migration_settings.database_name,
    )
    with pytest.raises(pymysql.err.OperationalError, match=r"[Ll]ost connection|gone away|killed|interrupted"):
        migrate(impatient, [FIRST, Migration("0002_lost", "KILL CONNECTION_ID();")])


def test_photos_of_an_older_release_are_found_before_and_after_they_are_indexed(connection: Any) -> None:
    insert = """INSERT INTO image (id, filename, content_type, bytes, etag, uploaded_at)
                VALUES (%s, 'with the kite.jpg', 'image/jpeg', 1, 'e1', NOW())"""
    before, after = new_id(), new_id()
    with connection.cursor() as cursor:
        migrate(connection, own_migrations()[:1])
        cursor.execute(insert, (before,))
        migrate(connection)
        cursor.execute(insert, (after,))  # a process of the first release is still running
        both = sorted((before, after), reverse=True)
        assert ids(connection, "with the") == both
        with atomic(connection):
            assert word_index.index_outdated(connection) == 2
        assert ids(connection, "with the") == both
        cursor.execute("UPDATE image SET filename = 'a cat.jpg' WHERE id = %s", (after,))  # and writes again
        assert ids(connection, "with the") == [before]
        assert ids(connection, "cat") == [after]
        cursor.execute("UPDATE image SET deleted_at = NOW() WHERE id = %s", (before,))
        assert ids(connection, "with the") == []


def ids(connection: Any, query: str) -> list[str]:
    return [image.id for image in find(connection, parse(query), 10).images]


def test_an_empty_database_is_not_current(connection: Any) -> None:
    assert missing_migrations(connection)


def test_a_schema_that_lacks_a_migration_is_not_current(connection: Any) -> None:
    migrate(connection, [FIRST])
    assert missing_migrations(connection)


def test_semicolons_in_quotes_and_comments_do_not_split() -> None:
    script = """
      -- a comment; with a semicolon
      INSERT INTO t VALUES ('a;b', "c;d", 'it''s', 'back\\'slash;');  # another; one
      /* and; more */ SELECT `odd;name` FROM t
    """
    assert statements(script) == [
        "INSERT INTO t VALUES ('a;b', \"c;d\", 'it''s', 'back\\'slash;')",
        "SELECT `odd;name` FROM t",
    ]


@given(st.lists(st.text(alphabet="abc '\"\\;-", max_size=10), max_size=5))
def test_quoted_text_is_unchanged(texts: list[str]) -> None:
    quoted = ["SELECT '" + text.replace("\\", "\\\\").replace("'", "''") + "'" for text in texts]
    assert statements(";\n".join(quoted)) == quoted
