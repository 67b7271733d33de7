"""The deploy command: from templates and services to stacks, through change sets.

environment.py  what an environment wants (environments/*.yaml) and how stacks fit together (stacks.yaml)
package.py      a service, with what it needs, as a zip
stack.py        one stack: change set, review, execution, outputs
apply.py        all stacks of an environment, in order
"""
