"""The key of a person who starts the application with GEMINI_API_KEY: used, and written nowhere."""

from pathlib import Path

from support import photos
from support.gallery_client import GalleryClient
from support.gemini_server import GeminiServer
from support.running_cloud import running_cloud

KEY = "a-key-of-somebody"


def test_the_key_reaches_gemini_and_no_file(tmp_path: Path) -> None:
    with GeminiServer() as gemini:
        environ = {"GEMINI_API_KEY": KEY, "GOOGLE_GEMINI_BASE_URL": gemini.url}
        with running_cloud(tmp_path, environ) as cloud:
            gallery = GalleryClient(cloud.gallery_url)
            annotation = gallery.wait(gallery.upload(photos.jpeg()))["annotation"]
        assert annotation["model"] == "gemini-3.5-flash-lite"
        assert [request.api_key for request in gemini.requests] == [KEY]
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert [path for path in files if KEY.encode() in path.read_bytes()] == []
