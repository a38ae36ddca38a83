"""JSON-lines records: one prompt a line, with whatever is known of its use.

A data set's ``metadata.jsonl`` has its captions under ``text``.
``{"prompt", "negative", "role", "dialect", "profile", "settings": {"steps", "cfg", "width", …}}``; all but the prompt
are optional, and further keys are ignored.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from anima_prompt.errors import InputError

SETTINGS = {
    "steps": "steps",
    "cfg": "guidance_scale",
    "cfg_scale": "guidance_scale",
    "guidance_scale": "guidance_scale",
    "sampler": "sampler",
    "sampler_name": "sampler",
    "scheduler": "scheduler",
    "shift": "shift",
    "width": "width",
    "height": "height",
}
"""Keys of a record's settings, with our names; other keys are ignored."""

_TEXTS = ("negative", "role", "dialect", "profile")


@dataclass(frozen=True, slots=True)
class Record:
    """One line: its number, the whole mapping, and the fields that we know; ``key`` is that of the prompt."""

    line: int
    data: dict[str, Any]
    prompt: str
    negative: str | None = None
    role: str | None = None
    dialect: str | None = None
    profile: str | None = None
    settings: dict[str, str] = field(default_factory=dict)
    key: str = "prompt"


def read_record(line: str, number: int, source: str) -> Record:
    """Return one line of a JSON-lines file.

    Raises:
        InputError: the line is not a JSON object, or a field has the wrong type.

    >>> read_record('{"prompt": "1girl", "settings": {"cfg": 4.5}}', 1, "x").settings
    {'guidance_scale': '4.5'}
    """
    where = f"{source}:{number}"
    try:
        data = json.loads(line, parse_float=Decimal)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{where}: {error.msg.lower()} at column {error.colno}; expected one JSON object per line"
        ) from None
    except RecursionError:
        raise InputError(f"{where}: nested too deeply; expected one JSON object per line") from None
    main = "text" if isinstance(data, dict) and "prompt" not in data and "file_name" in data else "prompt"
    if not isinstance(data, dict) or not isinstance(data.get(main), str):
        raise InputError(
            f'{where}: has no text under "prompt"; expected one JSON object per line, such as {{"prompt": "1girl"}}'
        )
    for key in _TEXTS:
        if data.get(key) is not None and not isinstance(data[key], str):
            raise InputError(f"{where}: {key} is {data[key]!r}; expected text")
    texts = {key: data.get(key) for key in _TEXTS}
    if main == "text":
        texts["role"] = texts["role"] or "caption"
    return Record(number, data, data[main], settings=_settings(data.get("settings"), where), key=main, **texts)


def write_record(record: Record, prompt: str, negative: str | None) -> str:
    """Return a record's line with new texts; all other fields stay as they were."""
    data = {**record.data, record.key: prompt}
    if negative is not None or "negative" in record.data:
        data["negative"] = negative
    return json.dumps(data, ensure_ascii=False, default=_plain)


def _settings(data: object, where: str) -> dict[str, str]:
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise InputError(f'{where}: settings are {data!r}; expected an object such as {{"steps": 30}}')
    settings = {}
    for key, ours in SETTINGS.items():
        value = data.get(key)
        if value is None:
            continue
        if ours not in ("sampler", "scheduler") and _number(value) is None:
            raise InputError(f"{where}: {key} is {value!r}; expected a number")
        settings[ours] = str(value)
    return settings


def _number(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() and "." not in str(value) else float(value)
    raise TypeError(value)
