"""The texts that the cases are about, read from `inputs/`, and prompts composed of pieces the same way every time."""

import json
import random
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

INPUTS = Path(__file__).with_name("inputs")
COMPOSED = 200
_MOST_PIECES = 9
_MANY = re.compile(r"<<(.+?)\*(\d+)>>")
_JOINTS = ("\n\n", "\n\n", "\n", "\n\n\n", "\r\n", "\r\n\r\n", " ")


@dataclass(frozen=True, slots=True)
class Recording:
    """What a model once answered to a description."""

    id: str
    language: str
    description: str
    parse: dict[str, Any]
    parse_text: str
    write: str
    rewrite: str | None


def recordings() -> list[Recording]:
    """The recorded answers."""
    return [
        Recording(
            id=one["id"],
            language=one["lang"],
            description=one["description"],
            parse=one["parse"],
            parse_text=one.get("parse_raw") or json.dumps(one["parse"], ensure_ascii=False),
            write=one["write"],
            rewrite=one["rewrite"],
        )
        for one in _lines("model_answers.jsonl")
    ]


def descriptions() -> dict[str, str]:
    """Everything that somebody asked for, once, by the id under which it is asked for first."""
    names: dict[str, str] = {}
    for one in _lines("sentences.jsonl"):
        names.setdefault(one["text"], f"sentence-{one['id']}")
    for recording in recordings():
        names.setdefault(recording.description, f"description-{recording.id}")
    return {name: text for text, name in names.items()}


def composed() -> dict[str, str]:
    """Prompts made of pieces, each by a generator of its own, and some that stand whole in the same file."""
    table = tomllib.loads((INPUTS / "pieces.toml").read_text(encoding="utf-8"))
    pieces = {name: [str(piece) for piece in found] for name, found in sorted(table["pieces"].items())}
    whole = {
        f"whole-{name}": _MANY.sub(lambda match: match[1] * int(match[2]), text)
        for name, text in table["whole"].items()
    }
    return whole | {
        f"composed-{number:03}": _compose(random.Random(f"golden {number}"), pieces) for number in range(COMPOSED)
    }


def written() -> dict[str, str]:
    """The recorded prompts."""
    first = {f"write-{one.id}": one.write for one in recordings()}
    return first | {f"rewrite-{one.id}": one.rewrite for one in recordings() if one.rewrite is not None}


def _compose(chance: random.Random, pieces: dict[str, list[str]]) -> str:
    kinds = chance.sample(sorted(pieces), k=chance.randint(1, _MOST_PIECES))
    chosen = [chance.choice(pieces[kind]) for kind in kinds]
    joint = chance.choice(_JOINTS)
    if chance.random() < 0.1:
        chosen.append(chosen[0])
    return joint.join(chosen)


def _lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (INPUTS / name).read_text(encoding="utf-8").splitlines()]
