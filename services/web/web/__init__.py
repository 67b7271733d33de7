"""The gallery: HTML pages and the JSON API."""
