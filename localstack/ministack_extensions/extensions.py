"""What MiniStack lacks of AWS and this application relies on. Its names are private: the version is pinned exactly.

asynchronous     Invoke with the type Event, SNS and EventBridge: retries, bounded concurrency, dead letters
functions        AWS::Lambda::Function keeps DeadLetterConfig, reserved concurrency (for all versions) and VpcConfig;
                 an update lets invocations finish
code             the code of functions is unpacked once for all their processes
logs             what functions log reaches their log group, which keeps the last of it
buckets          AWS::S3::Bucket takes over a bucket that is there already, with its objects; events in any region
network          AWS::EC2::EIP, NatGateway, FlowLog, SecurityGroupIngress, SecurityGroupEgress
identity         AWS::IAM::OIDCProvider
databases        AWS::RDS::DBInstance has a managed master password and, when wanted, a server
load_balancers   AWS::ElasticLoadBalancingV2: deletion protection, full names of target groups
change_sets      change sets tell of conditions and outputs
replacement      change sets tell which changes replace a resource
nested_stacks    AWS::CloudFormation::Stack heeds policies, cleans up and can be updated
template_urls    templates in S3 are found under virtual-hosted addresses
guard            every request is refused when another web site makes it
"""

from __future__ import annotations

from pathlib import Path

import ministack.app as app

from ministack_extensions.asynchronous import queue_invocations
from ministack_extensions.buckets import announce_in_own_region, take_over_buckets
from ministack_extensions.change_sets import tell_all_changes
from ministack_extensions.code import share_code
from ministack_extensions.database_servers import DatabaseServers
from ministack_extensions.databases import add_databases
from ministack_extensions.functions import keep_function_properties, let_invocations_finish, share_reserved_concurrency
from ministack_extensions.guard import guarded
from ministack_extensions.identity import add_identity
from ministack_extensions.load_balancers import mend_load_balancers
from ministack_extensions.logs import keep_function_logs
from ministack_extensions.nested_stacks import mend_nested_stacks
from ministack_extensions.network import add_network
from ministack_extensions.replacement import tell_replacements
from ministack_extensions.template_urls import read_virtual_hosted


def install(events: Path, code: Path, databases: DatabaseServers | None) -> None:
    """Put the extensions in place.

    Args:
        events: folder that keeps the events of asynchronous invocations.
        code: folder that keeps the unpacked code of functions.
        databases: the servers behind database instances; None when these shall have none.
    """
    keep_function_properties()
    share_reserved_concurrency()
    let_invocations_finish()
    take_over_buckets()
    announce_in_own_region()
    add_network()
    add_identity()
    add_databases(databases)
    mend_load_balancers()
    mend_nested_stacks()
    tell_replacements()
    tell_all_changes()
    read_virtual_hosted()
    share_code(code)
    keep_function_logs()
    app.app = guarded(app.app)
    queue_invocations(events)
