"""An instance boots the gallery with only the user data of its launch template, without internet access."""

import io
import json
import stat
import tomllib
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import boto3
import pytest

from deploy.package import SERVICES
from infrastructure.boot.instance import Instance
from infrastructure.boot.stack import ARTIFACTS, DATABASE_PORT, Boot
from servers.database import Address
from support.database_server import run_as_master
from support.migration import APPLICATION_USER

READY = (200, '{"status":"ok"}\n')
VERSION = tomllib.loads((SERVICES / "web" / "pyproject.toml").read_text())["project"]["version"]
ALIVE = (200, f'{{"status":"ok","version":"{VERSION}"}}\n')
Migrate = Callable[[str], str]


@pytest.fixture(scope="module")
def instance(boot: Boot, bundle: str, migrate: Migrate) -> Instance:
    """Boot an instance with a migrated database."""
    instance = boot(ArtifactKey=bundle, DatabaseName="instances", DatabaseSecretArn=migrate("instances"))
    instance.wait_for(instance.booted)
    return instance


def test_an_instance_serves_the_gallery(instance: Instance) -> None:
    assert instance.get("/readyz") == READY
    assert instance.get("/healthz") == ALIVE
    status, page = instance.get("/")
    assert status == 200
    assert "<html" in page


def test_success_is_signalled_once(instance: Instance) -> None:
    (signal,) = instance.signals()
    assert signal["--success"] == "true"
    assert signal["--resource"] == "Group"
    assert signal["--region"] == "us-east-1"


def test_an_instance_needs_only_its_loopback(instance: Instance) -> None:
    _, _, *interfaces = instance.file("/proc/1/net/dev").read_text(encoding="ascii").splitlines()
    assert [line.split(":")[0].strip() for line in interfaces] == ["lo"]


def test_the_service_runs_as_its_own_user_without_login(instance: Instance) -> None:
    users = [line.split(":") for line in instance.file("/etc/passwd").read_text(encoding="utf-8").splitlines()]
    (user,) = (fields for fields in users if fields[0] == "gallery")
    assert user[-1] == "/usr/sbin/nologin"
    assert {process.uids().real for process in instance.gallery()} == {int(user[2])}
    assert int(user[2]) != 0


def test_the_service_cannot_gain_privileges(instance: Instance) -> None:
    for process in instance.gallery():
        lines = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8").splitlines()
        status = dict(line.split(":\t", 1) for line in lines)
        assert status["NoNewPrivs"] == "1"
        assert int(status["CapBnd"], 16) == 0
        assert status["Seccomp"].strip() == "2"  # a filter


def test_the_service_cannot_change_the_files_of_the_instance(instance: Instance) -> None:
    for process in instance.gallery():
        mounts = Path(f"/proc/{process.pid}/mounts").read_text(encoding="utf-8").splitlines()
        (root,) = (options for _, place, _, options, *_ in map(str.split, mounts) if place == "/")
        assert "ro" in root.split(",")


def test_only_root_can_read_the_settings_and_they_contain_no_secret(instance: Instance) -> None:
    settings = instance.file("/etc/gallery.env")
    assert (settings.stat().st_uid, stat.S_IMODE(settings.stat().st_mode)) == (0, 0o600)
    assert APPLICATION_USER.password not in settings.read_text(encoding="utf-8")


def test_the_agent_sends_the_logs_of_the_service(instance: Instance) -> None:
    files = json.loads(instance.agent_configuration())["logs"]["logs_collected"]["files"]["collect_list"]
    log = instance.file(files[0]["file_path"]).read_text(encoding="utf-8")
    assert '"GET /readyz HTTP/1.1" 200' in log
    assert "ERROR" not in log
    assert files[1]["file_path"] == "/var/log/cloud-init-output.log"
    groups = boto3.client("logs").describe_log_groups()["logGroups"]
    assert {file["log_group_name"] for file in files} <= {group["logGroupName"] for group in groups}


def test_the_service_restarts_after_it_was_killed(instance: Instance) -> None:
    before = instance.gallery()
    for process in before:
        process.kill()
    instance.wait_for(lambda: bool(instance.gallery()) and not set(before) & set(instance.gallery()))
    instance.wait_for(lambda: instance.answers('{"status":"ok"}'))


def test_a_stopped_gallery_finishes_its_requests(instance: Instance) -> None:
    body = b'{"filename": "kite.jpg", "content_type": "image/jpeg", "bytes": 1234}'
    with closing(instance.connect()) as slow:
        slow.putrequest("POST", "/api/uploads")
        slow.putheader("Content-Type", "application/json")
        slow.putheader("Content-Length", str(len(body)))
        slow.endheaders(body[:10])
        with instance.run("systemctl", "stop", "gallery") as stop:
            instance.wait_for(lambda: instance.answers("This process is stopping."))
            assert instance.get("/healthz") == ALIVE
            slow.send(body[10:])
            assert slow.getresponse().status == 201
        assert stop.returncode == 0
    with instance.run("systemctl", "is-failed", "gallery") as failed:
        pass
    assert failed.returncode != 0
    with instance.run("systemctl", "start", "gallery"):
        pass
    instance.wait_for(lambda: instance.answers('{"status":"ok"}'))


def not_a_zip(_: bytes) -> bytes:
    return b"this is not a bundle"


def broken_application(bundle: bytes) -> bytes:
    broken = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(bundle)) as whole, zipfile.ZipFile(broken, "w") as archive:
        for name in whole.namelist():
            archive.writestr(name, b"import a_missing_module" if name == "web/app.py" else whole.read(name))
    return broken.getvalue()


@pytest.mark.parametrize(
    ("breaks", "reason"),
    [
        (not_a_zip, "Installing the bundle web/broken.zip failed with exit code 1."),
        (broken_application, "Waiting for the gallery to be ready failed with exit code 1. The service ended again"),
    ],
)
def test_a_broken_bundle_signals_a_failure_with_its_reason(
    breaks: Callable[[bytes], bytes], reason: str, boot: Boot, bundle: str, migrate: Migrate
) -> None:
    s3 = boto3.client("s3")
    whole = s3.get_object(Bucket=ARTIFACTS, Key=bundle)["Body"].read()
    s3.put_object(Bucket=ARTIFACTS, Key="web/broken.zip", Body=breaks(whole))
    instance = boot(ArtifactKey="web/broken.zip", DatabaseName="broken", DatabaseSecretArn=migrate("broken"))
    instance.wait_for(instance.booted)
    (signal,) = instance.signals()
    assert signal["--success"] == "false"
    assert signal["--reason"].startswith(reason)
    assert signal["--reason"] in instance.boot_log()


def test_success_is_signalled_only_with_a_database_and_its_schema(
    boot: Boot,
    bundle: str,
    migrate: Migrate,
    database_server: Address,
) -> None:
    secret = migrate("late")
    run_as_master(database_server, "DROP DATABASE late", "CREATE DATABASE late")
    instance = boot(ArtifactKey=bundle, DatabaseName="late", DatabaseSecretArn=secret, database=False)

    instance.wait_for(lambda: instance.answers("The database cannot be reached."))
    instance.serve(DATABASE_PORT, database_server.host)
    instance.wait_for(lambda: instance.answers("Migrations are missing in the database."))
    assert instance.signals() == []

    migrate("late")
    instance.wait_for(instance.booted)
    assert [signal["--success"] for signal in instance.signals()] == ["true"]
