"""AWS::RDS::DBInstance: the managed secret of the master user, deletion protection, and a server for MySQL instances.

The address of the endpoint is the path of the server's unix socket: a database host that begins with `/`, as in the
rest of the application.
"""

import json
import secrets
from typing import Any

from ministack.services import rds, secretsmanager
from ministack.services.cloudformation import provisioners, stacks

from ministack_extensions.database_servers import DatabaseServers
from ministack_extensions.resource_types import Attributes, Properties, complete_type

TYPE = "AWS::RDS::DBInstance"
ENGINES = ("mysql", "mariadb")


def add_databases(servers: DatabaseServers | None) -> None:
    """Manage master passwords, respect DeletionProtection and, given `servers`, run one for each MySQL instance."""
    handlers = provisioners._RESOURCE_HANDLERS[TYPE]
    delete = handlers["delete"]

    def complete(identifier: str, properties: Properties) -> Attributes:
        instance = rds._instances[identifier]
        if provisioners._cfn_bool(properties.get("ManageMasterUserPassword", False)):
            _manage_password(instance)
        if servers is not None and instance["Engine"] in ENGINES:
            user, password = instance["MasterUsername"], instance["_MasterUserPassword"]
            if instance["Endpoint"]["Address"].startswith("/"):
                servers.change_password(identifier, user, password)
            else:
                instance["Endpoint"]["Address"] = servers.create(identifier, user, password, properties.get("DBName"))
        secret = instance.get("MasterUserSecret")
        return {
            **provisioners._rds_db_instance_attrs(instance),
            **({"MasterUserSecret.SecretArn": secret["SecretArn"]} if secret else {}),
        }

    def delete_completely(identifier: str, properties: Properties) -> None:
        instance = rds._instances.get(identifier)
        if instance is not None:
            if instance["DeletionProtection"]:
                raise ValueError(
                    "Cannot delete protected DB Instance, please disable deletion protection and try again."
                )
            if servers is not None:
                servers.delete(identifier)
            if instance.get("MasterUserSecret"):
                secretsmanager.delete_secret_in_process(instance["MasterUserSecret"]["SecretArn"])
        delete(identifier, properties)

    complete_type(TYPE, complete)
    handlers["delete"] = delete_completely
    if servers is not None:
        _keep_off_the_event_loop()
        _restore_servers(servers)


def _manage_password(instance: dict[str, Any]) -> None:
    if instance.get("MasterUserSecret"):
        return
    instance["_MasterUserPassword"] = secrets.token_urlsafe(24)
    arn = secretsmanager.create_secret_in_process(
        f"rds!{instance['DbiResourceId'].lower()}",
        json.dumps({"username": instance["MasterUsername"], "password": instance["_MasterUserPassword"]}),
        description=f"The secret associated with the primary RDS DB instance: {instance['DBInstanceArn']}",
    )
    instance["MasterUserSecret"] = {"SecretArn": arn, "SecretStatus": "active", "KmsKeyId": ""}


def _keep_off_the_event_loop() -> None:
    runs_on_worker_thread = stacks._runs_on_worker_thread
    stacks._runs_on_worker_thread = lambda name: name == TYPE or runs_on_worker_thread(name)


def _restore_servers(servers: DatabaseServers) -> None:
    """Restart the servers of a saved state; MiniStack would look for containers instead."""
    load = rds.load_persisted_state

    def load_and_restore(data: dict[str, Any]) -> None:
        load({**data, "instances": {}})
        rds._instances._data.update(data["instances"]._data)
        servers.restore(data["instances"])

    rds.load_persisted_state = load_and_restore
