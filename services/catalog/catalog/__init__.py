"""The image catalogue: the only code that speaks SQL, and the only names of keys in the bucket."""
