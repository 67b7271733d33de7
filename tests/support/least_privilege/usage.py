"""What people do with a gallery, and what happens to their photos."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial

import requests

from catalog.events import StoredObject, notification
from catalog.keys import new_id, thumbnail_key, upload_key
from deploy.apply import deploy
from local_cloud.emulator import client_environ
from local_cloud.gallery import SERVICES
from support import photos
from support.deploy_project import silent
from support.emulated_environment import catalogue, with_parameters
from support.gallery_client import GalleryClient
from support.least_privilege.recorded import HOOK, Cloud

WAIT_SECONDS = 300.0
ATTEMPTS = 5


def use(cloud: Cloud, gallery: GalleryClient) -> None:
    """Do all that people do, and let happen what happens to them."""
    upload_and_look(gallery)
    upload_by_a_plain_form(gallery)
    retry_a_hostile_file(gallery)
    gallery.complete(gallery.form("never.jpg", "image/jpeg", 10)["id"])
    announce_what_is_not_there(cloud)
    delete_while_the_thumbnail_is_made(cloud, gallery)
    sweep(cloud, gallery)
    fail_for_good(cloud)


def upload_and_look(gallery: GalleryClient) -> None:
    image_id = gallery.upload(photos.jpeg())
    assert gallery.complete(image_id).ok
    image = gallery.wait(image_id)
    assert (image["thumbnail"]["status"], image["annotation"]["status"]) == ("ready", "ready"), image
    for address in ("/", "/api/images", f"/images/{image_id}"):
        assert requests.get(gallery.url + address, timeout=10).ok
    assert requests.get(image["thumbnail"]["url"], timeout=10).ok
    edit = requests.patch(f"{gallery.url}/api/images/{image_id}", json={"caption": "A boat"}, timeout=10)
    assert edit.ok, edit.text
    assert gallery.delete(image_id).ok


def upload_by_a_plain_form(gallery: GalleryClient) -> None:
    assert requests.post(f"{gallery.url}/uploads", timeout=10).ok


def retry_a_hostile_file(gallery: GalleryClient) -> None:
    image_id = gallery.upload(b"<script>alert(1)</script>" * 10, "evil.jpg")
    assert gallery.wait(image_id)["annotation"]["status"] == "failed"
    assert gallery.retry(image_id).status_code == 202
    gallery.wait(image_id)


def announce_what_is_not_there(cloud: Cloud) -> None:
    key = upload_key(new_id())
    announce(cloud, notification(StoredObject(cloud.bucket, key)))
    for service in ("thumbnail", "annotate"):
        wait_for(partial(called, cloud, service, "GetObject", key))


def delete_while_the_thumbnail_is_made(cloud: Cloud, gallery: GalleryClient) -> None:
    """Delete a photo between the first and the last look that the function takes at the catalogue."""
    large = photos.decompression_bomb(7900, 7900)  # keeps the function busy for a second
    assert any(deleted_in_time(cloud, gallery, large) for _ in range(ATTEMPTS))


def deleted_in_time(cloud: Cloud, gallery: GalleryClient, large: bytes) -> bool:
    """Upload and delete a photo; tell whether the function had to delete the thumbnail."""
    image_id = gallery.upload(large, "large.png", "image/png")
    wait_for(partial(called, cloud, "thumbnail", "GetObject", upload_key(image_id)))
    wait_for(lambda: gallery.image(image_id))
    time.sleep(0.2)  # the function's first look is a moment after it has the photo
    assert gallery.delete(image_id).ok
    try:
        wait_for(partial(called, cloud, "thumbnail", "DeleteObject", thumbnail_key(image_id)), seconds=10)
    except TimeoutError:
        return False
    return True


def sweep(cloud: Cloud, gallery: GalleryClient) -> None:
    """Find an upload without a row, and send one again that stays pending."""
    lost, pending = new_id(), gallery.upload(photos.jpeg(seed=1))
    gallery.wait(pending)
    cloud.client("s3").put_object(Bucket=cloud.bucket, Key=upload_key(lost), Body=photos.jpeg(seed=2))
    gallery.wait(lost)
    with (
        catalogue(cloud.environment.region, cloud.outputs) as database,
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
    sweep_without_patience(cloud)
    assert gallery.image(lost), "the sweep has made a row"


def sweep_without_patience(cloud: Cloud) -> None:
    """Sweep as the function does, but regard every upload as old enough: S3's times cannot be changed."""
    configuration = cloud.client("lambda").get_function_configuration(FunctionName=cloud.function("sweep"))
    program = """from catalog import pending; from catalog_functions import sweep
pending.PATIENCE_MINUTES = 0; sweep.handle({}, None)"""
    environ = {
        **client_environ(cloud.endpoint_url),
        **configuration["Environment"]["Variables"],
        "AWS_DEFAULT_REGION": cloud.environment.region,
        "AWS_LAMBDA_FUNCTION_NAME": cloud.function("sweep"),
        "PYTHONPATH": os.pathsep.join(map(str, (HOOK, SERVICES / "catalog"))),
        "RECORD_CALLS": str(cloud.folder / "functions.jsonl"),
    }
    done = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def fail_for_good(cloud: Cloud) -> None:
    """Let an event that nobody understands become a dead letter of both functions."""
    announce(cloud, json.dumps({"odd": "event"}))
    for service in ("thumbnail", "annotate"):
        wait_for(partial(dead_letter, cloud, service))


def dead_letter(cloud: Cloud, service: str) -> bool:
    """Tell whether the function has a dead letter."""
    answer = cloud.client("sqs").receive_message(QueueUrl=cloud.outputs[service]["DeadLettersUrl"])
    return "Messages" in answer


def annotate_by_gemini(cloud: Cloud, gallery: GalleryClient) -> None:
    """Give the environment a key of Gemini's, and have a photo described."""
    secret = cloud.client("secretsmanager").create_secret(
        Name="gallery-staging-gemini", SecretString="a-key-of-nobody"
    )["ARN"]
    cloud.environment = with_parameters(cloud.environment, "annotate", GeminiSecretArn=secret)
    cloud.outputs = deploy(cloud.environment, silent)
    image = gallery.wait(gallery.upload(photos.jpeg(seed=3)))
    assert image["annotation"]["model"].startswith("gemini"), image


def announce(cloud: Cloud, message: str) -> None:
    cloud.client("sns").publish(TopicArn=cloud.outputs["images"]["TopicArn"], Message=message)


def called(cloud: Cloud, service: str, operation: str, key: str) -> bool:
    """Tell whether a service has called an operation of S3 for an object."""
    calls = cloud.calls().get(service, [])
    return any(call.operation == operation and call.parameters.get("Key") == key for call in calls)


def wait_for(condition: Callable[[], object], seconds: float = WAIT_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds} seconds in vain")
        time.sleep(0.05)
