"""Which changes of a property replace a resource, for resource types that MiniStack has no list for.

MiniStack calls every change of such a type "Conditional", so each would count as a danger to data. `replacement.json`
has createOnlyProperties and conditionalCreateOnlyProperties of AWS's own schemas; a test compares them.
https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html
"""

import json
from importlib import resources

from ministack.services.cloudformation import provisioners


def add_replacements() -> None:
    """Let change sets and updates replace the same resources as on AWS."""
    lists = json.loads(resources.files("ministack_extensions").joinpath("replacement.json").read_bytes())
    provisioners._REPLACING_PROPERTIES.update(lists["always"])
    provisioners._CONDITIONALLY_REPLACING_PROPERTIES.update(lists["conditionally"])
