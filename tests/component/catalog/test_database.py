"""Connections to the database: over a socket and TCP, with and without TLS, and after the server closed them."""

import os
import selectors
import socket
import socketserver
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import certifi
import pymysql
import pytest
import trustme
from cryptography import x509

from catalog.database import AUTHORITIES, Credentials, Database, DatabaseSettings, DatabaseUnavailableError, connect
from catalog.settings import ConfigurationError
from servers.database import PrivateServer
from servers.installation import Installation
from servers.ports import free_ports
from support.http_server import running


class Forwarder(socketserver.ThreadingTCPServer):
    """Forwards TCP connections to a unix socket."""

    daemon_threads = True

    def __init__(self, path: str) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.path = path
        self.port: int = self.socket.getsockname()[1]


class _Connection(socketserver.BaseRequestHandler):
    server: Forwarder

    def handle(self) -> None:
        with socket.socket(socket.AF_UNIX) as behind, selectors.DefaultSelector() as ready:
            behind.connect(self.server.path)
            ready.register(self.request, selectors.EVENT_READ, behind)
            ready.register(behind, selectors.EVENT_READ, self.request)
            while True:
                for key, _ in ready.select():
                    data = key.fileobj.recv(65536)  # type: ignore[union-attr]
                    if not data:
                        return
                    key.data.sendall(data)


@pytest.fixture
def over_tcp(database: Database, programs: Installation) -> Iterator[DatabaseSettings]:
    """Describe the tests' server, which has no TLS, with a host and a port."""
    settings = DatabaseSettings.from_environ(os.environ)
    with running(Forwarder(settings.database_host)) as server:
        yield replace(settings, database_host="127.0.0.1", database_port=server.port)


def answer(settings: DatabaseSettings) -> object:
    database = Database(settings)
    try:
        with database.connection() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT 42")
            return cursor.fetchone()
    finally:
        database.close()


def test_a_host_that_begins_with_a_slash_is_a_unix_socket(database: Database, programs: Installation) -> None:
    assert answer(DatabaseSettings.from_environ(os.environ)) == (42,)


def test_a_server_without_tls_is_accepted_without_a_ca_file(over_tcp: DatabaseSettings) -> None:
    assert answer(over_tcp) == (42,)


def test_a_server_without_tls_is_refused_with_a_ca_file(over_tcp: DatabaseSettings) -> None:
    with pytest.raises(DatabaseUnavailableError, match="SSL is required"):
        answer(replace(over_tcp, database_ca_file=certifi.where()))


@pytest.mark.parametrize("content", [None, "", "hello"], ids=["missing", "empty", "text"])
def test_an_unusable_ca_file_is_a_configuration_error(
    over_tcp: DatabaseSettings, tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "authorities.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ConfigurationError, match=f"DATABASE_CA_FILE cannot be used: {file}"):
        answer(replace(over_tcp, database_ca_file=str(file)))


class TlsServer(PrivateServer):
    """A database server on a loopback port, with a certificate."""

    def __init__(self, folder: Path, installation: Installation, port: int, certificate: trustme.LeafCert) -> None:
        super().__init__(folder, installation, durable=False)
        file = folder / "server.pem"
        certificate.private_key_and_cert_chain_pem.write_to_path(str(file))
        self._tls = (f"--port={port}", f"--ssl-cert={file}", f"--ssl-key={file}")

    def _command(self, tables: Path) -> list[str]:
        return [*super()._command(tables), "--skip-networking=OFF", "--bind-address=127.0.0.1", *self._tls]


@dataclass(frozen=True)
class Tls:
    """A server with TLS, the authority of its certificate, and another authority."""

    port: int
    user: Credentials
    authority: trustme.CA
    other: trustme.CA

    def cipher(self, ca_file: str, host: str = "127.0.0.1") -> str:
        """Connect and return the cipher of the connection; empty without encryption."""
        settings = DatabaseSettings(
            database_host=host,
            database_port=self.port,
            database_name="",
            database_secret_arn="",
            database_ca_file=ca_file,
        )
        connection = connect(settings, self.user)
        try:
            with connection.cursor() as cursor:
                cursor.execute("SHOW SESSION STATUS LIKE 'Ssl_cipher'")
                (_, cipher) = cursor.fetchone() or ("", "")
                return str(cipher)
        finally:
            connection.close()


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory, programs: Installation) -> Iterator[Tls]:
    folder = tmp_path_factory.mktemp("tls")
    authority, other = trustme.CA(), trustme.CA()
    (port,) = free_ports(1)
    server = TlsServer(folder, programs, port, authority.issue_cert("127.0.0.1"))
    server.start()
    try:
        user = Credentials("application", "of the tests")
        socket_settings = DatabaseSettings(database_host=server.address.host, database_name="", database_secret_arn="")
        master = connect(socket_settings, Credentials(server.address.username, server.address.password))
        with master.cursor() as cursor:
            cursor.execute("CREATE USER %s@'%%' IDENTIFIED BY %s REQUIRE SSL", (user.username, user.password))
        master.close()
        yield Tls(port, user, authority, other)
    finally:
        server.stop()


def test_a_server_of_the_given_authority_is_accepted(tls: Tls) -> None:
    with tls.authority.cert_pem.tempfile() as file:
        assert tls.cipher(file)


def test_a_server_of_another_authority_is_refused(tls: Tls) -> None:
    with (
        tls.other.cert_pem.tempfile() as file,
        pytest.raises(pymysql.err.OperationalError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        tls.cipher(file)


def test_a_server_with_a_certificate_for_another_name_is_refused(tls: Tls) -> None:
    with (
        tls.authority.cert_pem.tempfile() as file,
        pytest.raises(pymysql.err.OperationalError, match="certificate is not valid for 'localhost'"),
    ):
        tls.cipher(file, host="localhost")


def test_the_ca_file_can_be_one_of_the_package(tls: Tls) -> None:
    with pytest.raises(pymysql.err.OperationalError, match="CERTIFICATE_VERIFY_FAILED"):
        tls.cipher("rds-global-bundle.pem")


def test_the_rds_bundle_has_only_authorities_that_do_not_expire_soon() -> None:
    found = x509.load_pem_x509_certificates((AUTHORITIES / "rds-global-bundle.pem").read_bytes())
    assert len(found) > 80  # three key types per region
    next_year = datetime.now(UTC) + timedelta(days=365)
    for certificate in found:
        assert certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        assert certificate.not_valid_after_utc > next_year


def test_the_rds_bundle_passes_the_strict_checks_of_newer_pythons() -> None:
    """Python 3.13, which Lambda and the instances use, enforces RFC 5280 by default."""
    for certificate in x509.load_pem_x509_certificates((AUTHORITIES / "rds-global-bundle.pem").read_bytes()):
        extensions = certificate.extensions
        assert extensions.get_extension_for_class(x509.BasicConstraints).critical
        assert extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
        assert extensions.get_extension_for_class(x509.SubjectKeyIdentifier)


def test_an_unreachable_server_is_a_retryable_error(over_tcp: DatabaseSettings) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(DatabaseUnavailableError):
            answer(replace(over_tcp, database_port=port))


def test_a_killed_connection_is_replaced(database: Database) -> None:
    with database.connection() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT CONNECTION_ID()")
        (number,) = cursor.fetchone() or (None,)
    other = Database(DatabaseSettings.from_environ(os.environ))
    with other.connection() as connection, connection.cursor() as cursor:
        cursor.execute(f"KILL {number}")
    other.close()
    with database.connection() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 42")
        assert cursor.fetchone() == (42,)
