"""LocalStack without Docker, a second emulator for tests.

It keeps nothing over a restart: no stacks, no photos, no events. https://docs.localstack.cloud/aws/
"""

import shutil

from local_cloud import LocalCloudError
from local_cloud.emulator import Emulator
from servers import REPOSITORY

PYTHON = REPOSITORY / ".local" / "venv" / "localstack" / "bin" / "python"

SERVICES = "cloudformation,cloudwatch,ec2,events,iam,lambda,logs,s3,secretsmanager,sns,sqs,ssm,sts"
RETRY_SECONDS = 1
"""How long LocalStack waits before it retries a failed event, and twice as long the next time. AWS waits a minute."""


class LocalStack(Emulator):
    """LocalStack with `localstack_executor`."""

    folder = "localstack"
    command = (str(PYTHON), "-m", "localstack.runtime.main")
    health = "/_localstack/health"

    def prepare(self) -> None:
        """Empty its folders.

        Raises:
            LocalCloudError: LocalStack is not installed.
        """
        if not PYTHON.exists():
            raise LocalCloudError(f"LocalStack is not installed: {PYTHON} is missing. `make integration` installs it.")
        shutil.rmtree(self._folder, ignore_errors=True)
        self._make_folders("tmp", "home", "files", "config")

    def stop_databases(self) -> None:
        """LocalStack starts none."""

    def environ(self) -> dict[str, str]:
        """Return all environment variables of LocalStack; functions get those that begin with FUNCTION_.

        https://docs.localstack.cloud/aws/capabilities/config/configuration/
        """
        own = super().environ()
        shared = ("PATH", "LANG", "HOME", "TMPDIR", "AWS_EC2_METADATA_DISABLED", "NO_PROXY", "no_proxy")
        functions = {**{name: own[name] for name in shared}, **self.function_environ()}
        return {
            **own,
            "SERVICES": SERVICES,
            # Only on the loopback; the default server listens on every address, whatever GATEWAY_LISTEN says.
            "GATEWAY_SERVER": "hypercorn",
            "GATEWAY_LISTEN": f"127.0.0.1:{self._port}",
            "LOCALSTACK_HOST": f"127.0.0.1:{self._port}",
            "SQS_ENDPOINT_STRATEGY": "path",
            "DNS_ADDRESS": "0",
            # Its own folders, because it deletes $TMPDIR/localstack when it stops.
            "FILESYSTEM_ROOT": str(self._folder / "files"),
            "CONFIG_DIR": str(self._folder / "config"),
            # No usage reports and no downloads: nothing listens on port 9.
            "API_ENDPOINT": "http://127.0.0.1:9",
            "DISABLE_EVENTS": "1",
            "SKIP_SSL_CERT_DOWNLOAD": "1",
            "CFN_IGNORE_UNSUPPORTED_RESOURCE_TYPES": "0",  # or it reports unknown resources as created
            "LAMBDA_RUNTIME_EXECUTOR": "process",
            "LAMBDA_RETRY_BASE_DELAY": str(RETRY_SECONDS),
            **{f"FUNCTION_{name}": value for name, value in functions.items()},
        }
