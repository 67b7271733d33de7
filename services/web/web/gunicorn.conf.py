# ruff: noqa: N999 - gunicorn looks for this name
"""gunicorn settings: one process with four threads, one for each database connection of pages.

Run: gunicorn -c web/gunicorn.conf.py 'web.app:create_app()'. The address is `bind`, or --bind.
https://docs.gunicorn.org/en/stable/settings.html
"""

import gunicorn.http.wsgi

gunicorn.http.wsgi.SERVER = "web"  # do not reveal the server software

bind = "127.0.0.1:8080"
worker_class = "web.draining.DrainingWorker"  # gthread
workers = 1
threads = 4
timeout = 30
graceful_timeout = 30  # from SIGTERM, for the drain and the remaining requests
control_socket_disable = True  # unused, and a system user has no home directory for it
keepalive = 75  # longer than the load balancer's 60 seconds, so that it never reuses a connection that we just closed
accesslog = "-"
access_log_format = '%({x-forwarded-for}i)s %(h)s "%(r)s" %(s)s %(b)s bytes %(M)s ms "%(a)s"'
