"""LocalStack without Docker on a port of the loopback: a second AWS emulator, for tests.

It keeps nothing over a restart: no stacks, no photos, no events. https://docs.localstack.cloud/aws/
"""

from __future__ import annotations

import http.client
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

from local_cloud import REPOSITORY, LocalCloudError
from local_cloud.database import make_private
from local_cloud.emulator import CREDENTIALS, FOR_FUNCTIONS, NO_PROXY, REGION
from local_cloud.ports import check_free
from local_cloud.processes import Child

PYTHON = REPOSITORY / ".local" / "venv" / "localstack" / "bin" / "python"
START_SECONDS = 60.0
STOP_SECONDS = 20.0
PORT_SECONDS = 5.0

SERVICES = "cloudformation,cloudwatch,ec2,events,iam,lambda,logs,s3,secretsmanager,sns,sqs,ssm,sts"
RETRY_SECONDS = 1
"""How long LocalStack waits before a failed event is tried again, and twice as long the next time. AWS: a minute."""


class LocalStack:
    """LocalStack with our `localstack_executor`, as a child process."""

    def __init__(self, data: Path, port: int, environ: Mapping[str, str]) -> None:
        """Choose the port and the folder; nothing is started yet.

        Args:
            data: the folder of logs and of what is kept while it runs.
            port: on the loopback.
            environ: the user's environment, of which little is passed on.
        """
        self._folder = data.absolute() / "localstack"
        self._port = port
        self._user_environ = environ
        self.child = Child("emulator", data.absolute())
        self.endpoint_url = f"http://127.0.0.1:{port}"

    def start(self) -> None:
        """Start LocalStack, empty, and wait until it answers. One that a killed predecessor left is stopped first.

        Raises:
            LocalCloudError: it is not installed, or does not start; the message has the end of its log.
        """
        self.child.clear()
        if not PYTHON.exists():
            raise LocalCloudError(f"LocalStack is not installed: {PYTHON} is missing. `make integration` installs it.")
        check_free(self._port, "EMULATOR_PORT", PORT_SECONDS)  # or another program's answers would be taken for ours
        shutil.rmtree(self._folder, ignore_errors=True)
        for name in ("tmp", "home", "files", "config"):
            make_private(self._folder / name)
        self.child.start([str(PYTHON), "-m", "localstack.runtime.main"], self.environ(), self._folder)
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            if self.child.exit_code() is not None or time.monotonic() > deadline:
                self.child.stop()
                raise LocalCloudError(f"LocalStack does not start:\n{self.child.last_words()}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop LocalStack and the functions that it runs."""
        self.child.stop(STOP_SECONDS)

    def abandon(self) -> None:
        """End LocalStack at once."""
        self.child.stop(0)

    def answers(self) -> bool:
        """Tell whether LocalStack is ready for requests."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=2)
        try:
            connection.request("GET", "/_localstack/health")
            return connection.getresponse().status == http.client.OK
        except OSError:
            return False
        finally:
            connection.close()

    def environ(self) -> dict[str, str]:
        """Return the whole environment of LocalStack: nothing of the user's but what functions need.

        https://docs.localstack.cloud/aws/capabilities/config/configuration/
        """
        folder = self._folder
        path = self._user_environ.get("PATH", "/usr/local/bin:/usr/bin:/bin")
        for_functions = {
            "PATH": path,
            "LANG": "C.UTF-8",
            "HOME": str(folder / "home"),
            "TMPDIR": str(folder / "tmp"),
            "OPENBLAS_NUM_THREADS": "1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": NO_PROXY,
            "no_proxy": NO_PROXY,
            **{name: self._user_environ[name] for name in FOR_FUNCTIONS if self._user_environ.get(name)},
        }
        return {
            "PATH": path,
            "LANG": "C.UTF-8",
            "HOME": str(folder / "home"),
            "PYTHONUNBUFFERED": "1",
            "NO_PROXY": NO_PROXY,
            "no_proxy": NO_PROXY,
            **CREDENTIALS,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "SERVICES": SERVICES,
            # On the loopback only; the stock server listens on every address, whatever GATEWAY_LISTEN says.
            "GATEWAY_SERVER": "loopback",
            "GATEWAY_LISTEN": f"127.0.0.1:{self._port}",
            "LOCALSTACK_HOST": f"127.0.0.1:{self._port}",
            "SQS_ENDPOINT_STRATEGY": "path",
            "DNS_ADDRESS": "0",
            # Its own folders: it removes $TMPDIR/localstack when it stops.
            "TMPDIR": str(folder / "tmp"),
            "FILESYSTEM_ROOT": str(folder / "files"),
            "CONFIG_DIR": str(folder / "config"),
            # No usage reports, no downloads: where its maker's server should be, nobody listens.
            "API_ENDPOINT": "http://127.0.0.1:9",
            "DISABLE_EVENTS": "1",
            "SKIP_SSL_CERT_DOWNLOAD": "1",
            "CFN_IGNORE_UNSUPPORTED_RESOURCE_TYPES": "0",  # or it says that it made what it does not know
            "LAMBDA_RUNTIME_EXECUTOR": "process",
            "LAMBDA_RETRY_BASE_DELAY": str(RETRY_SECONDS),
            **{f"FUNCTION_{name}": value for name, value in for_functions.items()},
        }
