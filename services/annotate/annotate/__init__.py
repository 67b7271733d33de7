"""The annotate function: from an uploaded photo to a caption, alternative text and tags."""
