"""What the demo says, in Chinese and English."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """One language."""

    sentence: str
    understood: str
    requirement: str
    kind: str
    from_quote: str
    assumed: str
    form: str
    form_hint: str
    question: str
    default: str
    writing: str
    score: str
    top_fix: str
    nothing_to_fix: str
    checks: str
    saved: str
    unchanged: str
    labelled: str
    fetched: str
    try_it: str
    keep_running: str
    still_running: str


ZH = Words(
    sentence="一句话",
    understood="理解到的需求",
    requirement="需求",
    kind="类型",
    from_quote="原话",
    assumed="（推断，请确认）",
    form="补充信息",
    form_hint="直接采用默认值；在应用中可逐项修改",
    question="问题",
    default="默认",
    writing="生成提示词",
    score="质量评估",
    top_fix="首要改进",
    nothing_to_fix="能用规则检查的，没有需要改进的地方",
    checks="用规则完成 {done} 项检查；{open} 项需要模型判断，未评",
    saved="已保存为 {name} 的第 {number} 版",
    unchanged="内容与 {name} 的第 {number} 版相同，没有新建版本",
    labelled="标签 production 指向第 {number} 版",
    fetched="应用用 API 密钥按名称取到了它",
    try_it="您也可以试试：",
    keep_running="演示启动的服务已停止。运行 make run 后，上面的命令就能用。",
    still_running="服务仍在运行：{url}/docs",
)

EN = Words(
    sentence="One sentence",
    understood="What it asks for",
    requirement="Requirement",
    kind="Kind",
    from_quote="Your words",
    assumed="(assumed, please confirm)",
    form="What it leaves open",
    form_hint="the defaults are taken as they are; an application lets you change each",
    question="Question",
    default="Default",
    writing="The prompt",
    score="Assessment",
    top_fix="First thing to improve",
    nothing_to_fix="Nothing to improve among what rules can check",
    checks="{done} checks done by rules; {open} need a model's judgement and are not assessed",
    saved="Saved as version {number} of {name}",
    unchanged="Same content as version {number} of {name}; no new version",
    labelled="Label production points at version {number}",
    fetched="An application fetched it by name with an API key",
    try_it="Try it yourself:",
    keep_running="What the demo started has stopped. After `make run` the command above works.",
    still_running="Still running: {url}/docs",
)


def words_for(language: str) -> Words:
    """The words of `zh` or `en`."""
    return ZH if language == "zh" else EN
