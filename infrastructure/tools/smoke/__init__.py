"""The smoke test of a running gallery: uploads a picture, checks its thumbnail and annotation, and deletes it."""
