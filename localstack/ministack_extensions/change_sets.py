"""Change sets include changes of outputs, and resources that a condition adds or removes.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-changesets.html
"""

import re
from typing import Any

from ministack.services import cloudformation
from ministack.services.cloudformation import changesets, engine, handlers

Template = dict[str, Any]


def complete_change_sets() -> None:
    """Compare only resources whose condition is true, and allow change sets that only change outputs."""
    resolve, create = changesets._resolve_props_for_diff, changesets._create_change_set

    def resolve_existing(template: Template, parameters: dict[str, Any], *stack: str) -> Template:
        return resolve(_existing(template, parameters), parameters, *stack) if template else {}

    def create_for_outputs(request: dict[str, Any]) -> Any:
        answer = create(request)
        made = re.search(rb"<Id>(.*?)</Id>", answer[2])
        change_set = cloudformation._change_sets.get(made[1].decode()) if made else None
        # AWS creates a change set that can be executed and has no changes: https://github.com/aws/aws-cdk/pull/2029
        if change_set and change_set["Status"] == "FAILED" and _changes_outputs(change_set):
            change_set.update(Status="CREATE_COMPLETE", ExecutionStatus="AVAILABLE", StatusReason="")
        return answer

    changesets._resolve_props_for_diff = resolve_existing
    handlers._ACTION_HANDLERS["CreateChangeSet"] = create_for_outputs


def _existing(template: Template, parameters: dict[str, Any]) -> Template:
    conditions = engine._evaluate_conditions(template, parameters)
    return {
        **template,
        "Resources": {
            name: resource
            for name, resource in template["Resources"].items()
            if conditions.get(resource.get("Condition"), True)
        },
    }


def _changes_outputs(change_set: dict[str, Any]) -> bool:
    stack = cloudformation._stacks.get(change_set["StackName"])
    if stack is None or change_set["ChangeSetType"] != "UPDATE":
        return False
    old, new = (_outputs(record["_template"], record["_resolved_params"], stack) for record in (stack, change_set))
    return bool(old != new)


def _outputs(template: Template, parameters: dict[str, Any], stack: dict[str, Any]) -> dict[str, Any]:
    conditions = engine._evaluate_conditions(template, parameters)
    return {
        name: engine._resolve_refs(
            {"Value": output["Value"], "Export": output.get("Export")},
            stack["_resources"],
            parameters,
            conditions,
            template.get("Mappings", {}),
            stack["StackName"],
            stack["StackId"],
        )
        for name, output in template.get("Outputs", {}).items()
        if conditions.get(output.get("Condition"), True)
    }
