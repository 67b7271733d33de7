"""Changes a Python process that has this folder on its PYTHONPATH, depending on its environment variables.

RECORD_CALLS    names a file to which each AWS call is appended as a line of JSON; a signed request for a browser counts
AHEAD_FILE      names a file with a number of seconds by which the clock of the sweep is ahead, so that the photos in
                the bucket appear as old as a test needs them
"""

import datetime
import importlib.util
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any


class AfterImport(MetaPathFinder):
    """Calls a function with a module right after the process imports it."""

    def __init__(self, name: str, change: Callable[[Any], None]) -> None:
        """Choose the module and the function."""
        self._name = name
        self._change = change

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Wrap the loader of the module; do nothing while the module is not on the path yet."""
        if fullname != self._name:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is None or spec.loader is None:
            sys.meta_path.insert(0, self)
            return spec
        execute = spec.loader.exec_module

        def execute_and_change(module: ModuleType) -> None:
            execute(module)
            self._change(module)

        spec.loader.exec_module = execute_and_change  # type: ignore[method-assign]
        return spec


class AheadDatetime(datetime.datetime):
    """A clock that is ahead."""

    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> datetime.datetime:  # type: ignore[override]
        """Return the time plus the seconds in AHEAD_FILE."""
        ahead = float(Path(os.environ["AHEAD_FILE"]).read_text(encoding="utf-8"))
        return datetime.datetime.now(tz) + datetime.timedelta(seconds=ahead)


def set_clock(module: Any) -> None:
    """Make a module use the clock that is ahead."""
    module.datetime = AheadDatetime


RESOURCES = ("Bucket", "Key", "SecretId", "TopicArn", "FunctionName")
"""Parameters that name resources."""

HTTP_NOT_FOUND = 404


def watch_session(session: Any) -> None:
    """Record the calls of a session's clients."""
    session.register("provide-client-params", record_call)
    session.register("after-call.s3", record_missing)
    session.register("before-sign.s3.PutObject", record_form)


def record_call(params: Mapping[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
    """Record a call before it is made, or a URL that is signed."""
    if context.get("is_presign_request") and model.name == "CreateBucket":
        return  # botocore signs a form as this call; record_form records the real one
    context["recorded"] = params
    record(model, params)


def record_missing(http_response: Any, model: Any, context: Mapping[str, Any], **_: Any) -> None:
    """Record that the object of a call did not exist."""
    if http_response.status_code == HTTP_NOT_FOUND:
        record(model, context["recorded"], missing=True)


def record_form(request: Any, **_: Any) -> None:
    """Record the upload that a signed form allows: only such a request carries a policy."""
    policy = request.context.get("s3-presign-post-policy")
    if policy is None:
        return
    fields = {
        name: value
        for condition in policy["conditions"]
        if isinstance(condition, dict)
        for name, value in condition.items()
    }
    append("s3", "PutObject", {"Bucket": fields["bucket"], "Key": fields["key"]})


def record(model: Any, params: Mapping[str, Any], *, missing: bool = False) -> None:
    """Record a botocore operation."""
    append(
        model.service_model.service_name,
        model.name,
        {name: params[name] for name in RESOURCES if name in params},
        missing=missing,
    )


def append(api: str, operation: str, parameters: Mapping[str, str], *, missing: bool = False) -> None:
    """Append a line to the file; `function` is empty unless the process is a Lambda function."""
    line = json.dumps(
        {
            "function": os.environ.get("AWS_LAMBDA_FUNCTION_NAME", ""),
            "api": api,
            "operation": operation,
            "parameters": parameters,
            "missing": missing,
        }
    )
    with Path(os.environ["RECORD_CALLS"]).open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")


if os.environ.get("RECORD_CALLS"):
    sys.meta_path.insert(0, AfterImport("botocore", lambda botocore: botocore.register_initializer(watch_session)))
if os.environ.get("AHEAD_FILE"):
    sys.meta_path.insert(0, AfterImport("catalog_functions.sweeper", set_clock))
