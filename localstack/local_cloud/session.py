"""Sessions of boto3 for an emulator, which use no setting of the user's AWS accounts."""

import os
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES

from local_cloud.emulator import CREDENTIALS, REGION

# Every setting of botocore without its environment variable: (config key, variable, default, conversion).
_ISOLATED = {
    name: (key, None, default, convert)
    for name, (key, _, default, convert) in BOTOCORE_DEFAUT_SESSION_VARIABLES.items()
} | {"config_file": (None, None, os.devnull, None), "credentials_file": (None, None, os.devnull, None)}


class EmulatorSession(boto3.Session):
    """A session whose clients connect to an emulator, directly and not through a proxy."""

    def __init__(self, endpoint_url: str, region: str = REGION) -> None:
        """Choose the address of the emulator, and the default region."""
        core = botocore.session.Session(session_vars=_ISOLATED)
        core.set_default_client_config(Config(proxies={}))
        key, secret = CREDENTIALS.values()
        super().__init__(key, secret, region_name=region, botocore_session=core)
        self.endpoint_url = endpoint_url

    def client(self, *args: Any, **options: Any) -> Any:
        """Return a client of the emulator; parameters as in the base class."""
        return super().client(*args, **{**options, "endpoint_url": self.endpoint_url})
