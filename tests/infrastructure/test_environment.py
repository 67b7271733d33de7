"""The environments of this repository, created, used, updated and deleted on an emulated account."""

import json
from collections.abc import Callable

import pytest
from click.testing import CliRunner

from catalog import images
from catalog.database import Database
from catalog.events import StoredObject, announcement
from catalog.keys import new_id, thumbnail_key, upload_key
from deploy.__main__ import main
from deploy.apply import apply_plan, delete_environment, deploy
from deploy.commands.context import Context
from deploy.drift import find_drift
from deploy.enqueue import AnnotationQueue, Queued, Request
from deploy.environment import Environment
from deploy.errors import GateError, QueueError, StackError
from deploy.outputs import Outputs, environment_outputs
from deploy.plan import make_plan
from deploy.redrive import Redriven, redrive
from deploy.status import read_status
from local_cloud.emulator import Emulator
from local_cloud.session import EmulatorSession
from support import photos
from support.deploy_project import silent
from support.emulated_environment import environment_of, open_catalog, prepared_account, resources, with_parameters
from support.waiting import wait_until


@pytest.fixture(scope="module")
def session(emulator: Emulator) -> EmulatorSession:
    return prepared_account(emulator.endpoint_url)


@pytest.fixture(scope="module")
def staging(session: EmulatorSession) -> Environment:
    """Create the staging environment with one plan and one apply."""
    environment = environment_of("staging")
    assert apply_plan(session, environment, make_plan(session, environment), silent) == ()
    return environment


@pytest.fixture(scope="module")
def outputs(session: EmulatorSession, staging: Environment) -> Outputs:
    return environment_outputs(session, staging)


def upload(session: EmulatorSession, region: str, outputs: Outputs) -> str:
    """Store a photo as a presigned form does, and return its id."""
    image_id = new_id()
    session.client("s3", region_name=region).put_object(
        Bucket=outputs["images"]["BucketName"],
        Key=upload_key(image_id),
        Body=photos.jpeg(),
        ContentType="image/jpeg",
        Metadata={"filename": "photo.jpg"},
    )
    return image_id


def wait_for(database: Database, image_id: str, condition: Callable[[images.Image], bool]) -> images.Image:
    """Wait until a photo satisfies a condition."""

    def satisfied() -> images.Image | None:
        with database.connection() as connection:
            image = images.get(connection, image_id)
        return image if image is not None and condition(image) else None

    return wait_until(satisfied, f"image {image_id} does not satisfy the condition")


def is_ready(image: images.Image) -> bool:
    return (image.thumbnail_status, image.annotation_status) == ("ready", "ready")


def test_every_resource_has_a_physical_id(session: EmulatorSession, staging: Environment) -> None:
    names = [staging.stack_name(stack.name) for stack in staging.stacks] + [staging.existing["bootstrap"]]
    cloudformation = session.client("cloudformation", region_name=staging.region)
    found = {
        (name, resource["LogicalResourceId"]): resource
        for name in names
        for resource in resources(cloudformation, name)
    }
    assert len(found) > 100
    assert [key for key, resource in found.items() if resource.get("PhysicalResourceId", "unknown") == "unknown"] == []
    assert {resource["ResourceStatus"] for resource in found.values()} == {"CREATE_COMPLETE"}


def test_every_stack_is_created_with_its_package(session: EmulatorSession, staging: Environment) -> None:
    statuses = {status.stack: status for status in read_status(session, staging)}
    assert {status.status for status in statuses.values()} == {"CREATE_COMPLETE"}
    assert {name for name, status in statuses.items() if status.package} == {"catalog", "thumbnail", "annotate", "web"}
    assert statuses["web"].url.startswith("http")


def test_a_second_plan_has_no_changes(session: EmulatorSession, staging: Environment) -> None:
    plan = make_plan(session, staging)
    assert {stack.kind for stack in plan.stacks} == {"unchanged"}


def test_a_new_environment_has_no_drift(session: EmulatorSession, staging: Environment) -> None:
    assert find_drift(session, staging) == []


def test_an_uploaded_photo_gets_a_thumbnail_and_an_annotation(
    session: EmulatorSession, staging: Environment, outputs: Outputs
) -> None:
    image_id = upload(session, staging.region, outputs)
    with open_catalog(session, staging.region, outputs) as database:
        image = wait_for(database, image_id, is_ready)
    assert image.caption
    session.client("s3", region_name=staging.region).head_object(
        Bucket=outputs["images"]["BucketName"], Key=thumbnail_key(image_id)
    )


def test_redrive_sends_dead_letters_to_their_function(
    session: EmulatorSession, staging: Environment, outputs: Outputs
) -> None:
    image_id = upload(session, staging.region, outputs)
    queue = outputs["thumbnail"]["DeadLettersUrl"]
    event = announcement(StoredObject(outputs["images"]["BucketName"], upload_key(image_id)))
    sqs = session.client("sqs", region_name=staging.region)
    with open_catalog(session, staging.region, outputs) as database:
        wait_for(database, image_id, is_ready)
        with database.connection() as connection, connection.cursor() as cursor:
            cursor.execute("UPDATE image SET thumbnail_status = 'pending' WHERE id = %s", (image_id,))
        for _ in range(11):  # more than one batch
            sqs.send_message(QueueUrl=queue, MessageBody=json.dumps({"version": "1.0", "requestPayload": event}))
        sqs.send_message(QueueUrl=queue, MessageBody="no event")
        assert Redriven("thumbnail", sent=11, unreadable=1) in redrive(session, staging)
        wait_for(database, image_id, is_ready)
    left = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert int(left["ApproximateNumberOfMessages"]) + int(left["ApproximateNumberOfMessagesNotVisible"]) == 1
    sqs.purge_queue(QueueUrl=queue)


def test_annotate_counts_the_selected_photos_and_queues_them_when_it_may(
    session: EmulatorSession, staging: Environment, outputs: Outputs
) -> None:
    image_id = upload(session, staging.region, outputs)
    queue = AnnotationQueue(session, staging)
    with open_catalog(session, staging.region, outputs) as database:
        described = wait_for(database, image_id, is_ready)
        request = Request("annotate", f"id:{image_id} model:offline")
        counted = queue.count(request)
        assert (counted.images, counted.applied) == (1, False)
        assert counted.usd
        with database.connection() as connection:
            untouched = images.get(connection, image_id)
        assert untouched is not None
        assert untouched.annotate_at is None
        queued = queue.enqueue(request)
        assert (queued.images, queued.applied) == (1, True)
        again = wait_for(database, image_id, lambda image: image.reannotation is None and is_ready(image))
    assert again.caption == described.caption


def test_retry_queues_failed_photos_which_the_schedule_announces(
    session: EmulatorSession, staging: Environment, outputs: Outputs
) -> None:
    image_id = upload(session, staging.region, outputs)
    queue = AnnotationQueue(session, staging)
    with open_catalog(session, staging.region, outputs) as database:
        wait_for(database, image_id, is_ready)
        with database.connection() as connection, connection.cursor() as cursor:
            cursor.execute("UPDATE image SET annotation_status = 'failed' WHERE id = %s", (image_id,))
        assert queue.enqueue(Request("retry", f"id:{image_id}")) == Queued(1, None, applied=True)
        wait_for(database, image_id, is_ready)


def test_the_command_queues_nothing_without_a_terminal_unless_yes_is_given(
    session: EmulatorSession, staging: Environment, outputs: Outputs
) -> None:
    image_id = upload(session, staging.region, outputs)

    def run(*options: str) -> str:
        command = ["annotate", "staging", "--where", f"id:{image_id}", *options]
        result = CliRunner().invoke(main, command, obj=Context(session))
        assert result.exit_code == 0, result.output
        return result.stdout

    with open_catalog(session, staging.region, outputs) as database:
        wait_for(database, image_id, is_ready)
    asked = run()
    assert asked.startswith("1 photo for another annotation, about $0.01 by a paid model.\n")
    assert asked.endswith("Nothing was queued; --yes queues them.\n")
    assert json.loads(run("--json"))["applied"] is False
    assert json.loads(run("--json", "--yes")) == {"images": 1, "usd": "0.000615", "applied": True}
    assert run("--yes").startswith("0 photos for another annotation.")


def test_a_selection_that_cannot_be_understood_is_refused(session: EmulatorSession, staging: Environment) -> None:
    with pytest.raises(QueueError, match="WHERE: unknown term 'colour:red'; available: state:"):
        AnnotationQueue(session, staging).count(Request("annotate", "colour:red"))


def test_a_busy_function_is_reported(
    session: EmulatorSession, staging: Environment, outputs: Outputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploy.enqueue.PAUSE_SECONDS", 0)
    functions = session.client("lambda", region_name=staging.region)
    name = outputs["catalog"]["SweepFunctionName"]
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    try:
        with pytest.raises(QueueError, match="is busy; run the same command again"):
            AnnotationQueue(session, staging).count(Request("retry", "all"))
    finally:
        functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=2)


def test_a_function_that_fails_is_reported(session: EmulatorSession, staging: Environment, outputs: Outputs) -> None:
    as_master = {**outputs, "catalog": {"ApplicationSecretArn": outputs["database"]["MasterSecretArn"]}}
    with open_catalog(session, staging.region, as_master) as database, database.connection() as connection:
        with connection.cursor() as cursor:
            cursor.execute("RENAME TABLE image TO image_away")
        try:
            with pytest.raises(QueueError, match=r"failed: .*doesn't exist.*; run the same command again"):
                AnnotationQueue(session, staging).count(Request("retry", "all"))
        finally:
            with connection.cursor() as cursor:
                cursor.execute("RENAME TABLE image_away TO image")


def test_a_failed_migration_rolls_the_stack_back_and_reports_the_reason(
    session: EmulatorSession, staging: Environment
) -> None:
    broken = with_parameters(staging, catalog={"DatabaseHost": "/nowhere/socket"})
    with pytest.raises(StackError, match=r"catalog: Schema \(Custom::Schema\): OperationalError"):
        apply_plan(session, broken, make_plan(session, broken), silent)
    assert {s.stack: s.status for s in read_status(session, staging)}["catalog"] == "UPDATE_ROLLBACK_COMPLETE"
    assert not make_plan(session, staging).changes_anything


def test_photos_survive_an_update_and_the_deletion_of_the_environment(session: EmulatorSession) -> None:
    large = environment_of("production")
    small = with_parameters(
        large,
        network={"Zones": "2", "NatGateways": "one"},
        database={"InstanceClass": "db.t4g.small"},
        annotate={"Concurrency": "1"},
        web={"InstanceType": "t4g.micro"},
    )
    apply_plan(session, small, make_plan(session, small), silent)
    before = environment_outputs(session, small)
    with open_catalog(session, small.region, before) as database:
        image = wait_for(database, upload(session, small.region, before), is_ready)

    plan = make_plan(session, large)
    changed = {stack.name for stack in plan.stacks if stack.kind != "unchanged"}
    assert {"network", "database", "annotate", "web"} <= changed
    assert plan.refused == ()
    # The new subnets of the network need another plan of the other stacks.
    assert apply_plan(session, large, plan, silent) != ()
    after = deploy(session, large, silent)
    assert not make_plan(session, large).changes_anything
    with open_catalog(session, large.region, after) as database:
        assert wait_for(database, image.id, is_ready) == image
        wait_for(database, upload(session, large.region, after), is_ready)

    with pytest.raises(GateError, match=r"parameters\.web\.DeletionProtection, parameters\.database"):
        delete_environment(session, large, silent)
    assert "MISSING" not in {status.status for status in read_status(session, large)}
    off = {"DeletionProtection": "false"}
    unprotected = with_parameters(large, web=off, database=off)
    apply_plan(session, unprotected, make_plan(session, unprotected), silent)
    delete_environment(session, unprotected, silent)
    assert {status.status for status in read_status(session, large)} == {"MISSING"}
    bucket = after["images"]["BucketName"]
    session.client("s3", region_name=large.region).head_object(Bucket=bucket, Key=upload_key(image.id))
    session.client("secretsmanager", region_name=large.region).get_secret_value(
        SecretId=after["catalog"]["ApplicationSecretArn"]
    )
