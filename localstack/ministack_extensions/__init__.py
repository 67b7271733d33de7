"""MiniStack with the AWS behaviour that it lacks: `python -m ministack_extensions`, in an environment of its own."""
