"""Answers of the form as sentences of the prompt."""

from typing import cast

from servicekit.json_types import JsonObject

from generation_service.requirements.agents import agent_types
from generation_service.requirements.concepts import concepts
from generation_service.requirements.questions import OTHER, Question, questions
from generation_service.text.language import is_in
from generation_service.writing.blocks import frame
from generation_service.writing.phrasing import fenced, fill, tidy
from generation_service.writing.rule_writer.outline import SectionName
from generation_service.writing.rule_writer.stated import Stated, audience_sentence


def weave(stated: Stated, answers: JsonObject) -> None:
    """Add what the answers say to what the user asked for; defaults, blanks and what was said already add nothing."""
    for question in questions().values():
        answer = answers.get(question.name)
        if not isinstance(answer, str) or not answer.strip():
            continue
        if question.kind == "enum":
            _weave_choice(stated, question, answer, answers)
        else:
            _weave_text(stated, question, answer)


def _weave_choice(stated: Stated, question: Question, answer: str, answers: JsonObject) -> None:
    if answer == OTHER:
        text = answers.get(f"{question.name}_{OTHER}")
        if isinstance(text, str) and text.strip():
            _weave_text(stated, question, text)
        return
    option = next((each for each in question.options if each.value == answer), None)
    sentence = option.sentences[stated.language] if option else ""
    if sentence.startswith("@"):
        stated.add_concept(concepts()[sentence[1:]], [])
    elif sentence:
        stated.add(_section(question), sentence)


def _weave_text(stated: Stated, question: Question, answer: str) -> None:
    language = stated.language
    if question.name == "example":
        stated.add("examples", fenced(answer))
        return
    text = tidy(answer)
    if question.name == "audience":
        ours = {people for agent in agent_types().values() for people in agent.audiences.values()}
        # What the user said in the description stands already; our own proposal is what stands without an answer.
        if answer in ours or "audience" in stated.items:
            return
        stated.add("audience", audience_sentence(text, language) if is_in(text, language) else _quoted(stated, text))
        return
    sentence = fill(question.sayings[language], answer=text) if is_in(text, language) else _quoted(stated, text)
    stated.add(_section(question), sentence)


def _quoted(stated: Stated, text: str) -> str:
    return fill(frame("quoted", stated.language), text=text)


def _section(question: Question) -> SectionName:
    return cast("SectionName", question.section)
