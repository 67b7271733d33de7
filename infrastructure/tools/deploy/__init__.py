"""The deploy tool: brings the stacks of an environment to their desired state, through reviewed change sets.

environment.py       the desired state: environments/*.yaml and stacks.yaml
section.py           reads and validates YAML files
template.py          the parameters, resources and outputs of a template
package.py           builds the zip of a service
sbom.py              lists the components of a package
artifacts.py         the bucket that holds the packages
publish.py           stores each pinned version in that bucket, once
stack.py             the state and the events of one stack
change_set.py        creates, reads and executes change sets
gate.py              refuses to replace or delete resources that hold data
outputs.py           the outputs of deployed stacks
plan.py              a change set for each stack of an environment
plan_file.py         a plan in a file
apply.py             executes a plan
environment_lock.py  one process at a time changes an environment
status.py, drift.py, redrive.py, render.py    the logic of the commands of these names
enqueue.py    what the commands annotate and retry do
show.py              text for people
markdown.py          plans and drift for GitHub
commands/            the command line, one command per module
errors.py            expected errors and their exit codes

AWS clients come from the one `boto3.Session` that each function receives.
"""
