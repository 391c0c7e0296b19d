"""How the journey looks in a terminal; plain lines when it is none."""

from typing import Any

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from local_stack.demo.words import Words

Json = dict[str, Any]
MAX_TEXT_CHARS = 60


class Screen:
    """Prints each step. What came from people or models is printed as text, never as markup."""

    def __init__(self, words: Words, console: Console | None = None) -> None:
        self._words = words
        self._console = console or Console(highlight=False)

    def sentence(self, text: str, *, engine: str) -> None:
        """The user's sentence."""
        self._console.print()
        self._console.print(Panel(Text(text), title=f"1  {self._words.sentence}"))
        self._console.print(Text(f"   engine: {engine}", style="dim"))

    def requirements(self, items: list[Json]) -> None:
        """What was understood, with the words it rests on."""
        words = self._words
        table = Table(title=f"2  {words.understood}", title_justify="left", title_style="bold")
        for heading in ("", words.kind, words.requirement, words.from_quote):
            table.add_column(heading)
        for item in items:
            quote = Text(f"“{item['source_quote']}”") if item["source_quote"] else Text(words.assumed, style="dim")
            table.add_row(item["id"], item["kind"], Text(item["text"]), quote)
        self._console.print(table)

    def form(self, form: Json) -> None:
        """The questions and the answers that are taken when nobody answers."""
        words = self._words
        table = Table(title=f"3  {words.form} · {words.form_hint}", title_justify="left", title_style="bold")
        table.add_column(words.question)
        table.add_column(words.default)
        for name, field in form["schema"].get("properties", {}).items():
            answer = form["prefill"].get(name)
            if answer:
                label = form["ui"].get(name, {}).get("labels", {}).get(answer) if isinstance(answer, str) else None
                table.add_row(Text(field.get("title", name)), Text(label or _shown(answer)))
        self._console.print(table)

    def writing_begins(self, layout: str) -> None:
        """The heading above the streamed text."""
        self._console.print()
        self._console.rule(f"4  {self._words.writing} · {layout}", align="left", style="cyan")

    def delta(self, text: str) -> None:
        """A piece of the prompt, as it comes."""
        self._console.print(Text(text), end="", soft_wrap=True)

    def writing_ends(self) -> None:
        """The line below the streamed text."""
        self._console.print()
        self._console.rule(style="cyan")

    def assessment(self, result: Json) -> None:
        """The score, its parts, and the first thing to improve."""
        words = self._words
        table = Table(title=f"5  {words.score}: {result['overall']:.0f}/100 · {result['band']}", title_justify="left")
        for name in result["dimensions"]:
            table.add_column(name, justify="center")
        table.add_row(*(_score(value) for value in result["dimensions"].values()))
        self._console.print(table)
        fix = result.get("top_fix")
        said = f"{words.top_fix}: {fix['fix']}" if fix else words.nothing_to_fix
        self._console.print(Text(f"   {said}", style="yellow"))
        checks = [check["verdict"] for check in result["checks"]]
        unasked = checks.count("not_assessed")
        counted = words.checks.format(done=len(checks) - unasked, open=unasked)
        self._console.print(Text(f"   {counted}", style="dim"))

    def step(self, number: int, text: str) -> None:
        """A step that succeeded, in a line."""
        self._console.print(Text.assemble((f"{number}  ", "bold"), ("✓ ", "green"), text))

    def curl(self, command: str, status: int, etag: str, content: str) -> None:
        """The command that fetches the prompt, and what it brought."""
        self._console.print(Text(f"\n   {self._words.try_it}\n"), end="")
        self._console.print(Text(f"   {command}", style="bold cyan"), soft_wrap=True)
        head = content.strip().splitlines()[:4]
        self._console.print(Panel(Text("\n".join(head) + "\n…"), title=f"HTTP {status} · ETag {etag}", expand=False))

    def note(self, text: str) -> None:
        """A last word."""
        self._console.print(Text(text, style="dim"))


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "✓" if value else "✗"
    if isinstance(value, list):
        return "、".join(str(one) for one in value) or "—"
    text = str(value).replace("\n", " ")
    return text if len(text) <= MAX_TEXT_CHARS else text[: MAX_TEXT_CHARS - 1] + "…"


def _score(value: object) -> str:
    score = value.get("score") if isinstance(value, dict) else value
    return "—" if score is None else f"{float(str(score)):.0f}"
