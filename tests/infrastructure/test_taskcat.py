"""taskcat creates the whole environment in its regions and deletes it, and fails if a template is wrong."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import WaiterError

from deploy.environment import INFRASTRUCTURE
from deploy.errors import BusyError
from local_cloud import LocalCloudError
from local_cloud.session import EmulatorSession
from local_cloud.taskcat import REGIONS, run_in_account, run_on_emulator
from local_cloud.taskcat_region import STACK, TaskcatRegion
from support.running_cloud import running_emulator
from support.service_environ import service_environ

REGION = "eu-central-1"
QUEUE = {"Type": "AWS::SQS::Queue"}


def broken(folder: Path, template: str, right: str, wrong: str) -> Path:
    """Copy the infrastructure, with one change in a template."""
    for name in ("environments", "templates"):
        shutil.copytree(INFRASTRUCTURE / name, folder / name)
    shutil.copy(INFRASTRUCTURE / "stacks.yaml", folder)
    path = folder / "templates" / template
    text = path.read_text()
    assert text.count(right) == 1
    path.write_text(text.replace(right, wrong))
    return folder


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorSession]:
    """Run an emulator as an account, whose credentials and address are in the environment."""
    with (
        running_emulator(tmp_path_factory.mktemp("account"), os.environ) as emulator,
        service_environ(emulator.endpoint_url, REGION),
    ):
        yield EmulatorSession(emulator.endpoint_url, REGION)


def stacks(account: boto3.Session, region: str) -> list[str]:
    found = account.client("cloudformation", region_name=region).describe_stacks()["Stacks"]
    return [stack["StackName"] for stack in found]


def create(account: boto3.Session, template: str) -> None:
    cloudformation = account.client("cloudformation")
    cloudformation.create_stack(StackName=STACK, TemplateBody=template)
    cloudformation.get_waiter("stack_create_complete").wait(StackName=STACK, WaiterConfig={"Delay": 1})


def remaining(account: boto3.Session, region: str) -> dict[str, Any]:
    """Return all resources in a region of the account, of the kinds that the environment has."""

    def client(service: Any) -> Any:
        return account.client(service, region_name=region)

    return {
        "stacks": stacks(account, region),
        "buckets": [bucket["Name"] for bucket in client("s3").list_buckets()["Buckets"]],
        "databases": client("rds").describe_db_instances()["DBInstances"],
        "snapshots": client("rds").describe_db_snapshots()["DBSnapshots"],
        "functions": client("lambda").list_functions()["Functions"],
        "queues": client("sqs").list_queues().get("QueueUrls", []),
        "secrets": client("secretsmanager").list_secrets()["SecretList"],
    }


def test_the_environment_is_created_and_deleted_in_two_regions(
    account: EmulatorSession, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run_in_account(tmp_path, REGIONS) == 0
    output = capfd.readouterr().err
    for region in REGIONS:
        assert f"{region} CREATE_COMPLETE" in output
        assert f"{region}: {STACK} is deleted" in output
        assert not any(remaining(account, region).values()), remaining(account, region)
    report = (tmp_path / "report" / "index.html").read_text()
    assert report.count("CREATE_COMPLETE") == len(REGIONS) == 2
    assert len(list((tmp_path / "report").glob("*-cfnlogs.txt"))) == 2


def test_a_failed_migration_is_reported_with_its_reason_and_everything_is_deleted(
    account: EmulatorSession, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    right, wrong = "DATABASE_SECRET_ARN: !Ref MasterSecretArn", "DATABASE_SECRET_ARN: !Ref ApplicationSecret"
    infrastructure = broken(tmp_path / "infrastructure", "catalog.yaml", right, wrong)
    assert run_in_account(tmp_path / "run", [REGION], infrastructure) == 1
    output = capfd.readouterr().err
    assert f"{REGION} CREATE_FAILED" in output
    assert f"{REGION}: {STACK}: Catalog (AWS::CloudFormation::Stack): OperationalError: (1045" in output
    assert "Access denied for user 'gallery'@'localhost'" in output
    assert not any(remaining(account, REGION).values()), remaining(account, REGION)


def test_on_an_emulator_a_missing_attribute_fails_before_anything_is_created(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    right = "OnFailure: { Destination: !GetAtt DeadLetters.Arn }"
    wrong = right.replace("Arn", "Colour")
    assert run_on_emulator(tmp_path / "run", broken(tmp_path / "infrastructure", "thumbnail.yaml", right, wrong)) == 1
    output = capfd.readouterr().err
    assert "thumbnail.yaml" in output
    assert "'Colour' is not one of ['Arn'" in output
    assert "CREATE_IN_PROGRESS" not in output


def test_leftovers_of_an_interrupted_run_are_deleted_first(account: EmulatorSession) -> None:
    create(
        account,
        '{"Resources": {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "of-the-last-run"}}}}',
    )
    account.client("s3").put_object(Bucket="of-the-last-run", Key="log", Body=b"an access")
    place, lines = TaskcatRegion(account, REGION, "000000000000"), list[str]()
    place.prepare({}, lines.append)
    assert lines == [f"{REGION}: {STACK} is deleted"]
    assert remaining(account, REGION)["buckets"] == [place.bucket]
    place.clear(lines.append)


def test_the_reported_cause_is_that_of_the_failed_nested_stack(account: EmulatorSession) -> None:
    """AWS keeps a failed stack; the emulator deletes one that it cannot create, so this one fails in an update."""
    cloudformation, s3 = account.client("cloudformation"), account.client("s3")
    place = TaskcatRegion(account, REGION, "000000000000")
    place.prepare({}, print)
    s3.put_object(Bucket=place.bucket, Key="inner.yaml", Body=json.dumps({"Resources": {"Queue": QUEUE}}))
    url = f"https://{place.bucket}.s3.{REGION}.amazonaws.com/inner.yaml"
    nested = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url}}
    create(account, json.dumps({"Resources": {"Inner": nested}}))
    assert place.failures() == []
    (inner,) = (name for name in stacks(account, REGION) if name != STACK)
    wrong = {**nested, "Properties": {"TemplateURL": url.replace("inner", "missing")}}
    cloudformation.update_stack(
        StackName=inner, TemplateBody=json.dumps({"Resources": {"Queue": QUEUE, "Missing": wrong}})
    )
    with pytest.raises(WaiterError):
        cloudformation.get_waiter("stack_update_complete").wait(StackName=inner, WaiterConfig={"Delay": 1})
    (cause,) = place.failures()
    assert cause.startswith(f"{REGION}: {inner}: Missing (AWS::CloudFormation::Stack): ")
    place.clear(print)
    assert not any(remaining(account, REGION).values()), remaining(account, REGION)


def test_a_run_in_progress_is_not_disturbed(account: EmulatorSession, tmp_path: Path) -> None:
    database = {
        "Type": "AWS::RDS::DBInstance",
        "DeletionPolicy": "Delete",
        "Properties": {
            "Engine": "mysql",
            "EngineVersion": "8.4.11",
            "DBInstanceClass": "db.t4g.micro",
            "AllocatedStorage": "20",
            "MasterUsername": "boss",
            "MasterUserPassword": "of-this-test",
        },
    }
    cloudformation = account.client("cloudformation")
    cloudformation.create_stack(StackName=STACK, TemplateBody=json.dumps({"Resources": {"Database": database}}))
    with pytest.raises(BusyError, match=f"{REGION}: {STACK} is CREATE_IN_PROGRESS: another run is in progress"):
        run_in_account(tmp_path, [REGION])
    cloudformation.get_waiter("stack_create_complete").wait(StackName=STACK, WaiterConfig={"Delay": 1})
    TaskcatRegion(account, REGION, "000000000000").clear(print)


def test_an_unknown_region_is_refused(account: EmulatorSession, tmp_path: Path) -> None:
    with pytest.raises(LocalCloudError, match="unknown region 'eu-centrall-1'"):
        run_in_account(tmp_path, ["eu-centrall-1"])
