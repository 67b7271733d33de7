"""Checks a running gallery end to end: uploads a picture, waits for its thumbnail and caption, and deletes it."""
