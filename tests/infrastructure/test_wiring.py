"""Consistency of the templates, their wiring, the environments and the services' settings."""

import importlib
import json
import re
from collections.abc import Iterator
from dataclasses import MISSING, fields
from typing import Any

import pytest

from annotate.config import AnnotateSettings
from catalog.pause import MOST_PAUSE_SECONDS
from catalog.pending import Backlog
from catalog.settings import ConfigurationError
from catalog_functions.announcer import Announced
from deploy.environment import FROM_PACKAGE, INFRASTRUCTURE, RELEASE, load_environment
from deploy.template import Intrinsic, Template

STAGING = load_environment("staging", {"AWS_ACCOUNT_ID": "000000000000"})
TEMPLATES = {path.stem: Template(path) for path in sorted((INFRASTRUCTURE / "templates").glob("*.yaml"))}
ALL = {**TEMPLATES, "bootstrap": Template(INFRASTRUCTURE / "bootstrap.yaml")}
EVERY_TEMPLATE = pytest.mark.parametrize("name", ALL)

# The settings that each process reads, and the resource that sets them: template, logical id.
SETTINGS = {
    "catalog_functions.custom_resource.MigrationSettings": ("catalog", "Function"),
    "catalog_functions.sweep.TaskSettings": ("catalog", "SweepFunction"),
    "thumbnail.config.ThumbnailSettings": ("thumbnail", "Function"),
    "annotate.config.AnnotateSettings": ("annotate", "Function"),
    "web.config.WebSettings": ("web", "LaunchTemplate"),
}
# Variables that only the local cloud sets.
NOT_IN_TEMPLATES = {"GEMINI_API_KEY"}
# Variables whose parameter or resource has another name.
OF_ANOTHER_NAME = {
    ("catalog_functions.custom_resource.MigrationSettings", "DATABASE_SECRET_ARN"): "MasterSecretArn",
    ("catalog_functions.custom_resource.MigrationSettings", "APPLICATION_SECRET_ARN"): "ApplicationSecret",
    ("catalog_functions.sweep.TaskSettings", "DATABASE_SECRET_ARN"): "ApplicationSecret",
    ("web.config.WebSettings", "THUMBNAIL_FUNCTION"): "ThumbnailFunctionArn",
    ("web.config.WebSettings", "ANNOTATE_FUNCTION"): "AnnotateFunctionArn",
}
# Variables that boto3 reads.
NOT_IN_SETTINGS = {"AWS_DEFAULT_REGION"}


def resource(template: str, logical_id: str) -> Any:
    return ALL[template].document["Resources"][logical_id]["Properties"]


def resources_of(kind: str) -> Iterator[tuple[str, str, Any]]:
    """Yield each resource of a type: template, logical id, properties."""
    for name, template in ALL.items():
        for logical_id, found in template.resources.items():
            if found == kind:
                yield name, logical_id, template.document["Resources"][logical_id]


def variables(template: str, logical_id: str) -> dict[str, str]:
    """Return the environment variables of a function or a launch template, with the parameter or resource of each."""
    properties = resource(template, logical_id)
    if "LaunchTemplateData" in properties:
        script = properties["LaunchTemplateData"]["UserData"]["Fn::Base64"].argument
        return dict(re.findall(r"^([A-Z_]+)=\$\{([^}]+)\}$", script, re.MULTILINE))
    return {name: next(references(value)) for name, value in properties["Environment"]["Variables"].items()}


def references(value: Any) -> Iterator[str]:
    """Yield the names that intrinsic functions mention."""
    if isinstance(value, Intrinsic):
        if value.tag == "Ref":
            yield value.argument
        elif value.tag == "Sub":
            text, *more = value.argument if isinstance(value.argument, list) else [value.argument]
            yield from re.findall(r"\$\{([^!.}]+)[.}]", text)
            yield from references(more)
        elif value.tag == "GetAtt":
            yield value.argument[0] if isinstance(value.argument, list) else value.argument.partition(".")[0]
        else:
            yield from references(value.argument)
    elif isinstance(value, dict):
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


@EVERY_TEMPLATE
def test_every_parameter_has_a_description_and_a_place_in_the_console(name: str) -> None:
    content = ALL[name].document
    groups = content.get("Metadata", {}).get("AWS::CloudFormation::Interface", {}).get("ParameterGroups", [])
    assert [parameter for group in groups for parameter in group["Parameters"]] == list(ALL[name].parameters)
    assert all(parameter.get("Description") for parameter in ALL[name].parameters.values())


@EVERY_TEMPLATE
def test_the_sections_of_a_template_are_in_the_usual_order(name: str) -> None:
    order = ["AWSTemplateFormatVersion", "Description", "Metadata", "Parameters", "Rules", "Conditions", "Resources"]
    sections = list(ALL[name].document)
    assert sections == [section for section in [*order, "Outputs"] if section in sections]


@EVERY_TEMPLATE
def test_every_parameter_is_used_and_every_output_described(name: str) -> None:
    content = ALL[name].document
    used = set(references({key: content.get(key) for key in ("Rules", "Conditions", "Resources", "Outputs")}))
    assert set(ALL[name].parameters) - used == set()
    assert all(output.get("Description") for output in ALL[name].outputs.values())


@EVERY_TEMPLATE
def test_the_names_of_conditions_start_with_has(name: str) -> None:
    assert [
        condition for condition in ALL[name].document.get("Conditions", {}) if not condition.startswith("Has")
    ] == []


def test_every_template_has_a_stack() -> None:
    assert {stack.template.path.stem for stack in STAGING.stacks} == set(TEMPLATES)


def test_a_release_publishes_a_new_version_of_each_function() -> None:
    for stack in STAGING.stacks:
        assert (FROM_PACKAGE in stack.template.parameters) == bool(stack.service)
    for template, logical_id, version in resources_of("AWS::Lambda::Version"):
        assert RELEASE in references(version["Properties"]["Description"])
        function = resource(template, version["Properties"]["FunctionName"].argument)
        assert RELEASE in references(function["Description"]), f"{template}.{logical_id} needs a changed function"


@pytest.mark.parametrize("name", SETTINGS)
def test_a_process_receives_the_variables_of_its_settings(name: str) -> None:
    module, _, settings = name.rpartition(".")
    read = fields(getattr(importlib.import_module(module), settings))
    given = variables(*SETTINGS[name]).keys() - NOT_IN_SETTINGS
    assert {field.name.upper() for field in read if field.default is MISSING} <= given
    assert given <= {field.name.upper() for field in read}
    assert {field.name.upper() for field in read} - given <= NOT_IN_TEMPLATES


@pytest.mark.parametrize("name", SETTINGS)
def test_a_variable_has_the_value_of_the_parameter_of_its_name(name: str) -> None:
    template, logical_id = SETTINGS[name]
    for variable, source in variables(template, logical_id).items():
        if variable not in NOT_IN_SETTINGS:
            assert source == OF_ANOTHER_NAME.get((name, variable), variable.title().replace("_", ""))


def test_every_function_has_a_handler_that_exists_and_settings_that_are_checked() -> None:
    functions = list(resources_of("AWS::Lambda::Function"))
    assert {(template, logical_id) for template, logical_id, _ in functions} <= set(SETTINGS.values())
    for _, _, function in functions:
        module, _, name = function["Properties"]["Handler"].rpartition(".")
        assert callable(getattr(importlib.import_module(module), name))


def test_the_topic_policy_exists_before_the_buckets_notifications() -> None:
    notifying = [
        (template, bucket)
        for template, _, bucket in resources_of("AWS::S3::Bucket")
        if "NotificationConfiguration" in bucket["Properties"]
    ]
    assert notifying
    for template, bucket in notifying:
        for configuration in bucket["Properties"]["NotificationConfiguration"]["TopicConfigurations"]:
            policies = {
                logical_id
                for owner, logical_id, policy in resources_of("AWS::SNS::TopicPolicy")
                if owner == template
                and configuration["Topic"].argument in references(policy["Properties"]["Topics"])
                and any(
                    statement["Principal"] == {"Service": "s3.amazonaws.com"} and statement["Action"] == "sns:Publish"
                    for statement in policy["Properties"]["PolicyDocument"]["Statement"]
                )
            }
            assert bucket["DependsOn"] in policies


def test_cloudformation_waits_longer_than_a_migration_may_take() -> None:
    assert resource("catalog", "Schema")["ServiceTimeout"] > resource("catalog", "Function")["Timeout"]


def test_every_number_of_the_backlog_and_the_state_of_the_queue_become_metrics() -> None:
    patterns: set[str] = set()
    values: set[str] = set()
    for template, _, found in resources_of("AWS::Logs::MetricFilter"):
        if template != "catalog":
            continue
        patterns.add(found["Properties"]["FilterPattern"])
        values.update(transformation["MetricValue"] for transformation in found["Properties"]["MetricTransformations"])
    state = {field.name for field in fields(Announced)} - {"announced_images"}
    assert values == {f"$.{name}" for name in state | {field.name for field in fields(Backlog)}}
    assert patterns == {f"{{ {value} >= 0 }}" for value in values}


@pytest.mark.parametrize("function", ["thumbnail", "annotate"])
def test_repeated_errors_raise_an_alarm(function: str) -> None:
    counted = resource(function, "RepeatedErrors")
    (transformation,) = counted["MetricTransformations"]
    assert counted["LogGroupName"].argument == "LogGroup"
    alarm = resource(function, "RepeatedErrorsAlarm")
    assert alarm["MetricName"] == transformation["MetricName"]
    assert alarm["Namespace"] == transformation["MetricNamespace"]
    assert (alarm["Statistic"], alarm["Threshold"]) == ("Sum", 0)


def test_a_pause_raises_an_alarm_within_a_minute_and_keeps_it_between_attempts() -> None:
    alarm = resource("annotate", "PausedAlarm")
    (transformation,) = resource("annotate", "Pauses")["MetricTransformations"]
    assert (alarm["MetricName"], alarm["Namespace"]) == (
        transformation["MetricName"],
        transformation["MetricNamespace"],
    )
    assert (alarm["Period"], alarm["DatapointsToAlarm"], alarm["Threshold"]) == (60, 1, 0)
    assert alarm["Period"] * alarm["EvaluationPeriods"] > MOST_PAUSE_SECONDS


def test_a_pause_for_the_budget_counts_as_all_of_it() -> None:
    pause, share = resource("annotate", "BudgetUsedUp"), resource("annotate", "BudgetUsedPercent")
    (used_up,), (used,) = pause["MetricTransformations"], share["MetricTransformations"]
    assert pause["FilterPattern"] == '{ $.pause_cause = "budget" }'
    assert {key: used_up[key] for key in ("MetricNamespace", "MetricName", "Unit")} == {
        key: used[key] for key in ("MetricNamespace", "MetricName", "Unit")
    }
    thresholds = [resource("annotate", name)["Threshold"] for name in ("BudgetNearlyUsedAlarm", "BudgetUsedAlarm")]
    assert (thresholds, used_up["MetricValue"]) == ([80, 100], "100")


LANGUAGES = (
    "en",
    "de",
    "pt-BR",
    "zh-Hant-TW",
    "es-419",
    "sr-Latn",
    "yue",
    "",
    "e",
    "engl",
    "en_GB",
    "en-",
    "e1",
    "en us",
    "en\n",
)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_template_accepts_the_languages_that_the_function_accepts(language: str) -> None:
    settings = object.__new__(AnnotateSettings)
    object.__setattr__(settings, "language", language)
    try:
        settings.__post_init__()
        accepted = True
    except ConfigurationError:
        accepted = False
    pattern = TEMPLATES["annotate"].parameters["Language"]["AllowedPattern"]
    assert (re.fullmatch(pattern, language) is not None) == accepted


def test_the_announcer_runs_every_minute_with_its_task() -> None:
    schedule, sweep = resource("catalog", "AnnounceSchedule"), resource("catalog", "SweepSchedule")
    assert schedule["ScheduleExpression"] == "rate(1 minute)"
    assert [json.loads(target["Input"]) for target in schedule["Targets"]] == [{"task": "announce"}]
    assert [target["Arn"] for target in schedule["Targets"]] == [target["Arn"] for target in sweep["Targets"]]
    allowed = [
        permission["Properties"]["SourceArn"].argument
        for template, _, permission in resources_of("AWS::Lambda::Permission")
        if template == "catalog"
    ]
    assert sorted(allowed) == ["AnnounceSchedule.Arn", "SweepSchedule.Arn"]


def test_the_visibility_timeout_exceeds_the_functions_timeout() -> None:
    queues = list(resources_of("AWS::SQS::Queue"))
    assert queues
    for template, _, queue in queues:
        timeout = resource(template, "Function")["Timeout"]
        assert queue["Properties"]["VisibilityTimeout"] >= 6 * timeout
        assert queue["Properties"]["MessageRetentionPeriod"] == 14 * 86_400


def test_an_asynchronous_function_loses_no_event() -> None:
    subscribed = {template for template, _, _ in resources_of("AWS::SNS::Subscription")} - {"alarms"}
    assert subscribed == {"thumbnail", "annotate"}
    for template in subscribed:
        config = resource(template, "EventInvokeConfig")
        assert (config["MaximumRetryAttempts"], config["MaximumEventAgeInSeconds"]) == (2, 21_600)
        assert config["DestinationConfig"]["OnFailure"]["Destination"] == Intrinsic("GetAtt", "DeadLetters.Arn")
        assert "deadLetterTargetArn" in resource(template, "Subscription")["RedrivePolicy"]


DATA = ("AWS::S3::Bucket", "AWS::RDS::DBInstance", "AWS::SecretsManager::Secret", "AWS::SQS::Queue")


@pytest.mark.parametrize("kind", DATA)
def test_resources_with_data_outlive_their_stack(kind: str) -> None:
    found = list(resources_of(kind))
    assert found
    for _, logical_id, described in found:
        for policy in ("DeletionPolicy", "UpdateReplacePolicy"):
            assert described.get(policy) in ("Retain", "RetainExceptOnCreate", "Snapshot"), logical_id


def test_every_role_of_an_environment_has_the_permissions_boundary() -> None:
    roles = [(template, found) for template, _, found in resources_of("AWS::IAM::Role") if template in TEMPLATES]
    assert roles
    boundary = Intrinsic(
        "If", ["HasPermissionsBoundary", Intrinsic("Ref", "PermissionsBoundary"), Intrinsic("Ref", "AWS::NoValue")]
    )
    assert [template for template, role in roles if role["Properties"].get("PermissionsBoundary") != boundary] == []


def test_no_bucket_is_named_after_its_stack() -> None:
    names = [bucket["Properties"].get("BucketName") for _, _, bucket in resources_of("AWS::S3::Bucket")]
    assert [name for name in names if "AWS::StackName" in references(name)] == []


def test_templates_fit_into_a_request() -> None:
    assert {name for name, template in ALL.items() if len(template.body.encode()) > 51_200} == set()


def test_staging_and_production_have_the_same_stacks() -> None:
    production = load_environment("production", {"AWS_ACCOUNT_ID": "000000000000"})
    assert [stack.name for stack in production.stacks] == [stack.name for stack in STAGING.stacks]
