"""Connections to the database: over a socket and TCP, with and without TLS, and after the server closed them."""

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import certifi
import pymysql
import pytest
import trustme
from cryptography import x509

from catalog.database import AUTHORITIES, Database, DatabaseSettings, DatabaseUnavailableError, connect
from catalog.settings import ConfigurationError
from servers.database import PrivateServer
from servers.installation import Installation
from servers.ports import free_ports
from support.database_server import fetch, run_as_master, started
from support.http_server import running
from support.migration import APPLICATION_USER
from support.relay import Relay


@pytest.fixture
def over_tcp(database: Database, programs: Installation) -> Iterator[DatabaseSettings]:
    """Describe the tests' server, which has no TLS, with a host and a port."""
    settings = DatabaseSettings.from_environ(os.environ)
    with running(Relay(settings.database_host)) as server:
        yield replace(settings, database_host="127.0.0.1", database_port=server.port)


def answer(settings: DatabaseSettings) -> object:
    with closing(Database(settings)) as database, database.connection() as connection:
        return fetch(connection, "SELECT 42")


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
    """A database server with a certificate."""

    def __init__(self, folder: Path, installation: Installation, certificate: trustme.LeafCert) -> None:
        super().__init__(folder, installation, durable=False)
        self._pem = folder / "server.pem"
        certificate.private_key_and_cert_chain_pem.write_to_path(self._pem)

    def _command(self, tables: Path) -> list[str]:
        return [*super()._command(tables), f"--ssl-cert={self._pem}", f"--ssl-key={self._pem}"]


@dataclass(frozen=True)
class Tls:
    """A server with TLS on a port, and the CA files of its authority and of another one."""

    port: int
    authority: str
    other: str

    def cipher(self, ca_file: str, host: str = "127.0.0.1") -> str:
        """Connect and return the cipher of the connection; empty without encryption."""
        settings = DatabaseSettings(
            database_host=host,
            database_port=self.port,
            database_name="",
            database_secret_arn="",
            database_ca_file=ca_file,
        )
        with closing(connect(settings, APPLICATION_USER)) as connection:
            return str(fetch(connection, "SHOW SESSION STATUS LIKE 'Ssl_cipher'")[1])


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory, programs: Installation) -> Iterator[Tls]:
    folder = tmp_path_factory.mktemp("tls")
    authorities = {folder / f"{name}.pem": trustme.CA() for name in ("authority", "other")}
    for file, authority in authorities.items():
        authority.cert_pem.write_to_path(file)
    certificate = next(iter(authorities.values())).issue_cert("127.0.0.1")
    with started(TlsServer(folder, programs, certificate)) as server, running(Relay(server.address.host)) as relay:
        user, password = APPLICATION_USER.username, APPLICATION_USER.password
        run_as_master(server.address, f"CREATE USER {user}@'%' IDENTIFIED BY '{password}' REQUIRE SSL")
        yield Tls(relay.port, *map(str, authorities))


def test_a_server_of_the_given_authority_is_accepted(tls: Tls) -> None:
    assert tls.cipher(tls.authority)


def test_a_server_of_another_authority_is_refused(tls: Tls) -> None:
    with pytest.raises(pymysql.err.OperationalError, match="CERTIFICATE_VERIFY_FAILED"):
        tls.cipher(tls.other)


def test_a_server_with_a_certificate_for_another_name_is_refused(tls: Tls) -> None:
    with pytest.raises(pymysql.err.OperationalError, match="certificate is not valid for 'localhost'"):
        tls.cipher(tls.authority, host="localhost")


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
    (port,) = free_ports(1)
    with pytest.raises(DatabaseUnavailableError):
        answer(replace(over_tcp, database_port=port))


def test_a_killed_connection_is_replaced(database: Database) -> None:
    with database.connection() as connection:
        (number,) = fetch(connection, "SELECT CONNECTION_ID()")
    with closing(Database(DatabaseSettings.from_environ(os.environ))) as other, other.connection() as connection:
        connection.cursor().execute(f"KILL {number}")
    with database.connection() as connection:
        assert fetch(connection, "SELECT 42") == (42,)
