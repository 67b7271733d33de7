"""The private database server: it is really started, in folders with awkward names."""

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pymysql
import pytest

from servers import ServerError
from servers.database import MAX_SOCKET_PATH_BYTES, Address, PrivateServer, external, make_private, socket_path
from servers.installation import Installation


@pytest.fixture
def server(tmp_path: Path, programs: Installation) -> Iterator[PrivateServer]:
    """Prepare a server in a folder whose name has a space."""
    server = PrivateServer(tmp_path / "my data", programs, durable=False)
    yield server
    server.stop()


def run(address: Address, statement: str) -> object:
    connection = pymysql.connect(unix_socket=address.host, user=address.username)
    with closing(connection), connection.cursor() as cursor:
        cursor.execute(statement)
        row = cursor.fetchone()
    return row[0] if row else None


def test_data_survive_a_restart(server: PrivateServer) -> None:
    server.start()
    run(server.address, "CREATE DATABASE kept")
    server.stop()
    assert server.problem()
    server.start()
    assert run(server.address, "SHOW DATABASES LIKE 'kept'") == "kept"


def test_it_listens_on_no_network_and_in_a_private_folder(server: PrivateServer) -> None:
    server.start()
    assert run(server.address, "SELECT @@skip_networking") == 1
    folder = Path(server.address.host).parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert psutil.Process(server.child.pid).net_connections("tcp") == []


def test_an_orphaned_server_is_replaced(server: PrivateServer, tmp_path: Path, programs: Installation) -> None:
    server.start()
    successor = PrivateServer(tmp_path / "my data", programs, durable=False)
    successor.start()
    assert server.child.exit_code() is not None
    assert run(successor.address, "SELECT 1") == 1
    successor.stop()


def test_a_killed_server_recovers(server: PrivateServer) -> None:
    server.start()
    run(server.address, "CREATE DATABASE kept")
    psutil.Process(server.child.pid).kill()
    server.start()
    assert run(server.address, "SHOW DATABASES LIKE 'kept'") == "kept"


def test_a_deep_folder_gets_a_socket_with_a_short_path(tmp_path: Path, programs: Installation) -> None:
    server = PrivateServer(tmp_path / ("deep" * 30), programs, durable=False)
    server.start()
    socket = Path(server.address.host)
    assert len(os.fsencode(socket)) <= MAX_SOCKET_PATH_BYTES
    assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
    assert run(server.address, "SELECT 1") == 1
    server.stop()
    assert not socket.parent.exists()


def test_the_socket_of_a_deep_folder_is_the_same_every_time(tmp_path: Path) -> None:
    folder = tmp_path / ("deep" * 30)
    assert socket_path(folder) == socket_path(folder) != socket_path(folder / "other")
    assert socket_path(folder).is_relative_to(tempfile.gettempdir())


def test_a_failed_start_shows_the_log(server: PrivateServer) -> None:
    server.start()
    server.stop()
    (Path(server.address.host).parent / "data" / "ibdata1").write_bytes(b"not a database")
    with pytest.raises(ServerError, match=r"did not start(.|\n)*database.log"):
        server.start()


def test_data_of_another_product_are_refused_and_kept(server: PrivateServer, tmp_path: Path) -> None:
    foreign = tmp_path / "my data" / "database" / "data" / "foreign"
    foreign.mkdir(parents=True)
    with pytest.raises(ServerError, match=f"data was not created by {server.product}; choose another data folder"):
        server.start()
    assert foreign.exists()


def test_a_link_instead_of_a_private_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ServerError, match="not a folder of this user"):
        make_private(tmp_path / "link")


def test_an_open_folder_becomes_private(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(mode=0o755)
    make_private(tmp_path / "open")
    assert stat.S_IMODE((tmp_path / "open").stat().st_mode) == 0o700


def test_the_environment_can_name_another_server() -> None:
    environ = {"DATABASE_HOST": "db.example", "DATABASE_PORT": "3307", "DATABASE_USER": "me", "DATABASE_PASSWORD": "x"}
    assert external(environ) == Address("db.example", 3307, "me", "x")
    assert external({}) is None
    assert "DATABASE_PASSWORD" not in repr(external(environ))


@pytest.mark.parametrize(
    ("settings", "named"),
    [({}, "DATABASE_USER"), ({"DATABASE_USER": "me", "DATABASE_PORT": "mysql"}, "DATABASE_PORT")],
)
def test_an_incomplete_description_of_another_server_is_refused(settings: dict[str, str], named: str) -> None:
    with pytest.raises(ServerError, match=named):
        external({"DATABASE_HOST": "db.example", **settings})
