"""Records the AWS calls of a Python process that has this folder on its PYTHONPATH: one line of JSON for each.

It does so when RECORD_CALLS names the file to append to. What is only signed, for a browser to do, counts as done.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

RESOURCES = ("Bucket", "Key", "SecretId", "TopicArn", "FunctionName")
"""Parameters that name resources."""

HTTP_NOT_FOUND = 404


class WatchBotocore(MetaPathFinder):
    """Waits until the process imports botocore, which may not be on its path yet."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Let botocore tell of every session that it makes."""
        if fullname != "botocore":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is None or spec.loader is None:
            sys.meta_path.insert(0, self)  # not here yet: wait on
            return spec
        execute = spec.loader.exec_module

        def execute_and_register(module: ModuleType) -> None:
            execute(module)
            module.register_initializer(watch_session)

        spec.loader.exec_module = execute_and_register  # type: ignore[method-assign]
        return spec


def watch_session(session: Any) -> None:
    """Record what the clients of a session do."""
    session.register("provide-client-params", record_call)
    session.register("after-call.s3", record_missing)
    session.register("before-sign.s3.PutObject", record_form)


def record_call(params: Mapping[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
    """Record a call that is about to be made, or an address that is signed."""
    if context.get("is_presign_request") and model.name == "CreateBucket":
        return  # botocore starts to sign a form like this; record_form sees what comes of it
    context["recorded"] = params
    record(model, params)


def record_missing(http_response: Any, model: Any, context: Mapping[str, Any], **_: Any) -> None:
    """Record that the object of a call was not there."""
    if http_response.status_code == HTTP_NOT_FOUND:
        record(model, context["recorded"], missing=True)


def record_form(request: Any, **_: Any) -> None:
    """Record the upload that a signed form allows: it carries a policy, which no other request has."""
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
    """Record an operation of botocore's."""
    append(
        model.service_model.service_name,
        model.name,
        {name: params[name] for name in RESOURCES if name in params},
        missing=missing,
    )


def append(api: str, operation: str, parameters: Mapping[str, str], *, missing: bool = False) -> None:
    """Append a line to the file; `function` is empty in a process that is no Lambda function."""
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
    sys.meta_path.insert(0, WatchBotocore())
