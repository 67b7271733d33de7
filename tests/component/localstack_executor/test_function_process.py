"""Functions as processes, with AWS's runtime client."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local_cloud.localstack import PYTHON
from localstack_executor.function_process import FunctionProcess, Outcome, StoppedError
from support.waiting import wait_until

HANDLER = """
import json, os, signal, subprocess, sys, time

def handle(event, context):
    if not isinstance(event, dict):
        return event
    print("hello from", event.get("name", "nobody"))
    if "fail" in event:
        raise ValueError(event["fail"])
    if "exit" in event:
        os._exit(event["exit"])
    if "signal" in event:
        os.kill(os.getpid(), event["signal"])
    if "child" in event:
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    time.sleep(event.get("seconds", 0))
    if "bytes" in event:
        return "x" * (event["bytes"] - 2)
    return {
        "pid": os.getpid(),
        "environ": sorted(os.environ),
        "request": context.aws_request_id,
        "function": context.invoked_function_arn,
        "remaining": context.get_remaining_time_in_millis(),
    }
"""

ARN = "arn:aws:lambda:us-east-1:000000000000:function:test"

Call = Callable[..., Outcome]
Make = Callable[..., FunctionProcess]


def call(function: FunctionProcess, event: Any, seconds: float = 20.0, request_id: str = "request-1") -> Outcome:
    trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
    return function.invoke(request_id, json.dumps(event).encode(), ARN, trace, seconds)


def answer(outcome: Outcome) -> Any:
    return json.loads(outcome.payload)


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Make]:
    """Create functions from their code; they are stopped at the end."""
    with ExitStack() as stack:

        def make(code: str = HANDLER, handler: str = "index.handle") -> FunctionProcess:
            folder = tmp_path_factory.mktemp("code")
            (folder / "index.py").write_text(code)
            environ = {"PATH": os.defpath, "PYTHONPATH": str(folder), "LANG": "C.UTF-8"}
            function = FunctionProcess([str(PYTHON), "-m", "awslambdaric", handler], environ, folder)
            stack.callback(function.stop)
            return function

        yield make


@pytest.fixture(scope="module")
def function(make: Make) -> FunctionProcess:
    return make()


def test_a_function_gets_its_event_and_its_context(function: FunctionProcess) -> None:
    outcome = call(function, {}, request_id="request-7")
    assert outcome.status == "success"
    told = answer(outcome)
    assert (told["request"], told["function"]) == ("request-7", ARN)
    assert 0 < told["remaining"] <= 20_000


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.lists(st.dictionaries(st.text(), inner, max_size=4), max_size=2),
    ).filter(lambda event: not isinstance(event, dict))
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_events_and_results_travel_unchanged(function: FunctionProcess, event: Any) -> None:
    assert answer(call(function, event)) == event


def test_the_same_process_runs_one_invocation_after_another(function: FunctionProcess) -> None:
    assert answer(call(function, {}))["pid"] == answer(call(function, {}))["pid"]


def test_a_function_has_only_the_given_environment(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_PASSWORD", "secret")
    names = set(answer(call(make(), {}))["environ"])
    assert {"PATH", "PYTHONPATH", "AWS_LAMBDA_RUNTIME_API"} <= names
    assert not {"DATABASE_PASSWORD", "HOME"} & names


def test_an_outcome_has_only_the_log_of_its_invocation(function: FunctionProcess) -> None:
    call(function, {"name": "Käse"})
    outcome = call(function, {"name": "家族"})
    assert outcome.logs.splitlines() == ["hello from 家族"]


def test_the_outcome_of_an_exception_has_its_type(function: FunctionProcess) -> None:
    outcome = call(function, {"fail": "no such photo"})
    assert outcome.status == "error"
    assert answer(outcome)["errorType"] == "ValueError"
    assert answer(outcome)["errorMessage"] == "no such photo"
    assert "[ERROR] ValueError: no such photo" in outcome.logs


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ({"exit": 3}, "exit status 3"),
        ({"exit": 0}, "without a reason"),
        ({"signal": signal.SIGKILL}, "signal: killed"),
    ],
)
def test_only_the_current_invocation_is_lost_when_a_process_ends(
    function: FunctionProcess, event: dict[str, int], words: str
) -> None:
    outcome = call(function, {"name": "the end", **event}, request_id="request-9")
    assert outcome.status == "failure"
    assert answer(outcome)["errorType"] == "Runtime.ExitError"
    assert answer(outcome)["errorMessage"].startswith("RequestId: request-9 Error: Runtime exited")
    assert words in answer(outcome)["errorMessage"]
    assert call(function, {}).status == "success"


def test_a_function_is_killed_after_its_time_out(function: FunctionProcess) -> None:
    pid = answer(call(function, {}))["pid"]
    outcome = call(function, {"seconds": 60, "name": "a sleeper", "child": True}, seconds=0.5)
    assert outcome.status == "timeout"
    assert "Task timed out after 0.50 seconds" in answer(outcome)["errorMessage"]
    assert not psutil.pid_exists(pid)
    assert call(function, {}).status == "success"


@pytest.mark.parametrize(
    ("code", "handler", "kind"),
    [
        ("import nosuchmodule", "index.handle", "Runtime.ImportModuleError"),
        ("def handle(event, context) pass", "index.handle", "Runtime.UserCodeSyntaxError"),
        ("handle = None", "index.other", "Runtime.HandlerNotFound"),
        ("raise RuntimeError('no settings')", "index.handle", "RuntimeError"),
        ("import os; os._exit(4)", "index.handle", "Runtime.ExitError"),
    ],
)
def test_each_invocation_reports_why_a_function_cannot_start(make: Make, code: str, handler: str, kind: str) -> None:
    function = make(code, handler)
    for _ in range(2):
        outcome = call(function, {})
        assert (outcome.status, answer(outcome)["errorType"]) == ("failure", kind)


def test_a_large_result_arrives(function: FunctionProcess) -> None:
    assert len(call(function, {"bytes": 6 * 1024 * 1024}).payload) == 6 * 1024 * 1024


def test_a_result_above_the_limit_is_refused(function: FunctionProcess) -> None:
    outcome = call(function, {"bytes": 6 * 1024 * 1024 + 101})
    assert (outcome.status, answer(outcome)["errorType"]) == ("error", "Function.ResponseSizeTooLarge")
    assert call(function, {}).status == "success"


def test_functions_run_in_parallel(make: Make) -> None:
    functions = [make() for _ in range(3)]
    together = threading.Barrier(3, timeout=20)

    def run(function: FunctionProcess) -> tuple[int, str]:
        call(function, {})
        together.wait()
        outcome = call(function, {"seconds": 0.2})
        return answer(outcome)["pid"], outcome.logs

    with ThreadPoolExecutor() as pool:
        outcomes = list(pool.map(run, functions))
    assert len({pid for pid, _ in outcomes}) == 3
    assert {logs for _, logs in outcomes} == {"hello from nobody\n"}


def test_a_process_killed_between_invocations_is_replaced(function: FunctionProcess) -> None:
    pid = answer(call(function, {}))["pid"]
    time.sleep(0.3)  # by then it waits for the next invocation
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not psutil.pid_exists(pid))
    assert call(function, {}).status == "success"


def test_stopping_kills_a_running_function_with_its_descendants(make: Make) -> None:
    function = make()
    process = psutil.Process(answer(call(function, {}))["pid"])
    with ThreadPoolExecutor() as pool:
        running = pool.submit(call, function, {"child": True, "seconds": 60})
        wait_until(process.children)
        started = process.children()
        function.stop()
        with pytest.raises(StoppedError):
            running.result()
    gone, alive = psutil.wait_procs([process, *started], timeout=10)
    assert (len(gone), alive) == (2, [])
    with pytest.raises(StoppedError):
        call(function, {})
