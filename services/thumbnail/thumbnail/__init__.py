"""The thumbnail function: from an uploaded photo to `thumbnails/<id>/512.webp`."""
