"""Make the reference figures: run the models of `models/` under xarray-simlab 0.5.0 and keep what comes out.

xarray-simlab needs an environment of its own, with Python 3.9 at the latest and the packages of its time::

    pip install "xarray-simlab==0.5.0" "xarray==2022.3.0" "zarr==2.13.3" "numcodecs==0.10.2" "numpy==1.23.5" \
        "pandas==1.5.3" "dask==2022.12.1" "attrs==22.2.0" "setuptools<66"

With that environment's Python::

    python tests/migration/make_references.py

The models are the very files that the tests run, with the names replaced as a user would replace them, backwards. The
figures are committed; nothing of xarray-simlab is. Values are kept as they were stored, before xarray masks them, and
without fill values: with those of zarr's own that xarray-simlab stores, masking takes zeros, False and '' for missing.
"""

import json
import pathlib
import sys
import types

import numpy as np

HERE = pathlib.Path(__file__).parent
MODELS = ("advection", "life", "landscape", "seir", "styles", "linked")
REPLACED = (("import xsim as xs", "import xsimlab as xs"), (".xsim.", ".xsimlab."), ("main_clock=", "master_clock="))


def load_old(name):
    """Import a model with the framework's names replaced."""
    path = HERE / "models" / (name + ".py")
    source = path.read_text()
    for new, old in REPLACED:
        source = source.replace(new, old)
    module = types.ModuleType(name)
    sys.modules[name] = module
    exec(compile(source, str(path), "exec"), vars(module))
    return module


def describe(dataset):
    """Split a dataset into arrays and a description of all the rest."""
    arrays, facts = {}, {}
    for name, variable in dataset.variables.items():
        values = np.asarray(variable.values)
        if values.dtype == object:
            values = np.array([str(v) for v in values.ravel()]).reshape(values.shape)
        attrs = {k: v for k, v in variable.attrs.items() if not k.startswith("__xsimlab") and k != "_FillValue"}
        facts[str(name)] = {
            "dims": list(variable.dims),
            "kind": "U" if variable.dtype == object else variable.dtype.kind,
            "coord": name in dataset.coords,
            "attrs": {k: v.tolist() if hasattr(v, "tolist") else v for k, v in attrs.items()},
        }
        arrays[str(name)] = values.astype("datetime64[ns]") if values.dtype.kind == "M" else values
    return arrays, facts


def main():
    """Run all cases and write a pair of files for each model."""
    (HERE / "references").mkdir(exist_ok=True)
    for name in MODELS:
        module = load_old(name)
        all_arrays, all_facts = {}, {}
        for case, run in {**module.SINGLE, **module.BATCH}.items():
            dataset = run(decoding={"mask_and_scale": False}).load()
            arrays, all_facts[case] = describe(dataset)
            for variable, values in arrays.items():
                all_arrays[case + "/" + variable] = values
        np.savez_compressed(str(HERE / "references" / (name + ".npz")), **all_arrays)
        cases = (json.dumps(case) + ": " + json.dumps(facts, sort_keys=True) for case, facts in all_facts.items())
        text = "{" + ",\n".join(cases) + "}"
        (HERE / "references" / (name + ".json")).write_text(text + "\n")
        print(name, len(all_arrays), "arrays")


if __name__ == "__main__":
    main()
