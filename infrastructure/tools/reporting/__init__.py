"""Tells people on GitHub what the pipeline found out: files in Markdown become a comment or an issue.

github.py   GitHub's REST API
body.py     the text of a comment or an issue, made of files
comment.py  the one comment of the pipeline on a pull request
issue.py    the one open issue about something
errors.py   what can go wrong
"""
