"""Describes photos with the Gemini API."""
