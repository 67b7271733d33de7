"""Whatever Gemini does, every photo ends with its own caption, or with a reason and a Retry that works."""

from integration.faults.world import World


def test_a_photo_without_faults_is_described_once(world: World) -> None:
    world.verify(world.upload())
