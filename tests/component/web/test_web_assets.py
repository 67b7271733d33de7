"""Scripts and styles: caching, and rules of the content security policy."""

import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

import web
from web.assets import folder_version

PACKAGE = Path(web.__file__).parent
STATIC = PACKAGE / "static"
SCRIPTS = sorted(STATIC.glob("*.js"))
TEMPLATES = sorted((PACKAGE / "templates").glob("*.html"))


def urls(client: FlaskClient) -> list[str]:
    return re.findall(r'"(/static/[^"]+)"', client.get("/").text)


def test_the_assets_of_a_page_exist_and_are_immutable(client: FlaskClient) -> None:
    found = urls(client)
    assert {url.rsplit("/")[-1] for url in found} >= {"gallery.css", "gallery.js", "icon.svg"}
    for url in found:
        with client.get(url) as response:
            assert response.status_code == 200
            assert "immutable" in response.headers["Cache-Control"]


def test_scripts_have_a_javascript_type(client: FlaskClient) -> None:
    script = next(url for url in urls(client) if url.endswith(".js"))
    with client.get(script) as response:
        assert response.mimetype == "text/javascript"


def test_an_asset_with_another_version_is_not_cached(client: FlaskClient) -> None:
    with client.get("/static/000000000000/gallery.css") as response:
        assert response.status_code == 200
        assert response.headers["Cache-Control"] == "no-cache"


def test_only_assets_are_served(client: FlaskClient) -> None:
    for path in ("../app.py", "%2e%2e/app.py", "..%2fapp.py", "no-such-file.js"):
        assert client.get(f"/static/1/{path}").status_code == 404


def test_any_change_creates_a_new_version(tmp_path: Path) -> None:
    versions = set()
    for name, content in (("a.js", "1"), ("a.js", "2"), ("b.js", "1"), ("b.js", "")):
        for old in tmp_path.iterdir():
            old.unlink()
        (tmp_path / name).write_text(content)
        versions.add(folder_version(tmp_path))
    assert len(versions) == 4


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_do_not_parse_text_as_html(script: Path) -> None:
    sinks = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|DOMParser|setTimeout\([\"']"
    assert not re.search(sinks, script.read_text())


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_import_only_existing_names(script: Path) -> None:
    for names, path in re.findall(r"^import \{([^}]*)\} from \"\./([^\"]+)\";", script.read_text(), re.MULTILINE):
        exported = re.findall(r"^export (?:async )?(?:function|class|const) (\w+)", (STATIC / path).read_text(), re.M)
        assert {name.strip() for name in names.split(",")} <= set(exported)
    assert script.read_text().count("import ") == len(re.findall(r"^import \{", script.read_text(), re.MULTILINE))


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_templates_have_no_inline_scripts_or_styles(template: Path) -> None:
    markup = template.read_text()
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:", markup)
    assert not re.search(r'(?:src|href)="https?:', markup), "no third-party content"
    assert "|safe" not in markup.replace(" ", "")
