"""What the rules engine makes of every description: requirements, prompts in each layout, and lint of them."""

import asyncio
from dataclasses import dataclass

from golden.corpus import composed, descriptions, recordings
from golden.visitor import Case, Visitor, all_of

LAYOUTS = ("markdown", "xml", "co-star", "langgpt")
LANGUAGES = ("zh", "en")
_OTHER = {"zh": "en", "en": "zh"}


@dataclass(frozen=True, slots=True)
class Desks:
    """Two people on two stacks who get the same answers, where they name the same engine; it spreads the work."""

    rules: Visitor
    model: Visitor


async def described(desks: Desks) -> list[Case]:
    """All descriptions."""
    return await all_of(*(_described(desks, name, text) for name, text in descriptions().items()))


async def judged(desks: Desks) -> list[Case]:
    """Lint's and PEQA's words on the recorded and the composed prompts."""
    texts = {f"write-{one.id}": one.write for one in recordings()} | composed()
    return await all_of(*(_judged(desks, name, text) for name, text in texts.items()))


async def _described(desks: Desks, name: str, description: str) -> list[Case]:
    understood = Case(f"requirements/{name}")
    for language in LANGUAGES:
        await desks.rules.speaking(language).tell(
            understood, "POST", "/api/v1/requirements", {"description": description}
        )
    requirement = understood.steps[0]["answer"]["body"]
    other = {"description": description, "language": _OTHER.get(requirement.get("language", "zh"), "en")}
    await desks.rules.tell(understood, "POST", "/api/v1/requirements", other)
    generated = await asyncio.gather(*(_generated(desks, name, requirement, layout) for layout in LAYOUTS))
    return [understood, *(case for cases in generated for case in cases)]


async def _generated(desks: Desks, name: str, requirement: dict[str, str], layout: str) -> list[Case]:
    """Half of the layouts begin with the description itself, so that the parse is part of the run."""
    case = Case(f"generate/{name}/{layout}")
    if layout in {"markdown", "co-star"}:
        body = {"kind": "generate", "input": {"requirement_id": requirement["id"], "layout": layout}}
        run = await desks.rules.run(case, "/api/v1/runs", body)
    else:
        body = {"kind": "generate", "input": {"description": requirement["description"], "layout": layout}}
        run = await desks.model.run(case, "/api/v1/runs", body | {"engine": "rules"})
    content = (run.get("result") or {}).get("content")
    if not content:
        return [case]
    linted, assessed = Case(f"lint/{name}/{layout}"), Case(f"assess/{name}/{layout}")
    await desks.model.tell(linted, "POST", "/api/v1/lint", {"content": content})
    if layout == "markdown":
        await desks.rules.run(assessed, "/api/v1/assessments", {"content": content})
        return [case, linted, assessed]
    return [case, linted]


async def _judged(desks: Desks, name: str, content: str) -> list[Case]:
    """A stored assessment is given again as it was, so that it does not matter which case assesses a text first."""
    linted, assessed = Case(f"lint/{name}"), Case(f"assess/{name}")
    is_recorded = name.startswith("write-")
    for language in (None, *LANGUAGES) if is_recorded else LANGUAGES:
        await desks.model.tell(linted, "POST", "/api/v1/lint", {"content": content, "language": language})
    for language in LANGUAGES if is_recorded else LANGUAGES[:1]:
        await desks.rules.speaking(language).run(assessed, "/api/v1/assessments", {"content": content})
    return [linted, assessed]
