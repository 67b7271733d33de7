"""The flow with a Gemini key: the real SDK against a loopback server that implements Gemini's protocol."""

from typing import Any

from support import gemini_server, photos
from support.clouds import GEMINI_KEY, Cloud
from support.dead_letters import wait_for_dead_letters
from support.gallery_client import GalleryClient
from support.gemini_server import GeminiServer

OVERLOADED = gemini_server.failure(503, "UNAVAILABLE", "The model is overloaded.")
AWAY = gemini_server.failure(503, "UNAVAILABLE", "Come back later.", retry_after="3600")
"""Longer than an invocation may take, so each calls Gemini once."""


def test_gemini_describes_a_photo_once_and_tokens_are_recorded(gallery: GalleryClient, gemini: GeminiServer) -> None:
    before = len(gemini.requests)
    annotation = gallery.wait(gallery.upload(photos.jpeg(1024, 768)))["annotation"]
    assert annotation["caption"] == "A photo of 768 by 576 pixels."
    assert annotation["alt_text"] == "Something seen in 768 by 576 pixels."
    assert annotation["tags"] == ["photo", "test"]
    assert annotation["model"] == "gemini-3.5-flash-lite"
    assert (annotation["input_tokens"], annotation["output_tokens"]) == (
        gemini_server.INPUT_TOKENS,
        gemini_server.OUTPUT_TOKENS,
    )
    assert [request.api_key for request in gemini.requests[before:]] == [GEMINI_KEY]


def test_an_overloaded_gemini_is_retried(gallery: GalleryClient, gemini: GeminiServer) -> None:
    gemini.reply(OVERLOADED, OVERLOADED)
    image = gallery.wait(gallery.upload(photos.jpeg(seed=1)))
    assert image["annotation"]["status"] == "ready"


def test_a_blocked_photo_fails_with_a_reason_and_can_be_retried(gallery: GalleryClient, gemini: GeminiServer) -> None:
    gemini.reply(gemini_server.blocked("SAFETY"))
    image_id = gallery.upload(photos.jpeg(seed=2))
    annotation = gallery.wait(image_id)["annotation"]
    assert annotation["status"] == "failed"
    assert annotation["reason"]
    assert annotation["caption"] is None
    assert gallery.retry(image_id) == 202
    assert gallery.wait(image_id)["annotation"]["status"] == "ready"


def test_an_outage_ends_in_a_dead_letter_and_a_retry_succeeds(
    gallery: GalleryClient, gemini: GeminiServer, cloud: Cloud, aws: Any
) -> None:
    gemini.reply(*[AWAY] * 3)  # for the first delivery and both retries
    image_id = gallery.upload(photos.jpeg(seed=3))
    wait_for_dead_letters(aws, cloud, image_id, count=1)
    assert gallery.wait(image_id, lambda image: bool(image["thumbnail"]["status"] == "ready"))
    assert gallery.retry(image_id) == 202
    assert gallery.wait(image_id)["annotation"]["status"] == "ready"
