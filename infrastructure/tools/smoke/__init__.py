"""Tries a running gallery as a person does: a picture goes in, its thumbnail and words come out, and it is deleted."""
