"""The complete local cloud: starts database, emulator, stacks and gallery in order, and restarts what dies."""

import contextlib
import fcntl
import json
import shutil
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

import boto3
import psutil
from botocore.exceptions import BotoCoreError, ClientError

from deploy.apply import deploy
from deploy.environment import load_environment
from deploy.errors import DeployError
from local_cloud import LocalCloudError
from local_cloud.emulator import Emulator
from local_cloud.endpoint import Endpoint
from local_cloud.gallery import Gallery, gallery_settings
from local_cloud.localstack import LocalStack
from local_cloud.ministack import MiniStack
from local_cloud.session import EmulatorSession
from servers import REPOSITORY
from servers.database import Address, PrivateServer, external, make_private
from servers.mariadb import MariaDb
from servers.mysql import MySql
from servers.ports import check_free
from servers.processes import Child, find_noted, read_note, write_note

DATABASE_NAME = "gallery"
MASTER_SECRET = "local/database-master"  # noqa: S105 - its name
ARTIFACT_BUCKET = "gallery-local-artifacts"
MIN_FREE_BYTES = 1_000_000_000
DEATHS, DEATHS_SECONDS = 5, 60.0

Report = Callable[[str], None]
EmulatorName = Literal["ministack", "localstack"]
DatabaseName = Literal["mariadb", "mysql"]

FOLDERS: dict[DatabaseName, Path] = {"mariadb": REPOSITORY / ".local", "mysql": REPOSITORY / ".local" / "mysql-gallery"}
"""The data folder of the gallery on each database. Photos are in it, too, because only that database describes them."""


class AlreadyRunningError(LocalCloudError):
    """Another process uses the data folder; the message has the address of its gallery."""


class LocalCloud:
    """A cloud in a folder. Several can run side by side, with their own folders and ports."""

    def __init__(
        self,
        data: Path,
        gallery_port: int,
        emulator_port: int,
        environ: Mapping[str, str],
        emulator: EmulatorName = "ministack",
        database: DatabaseName = "mariadb",
    ) -> None:
        """Choose the folder, the ports, the emulator and the database.

        Args:
            data: the folder of all data.
            gallery_port: on the loopback.
            emulator_port: on the loopback.
            environ: the user's environment, with DATABASE_… and GEMINI_… settings. AWS_ENDPOINT_URL names a running
                emulator to use instead of starting one. Its functions run in containers if they can reach
                DATABASE_HOST from there, else on this machine.
            emulator: the emulator to start.
            database: the server to start, unless DATABASE_HOST names one.

        Raises:
            LocalCloudError, ServerError: a setting is invalid.
        """
        self._data = data.absolute()
        self._ports = {"PORT": gallery_port}
        self._external = external(environ)
        self._find_or_fetch = {"mariadb": MariaDb.find_or_fetch, "mysql": MySql.find_or_fetch}[database]
        self._server: PrivateServer | None = None
        self._emulator: Emulator | Endpoint
        self.platform = "host"
        if environ.get("AWS_ENDPOINT_URL"):
            self._emulator = Endpoint(environ["AWS_ENDPOINT_URL"])
            # Containers cannot reach a database on the loopback; with one, functions are processes here.
            if self._external and not self._external.is_loopback:
                self.platform = "container"
        else:
            self._ports["EMULATOR_PORT"] = emulator_port
            kind = {"ministack": MiniStack, "localstack": LocalStack}[emulator]
            self._emulator = kind(self._data, emulator_port, environ)
        self._gallery = Gallery(self._data, gallery_port)
        self._gallery_settings: dict[str, str] = {}
        self._lock: IO[bytes] | None = None
        self._deploying = False
        self._deaths: deque[float] = deque(maxlen=DEATHS)
        self.gallery_url = self._gallery.url
        self.endpoint_url = self._emulator.endpoint_url
        self.outputs: dict[str, dict[str, str]] = {}
        """The outputs of each stack by its name."""

    @property
    def processes(self) -> dict[str, Child]:
        """The child processes by name: gallery, and database and emulator unless others run them."""
        children = (self._server and self._server.child, self._emulator.child, self._gallery.child)
        return {child.name: child for child in children if child}

    def start(self, report: Report) -> None:
        """Start everything; if a part fails, stop the others again.

        Raises:
            AlreadyRunningError: a cloud is already running in this folder.
            LocalCloudError, ServerError: a part cannot be started.
        """
        make_private(self._data)
        self._lock = _lock(self._data)
        try:
            write_note(_note(self._data), psutil.Process(), url=self.gallery_url)
            if _stop_orphans(self._data):
                report("stopped orphaned processes of an earlier run")
            for setting, port in self._ports.items():
                check_free(port, setting)
            free = shutil.disk_usage(self._data).free
            if free < MIN_FREE_BYTES:
                raise LocalCloudError(f"Only {free // 1_000_000} MB are free in {self._data}; 1 GB is required.")
            self._start_servers(report)
            self._deploy(report)
            self._start_gallery(report)
            self._warm_up()
        except BaseException:
            self.stop()
            raise

    def restart(self, report: Report) -> bool:
        """Restart the processes that have died; return whether any had.

        A restarted emulator has lost its stacks, so they are deployed again.

        Raises:
            LocalCloudError, ServerError: retries are exhausted, or a process cannot be restarted.
        """
        dead = [child for child in self.processes.values() if child.exit_code() is not None]
        for child in dead:
            report(f"the {child.name} {_cause_of_death(child.exit_code())}; restarting it (log: {child.log})")
            self._deaths.append(time.monotonic())
            if len(self._deaths) == DEATHS and self._deaths[-1] - self._deaths[0] < DEATHS_SECONDS:
                raise LocalCloudError(
                    f"Processes died {DEATHS} times within a minute, last the {child.name}:\n{child.log_tail()}"
                )
        names = {child.name for child in dead}
        if self._server and "database" in names:
            self._server.start()
        if "emulator" in names:
            self._emulator.start()
            self._deploy(report)
        if "gallery" in names or (
            "emulator" in names and self._gallery_settings != gallery_settings(self.endpoint_url, self.outputs)
        ):
            self._gallery.stop()
            self._start_gallery(report)
        elif dead:
            report("everything is running again")
        return bool(dead)

    def stop(self) -> None:
        """Stop the gallery, then the emulator, which saves its state, then the database."""
        with contextlib.ExitStack() as steps:  # last in, first out; each runs even if another fails
            steps.callback(self._unlock)
            if self._server:
                steps.callback(self._server.stop)
            # A saved state would keep stacks that are only half deployed; the previous state is better.
            steps.callback(self._emulator.abandon if self._deploying else self._emulator.stop)
            steps.callback(self._gallery.stop)

    def _start_servers(self, report: Report) -> None:
        if self._external is None:
            self._server = PrivateServer(self._data, self._find_or_fetch(report))
        starting: list[Future[None]] = []
        try:
            with ThreadPoolExecutor() as pool:
                starting.append(pool.submit(self._emulator.start))
                if self._server:
                    starting.append(pool.submit(self._server.start))
        finally:
            wait(starting)  # also after an interrupt: nothing may start after the stop
        for future in starting:
            future.result()
        report(f"emulator ready at {self.endpoint_url}, database {'external' if self._external else 'ready'}")

    def _address(self) -> Address:
        if self._external:
            return self._external
        assert self._server is not None  # noqa: S101 - for the type checker: start() has made it
        return self._server.address

    def _deploy(self, report: Report) -> None:
        """Deploy environments/local.yaml to the emulator."""
        address = self._address()
        self._deploying = True
        try:
            session = EmulatorSession(self.endpoint_url)
            variables = {
                "DATABASE_HOST": address.host,
                "DATABASE_PORT": str(address.port),
                "DATABASE_NAME": DATABASE_NAME,
                "MASTER_SECRET_ARN": _store_secret(session, address),
                "GALLERY_ORIGIN": self.gallery_url,
                "ARTIFACT_BUCKET": _make_bucket(session),
                "PLATFORM": self.platform,
                **_default_network(session),
            }
            write_note(
                _note(self._data),
                psutil.Process(),
                url=self.gallery_url,
                endpoint_url=self.endpoint_url,
                variables=json.dumps(variables),
            )
            self.outputs = deploy(session, load_environment("local", variables), report)
            _delete_old_artifacts(session)
        except (DeployError, BotoCoreError, ClientError, OSError) as error:
            self._deploying = False
            raise LocalCloudError(f"The stacks cannot be deployed: {error}") from error
        self._deploying = False

    def _start_gallery(self, report: Report) -> None:
        self._gallery_settings = gallery_settings(self.endpoint_url, self.outputs)
        self._gallery.start(self._gallery_settings)
        report("gallery ready")

    def _warm_up(self) -> None:
        """Start each function in the background with an empty event, so that the first photo does not have to wait."""
        client = EmulatorSession(self.endpoint_url).client("lambda")
        for stack in ("thumbnail", "annotate"):
            name = self.outputs[stack]["FunctionName"]
            client.invoke(FunctionName=name, InvocationType="Event", Payload=json.dumps({"Records": []}))

    def _unlock(self) -> None:
        if self._lock is not None:
            _note(self._data).unlink(missing_ok=True)
            self._lock.close()
            self._lock = None


@dataclass(frozen=True)
class RunningCloud:
    """A cloud that another process runs: its emulator, and the variables of its environment file."""

    endpoint_url: str
    variables: Mapping[str, str]


def find_running(folders: Iterable[Path]) -> RunningCloud:
    """Return the cloud that runs in one of the folders.

    Raises:
        LocalCloudError: there is none, or it is still starting.
    """
    for note in map(_note, folders):
        if find_noted(note) is not None and "variables" in (found := read_note(note)):
            return RunningCloud(str(found["endpoint_url"]), json.loads(str(found["variables"])))
    raise LocalCloudError("No gallery is running here. `make up` starts one.")


def stop_running(data: Path, seconds: float = 90.0) -> bool:
    """Stop the cloud that another process runs in a folder, and orphaned processes of a killed one.

    Returns:
        Whether anything was running.

    Raises:
        LocalCloudError: it does not stop in time.
    """
    data = data.absolute()
    if not data.is_dir():
        return False
    found = False
    deadline = time.monotonic() + seconds
    while True:
        try:
            lock = _lock(data)
        except AlreadyRunningError as error:
            supervisor = find_noted(_note(data))
            if supervisor is not None and not found:
                supervisor.terminate()
                found = True
            if time.monotonic() > deadline:
                raise LocalCloudError(f"The gallery does not stop. {error}") from error
            time.sleep(0.1)
            continue
        with lock:
            _note(data).unlink(missing_ok=True)
            return _stop_orphans(data) or found


def _lock(data: Path) -> IO[bytes]:
    """Lock the folder for this process until the result is closed; a killed process loses its lock."""
    lock = (data / "lock").open("wb")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        url = read_note(_note(data)).get("url", "starting up")
        raise AlreadyRunningError(f"A gallery is already running here: {url}. `make down` stops it.") from None
    return lock


def _note(data: Path) -> Path:
    return data / "run" / "supervisor.json"


def _stop_orphans(data: Path) -> bool:
    """Stop the orphaned children of a killed supervisor, in order; return whether there were any."""
    stopped = [Child(name, data).clear() for name in ("gallery", "emulator", "database")]
    return any(stopped)


def _store_secret(session: boto3.Session, address: Address) -> str:
    """Store the master user where the catalog function reads it; return the ARN of the secret."""
    secrets = session.client("secretsmanager")
    value = json.dumps({"username": address.username, "password": address.password})
    try:
        return secrets.create_secret(Name=MASTER_SECRET, SecretString=value)["ARN"]
    except secrets.exceptions.ResourceExistsException:
        return secrets.put_secret_value(SecretId=MASTER_SECRET, SecretString=value)["ARN"]


def _default_network(session: boto3.Session) -> dict[str, str]:
    """Return an existing subnet and security group: functions must name some, although they have no effect here."""
    ec2 = session.client("ec2")
    return {
        "SUBNET_ID": min(subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"]),
        "SECURITY_GROUP_ID": min(group["GroupId"] for group in ec2.describe_security_groups()["SecurityGroups"]),
    }


def _make_bucket(session: boto3.Session) -> str:
    s3 = session.client("s3")
    with contextlib.suppress(s3.exceptions.BucketAlreadyOwnedByYou):
        s3.create_bucket(Bucket=ARTIFACT_BUCKET)
    return ARTIFACT_BUCKET


def _delete_old_artifacts(session: boto3.Session) -> None:
    """Delete the artifacts that no stack uses: they are large, and every change of a service creates one."""
    stacks = session.client("cloudformation").describe_stacks()["Stacks"]
    used = {parameter.get("ParameterValue") for stack in stacks for parameter in stack.get("Parameters", [])}
    for stored in session.resource("s3").Bucket(ARTIFACT_BUCKET).objects.all():
        if stored.key not in used:
            stored.delete()


def _cause_of_death(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        return f"was killed by signal {-exit_code}"
    return f"ended with exit code {exit_code}"
