"""Database instances of the emulator: each is a real server, and its master user is stored in a secret."""

import json
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pymysql
import pytest
import yaml

from local_cloud.emulator import Emulator
from support.emulated_account import Account, failing
from support.running_cloud import running_emulator
from support.waiting import wait_until


def instance(**properties: Any) -> dict[str, Any]:
    """Return a template of one instance."""
    template: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("database_instance.yaml").read_text())
    template["Resources"]["Instance"]["Properties"] |= properties
    return template


def run(account: Account, outputs: dict[str, str], statement: str) -> Any:
    """Run a statement as the master user of the secret, and return its rows."""
    value = account.client("secretsmanager").get_secret_value(SecretId=outputs["Secret"])["SecretString"]
    user = json.loads(value)
    connection = pymysql.connect(
        unix_socket=outputs["Host"], user=user["username"], password=user["password"], autocommit=True
    )
    with closing(connection), connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def servers(folder: Path) -> list[psutil.Process]:
    """Return the running servers with data below a folder."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        is_server = any(part.startswith(f"--datadir={folder}/") for part in process.info["cmdline"] or [])
        if is_server and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


@pytest.fixture(scope="module")
def database(emulator: Emulator) -> Iterator[dict[str, str]]:
    """Create an instance and return the outputs of its stack."""
    account = Account(emulator.endpoint_url)
    yield account.deploy("shared-database", instance(DBName="photos")).outputs
    account.delete("shared-database")


def test_the_endpoint_accepts_the_master_user_of_the_secret(account: Account, database: dict[str, str]) -> None:
    assert database["Host"].startswith("/")
    assert database["Port"] == "3306"
    assert run(account, database, "SELECT CURRENT_USER()") == (("admin@%",),)


def test_the_database_of_the_template_exists(account: Account, database: dict[str, str]) -> None:
    assert run(account, database, "SHOW DATABASES LIKE 'photos'") == (("photos",),)


def test_the_master_user_may_create_databases_and_users_but_is_not_a_superuser(
    account: Account, database: dict[str, str]
) -> None:
    run(account, database, "CREATE DATABASE more")
    run(account, database, "CREATE USER reader@'%' IDENTIFIED BY 'secret'")
    run(account, database, "GRANT SELECT ON more.* TO reader@'%'")
    with pytest.raises(pymysql.OperationalError, match="SUPER"):
        run(account, database, "SET GLOBAL max_connections = 7")


def test_a_wrong_password_is_refused(database: dict[str, str]) -> None:
    with pytest.raises(pymysql.OperationalError, match="Access denied"):
        pymysql.connect(unix_socket=database["Host"], user="admin", password="guessed")


def test_a_password_of_the_template_works(account: Account, stack: str) -> None:
    template = instance(ManageMasterUserPassword=False, MasterUserPassword="it's \\ odd")
    del template["Outputs"]["Secret"]
    outputs = account.deploy(stack, template).outputs
    pymysql.connect(unix_socket=outputs["Host"], user="admin", password="it's \\ odd").close()


def test_an_update_in_place_keeps_data_and_password(account: Account, stack: str) -> None:
    outputs = account.deploy(stack, instance(DBName="photos")).outputs
    run(account, outputs, "CREATE TABLE photos.kept (id INT)")
    update = account.deploy(stack, instance(DBName="photos", AllocatedStorage="30"))
    assert (update.changes, update.outputs) == ({"Instance": ("Modify", "False")}, outputs)
    assert run(account, outputs, "SHOW TABLES IN photos") == (("kept",),)


def test_a_replaced_instance_has_another_server(account: Account, stack: str) -> None:
    before = account.deploy(stack, instance(DBName="photos")).outputs
    update = account.deploy(stack, instance(DBName="pictures"))
    assert update.changes == {"Instance": ("Modify", "True")}
    assert update.outputs["Host"] != before["Host"]
    assert not Path(before["Host"]).exists()
    assert ("pictures",) in run(account, update.outputs, "SHOW DATABASES LIKE 'p%'")


def test_deleting_an_instance_deletes_its_server_and_secret(account: Account, stack: str) -> None:
    outputs = account.deploy(stack, instance()).outputs
    assert account.delete(stack) == ""
    assert not Path(outputs["Host"]).exists()
    secrets = account.client("secretsmanager")
    with pytest.raises(secrets.exceptions.ResourceNotFoundException):
        secrets.describe_secret(SecretId=outputs["Secret"])


def test_a_protected_instance_is_not_deleted(account: Account, stack: str) -> None:
    outputs = account.deploy(stack, instance(DeletionProtection=True)).outputs
    assert account.delete(stack) == "DELETE_FAILED"
    assert run(account, outputs, "SELECT 1") == ((1,),)
    identifier = account.resources(stack)["Instance"]
    events = account.client("cloudformation").describe_stack_events(StackName=stack)["StackEvents"]
    assert any("Cannot delete protected DB Instance" in event.get("ResourceStatusReason", "") for event in events)
    account.client("rds").modify_db_instance(DBInstanceIdentifier=identifier, DeletionProtection=False)
    assert account.delete(stack) == ""


def test_a_failed_stack_leaves_no_instance(account: Account, stack: str) -> None:
    template = instance()
    template["Resources"]["Bad"] = failing("Instance")
    known = account.client("rds").describe_db_instances()["DBInstances"]
    assert account.deploy(stack, template).status == "ROLLBACK_COMPLETE"
    assert account.client("rds").describe_db_instances()["DBInstances"] == known


def test_each_region_has_its_own_servers(account: Account, stack: str, database: dict[str, str]) -> None:
    other = Account(account.endpoint_url, "eu-central-1")
    try:
        outputs = other.deploy(stack, instance(DBName="elsewhere")).outputs
        assert run(other, outputs, "SHOW DATABASES LIKE 'photos'") == ()
        assert run(account, database, "SHOW DATABASES LIKE 'elsewhere'") == ()
    finally:
        other.delete(stack)


@pytest.fixture
def own_emulator(tmp_path: Path) -> Iterator[Emulator]:
    """Run an emulator that a test may stop and kill."""
    with running_emulator(tmp_path, os.environ) as emulator:
        yield emulator


def test_a_restarted_emulator_has_its_databases_and_a_terminated_one_stops_them(
    own_emulator: Emulator, tmp_path: Path
) -> None:
    account = Account(own_emulator.endpoint_url)
    outputs = account.deploy("database", instance(DBName="photos")).outputs
    run(account, outputs, "CREATE TABLE photos.kept (id INT)")
    assert len(servers(tmp_path)) == 1
    process = psutil.Process(own_emulator.child.pid)
    process.terminate()
    wait_until(lambda: process.status() == psutil.STATUS_ZOMBIE)
    assert not servers(tmp_path)
    own_emulator.start()
    assert run(account, outputs, "SHOW TABLES IN photos") == (("kept",),)
    assert account.delete("database") == ""
    assert not servers(tmp_path)


def test_the_servers_of_a_killed_emulator_are_stopped_by_its_next_start(own_emulator: Emulator, tmp_path: Path) -> None:
    account = Account(own_emulator.endpoint_url)
    account.deploy("database", instance(DBName="photos"))
    (server,) = servers(tmp_path)
    psutil.Process(own_emulator.child.pid).kill()
    own_emulator.start()
    assert not server.is_running() or server.status() == psutil.STATUS_ZOMBIE
    again = account.deploy("database", instance(DBName="photos"))
    assert again.status == "CREATE_COMPLETE"
    assert run(account, again.outputs, "SHOW TABLES IN photos") == ()
