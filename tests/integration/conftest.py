"""boto3, pointed at the running cloud."""

import pytest
from localstack_client.session import Session

from local_cloud.cloud import LocalCloud


@pytest.fixture
def aws(cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> Session:
    """Make clients for the emulator, as AWS_ENDPOINT_URL says."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", cloud.endpoint_url)
    return Session()
