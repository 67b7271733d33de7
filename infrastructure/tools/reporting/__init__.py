"""Reports the results of the pipeline on GitHub: Markdown files become a comment or an issue.

github.py   GitHub's REST API
body.py     the text of a comment or an issue, assembled from files
comment.py  the pipeline's comment on a pull request
issue.py    the open issue about a topic
errors.py   expected errors
"""
