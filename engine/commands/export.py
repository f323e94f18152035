"""export: a run as a zip that needs no Camsight: the model as `.keras`, and what is known of it."""

import csv
import io
import zipfile
from pathlib import Path

from engine import files
from engine.commands import compare
from engine.data import dataset as datasets
from engine.data.dataset import Dataset
from engine.errors import ConfigError, DatasetError
from engine.runs import about, outcome, store
from engine.runs.record import Run
from engine.workspace import Workspace

AS_THEY_ARE = (
    "run.json", "config.json", about.FILE, "history.csv", "predictions.npz", "curves.png",
)  # fmt: skip
FITS = {
    "stretch": "stretched to a square",
    "pad": "made square on grey, the whole picture in it",
    "crop": "cut to the square in their middle",
}


def export(workspace: Workspace, run_id: str, out: Path) -> Path:
    """Write the run's zip to `out`.

    Raises:
        RunError: if there is no such run, or it has no weights.
        ConfigError: if there is such a file already, or no such folder.
    """
    if out.exists():
        raise ConfigError(f"There is a file '{out}' already; give --out another name.")
    if not out.parent.is_dir():
        raise ConfigError(f"There is no folder '{out.parent}'; make it, or give --out another.")
    from engine import backend, inference

    run = store.open_run(workspace, run_id)
    store.require_judged(run)
    backend.prepare_process()
    model = inference.saved(inference.load(run))
    data = pack(run, model, datasets.list_datasets(workspace))
    files.write_bytes(out, data)
    return out


def pack(run: Run, model: bytes, known: list[Dataset]) -> bytes:
    """The zip of a judged run.

    Args:
        model: its network with its weights, as a `.keras` file.
        known: where the names of its pictures are looked for.

    Raises:
        RecordError: if its predictions cannot be read.
    """
    packed, inside = io.BytesIO(), f"{run.id}/"
    predictions = predictions_csv(run, compare.dataset_of(run, known))
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(inside + "README.txt", readme(run))
        kept = zipfile.ZIP_STORED  # it is a zip itself
        archive.writestr(inside + "model.keras", model, kept)
        archive.writestr(inside + "predictions.csv", predictions)
        for name in AS_THEY_ARE:
            if (run.folder / name).is_file():
                archive.write(run.folder / name, inside + name)
    return packed.getvalue()


def predictions_csv(run: Run, dataset: Dataset | None) -> str:
    """Every picture of validation and test with what is true of it and what the model says: of two
    classes `y_score`, the probability of the second; of more a column `p(NAME)` for each.

    `file` is empty where the dataset is gone.
    """
    names, many = run.class_names, len(run.class_names) > 2
    written = io.StringIO()
    lines = csv.writer(written, lineterminator="\n")
    scores = [f"p({name})" for name in names] if many else ["y_score"]
    lines.writerow(["part", "file", "picture", "truth", "y_true", *scores])
    for part in outcome.PARTS:
        told = store.predictions(run, part)
        found = told["y_score"].reshape(len(told["y_true"]), -1).tolist()
        columns = (_files(run, told, dataset), told["picture"], told["y_true"], found)
        for file, picture, truth, score in zip(*columns, strict=True):
            lines.writerow([part, file, picture, names[truth], int(truth), *map(repr, score)])
    return written.getvalue()


def _files(run: Run, told: dict, dataset: Dataset | None) -> list[str]:
    gone = [""] * len(told["y_true"])
    if dataset is None:
        return gone
    try:
        rows = compare.rows(run, told, dataset)
        return ["" if row < 0 else dataset.file_names[row] for row in rows]
    except DatasetError:
        return gone


def readme(run: Run) -> str:
    """How plain Keras loads and runs the model, in ten lines and a few more."""
    size, names = run.image_size, run.class_names
    keras = run.versions.get("keras", "3")
    if len(names) == 2:
        says = [
            f"It answers (n, 1): the probability of {names[1]!r}, which it says from 0.5 on;",
            f"below that it says {names[0]!r}.",
        ]
    else:
        says = [
            f"It answers (n, {len(names)}): the probability of each class; it says the largest.",
            f"The classes in order: {', '.join(map(repr, names))}.",
        ]
    return "\n".join([
        f"{run.id}: {run.preset} on {run.dataset}, trained by Camsight.",
        "",
        "    import keras, numpy",
        '    model = keras.saving.load_model("model.keras", compile=False)',
        "    probability = model.predict(pictures)",
        "",
        f"It takes (n, {size}, {size}, 3): RGB pixels from 0 to 255, nothing else done to them.",
        f"Its pictures were {FITS[run.dataset_fit]} of {run.dataset_image_size} px, then resized",
        f"to {size} px (averaged where they shrink: OpenCV's INTER_AREA).",
        *says,
        f"Written by Keras {keras}; it needs Keras 3 with any backend, and no Camsight.",
        "",
        "run.json       figures with intervals, device, versions",
        "config.json    every hyperparameter",
        "history.csv    loss, accuracy and rate of every epoch; curves.png draws them",
        "predictions.*  what it says of every picture of validation and test",
        "",
    ])  # fmt: skip
