"""The types of agent we know by heart, and how a description is matched to one."""

import re
from dataclasses import dataclass
from functools import cache

from generation_service.text.data_tables import both_languages, load_table, text_of, texts_of
from generation_service.text.language import Language

GENERAL = "general"

# "合同翻译助手" is a translator, "translate contracts" asks for one too: the last noun and the first verb decide.
_PLACE_BONUS = 200
_AGENT_AT_END = re.compile(
    r"\s{0,20}(?:智能体|助手|助理|机器人|顾问|专家|老师|agent|bot|assistant|chatbot|expert|helper|tool)?$",
    re.IGNORECASE,
)

# What stands in the first clause names the agent; what follows only colours it.
_HEAD_WEIGHT = 4
_MOST_CHARS_READ = 2_000
_MOST_HEAD_CHARS = 300

# "Turn sales calls into notes" works on what a trade left behind; it is no salesperson.
_TALKING = frozenset(
    {"health", "sales", "adviser", "tutoring", "host", "game_master", "operations", "customer_service"}
)
_TRANSFORMS = re.compile(
    r"\s{0,20}(?:turns?|converts?|rewrites?|reformats?|summari[sz]es?|repl(?:y|ies) to|responds? to|condenses?"
    r"|merges?)\b"
    r"|\s{0,20}[把将][^，。\n]{2,20}(?:成|为|导进|导入|录入)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class AgentType:
    """What we know of one kind of agent before its user has said anything more."""

    id: str
    titles: dict[Language, str]
    patterns: tuple[re.Pattern[str], re.Pattern[str]]
    unless: re.Pattern[str] | None
    audiences: dict[Language, str]
    assumptions: dict[Language, tuple[str, ...]]
    fields: tuple[str, ...]


@cache
def agent_types() -> dict[str, AgentType]:
    """All types by id; `general` is always among them."""
    table = load_table("generation_service.requirements", "agents.toml")
    return {
        agent_id: AgentType(
            id=agent_id,
            titles=both_languages(row, "title"),
            patterns=(re.compile(text_of(row, "zh"), re.IGNORECASE), re.compile(text_of(row, "en"), re.IGNORECASE)),
            unless=re.compile(text_of(row, "unless"), re.IGNORECASE) if "unless" in row else None,
            audiences=both_languages(row, "audience"),
            assumptions={"zh": texts_of(row, "assume_zh"), "en": texts_of(row, "assume_en")},
            fields=texts_of(row, "fields"),
        )
        for agent_id, row in table.items()
        if isinstance(row, dict)
    }


def agent_type_of(agent_id: str) -> AgentType:
    """Return the type by its id; an id that nobody knows (a model's invention) is the general one."""
    return agent_types().get(agent_id) or agent_types()[GENERAL]


def detect_agent_type(head: str, text: str) -> str:
    """Choose the type whose words are longest and most in the head, then in the whole text; `general` for none.

    A type with an `unless` is out when those words occur: a vet's intake is no human health advice.
    """
    head, text = head[:_MOST_HEAD_CHARS], text[:_MOST_CHARS_READ]
    transforms = bool(_TRANSFORMS.match(head))
    best, best_score = GENERAL, 0
    for agent in agent_types().values():
        if (
            agent.id == GENERAL
            or (transforms and agent.id in _TALKING)
            or (agent.unless and agent.unless.search(f"{head}\n{text}"))
        ):
            continue
        score = _HEAD_WEIGHT * _score(agent, head) + _score(agent, text) + _place_bonus(agent, head)
        if score > best_score:
            best, best_score = agent.id, score
    return best


def counterpart(assumption: str, language: Language) -> str:
    """The same assumption in the language asked for; a text that is none of ours comes back as it is."""
    return _assumptions_by_text().get(assumption, {}).get(language, assumption)


@cache
def _assumptions_by_text() -> dict[str, dict[Language, str]]:
    pairs: dict[str, dict[Language, str]] = {}
    for agent in agent_types().values():
        for zh, en in zip(agent.assumptions["zh"], agent.assumptions["en"], strict=True):
            pairs[zh] = pairs[en] = {"zh": zh, "en": en}
    return pairs


def _score(agent: AgentType, text: str) -> int:
    # A Han character says about as much as two and a half letters.
    zh, en = agent.patterns
    words = {match.group().lower() for match in zh.finditer(text)}
    latin = {match.group().lower() for match in en.finditer(text)}
    return 5 * sum(len(word) for word in words) + 2 * sum(len(word) for word in latin)


def _place_bonus(agent: AgentType, head: str) -> int:
    # "法律顾问" is a lawyer first: adviser takes what nobody else knows.
    if agent.id == "adviser":
        return 0
    for pattern in agent.patterns:
        for match in pattern.finditer(head):
            if match.start() == 0 and head[match.end() : match.end() + 1] in {"", " "}:
                return _PLACE_BONUS // 2
            if _AGENT_AT_END.fullmatch(head, match.end()):
                return _PLACE_BONUS
    return 0
