"""The deploy command: from templates and services to stacks, through change sets."""
