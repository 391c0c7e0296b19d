"""What a description leaves open and would change the prompt: at most five questions, the weightiest first."""

from generation_service.requirements.agents import agent_type_of
from generation_service.requirements.concepts import find_concepts
from generation_service.requirements.questions import Question, questions
from generation_service.requirements.values import Requirement, RequirementKind, Unknown
from generation_service.text.language import Language

MOST_UNKNOWNS = 5
_IMPACTS = ("high", "medium", "low")
_COMMON = ("audience", "output_format", "length", "forbidden")
_ANSWERED_BY: dict[str, object] = {
    "length": "length",
    "business": RequirementKind.KNOWLEDGE,
    "audience": RequirementKind.AUDIENCE,
    "output_format": RequirementKind.FORMAT,
    "tone": RequirementKind.TONE,
}


def find_unknowns(
    agent_type: str, requirements: tuple[Requirement, ...], description: str, language: Language
) -> tuple[Unknown, ...]:
    """List the open questions of this type of agent that the description has not answered."""
    stated = [each for each in requirements if not each.inferred]
    known: set[object] = {each.kind for each in stated}
    if any(match.concept.id == "limit" for each in stated for match in find_concepts(each.text)):
        known.add("length")
    wanted = [questions()[name] for name in (*agent_type_of(agent_type).fields, *_COMMON)]
    open_questions = [
        question
        for question in wanted
        if _ANSWERED_BY.get(question.name) not in known and question.answer_in(description) is None
    ]
    open_questions.sort(key=lambda question: _IMPACTS.index(question.impact))
    return tuple(
        _unknown(number, question, language) for number, question in enumerate(open_questions[:MOST_UNKNOWNS], 1)
    )


def _unknown(number: int, question: Question, language: Language) -> Unknown:
    return Unknown(f"U{number}", question.titles[language], question.reasons[language], question.impact)
