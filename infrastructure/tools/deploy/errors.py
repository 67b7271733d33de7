"""Errors that people can act on. The command line prints the message and exits with `exit_code`."""


class DeployError(Exception):
    """Base class. The message names the cause and what to do."""

    exit_code = 1


class EnvironmentFileError(DeployError):
    """A file of desired state is invalid; the message names the file, the key and the problem."""


class TemplateError(DeployError):
    """A template cannot be read; the message names the file and the position."""


class PackageError(DeployError):
    """A service cannot be packaged, or its package cannot be stored."""


class PlanFileError(DeployError):
    """The plan is missing, or belongs to another environment."""


class GateError(DeployError):
    """A plan would replace or delete a protected resource, and no override allows it."""

    exit_code = 3


class QueueError(DeployError):
    """Photos cannot be queued; the message names the cause."""


class StackError(DeployError):
    """A stack did not reach its desired state; the message names the root cause."""


class BusyError(StackError):
    """Another process is changing the stack."""

    exit_code = 5


class StaleError(StackError):
    """The stack or its desired state changed after its change set was created."""

    exit_code = 4
