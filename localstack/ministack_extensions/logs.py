"""Logs of functions reach their log group as on Lambda: complete JSON lines. Their memory is limited.

MiniStack stores the error output of a function. Lambda also configures the function's `logging`; without that,
everything below a warning is lost. https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html
"""

import inspect
import logging
import queue
import time
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import cloudwatch_logs, lambda_svc

logger = logging.getLogger(__name__)

KEPT_INVOCATIONS = 500
"""How many invocations a log group keeps; each has its own stream."""
SHOWN = ('"level": "WARNING"', '"level": "ERROR"', '"level": "CRITICAL"')
"""Lines that the emulator's own log shows too, for people without a console of CloudWatch."""
MAX_CHARACTERS = 16_384
"""How many characters at the end of an invocation are kept."""
END = "-- end of an invocation --"
END_SECONDS = 1.0
"""How long to wait for END in the pipe; without it, the process has died."""


def keep_function_logs() -> None:
    """Let functions log as on Lambda, and limit their log groups."""
    start = f"{inspect.getsource(_log_as_lambda)}\n_log_as_lambda({END!r})\n"
    lambda_runtime._PYTHON_WORKER_SCRIPT = start + lambda_runtime._PYTHON_WORKER_SCRIPT
    credentials, drain, emit = (
        lambda_runtime.execution_credentials,
        lambda_runtime.Worker._drain_stderr_bounded,
        lambda_svc._emit_lambda_logs,
    )

    def variables(config: dict[str, Any]) -> dict[str, str]:
        settings = config.get("LoggingConfig") or {}
        return {
            **credentials(config),
            "AWS_LAMBDA_LOG_FORMAT": settings.get("LogFormat", "Text"),
            "AWS_LAMBDA_LOG_LEVEL": settings.get("ApplicationLogLevel", "INFO"),
            "AWS_LAMBDA_LOG_GROUP_NAME": _group(config),
        }

    def drain_to_end(worker: Any) -> str:
        is_python = str(worker.config.get("Runtime", "python")).startswith("python")
        return _lines_to_end(worker._stderr_queue) if is_python else str(drain(worker))

    def emit_bounded(function: dict[str, Any], request_id: str, text: str, *more: Any, **options: Any) -> None:
        emit(function, request_id, text[-MAX_CHARACTERS:], *more, **options)
        for line in text.splitlines():
            if any(level in line for level in SHOWN):
                logger.warning("%s", line)
        group = cloudwatch_logs._log_groups.get(_group(function.get("config") or function))
        streams = group["streams"] if group else {}
        for name in list(streams)[:-KEPT_INVOCATIONS]:
            streams.pop(name, None)  # another thread may have deleted it

    lambda_runtime.execution_credentials = variables
    lambda_runtime.Worker._drain_stderr_bounded = drain_to_end
    lambda_svc._emit_lambda_logs = emit_bounded


def _group(config: dict[str, Any]) -> str:
    settings = config.get("LoggingConfig") or {}
    return str(settings.get("LogGroup") or f"/aws/lambda/{config.get('FunctionName', 'unknown')}")


def _lines_to_end(lines: queue.Queue[str]) -> str:
    """Return the lines of an invocation. MiniStack waits 50 ms for a line and misses later ones."""
    found: list[str] = []
    deadline = time.monotonic() + END_SECONDS
    while (left := deadline - time.monotonic()) > 0:
        try:
            line = lines.get(timeout=left)
        except queue.Empty:
            break
        if line.endswith(END):
            found += filter(None, [line.removesuffix(END)])
            break
        found.append(line)
    return "\n".join(found)


def _log_as_lambda(end: str) -> None:
    """Log as awslambdaric does. This runs first in the process of a function, which gets only this source."""
    import json
    import logging
    import os
    import sys
    import time
    from typing import IO

    class Lines(logging.Formatter):
        """A JSON object for each record, including its `extra` values."""

        own = frozenset({*vars(logging.makeLogRecord({})), "message", "asctime"})

        def format(self, record: logging.LogRecord) -> str:
            kind, error, _ = record.exc_info or (None, None, None)
            line = {
                "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
                "level": record.levelname,
                "message": record.getMessage(),
                "logger": record.name,
                "errorType": kind and kind.__name__,
                "errorMessage": error and str(error),
                "stackTrace": self.formatException(record.exc_info).splitlines() if record.exc_info else None,
                **{name: value for name, value in vars(record).items() if name not in self.own},
            }
            given = {name: value for name, value in line.items() if value is not None}
            return json.dumps(given, default=str, ensure_ascii=False)

    class Answers:
        """The standard output, which carries the answer of an invocation: END is written to the log before it."""

        def __init__(self, output: IO[str]) -> None:
            self._output = output

        def write(self, text: str) -> None:
            if not text.startswith('{"status": "ready"'):
                print(end, file=sys.stderr, flush=True)  # noqa: T201 - the protocol of the two processes
            self._output.write(text)

        def flush(self) -> None:
            self._output.flush()

    sys.stdout = Answers(sys.stdout)
    if os.environ["AWS_LAMBDA_LOG_FORMAT"] == "JSON":
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(Lines())
        logging.getLogger().addHandler(handler)
        levels = logging.getLevelNamesMapping()
        logging.getLogger().setLevel(levels.get(os.environ["AWS_LAMBDA_LOG_LEVEL"], logging.INFO))
