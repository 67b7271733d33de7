"""The environment of services that run in the process of the tests, on an emulator."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from local_cloud.emulator import REGION, client_environ


@contextmanager
def service_environ(endpoint_url: str, region: str = REGION) -> Iterator[None]:
    """Set the variables that point services to an emulator, and unset the user's AWS settings."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        for name, value in {**client_environ(endpoint_url), "AWS_DEFAULT_REGION": region}.items():
            patch.setenv(name, value)
        yield
