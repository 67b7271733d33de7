"""Opens an untrusted picture and scales it to fit a box."""
