"""Where the code of a process class comes from (DESIGN §S5)."""

import importlib.util
import json
import linecache
import os
import subprocess
import sys

import pytest

import xsim as xs
from xsim._base import repository
from xsim._base.repository import Repository
from xsim.plan import code
from xsim.plan.code import Origin, origin_of

SOURCE = """
import xsim as xs

class Base:
    pass

@xs.process
class Heat(Base):
    def run_step(self):
        pass
"""


@pytest.fixture(autouse=True)
def _forget(monkeypatch):
    monkeypatch.setattr(repository, "_LOOKED_AT", {})
    repository._root_of.cache_clear()
    for cached in (code._editable, code._packages_of_modules):
        cached.cache_clear()


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Give a function that loads the class Heat from source text in a folder, as a module."""

    def load(source=SOURCE, folder=tmp_path, name="heat_of_test"):
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}.py"
        path.write_text(source)
        linecache.clearcache()
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module.Heat

    return load


def install(site, name, version, **files):
    """Put the metadata of a package into a folder."""
    info = site / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    for file, content in files.items():
        (info / file).write_text(content)


def test_the_source_text_is_hashed(load):
    """The text of the class and of its bases counts, that of the rest of the module does not."""
    first = origin_of(load())
    assert len(first.source) == 32
    assert origin_of(load("\n# a remark\n" + SOURCE)) == first
    assert origin_of(load(SOURCE.replace("        pass", "        return None"))).source != first.source
    assert origin_of(load(SOURCE.replace("    pass\n\n@", "    x = 1\n\n@"))).source != first.source


def test_it_is_looked_for_once(load, monkeypatch):
    """A class is looked at once: the first run takes the time, the others do not."""
    cls = load()
    first = origin_of(cls)
    monkeypatch.setattr(code, "_find", lambda cls: pytest.fail("looked again"))

    assert origin_of(cls) is first


def test_methods_that_are_not_in_the_text(load):
    """A method that is set later counts too."""
    cls = load()
    first = origin_of(cls)
    cls.finalize = lambda self: None

    assert origin_of(cls).source != first.source


def test_classes_of_one_name(load):
    """Two classes of one name, as a function makes them, are told apart."""
    branches = """
def make(other):
    if other:
        @xs.process
        class Heat:
            def run_step(self):
                return None
    else:
        @xs.process
        class Heat:
            def run_step(self):
                pass
    return Heat
"""
    module = sys.modules[load(SOURCE + branches).__module__]

    assert origin_of(module.make(True)).source != origin_of(module.make(False)).source
    assert origin_of(module.make(True)).source == origin_of(module.make(True)).source


def test_scripts_and_modules(tmp_path):
    """A class has one hash, whether its file is run, from whatever folder, or imported (DESIGN §B7)."""
    (tmp_path / "heat_script.py").write_text(
        SOURCE + "\nif __name__ == '__main__':\n    from xsim.plan.code import origin_of\n"
        "    print(origin_of(Heat).source)\n"
    )
    imported = "from xsim.plan.code import origin_of; import heat_script; print(origin_of(heat_script.Heat).source)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*sys.path, str(tmp_path)])}
    printed = [
        subprocess.run(
            [sys.executable, *command], cwd=tmp_path, env=environment, check=True, capture_output=True, text=True
        ).stdout
        for command in (["heat_script.py"], [str(tmp_path / "heat_script.py")], ["-c", imported])
    ]

    assert len(set(printed)) == 1
    assert len(printed[0]) == 33


def test_methods_that_are_replaced():
    """Where there is no source text of a class, methods that take the place of others are seen."""

    def one(self):
        pass

    def two(self):
        return None

    cls = xs.process(type("Made", (), {"run_step": one}))
    first = origin_of(cls)
    cls.run_step = two

    assert None not in (first.source, origin_of(cls).source)
    assert origin_of(cls) != first


def test_a_class_without_a_file():
    """Of a class in an interpreter nothing is known."""
    scope = {}
    exec("class Typed:\n    def run_step(self):\n        pass\n", {"__name__": "nowhere"}, scope)

    assert origin_of(scope["Typed"]) == Origin()


def test_a_package_of_the_modules_name(load, tmp_path, monkeypatch):
    """A class from an installed package has its name and version."""
    site = tmp_path / "lib" / "site-packages"
    install(site, "heat-of-test", "1.2.3")
    monkeypatch.syspath_prepend(site)
    found = origin_of(load(folder=site))

    assert (found.distribution, found.version, found.commit) == ("heat-of-test", "1.2.3", None)


def test_a_package_of_another_name(load, tmp_path, monkeypatch):
    """The package may be called otherwise than its module."""
    site = tmp_path / "lib" / "site-packages"
    install(site, "warmth", "2.0", **{"top_level.txt": "heat_of_test\n", "RECORD": "heat_of_test.py,,\n"})
    monkeypatch.syspath_prepend(site)
    found = origin_of(load(folder=site))

    assert (found.distribution, found.version) == ("warmth", "2.0")


def test_a_module_that_is_called_as_a_package(load, tmp_path, monkeypatch):
    """A file of one's own is not taken for part of a package of the same name that is installed."""
    site = tmp_path / "lib" / "site-packages"
    install(site, "heat-of-test", "1.2.3")
    monkeypatch.syspath_prepend(site)
    found = origin_of(load(folder=tmp_path / "mine"))

    assert (found.distribution, found.version) == (None, None)


def test_an_editable_package(load, tmp_path, monkeypatch):
    """A package that is installed from a folder has name and version, and the commit of its repository."""
    site, project = tmp_path / "lib" / "site-packages", tmp_path / "my project"
    direct = {"url": project.as_uri(), "dir_info": {"editable": True}}
    install(site, "warmth", "3.0", **{"direct_url.json": json.dumps(direct)})
    monkeypatch.syspath_prepend(site)
    monkeypatch.setattr(code, "repository_of", lambda path: Repository("abc", True, frozenset()))
    found = origin_of(load(folder=project / "src"))

    assert (found.distribution, found.version, found.commit, found.dirty) == ("warmth", "3.0", "abc", True)


def test_scripts_belong_to_no_package(load, tmp_path, monkeypatch):
    """A script that lies in the folder of an editable package is not part of it."""
    site = tmp_path / "lib" / "site-packages"
    direct = {"url": tmp_path.as_uri(), "dir_info": {"editable": True}}
    install(site, "warmth", "3.0", **{"direct_url.json": json.dumps(direct)})
    monkeypatch.syspath_prepend(site)

    assert origin_of(load(name="__main__")).distribution is None


def test_installed_packages_have_no_commit(load, tmp_path, monkeypatch):
    """The repository that an environment lies in says nothing of the packages in it: git is not asked."""
    monkeypatch.setattr(code, "repository_of", lambda path: pytest.fail("git was asked"))

    assert origin_of(load(folder=tmp_path / "venv" / "site-packages")).commit is None


def test_the_repository_of_a_class(load, monkeypatch):
    """A class in a repository has its commit."""
    monkeypatch.setattr(code, "repository_of", lambda path: Repository("abc", False, frozenset()))
    found = origin_of(load())

    assert (found.commit, found.dirty) == ("abc", False)
