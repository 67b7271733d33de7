"""What can go wrong, as people are told it.

DeployError                a message names what is at fault and what to do
├── EnvironmentFileError   a file of desired state cannot be used
├── TemplateError          a template cannot be read
├── PackageError           a service cannot be packaged, or its package not be stored
├── PlanFileError          there is no plan, or it is another environment's
├── GateError              the plan replaces or deletes something protected
└── StackError             a stack did not reach its desired state: the first real cause
    ├── BusyError          somebody else is changing it
    └── StaleError         it changed since it was planned
"""


class DeployError(Exception):
    """The base of all."""


class EnvironmentFileError(DeployError):
    """A file of desired state cannot be used; the message names the file, the key and what is wrong with it."""


class TemplateError(DeployError):
    """A template cannot be read; the message names the file and the place."""


class PackageError(DeployError):
    """A service cannot be packaged; the message says why and what to do."""


class PlanFileError(DeployError):
    """There is no plan, or it is not one of this environment; the message says what to do."""


class GateError(DeployError):
    """A plan would replace or delete something protected, and no override allows it."""


class StackError(DeployError):
    """A stack could not be brought to its desired state; the message names the first real cause."""


class BusyError(StackError):
    """Somebody else is working on the stack."""


class StaleError(StackError):
    """The stack is not any more as it was when its change set was made."""
