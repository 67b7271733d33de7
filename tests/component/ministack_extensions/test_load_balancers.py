"""Load balancers and target groups in the emulator."""

from support.emulated_account import PROTECTED_BALANCER, Account, unprotect_balancer


def test_a_protected_load_balancer_is_not_deleted(account: Account, stack: str) -> None:
    account.deploy(stack, {"Resources": {"Balancer": PROTECTED_BALANCER}})
    assert account.delete(stack) == "DELETE_FAILED"
    unprotect_balancer(account, account.resources(stack)["Balancer"])
    assert account.delete(stack) == ""


def test_a_target_group_has_the_full_name_of_its_metrics(account: Account, stack: str) -> None:
    group = {
        "Type": "AWS::ElasticLoadBalancingV2::TargetGroup",
        "Properties": {"VpcId": "vpc-1", "Port": 80, "Protocol": "HTTP"},
    }
    template = {
        "Resources": {"Group": group},
        "Outputs": {"Name": {"Value": {"Fn::GetAtt": ["Group", "TargetGroupFullName"]}}},
    }
    name = account.deploy(stack, template).outputs["Name"]
    assert name.startswith("targetgroup/")
    assert account.resources(stack)["Group"].endswith(f":{name}")
