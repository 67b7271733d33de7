"""One emulator with databases for all of these tests; each test creates its own stacks."""

import os
from collections.abc import Iterator
from uuid import uuid4

import pytest

from local_cloud.emulator import Emulator
from support.emulated_account import Account
from support.running_cloud import running_emulator


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """Run an emulator without stacks."""
    with running_emulator(tmp_path_factory.mktemp("emulator"), os.environ) as emulator:
        yield emulator


@pytest.fixture
def account(emulator: Emulator) -> Account:
    """Use the emulator."""
    return Account(emulator.endpoint_url)


@pytest.fixture
def stack(account: Account) -> Iterator[str]:
    """Return the name of a new stack, which is deleted after the test."""
    name = f"test-{uuid4().hex[:8]}"
    yield name
    account.delete(name)
