"""Options of the command line, each spelled once: those that several verbs share, and those made
from the fields of a pydantic model.

A new field is a new option, with its description, bounds and defaults as the help.
"""

import inspect
from collections.abc import Callable, Collection, Mapping
from typing import Annotated, Any, Literal, get_args, get_origin

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from engine import formats, people
from engine.evaluation.level import SIDES
from engine.settings import settings
from engine.workspace import Workspace

Json = Annotated[bool, typer.Option("--json", help="Print one JSON value and nothing else.")]
RunId = Annotated[str, typer.Argument(metavar="RUN", help='An id like quick-7, or "latest".')]
BOUNDS = {"ge": "from ", "gt": "above ", "le": "to ", "lt": "to below "}
Level = Annotated[
    float, typer.Option(metavar="SHARE", help="Confidence level of the interval, within 0 and 1.")
]
Side = Annotated[
    str,
    typer.Option(
        metavar=f"[{'|'.join(SIDES)}]",
        help="Bounds on both sides, or one bound alone: lower (at least) or upper (at most).",
    ),
]


def the_place() -> Workspace:
    """Where the settings say that the workspace lies, whatever lies there."""
    return Workspace(settings().workspace, people.from_environment())


def the_workspace() -> Workspace:
    """The workspace of the settings, for whoever asked for this process.

    Raises:
        WorkspaceError: if this version cannot read it; see `engine.formats`.
    """
    workspace = the_place()
    formats.check(workspace)
    return workspace


def from_fields(
    model: type[BaseModel],
    presets: Mapping[str, Mapping[str, Any]],
    several: Collection[str] = (),
) -> Callable:
    """A decorator that gives a verb one option for each field of `model`, as part of its `**`.

    What was not given is None. The help says a field's bounds; the model is what checks them.

    Args:
        presets: for each preset its own defaults; a field's default stands where it has none.
        several: fields whose option may be given more than once; a list then, or None.
    """

    def give(verb: Callable) -> Callable:
        signature = inspect.signature(verb)
        own = signature.parameters.values()
        first = [one for one in own if one.kind is one.POSITIONAL_OR_KEYWORD]
        last = [one for one in own if one.kind is one.KEYWORD_ONLY]
        options = [
            _option(name, field, presets, name in several)
            for name, field in model.model_fields.items()
        ]
        verb.__signature__ = signature.replace(parameters=[*first, *options, *last])
        return verb

    return give


def _option(name: str, field: FieldInfo, presets: Mapping, several: bool) -> inspect.Parameter:
    choices = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
    kind = str if choices else field.annotation
    facts = "; ".join(filter(None, (_bounds(field), _defaults(name, field, presets))))
    again = " More than once for several values." if several else ""
    option = typer.Option(
        help=f"{field.description}{facts and f' {facts[0].upper()}{facts[1:]}.'}{again}",
        metavar=f"[{'|'.join(filter(None, choices))}]" if choices else None,
    )
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[(list[kind] if several else kind) | None, option],
    )


def _bounds(field: FieldInfo) -> str:
    """ "from 1 to 500", "above 0 to 1"; empty for a field without bounds."""
    return " ".join(
        f"{word}{getattr(rule, name)}"
        for rule in field.metadata
        for name, word in BOUNDS.items()
        if hasattr(rule, name)
    )


def _defaults(name: str, field: FieldInfo, presets: Mapping) -> str:
    """ "default 0.1", or "default 8 (quick), 20 (classic)" where presets differ; a preset that has
    none is left out."""
    found = {preset: _said(own.get(name, field.default)) for preset, own in presets.items()}
    found = {preset: value for preset, value in found.items() if value}
    if not found:
        return ""
    if len(set(found.values())) == 1:
        return f"default {next(iter(found.values()))}"
    return "default " + ", ".join(f"{value} ({preset})" for preset, value in found.items())


def _said(value: Any) -> str:
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else f"{value}"
