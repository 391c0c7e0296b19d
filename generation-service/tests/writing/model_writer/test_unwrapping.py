"""What a model wraps around a prompt goes, streamed and stored; what belongs to the prompt stays to the byte."""

import json
from pathlib import Path

import pytest
from generation_service.text.thoughts import Reset, without_thoughts
from generation_service.writing.model_writer.unwrapping import MOST_HELD_CHARS, Unwrapper
from generation_service.writing.model_writer.wrappings import unwrapped
from hypothesis import given
from hypothesis import strategies as st

RECORDED = Path(__file__).parents[4] / "tests" / "golden" / "inputs" / "model_answers.jsonl"
EN = "## Role\nYou are X.\n\n## Output\n```json\n{}\n```\n\nAlways answer {{ user_input }}."
ZH = "## 角色\n你是客服。\n\n## 输入\n{{ user_input }}\n\n## 不确定时\n先问一个问题。"

BEFORE = [
    "",
    "<think>\nThe user wants a prompt.\n\n</think>\n\n",
    "<think></think>",
    "<think>\n\n</think>\n\n",
    "<thinking>hm</thinking>\n",
    "The user wants a prompt with a role.\n\nI will use <think> tags.\n</think>\n\n",
    "Okay.</think>",
    "Here is the prompt:\n\n",
    "Sure! Here's the system prompt you asked for:\n\n",
    "**Here is your prompt:**\n\n---\n\n",
    "Certainly! Below is a prompt tailored to your needs:\n",
    "Sure!\n\nHere is the prompt:\n",
    "<think>hm</think>\n\nHere is the prompt:\n\n",
    "以下是为您编写的提示词：\n\n",
    "好的，以下是客服助手的系统提示词：\n",
    "当然可以！根据您的需求，这是一份完整的提示词：\n\n",
    "下面是提示词：\n\n---\n",
]
FENCES = [("", ""), ("```\n", "\n```"), ("```markdown\n", "\n```"), ("````md\n", "\n````"), ("~~~text\n", "\n~~~")]
AFTER = [
    "",
    "\n",
    "\n\nLet me know if you'd like any changes!",
    "\n\n---\n\nLet me know if you would like me to adjust the tone or add an example.\n",
    "\n\nHope this helps!",
    "\n\nFeel free to customize the placeholders to your needs.",
    "\n\nWould you like me to expand any section?",
    "\n\nIf you need anything else, just ask.",
    "\n\n希望对您有帮助！",
    "\n\n希望这个提示词能帮到您。如需修改，请告诉我。",
    "\n\n如果需要进一步调整，请随时告诉我。",
    "\n\n需要我再优化一下语气吗？",
]
# Shapes of published system prompts, in words of our own: each begins, ends or reads like wrapping and is none.
PROMPTS = [
    '```json\n{"a": 1}\n```\nAnswer with an object like the one above.',
    "```\nUser: hi\n```\nThat is how a talk begins. Answer:\n```\nBot: hi\n```",
    "```python\nprint(1)\n```",
    "Explain the code below.\n\n```\n{{ code }}\n```",
    "You MUST use <think> tags.\n\nFormat:\n<think>\n[your thoughts]\n</think>\n\n[your answer]",
    "Put all reasoning between <thought> and </thought> tags. After the closing </thought> tag, answer.",
    "Reason inside <think>...</think>, *before* the answer.\n\nStructure:\n<think>\\n\n[...]\n\\n</think>\n\n[answer]",
    "Write your reasoning first and end it with `</think>`. Then answer.",
    "先思考，再用</think>标签结束思考，然后回答。",
    "Here are the rules you follow:\n\n1. Be brief.",
    "Below is an instruction that describes a task. Write a response that completes it.\n\n### Instruction:\n{{ x }}",
    "Here is the prompt to evaluate:\n\n{{ prompt }}\n\nScore it from 1 to 5.",
    "The following is the user's prompt:\n{{ prompt }}",
    "以下是需要优化的提示词：\n{{ prompt }}\n请逐条改写。",
    "You review code.\n\nLet me know if you understand.",
    "You are a tutor.\n\nIf you have questions before you begin, ask them one at a time.",
    "You write mail.\n\nFeel free to ask clarifying questions.",
    "You are a shop assistant. End every answer with:\n\n> Let me know if you want to see anything else!\n\nNo more.",
    "你是客服。\n\n如果用户需要修改订单，请先核对订单号，再进行调整。",
    "你是顾问。\n\n如果信息不足，请随时向用户提问。",
    "Sure is a brand of soap. Sell it.",
    "---\nname: x\n---\n\nYou are X.\n\n---\nEnd of prompt.",
    "```markdown\n# Report\n```\nFill in the report above.\n```json\n{}\n```",
    "## A\r\nwindows\r\n\r\n## B\r\nends",
]


def stream(text: str, size: int) -> tuple[str, int]:
    """What remains after the last reset, and how many there were; checks what is held back."""
    unwrapper, resets = Unwrapper(), 0
    given: list[str] = []
    for at in range(0, len(text), size):
        for piece in unwrapper.feed(text[at : at + size]):
            if isinstance(piece, Reset):
                given.clear()
                resets += 1
            else:
                given.append(piece)
    for piece in unwrapper.finish():
        if isinstance(piece, Reset):
            given.clear()
            resets += 1
        else:
            given.append(piece)
    return "".join(given), resets


@pytest.mark.parametrize("prompt", [EN, ZH], ids=["en", "zh"])
@pytest.mark.parametrize("before", BEFORE)
def test_what_is_wrapped_around_a_prompt_is_no_part_of_it(before: str, prompt: str) -> None:
    for opening, closing in FENCES:
        for after in AFTER:
            answer = f"{before}{opening}{prompt}{closing}{after}"
            for size in (12, 100_000):
                text, resets = stream(answer, size)
                assert text == prompt, answer
                assert resets <= 1
                assert resets == 0 or (before.count("</think>") and not before.startswith("<think>"))


@pytest.mark.parametrize("prompt", [*PROMPTS, EN, ZH])
def test_a_prompt_that_only_looks_wrapped_passes_to_the_byte(prompt: str) -> None:
    for size in (1, 5, 100_000):
        assert stream(prompt, size)[0] == prompt


@pytest.mark.parametrize("prompt", PROMPTS)
def test_thinking_before_a_prompt_goes_and_the_prompt_stays(prompt: str) -> None:
    for before in ("<think>hm\n</think>\n\n", "hm\n\nhm\n</think>\n\n"):
        assert stream(before + prompt, 3)[0] == prompt


def test_the_recorded_answers_pass_but_for_what_was_wrapped_around_them() -> None:
    wrapped = []
    for line in RECORDED.read_text("utf-8").splitlines():
        answer = json.loads(line)
        for key in ("write", "rewrite"):
            text = answer.get(key) or ""
            for size in (1, 7, 100_000):
                got, resets = stream(text, size)
                assert resets == 0
                if got != text.strip():
                    wrapped.append(answer["id"])
                    assert got in text
                    assert text.startswith("```markdown\n") or text.rstrip().endswith("add an example.")

    assert len(set(wrapped)) <= 3


PIECES = [
    *(
        "```",
        "\n",
        "`",
        "md",
        "x",
        " ",
        "```json\n",
        "\n```\n",
        "你",
        "---",
        "\n\n",
        "<think>",
        "</think>",
        "<",
        "Sure!",
    ),
    *(
        "Here is the prompt:\n",
        "\n\nLet me know if you'd like changes.",
        "以下是提示词：",
        "希望对您有帮助。",
        "~~~",
        "\ufeff",
    ),
]


@given(st.lists(st.sampled_from(PIECES), max_size=16).map("".join), st.data())
def test_how_the_text_is_cut_changes_nothing_and_nothing_is_made_up(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=6)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    unwrapper, given_text = Unwrapper(), ""
    for piece in [each for part in pieces for each in unwrapper.feed(part)] + list(unwrapper.finish()):
        given_text = "" if isinstance(piece, Reset) else given_text + piece

    assert given_text == unwrapped(without_thoughts(text))
    assert given_text in text


@pytest.mark.parametrize(
    "part", ["x", "x\n", "\n", " ", "- a\n\n", "```\n", "Let me know ", "如", "<", "---\n", "a" * 40 + " "]
)
def test_no_more_than_a_little_waits(part: str) -> None:
    unwrapper, given_chars = Unwrapper(), 0
    for piece in unwrapper.feed("You are X.\n\n"):
        given_chars += len(str(piece))
    fed = len("You are X.\n\n")
    for _ in range(8000 // len(part)):
        fed += len(part)
        given_chars += sum(len(str(piece)) for piece in unwrapper.feed(part))
        assert fed - given_chars <= MOST_HELD_CHARS + len(part) + 16
