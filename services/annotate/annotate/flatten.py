"""Pictures without transparency, as every annotator takes them."""

from PIL import Image


def on_white(image: Image.Image) -> Image.Image:
    """Return an RGB picture: what is transparent shows white."""
    if image.mode == "RGB":
        return image
    layer = image.convert("RGBA")
    background = Image.new("RGBA", layer.size, "white")
    return Image.alpha_composite(background, layer).convert("RGB")
