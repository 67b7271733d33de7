"""The deploy command: from templates and services to stacks, through change sets that are reviewed.

environment.py  what an environment wants (environments/*.yaml) and how stacks fit together (stacks.yaml)
template.py     what goes into a template and what comes out
package.py      a service, with what it needs, as a zip
sbom.py         what a package is made of
artifacts.py    the bucket of the packages
publish.py      stores the packages of pinned versions in it, each once
stack.py        one stack: what it is, and what happens to it
change_set.py   what would change in a stack: made, read, executed
gate.py         what may not be replaced or deleted
plan.py         a change set for each stack of an environment
plan_file.py    a plan in a file
apply.py        executes a plan
status.py, drift.py, redrive.py, render.py    one command each
show.py         all of it as text
markdown.py     plans and drift for GitHub
errors.py       what can go wrong
"""
