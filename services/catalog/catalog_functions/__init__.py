"""The Lambda functions of the catalog: schema migrations and the sweep. No other service bundles them."""
