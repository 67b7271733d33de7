"""The SBOM of a package, for scans of vulnerabilities and licences.

CycloneDX 1.6 in JSON (https://cyclonedx.org/docs/1.6/json/). It has no timestamp, and its serial number is derived from
the content, so builds are reproducible.
"""

from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution, distributions
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import License
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.spdx import is_expression, is_supported_id
from packageurl import PackageURL

_LICENSES = LicenseFactory()


def sbom(service: str, versions: Mapping[str, str], installed: Path) -> str:
    """Return the SBOM of a package.

    Args:
        service: the service that is packaged.
        versions: the versions of the service and of the packages of this repository that it bundles.
        installed: the folder with the wheels, each with its `.dist-info`.
    """
    own = {name: _own(name, version) for name, version in versions.items()}
    root = own.pop(service)
    components = [*own.values(), *_wheels(installed)]
    serial = uuid5(NAMESPACE_URL, "\n".join(str(component.purl) for component in [root, *components]))
    bom = Bom(serial_number=serial, metadata=BomMetaData(component=root), components=components)
    bom.metadata.timestamp = None  # type: ignore[assignment] # the format allows it
    bom.register_dependency(root, components)
    return JsonV1Dot6(bom).output_as_string(indent=1)


def _own(name: str, version: str) -> Component:
    purl = PackageURL("generic", name=name, version=version)
    return Component(type=ComponentType.APPLICATION, name=name, version=version, purl=purl, bom_ref=str(purl))


def _wheels(installed: Path) -> Iterator[Component]:
    for wheel in sorted(distributions(path=[str(installed)]), key=lambda wheel: wheel.name.lower()):
        purl = PackageURL("pypi", name=wheel.name, version=wheel.version)  # normalizes the name
        yield Component(
            type=ComponentType.LIBRARY,
            name=wheel.name,
            version=wheel.version,
            purl=purl,
            bom_ref=str(purl),
            licenses=list(_licenses(wheel)),
        )


def _licenses(wheel: Distribution) -> Iterator[License]:
    """Read the licence from current or older fields of https://packaging.python.org/specifications/core-metadata/.

    Classifiers are the last resort: "BSD License", for example, is ambiguous.
    """
    for field in ("License-Expression", "License"):
        text = "".join(wheel.metadata.get_all(field, [])).partition("\n")[
            0
        ]  # the old field may contain the whole licence
        if text and (is_supported_id(text) or is_expression(text)):
            yield _LICENSES.make_from_string(text)
            return
    for classifier in wheel.metadata.get_all("Classifier", []):
        if classifier.startswith("License :: "):
            yield _LICENSES.make_with_name(classifier.rpartition(" :: ")[2])
