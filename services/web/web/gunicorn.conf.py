# ruff: noqa: N999 - gunicorn looks for this name
"""gunicorn: one process with four threads, each of which may hold one of the four database connections of pages.

Run as: gunicorn -c web/gunicorn.conf.py 'web.app:create_app()'. The address is `bind`, or --bind.
https://docs.gunicorn.org/en/stable/settings.html
"""

import gunicorn.http.wsgi

gunicorn.http.wsgi.SERVER = "web"  # the Server header needs to tell nobody what runs here

bind = "127.0.0.1:8080"
worker_class = "web.draining.DrainingWorker"  # gthread
workers = 1
threads = 4
timeout = 30
graceful_timeout = 30  # from SIGTERM on: the drain, and the requests that are then under way
control_socket_disable = True  # nobody would use it, and a system user has no home that it could be in
keepalive = 75  # longer than a load balancer's 60 seconds, so that it never writes into a connection we just closed
accesslog = "-"
access_log_format = '%({x-forwarded-for}i)s %(h)s "%(r)s" %(s)s %(b)s bytes %(M)s ms "%(a)s"'
