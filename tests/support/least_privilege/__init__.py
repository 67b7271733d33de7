"""What services may do in AWS, compared with what they do.

hook/sitecustomize.py   records the AWS calls of a process that has its folder on PYTHONPATH
rights.py               turns calls and policies into rights, which can be compared
recorded.py             an environment whose services' calls are recorded
usage.py                what people do with it
platform_rights.py      what AWS itself does in the name of services
"""
