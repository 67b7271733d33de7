"""The thumbnail function: makes `thumbnails/<id>/512.webp` from an uploaded photo."""
