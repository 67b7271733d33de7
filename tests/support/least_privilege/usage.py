"""Uses every feature of a gallery, and lets photos run into every kind of trouble."""

import json
import subprocess
import sys
import time
from functools import partial

import pytest
import requests

from catalog.events import StoredObject, notification
from catalog.keys import new_id, thumbnail_key, upload_key
from deploy.apply import deploy
from local_cloud.emulator import client_environ
from smoke.errors import GalleryError
from support import photos
from support.deploy_project import silent
from support.emulated_environment import open_catalog, with_parameters
from support.gallery_client import GalleryClient
from support.least_privilege.recorded import HOOKS, Cloud
from support.waiting import wait_until

ATTEMPTS = 5


def use(cloud: Cloud, gallery: GalleryClient) -> None:
    """Do everything that people do, and provoke everything that can happen to photos."""
    upload_and_look(gallery)
    upload_with_a_plain_form(gallery)
    retry_a_hostile_file(gallery)
    with pytest.raises(GalleryError, match="responded 404"):
        gallery.complete(gallery.ask_form("never.jpg", "image/jpeg", 10).id)
    announce_a_missing_object(cloud)
    delete_while_the_thumbnail_is_made(cloud, gallery)
    sweep(cloud, gallery)
    fail_for_good(cloud)


def upload_and_look(gallery: GalleryClient) -> None:
    image_id = gallery.upload(photos.jpeg())
    gallery.complete(image_id)
    image = gallery.wait(image_id)
    assert (image["thumbnail"]["status"], image["annotation"]["status"]) == ("ready", "ready"), image
    for address in ("/", "/api/images", f"/images/{image_id}"):
        assert requests.get(gallery.url + address, timeout=10).ok
    assert requests.get(image["thumbnail"]["url"], timeout=10).ok
    edit = requests.patch(f"{gallery.url}/api/images/{image_id}", json={"caption": "A boat"}, timeout=10)
    assert edit.ok, edit.text
    gallery.delete(image_id)


def upload_with_a_plain_form(gallery: GalleryClient) -> None:
    assert requests.post(f"{gallery.url}/uploads", timeout=10).ok


def retry_a_hostile_file(gallery: GalleryClient) -> None:
    image_id = gallery.upload(b"<script>alert(1)</script>" * 10, "evil.jpg")
    assert gallery.wait(image_id)["annotation"]["status"] == "failed"
    assert gallery.retry(image_id) == 202
    gallery.wait(image_id)


def announce_a_missing_object(cloud: Cloud) -> None:
    key = upload_key(new_id())
    announce(cloud, notification(StoredObject(cloud.bucket, key)))
    for service in ("thumbnail", "annotate"):
        wait_until(partial(called, cloud, service, "GetObject", key), f"{service} has not read the object")


def delete_while_the_thumbnail_is_made(cloud: Cloud, gallery: GalleryClient) -> None:
    """Delete a photo between the function's first and last query of the catalog."""
    large = photos.decompression_bomb(7900, 7900)  # keeps the function busy for a second
    assert any(deleted_in_time(cloud, gallery, large) for _ in range(ATTEMPTS))


def deleted_in_time(cloud: Cloud, gallery: GalleryClient, large: bytes) -> bool:
    """Upload and delete a photo; return whether the function had to delete the thumbnail."""
    image_id = gallery.upload(large, "large.png", "image/png")
    wait_until(partial(called, cloud, "thumbnail", "GetObject", upload_key(image_id)), "the photo was not read")
    wait_until(lambda: gallery.find(image_id), "the photo has no row")
    time.sleep(0.2)  # the function's first query follows shortly after it has read the photo
    gallery.delete(image_id)
    try:
        wait_until(partial(called, cloud, "thumbnail", "DeleteObject", thumbnail_key(image_id)), "too late", seconds=10)
    except TimeoutError:
        return False
    return True


def sweep(cloud: Cloud, gallery: GalleryClient) -> None:
    """Sweep up an upload without a row and one that is still pending."""
    lost, pending = new_id(), gallery.upload(photos.jpeg(seed=1))
    gallery.wait(pending)
    cloud.client("s3").put_object(Bucket=cloud.bucket, Key=upload_key(lost), Body=photos.jpeg(seed=2))
    gallery.wait(lost)
    with (
        open_catalog(cloud.session, cloud.environment.region, cloud.outputs) as database,
        database.connection() as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("DELETE FROM image WHERE id = %s", (lost,))
        cursor.execute(
            "UPDATE image SET annotation_status = 'pending', uploaded_at = NOW() - INTERVAL 1 HOUR WHERE id = %s",
            (pending,),
        )
    answer = cloud.client("lambda").invoke(FunctionName=cloud.function("sweep"))
    assert "FunctionError" not in answer, answer["Payload"].read()
    gallery.wait(pending)
    sweep_at_once(cloud)
    assert gallery.find(lost), "the sweep has not made a row"


def sweep_at_once(cloud: Cloud) -> None:
    """Sweep as the function does, but treat every upload as old enough: times in S3 cannot be changed."""
    configuration = cloud.client("lambda").get_function_configuration(FunctionName=cloud.function("sweep"))
    program = """from catalog import pending; from catalog_functions import sweep
pending.PATIENCE_MINUTES = 0; sweep.handle({}, None)"""
    environ = {
        **client_environ(cloud.session.endpoint_url),
        **configuration["Environment"]["Variables"],
        "AWS_DEFAULT_REGION": cloud.environment.region,
        "AWS_LAMBDA_FUNCTION_NAME": cloud.function("sweep"),
        "PYTHONPATH": str(HOOKS),
        "RECORD_CALLS": str(cloud.folder / "functions.jsonl"),
    }
    done = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def fail_for_good(cloud: Cloud) -> None:
    """Let an invalid event become a dead letter of both functions."""
    announce(cloud, json.dumps({"odd": "event"}))
    for service in ("thumbnail", "annotate"):
        wait_until(partial(dead_letter, cloud, service), f"{service} has no dead letter")


def dead_letter(cloud: Cloud, service: str) -> bool:
    """Return whether a function has a dead letter."""
    answer = cloud.client("sqs").receive_message(QueueUrl=cloud.outputs[service]["DeadLettersUrl"])
    return "Messages" in answer


def annotate_by_gemini(cloud: Cloud, gallery: GalleryClient) -> None:
    """Give the environment a Gemini key, and let Gemini describe a photo."""
    key = "AQ.a-test-key-of-an-environment"
    secret = cloud.client("secretsmanager").create_secret(Name="gallery-staging-gemini", SecretString=key)
    cloud.environment = with_parameters(cloud.environment, annotate={"GeminiSecretArn": secret["ARN"]})
    cloud.outputs = deploy(cloud.session, cloud.environment, silent)
    image = gallery.wait(gallery.upload(photos.jpeg(seed=3)))
    assert image["annotation"]["model"].startswith("gemini"), image


def announce(cloud: Cloud, message: str) -> None:
    cloud.client("sns").publish(TopicArn=cloud.outputs["images"]["TopicArn"], Message=message)


def called(cloud: Cloud, service: str, operation: str, key: str) -> bool:
    """Return whether a service has called an S3 operation for an object."""
    calls = cloud.calls().get(service, [])
    return any(call.operation == operation and call.parameters.get("Key") == key for call in calls)
