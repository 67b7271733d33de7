"""The bucket: missing objects, failures of S3, and large files."""

from collections.abc import Callable

import boto3
import pytest
from botocore.exceptions import ClientError

from catalog import bucket
from catalog.bucket import Bucket, FileTooLargeError
from catalog.keys import new_id
from support.uploads import put_upload

READS = [Bucket.find_upload, Bucket.open_upload, Bucket.thumbnail_etag]


@pytest.fixture
def photos(aws: None) -> Bucket:
    boto3.client("s3").create_bucket(Bucket="photos")
    return Bucket("photos")


@pytest.mark.parametrize("read", READS)
def test_a_missing_object_is_none(photos: Bucket, read: Callable[[Bucket, str], object]) -> None:
    assert read(photos, new_id()) is None


@pytest.mark.parametrize("code", ["403", "SlowDown", "NoSuchBucket"])
@pytest.mark.parametrize("read", READS)
def test_any_other_error_is_raised(photos: Bucket, read: Callable[[Bucket, str], object], code: str) -> None:
    def refuse(**_: object) -> None:
        raise ClientError({"Error": {"Code": code}}, "HeadObject")

    client = boto3.client("s3")
    client.meta.events.register("before-call.s3", refuse)
    with pytest.raises(ClientError, match=code):
        read(Bucket("photos", client), new_id())


@pytest.mark.parametrize(("limit", "is_read"), [(5, True), (4, False)])
def test_a_file_is_read_up_to_the_size_limit(
    photos: Bucket, monkeypatch: pytest.MonkeyPatch, limit: int, is_read: bool
) -> None:
    monkeypatch.setattr(bucket, "MAX_BYTES", limit)
    download = photos.open_upload(put_upload("photos"))
    assert download is not None
    if is_read:
        assert download.read() == b"photo"
    else:
        with pytest.raises(FileTooLargeError):
            download.read()
    download.close()
