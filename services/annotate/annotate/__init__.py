"""Lambda function that describes each uploaded photo: a caption, alternative text and tags."""
