"""Deletion protection of load balancers, and the full names of target groups, which metrics use.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-elasticloadbalancingv2-targetgroup.html
"""

from ministack.services import alb
from ministack.services.cloudformation import provisioners

from ministack_extensions.resource_types import Properties, complete_type


def complete_load_balancers() -> None:
    """Extend both resource types."""
    handlers = provisioners._RESOURCE_HANDLERS["AWS::ElasticLoadBalancingV2::LoadBalancer"]
    delete = handlers["delete"]

    def delete_unprotected(arn: str, properties: Properties) -> None:
        if {"Key": "deletion_protection.enabled", "Value": "true"} in alb._lb_attrs.get(arn, []):
            raise ValueError(f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled")
        delete(arn, properties)

    handlers["delete"] = delete_unprotected
    complete_type(
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        lambda arn, properties: {"TargetGroupFullName": arn.rsplit(":", 1)[1]},
    )
