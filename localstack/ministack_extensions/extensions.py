"""The AWS behaviour that MiniStack lacks and this application needs.

It replaces private names of MiniStack, so the version is pinned exactly.

asynchronous     Invoke with the type Event, SNS and EventBridge: retries, limited concurrency, dead letters
functions        AWS::Lambda::Function keeps DeadLetterConfig, VpcConfig and reserved concurrency, which all versions
                 share; updates wait for running invocations
code             the code of a function is unpacked once for all its processes
logs             logs of functions reach their log group, which keeps the latest
buckets          AWS::S3::Bucket adopts an existing bucket with its objects; events in every region
network          AWS::EC2::EIP, NatGateway, FlowLog, SecurityGroupIngress, SecurityGroupEgress
identity         AWS::IAM::OIDCProvider
databases        AWS::RDS::DBInstance has a managed master password and optionally a server
load_balancers   AWS::ElasticLoadBalancingV2: deletion protection, full names of target groups
change_sets      change sets include conditions and outputs
replacement      change sets tell which changes replace a resource
nested_stacks    AWS::CloudFormation::Stack respects policies, cleans up and can be updated
template_urls    templates in S3 are found at virtual-hosted URLs
guard            requests from other web sites are refused
"""

from pathlib import Path

import ministack.app as app

from ministack_extensions.asynchronous import queue_invocations
from ministack_extensions.buckets import adopt_buckets, send_events_in_own_region
from ministack_extensions.change_sets import complete_change_sets
from ministack_extensions.code import share_code
from ministack_extensions.database_servers import DatabaseServers
from ministack_extensions.databases import add_databases
from ministack_extensions.functions import keep_function_properties, let_invocations_finish, share_reserved_concurrency
from ministack_extensions.guard import guarded
from ministack_extensions.identity import add_identity
from ministack_extensions.load_balancers import complete_load_balancers
from ministack_extensions.logs import keep_function_logs
from ministack_extensions.nested_stacks import complete_nested_stacks
from ministack_extensions.network import add_network
from ministack_extensions.replacement import add_replacements
from ministack_extensions.template_urls import read_virtual_hosted


def install(events: Path, code: Path, databases: DatabaseServers | None) -> None:
    """Put the extensions in place.

    Args:
        events: folder of the events of asynchronous invocations.
        code: folder of the unpacked code of functions.
        databases: the servers of database instances; None if they have none.
    """
    keep_function_properties()
    share_reserved_concurrency()
    let_invocations_finish()
    adopt_buckets()
    send_events_in_own_region()
    add_network()
    add_identity()
    add_databases(databases)
    complete_load_balancers()
    complete_nested_stacks()
    add_replacements()
    complete_change_sets()
    read_virtual_hosted()
    share_code(code)
    keep_function_logs()
    app.app = guarded(app.app)
    queue_invocations(events)
