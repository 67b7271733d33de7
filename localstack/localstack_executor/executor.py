"""A Lambda executor for LocalStack without Docker: each execution environment is a process.

Functions are not isolated: they run as the user of LocalStack, can read its files, and have no memory limit.
"""

import json
import os
import sys
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path

from localstack.services.lambda_.invocation.lambda_models import FunctionVersion, InvocationResult
from localstack.services.lambda_.invocation.runtime_executor import RuntimeExecutor

from localstack_executor.function_process import FunctionProcess, Outcome

FOR_FUNCTIONS = "FUNCTION_"
"""Functions get the variables of LocalStack with this prefix, which is removed, and no others."""

RUNTIME_CLIENT = ("awslambdaric", "simplejson", "snapshot-restore-py")
"""The packages that functions can import, apart from their own code."""


class ProcessExecutor(RuntimeExecutor):  # type: ignore[misc] # LocalStack is in another environment
    """One execution environment of a function."""

    process: FunctionProcess
    environ: dict[str, str]

    @classmethod
    def prepare_version(cls, function_version: FunctionVersion) -> None:
        """Unpack the code. An exception becomes the reason of the function's state `Failed`."""
        config = function_version.config
        if not (config.runtime or "").startswith("python") or config.layers:
            raise NotImplementedError("without Docker, only Python functions without layers are supported")
        config.code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version: FunctionVersion) -> None:
        """Keep the code, because other versions may use it."""

    def get_address(self) -> str:
        """Return the address of the function."""
        return "127.0.0.1"

    def get_endpoint_from_executor(self) -> str:
        """Return the address at which the function finds LocalStack."""
        return "127.0.0.1"

    def get_runtime_endpoint(self) -> str:
        """Return "": only the runtime of a container reports to an endpoint."""
        return ""

    def start(self, env_vars: dict[str, object]) -> None:
        """Prepare the process. The first invocation starts it, and reports why if it does not start."""
        config = self.function_version.config
        code = config.code.get_unzipped_code_location()
        runtime = _runtime_client()
        self.environ = {
            **{
                name.removeprefix(FOR_FUNCTIONS): os.environ[name]
                for name in os.environ
                if name.startswith(FOR_FUNCTIONS)
            },
            **{name: str(value) for name, value in env_vars.items()},
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{config.runtime}",
            "LAMBDA_TASK_ROOT": str(code),
            "LAMBDA_RUNTIME_DIR": str(runtime),
        }
        self.environ["PYTHONPATH"] = os.pathsep.join(
            path for path in (str(code), self.environ.get("PYTHONPATH", ""), str(runtime)) if path
        )
        # -S: hides the packages of LocalStack from functions.
        self.process = FunctionProcess([sys.executable, "-S", "-m", "awslambdaric", config.handler], self.environ, code)

    def stop(self) -> None:
        """Kill the process."""
        self.process.stop()

    def invoke(self, payload: dict[str, str]) -> InvocationResult:
        """Run the function once."""
        request_id = payload["invoke-id"]
        begun = datetime.now(UTC)
        outcome = self.process.invoke(
            request_id=request_id,
            payload=payload["payload"].encode(),
            function_arn=payload["invoked-function-arn"],
            trace_id=payload["trace-id"],
            seconds=self.function_version.config.timeout,
        )
        logs = self._start_line(request_id, begun) + outcome.logs + self._report(request_id, outcome)
        return InvocationResult(request_id, outcome.payload, is_error=outcome.status != "success", logs=logs)

    def get_logs(self) -> str:
        """Return "": the results of invocations contain their logs."""
        return ""

    # The lines that Lambda adds before and after those of the function:
    # https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html

    def _start_line(self, request_id: str, begun: datetime) -> str:
        version = self.function_version.id.qualifier
        if self._logs_json:
            return _event("platform.start", begun, {"requestId": request_id, "version": version})
        return f"START RequestId: {request_id} Version: {version}\n"

    def _report(self, request_id: str, outcome: Outcome) -> str:
        memory = self.function_version.config.memory_size
        milliseconds = outcome.seconds * 1000
        if self._logs_json:
            metrics = {
                "durationMs": round(milliseconds, 3),
                "billedDurationMs": int(milliseconds) + 1,
                "memorySizeMB": memory,
            }
            record = {"requestId": request_id, "metrics": metrics, "status": outcome.status}
            return _event("platform.report", datetime.now(UTC), record)
        return (
            f"END RequestId: {request_id}\n"
            f"REPORT RequestId: {request_id}\tDuration: {milliseconds:.2f} ms\t"
            f"Billed Duration: {int(milliseconds) + 1} ms\tMemory Size: {memory} MB"
            f"{'' if outcome.status in ('success', 'error') else f'	Status: {outcome.status}'}\n"
        )

    @property
    def _logs_json(self) -> bool:
        return bool(self.function_version.config.logging_config.get("LogFormat") == "JSON")


def _event(kind: str, time: datetime, record: Mapping[str, object]) -> str:
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    return json.dumps({"time": stamp, "type": kind, "record": record}) + "\n"


@cache
def _runtime_client() -> Path:
    """Return a folder that contains only AWS's runtime client."""
    folder = Path(tempfile.mkdtemp(prefix="runtime-"))
    for name in RUNTIME_CLIENT:
        distribution = metadata.distribution(name)
        for top in {file.parts[0] for file in distribution.files or () if ".dist-info" not in file.parts[0]} - {".."}:
            (folder / top).symlink_to(str(distribution.locate_file(top)))
    return folder
