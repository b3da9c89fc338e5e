#!/usr/bin/env python3
"""Writes manifests of trame widget packages, for servers that are not written in Python.

A widget package for trame says in Python which files a page needs of it: folders to serve, scripts, style sheets,
Vue plugins, state. This tool asks an installed package for that and writes it down as JSON, which
`selvedge::Module::from_manifest` reads:

    python3 -m venv venv
    venv/bin/pip install trame-client trame-vuetify trame-markdown trame-plotly
    venv/bin/python tools/trame_manifest.py --output modules --copy \\
        trame.modules.www trame.modules.vuetify3 trame.modules.markdown trame.modules.plotly

makes `modules/www.json` (trame's own page, which takes the place of the built-in one), `modules/vuetify3.json` and so
on. With `--copy` the files are beside the manifests in folders of the same names, and the whole folder can be shipped;
without it the manifests refer to the files where they are installed.

What a package does in its `setup` function is recorded as well, as far as it enables other modules or sets state. RPC
methods and other code of a package stay behind, which is said: a server in another language has to provide them itself.

It needs Python 3.8 and nothing but the packages that it reads.
"""

import argparse
import importlib
import json
import shutil
import sys
from pathlib import Path

LISTS = ("scripts", "module_scripts", "styles", "vue_use")
PARTS = (*LISTS, "state", "serve", "www")


class Recorder:
    """Stands in for trame's server while a package sets itself up, and writes down what it asks for."""

    def __init__(self, name, client_type):
        self.name = name
        self.client_type = client_type
        self.state = State()
        self.serve = {}
        self.www = None
        self.lists = {name: [] for name in LISTS}
        self.left_behind = []
        self._seen = []

    @property
    def root_server(self):
        return self

    def enable_module(self, module, **options):
        """Follows the order of trame: what the setup enables comes first. Each module counts once."""
        if any(module is seen or module == seen for seen in self._seen):
            return False
        self._seen.append(module)
        get = module.get if isinstance(module, dict) else lambda name: getattr(module, name, None)
        setup = get("setup")
        # A module that hands on what another one holds does not see what the setup there binds anew.
        source = getattr(setup, "__globals__", {})
        before = {part: get(part) for part in PARTS}
        handed_on = [part for part in PARTS if before[part] is source.get(part)]
        if setup:
            setup(self, **options)
        parts = {part: get(part) for part in PARTS}
        parts.update((part, source.get(part)) for part in handed_on if parts[part] is before[part])
        for name in LISTS:
            self.lists[name].extend(parts[name] or [])
        self.state.update(parts["state"] or {})
        for prefix, folder in (parts["serve"] or {}).items():
            # A folder may come with options for Python's web server.
            self.serve[prefix] = folder[0] if isinstance(folder, (tuple, list)) else folder
        self.www = parts["www"] or self.www
        return True

    def __getattr__(self, name):
        """Whatever else a server has is there for code, which cannot be written down."""
        if name not in self.left_behind:
            self.left_behind.append(name)
        return Nothing()

    def manifest(self, place):
        """The manifest; `place` says how it refers to a folder."""
        manifest = {"name": self.name}
        if self.www:
            manifest["www"] = place(self.www, "www")
        if self.serve:
            manifest["serve"] = {prefix: place(folder, prefix) for prefix, folder in self.serve.items()}
        manifest.update({name: entries for name, entries in self.lists.items() if entries})
        if self.state:
            manifest["state"] = dict(self.state)
        return manifest


class Nothing:
    """Takes everything, to no effect: calls, attributes, functions to be decorated."""

    def __getattr__(self, name):
        return self

    def __setattr__(self, name, value):
        pass

    def __getitem__(self, key):
        return self

    def __setitem__(self, key, value):
        pass

    def __call__(self, *args, **kwargs):
        return self

    def __iter__(self):
        return iter(())

    def __bool__(self):
        return False


class State(dict):
    """The state during a setup: keys are attributes, too, and unknown ones are None."""

    def __missing__(self, key):
        return None

    def __getattr__(self, key):
        return self[key]

    def __setattr__(self, key, value):
        self[key] = value


def write(module_name, output, client_type, copy):
    """Writes the manifest of one module. Returns its path."""
    name = module_name.rsplit(".", 1)[-1]
    recorder = Recorder(name, client_type)
    recorder.enable_module(importlib.import_module(module_name))
    for used in recorder.left_behind:
        print(f"{module_name} uses `server.{used}`: what it provides there, your server has to provide.", file=sys.stderr)

    def place(folder, prefix):
        folder = Path(folder).resolve()
        if not folder.is_dir():
            raise SystemExit(f"{module_name} serves {folder}, which is no folder: is the package installed completely?")
        if not copy:
            return folder.as_posix()
        target = output / name / prefix
        shutil.copytree(folder, target, ignore=shutil.ignore_patterns("__pycache__", "*.py"))
        return target.relative_to(output).as_posix()

    output.mkdir(parents=True, exist_ok=True)
    if copy:
        # What an older version of the package has left.
        shutil.rmtree(output / name, ignore_errors=True)
    path = output / f"{name}.json"
    try:
        text = json.dumps(recorder.manifest(place), indent=2)
    except TypeError as error:
        raise SystemExit(f"{module_name} needs something that cannot be written as JSON: {error}") from error
    path.write_text(text + "\n", encoding="utf-8")
    return path


def main():
    """Reads the command line."""
    parser = argparse.ArgumentParser(description="Writes manifests of trame widget packages.")
    parser.add_argument("modules", nargs="+", metavar="MODULE", help="such as trame.modules.vuetify3")
    parser.add_argument("--output", type=Path, default=Path("."), metavar="FOLDER", help="where the manifests go")
    parser.add_argument("--copy", action="store_true", help="copy the files to the folder, too")
    parser.add_argument("--client-type", default="vue3", help="the framework of the page (default: vue3)")
    arguments = parser.parse_args()
    for module in arguments.modules:
        try:
            print(write(module, arguments.output, arguments.client_type, arguments.copy))
        except ModuleNotFoundError as error:
            sys.exit(f"{module} cannot be read: {error}. Install its package for {sys.executable}.")


if __name__ == "__main__":
    main()
