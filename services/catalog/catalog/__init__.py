"""The image catalog: the only code that runs SQL and the only code that calls S3.

Every service bundles this library. Its own Lambda functions are in `catalog_functions`.
"""
