"""Added resource types of EC2: stacks create, change and delete them, and the EC2 API shows them."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.emulated_account import Account

NETWORK: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("network.yaml").read_text())
IMAGE: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("image.yaml").read_text())


def network(**changes: dict[str, Any]) -> dict[str, Any]:
    """Return the template with other properties for some resources."""
    template = copy.deepcopy(NETWORK)
    for name, properties in changes.items():
        template["Resources"][name]["Properties"].update(properties)
    return template


@pytest.fixture
def made(account: Account, stack: str) -> dict[str, str]:
    """Create the network, and return the physical ids of its resources."""
    assert account.deploy(stack, network()).status == "CREATE_COMPLETE"
    return account.resources(stack)


def nat_gateway(account: Account, name: str) -> Any:
    (found,) = account.client("ec2").describe_nat_gateways(NatGatewayIds=[name])["NatGateways"]
    return found


def rules(account: Account, group: str) -> dict[str, Any]:
    """Return the rules of a security group by id."""
    found = account.client("ec2").describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])
    return {rule["SecurityGroupRuleId"]: rule for rule in found["SecurityGroupRules"]}


def test_a_nat_gateway_is_in_its_subnet_with_its_address(account: Account, stack: str) -> None:
    outputs = account.deploy(stack, network()).outputs
    made = account.resources(stack)
    gateway = nat_gateway(account, made["Gateway"])
    assert (gateway["SubnetId"], gateway["VpcId"], gateway["State"]) == (made["One"], made["Vpc"], "available")
    (address,) = account.client("ec2").describe_addresses(AllocationIds=[outputs["Allocation"]])["Addresses"]
    assert address["PublicIp"] == made["Address"]
    assert address["AssociationId"]


def test_a_vpc_has_its_cidr_block_as_an_attribute(account: Account, stack: str) -> None:
    assert account.deploy(stack, network()).outputs["Range"] == "10.1.0.0/16"


def test_resources_have_their_own_tags_and_those_of_the_stack(account: Account, made: dict[str, str]) -> None:
    tags = {tag["Key"]: tag["Value"] for tag in nat_gateway(account, made["Gateway"])["Tags"]}
    assert (tags["Name"], tags["aws:cloudformation:logical-id"]) == ("first", "Gateway")


def test_a_new_tag_does_not_replace_the_nat_gateway(account: Account, stack: str, made: dict[str, str]) -> None:
    update = account.deploy(stack, network(Gateway={"Tags": [{"Key": "Name", "Value": "second"}]}))
    assert update.changes == {"Gateway": ("Modify", "False")}
    assert account.resources(stack) == made
    assert {"Key": "Name", "Value": "second"} in nat_gateway(account, made["Gateway"])["Tags"]


def test_a_new_subnet_replaces_the_nat_gateway(account: Account, stack: str, made: dict[str, str]) -> None:
    allocation = {"Fn::GetAtt": ["OtherAddress", "AllocationId"]}
    update = account.deploy(stack, network(Gateway={"SubnetId": {"Ref": "Two"}, "AllocationId": allocation}))
    assert (update.status, update.changes) == ("UPDATE_COMPLETE", {"Gateway": ("Modify", "True")})
    assert nat_gateway(account, made["Gateway"])["State"] == "deleted"
    assert nat_gateway(account, account.resources(stack)["Gateway"])["SubnetId"] == made["Two"]


def test_an_address_can_be_used_by_one_nat_gateway_only(account: Account, stack: str, made: dict[str, str]) -> None:
    update = account.deploy(stack, network(Gateway={"SubnetId": {"Ref": "Two"}}))
    assert update.status == "UPDATE_ROLLBACK_COMPLETE"
    assert "already associated" in update.failures["Gateway"]
    assert account.resources(stack) == made


def test_a_nat_gateway_in_an_unknown_subnet_fails_and_its_stack_is_rolled_back(account: Account, stack: str) -> None:
    creation = account.deploy(stack, network(Gateway={"SubnetId": "subnet-0"}))
    assert creation.status == "ROLLBACK_COMPLETE"
    assert creation.failures["Gateway"] == "The subnet ID 'subnet-0' does not exist"


def test_separate_rule_resources_are_rules_of_the_group(account: Account, made: dict[str, str]) -> None:
    found = rules(account, made["Group"])
    incoming, outgoing = found[made["Incoming"]], found[made["Outgoing"]]
    assert (incoming["IsEgress"], incoming["FromPort"], incoming["CidrIpv4"]) == (False, 443, "192.0.2.0/24")
    assert (outgoing["IsEgress"], outgoing["ReferencedGroupInfo"]["GroupId"]) == (True, made["Group"])


def test_an_egress_rule_replaces_the_default_rule_that_allows_everything(account: Account, stack: str) -> None:
    template = network()
    del template["Resources"]["Outgoing"]
    account.deploy(stack, template)
    group = account.resources(stack)["Group"]
    assert [rule["CidrIpv4"] for rule in rules(account, group).values() if rule["IsEgress"]] == ["0.0.0.0/0"]
    account.deploy(stack, network())
    assert [rule["FromPort"] for rule in rules(account, group).values() if rule["IsEgress"]] == [3306]


def test_the_description_of_a_rule_changes_in_place(account: Account, stack: str, made: dict[str, str]) -> None:
    update = account.deploy(stack, network(Incoming={"Description": "everybody"}))
    assert update.changes == {"Incoming": ("Modify", "False")}
    assert account.resources(stack) == made
    assert rules(account, made["Group"])[made["Incoming"]]["Description"] == "everybody"


def test_a_new_port_replaces_a_rule(account: Account, stack: str, made: dict[str, str]) -> None:
    update = account.deploy(stack, network(Incoming={"FromPort": 80}))
    found = rules(account, made["Group"])
    assert update.changes == {"Incoming": ("Modify", "True")}
    assert made["Incoming"] not in found
    assert found[account.resources(stack)["Incoming"]]["FromPort"] == 80


def test_a_duplicate_rule_is_refused(account: Account, stack: str) -> None:
    template = network()
    template["Resources"]["Again"] = {**template["Resources"]["Incoming"], "DependsOn": "Incoming"}
    creation = account.deploy(stack, template)
    assert creation.status == "ROLLBACK_COMPLETE"
    assert creation.failures["Again"] == "the specified rule already exists"


def test_a_flow_log_belongs_to_its_vpc(account: Account, made: dict[str, str]) -> None:
    (log,) = account.client("ec2").describe_flow_logs(FlowLogIds=[made["Log"]])["FlowLogs"]
    assert (log["ResourceId"], log["TrafficType"], log["LogDestination"]) == (made["Vpc"], "REJECT", "flows")


def test_a_new_traffic_type_replaces_a_flow_log(account: Account, stack: str, made: dict[str, str]) -> None:
    assert account.deploy(stack, network(Log={"TrafficType": "ALL"})).changes == {"Log": ("Modify", "True")}
    after = account.resources(stack)["Log"]
    found = account.client("ec2").describe_flow_logs()["FlowLogs"]
    assert [log["FlowLogId"] for log in found if log["FlowLogId"] in (made["Log"], after)] == [after]


def test_deleting_a_stack_deletes_all_of_its_resources(account: Account, stack: str) -> None:
    outputs = account.deploy(stack, network()).outputs
    made = account.resources(stack)
    assert account.delete(stack) == ""
    ec2 = account.client("ec2")
    assert nat_gateway(account, made["Gateway"])["State"] == "deleted"
    assert not ec2.describe_flow_logs(FlowLogIds=[made["Log"]])["FlowLogs"]
    assert not ec2.describe_addresses(AllocationIds=[outputs["Allocation"]])["Addresses"]


def test_the_image_of_the_instances_is_found_through_its_ssm_parameter(account: Account, stack: str) -> None:
    image = account.deploy(stack, IMAGE).outputs["Image"]
    (found,) = account.client("ec2").describe_images(ImageIds=[image])["Images"]
    assert found["Name"].endswith("kernel-6.12-arm64")
