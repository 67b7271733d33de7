"""Each service has exactly the rights that its calls need.

The calls are recorded while a whole environment is used. `pytest -rP` shows the table of rights.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from support.emulated_environment import environment_of
from support.gemini_server import GeminiServer
from support.least_privilege.platform_rights import platform_rights
from support.least_privilege.recorded import ALL_SERVICES, recorded_cloud, recorded_gallery
from support.least_privilege.rights import Call, Right, covers, granted, needed, table
from support.least_privilege.usage import annotate_by_gemini, use


@dataclass(frozen=True)
class Rights:
    """The rights of all services after an environment was used."""

    needed: set[Right]
    granted: set[Right]
    platform: Mapping[Right, str]
    """Rights that AWS uses, with the reasons."""
    refused: set[Right]
    """Rights that are granted, but not by the permissions boundary."""
    other_roles: set[str]
    annotate_without_gemini: set[Right]


@pytest.fixture(scope="module")
def rights(tmp_path_factory: pytest.TempPathFactory) -> Rights:
    folder = tmp_path_factory.mktemp("least-privilege")
    with (
        GeminiServer() as gemini,
        recorded_cloud(folder, environment_of("staging"), gemini.url) as cloud,
        recorded_gallery(cloud) as gallery,
    ):
        use(cloud, gallery)
        annotate_without_gemini = cloud.granted("annotate")
        annotate_by_gemini(cloud, gallery)
        rights = Rights(
            needed=set().union(*map(cloud.needed, ALL_SERVICES)),
            granted=set().union(*map(cloud.granted, ALL_SERVICES)),
            platform=platform_rights(cloud),
            refused=set().union(*map(cloud.refused, ALL_SERVICES)),
            other_roles=cloud.other_roles(),
            annotate_without_gemini=annotate_without_gemini,
        )
    print(table(rights.granted, rights.platform))  # noqa: T201 - only -rP shows it
    return rights


def test_every_call_is_granted_on_exactly_its_resource(rights: Rights) -> None:
    assert not (rights.needed - rights.granted), table(rights.needed - rights.granted)


def test_no_unneeded_right_is_granted(rights: Rights) -> None:
    surplus = rights.granted - rights.needed - rights.platform.keys()
    assert not surplus, table(surplus)


def test_rights_of_the_platform_are_granted(rights: Rights) -> None:
    missing = rights.platform.keys() - rights.granted
    assert not missing, table(missing)


def test_the_permissions_boundary_covers_every_right(rights: Rights) -> None:
    assert not rights.refused, table(rights.refused)


def test_the_table_covers_every_role(rights: Rights) -> None:
    assert rights.other_roles == set()


def test_without_gemini_only_the_database_secret_may_be_read(rights: Rights) -> None:
    secrets = [right for right in rights.annotate_without_gemini if right.action == "secretsmanager:GetSecretValue"]
    assert len(secrets) == 1
    assert "ApplicationSecret" in secrets[0].resource


UPLOAD = Call("", "s3", "PutObject", {"Bucket": "photos", "Key": "uploads/1"}, missing=False)
LOOK = Call("", "s3", "HeadObject", {"Bucket": "photos", "Key": "uploads/1"}, missing=True)


def policy(*statements: tuple[str, str]) -> dict[str, Any]:
    return {
        "Statement": [{"Effect": "Allow", "Action": action, "Resource": resource} for action, resource in statements]
    }


def test_a_policy_with_the_rights_of_all_calls_is_exact() -> None:
    exact = policy(
        ("s3:PutObject", "arn:aws:s3:::photos/uploads/*"),
        ("s3:GetObject", "arn:aws:s3:::photos/uploads/*"),
        ("s3:ListBucket", "arn:aws:s3:::photos"),
    )
    assert granted("web", exact) == needed("web", [UPLOAD, LOOK])


@pytest.mark.parametrize(
    ("statement", "surplus", "missing"),
    [
        pytest.param([], set(), {"s3:PutObject"}, id="a missing action"),
        pytest.param(
            [("s3:PutObject", "arn:aws:s3:::photos/uploads/*"), ("s3:DeleteObject", "arn:aws:s3:::photos/uploads/*")],
            {"s3:DeleteObject"},
            set(),
            id="an extra action",
        ),
        pytest.param(
            [("s3:PutObject", "arn:aws:s3:::photos/*")], {"s3:PutObject"}, {"s3:PutObject"}, id="a resource too wide"
        ),
        pytest.param([("s3:*", "arn:aws:s3:::photos/uploads/*")], {"s3:*"}, {"s3:PutObject"}, id="an action too wide"),
    ],
)
def test_a_policy_that_differs_from_the_calls_is_found(
    statement: list[tuple[str, str]], surplus: set[str], missing: set[str]
) -> None:
    allowed, called = granted("web", policy(*statement)), needed("web", [UPLOAD])
    assert {right.action for right in allowed - called} == surplus
    assert {right.action for right in called - allowed} == missing


@pytest.mark.parametrize(
    ("action", "resource", "covered"),
    [
        ("s3:PutObject", "arn:aws:s3:::photo?/uploads/*", True),
        ("s3:*", "*", True),
        ("s3:PutObject", "arn:aws:s3:::photos/uploads/1*", False),
        ("s3:PutObjectAcl", "*", False),
        ("s3:PutObject", "arn:aws:s3:::photo./uploads/*", False),
    ],
)
def test_a_boundary_covers_narrower_rights_only(action: str, resource: str, covered: bool) -> None:
    (right,) = needed("web", [UPLOAD])
    assert covers(policy((action, resource)), right) == covered


def test_an_unknown_operation_is_an_error() -> None:
    with pytest.raises(KeyError, match="ListBuckets"):
        needed("web", [Call("", "s3", "ListBuckets", {}, missing=False)])


def test_a_statement_that_the_table_cannot_show_is_an_error() -> None:
    with pytest.raises(ValueError, match="NotAction"):
        granted("web", {"Statement": {"Effect": "Allow", "NotAction": "s3:PutObject", "Resource": "*"}})
