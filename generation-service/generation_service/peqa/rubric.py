"""The rubric `peqa-1` as data: dimensions, checks, weights, caps and bands.

Every check of a dimension weighs the same (w = 1): what differs in importance stands in the caps.
"""

from dataclasses import dataclass

from generation_service.peqa.values import Band, Dimension
from generation_service.text.language import Language

RUBRIC = "peqa-1"

DIMENSION_WEIGHTS: dict[Dimension, float] = {
    Dimension.CLARITY: 0.25,
    Dimension.SPECIFICITY: 0.20,
    Dimension.COMPLETENESS: 0.20,
    Dimension.EFFECTIVENESS: 0.20,
    Dimension.ROBUSTNESS: 0.15,
}

BANDS: tuple[tuple[float, Band], ...] = ((85, "ready"), (70, "usable"), (40, "weak"), (0, "poor"))
"""The least overall score of each band, highest first."""

CAP_LIMITS: dict[str, int] = {
    "empty": 0,
    "not_a_prompt": 10,
    "secret": 40,
    "broken_contract": 40,
    "contradiction": 60,
    "missing_must": 75,
}


@dataclass(frozen=True, slots=True)
class Check:
    """A check of the rubric; `is_by_code` is false when only a model can judge it."""

    id: str
    dimension: Dimension
    is_by_code: bool
    titles: dict[Language, str]
    weight: float = 1.0


def _check(check_id: str, chinese: str, english: str, *, is_by_code: bool) -> Check:
    dimension = {
        "C": Dimension.CLARITY,
        "S": Dimension.SPECIFICITY,
        "K": Dimension.COMPLETENESS,
        "E": Dimension.EFFECTIVENESS,
        "R": Dimension.ROBUSTNESS,
    }[check_id[0]]
    return Check(check_id, dimension, is_by_code, {"zh": chinese, "en": english})


CHECKS: tuple[Check, ...] = (
    _check("C1", "只有一个主要目标", "One main goal", is_by_code=False),
    _check("C2", "没有互相矛盾的规则", "No contradicting rules", is_by_code=True),
    _check("C3", "没有含糊的词", "No vague words", is_by_code=True),
    _check("C4", "指代清楚", "References are resolvable", is_by_code=False),
    _check("C5", "结构有序，标签和代码块闭合", "Readable order, tags and fences closed", is_by_code=True),
    _check("C6", "语言一致", "Consistent language", is_by_code=True),
    _check("S1", "角色和受众具体", "Concrete role and audience", is_by_code=False),
    _check("S2", "该量化的地方有可衡量的界限", "Measurable limits where they are meant", is_by_code=True),
    _check("S3", "规则是可执行的动作", "Rules are actions", is_by_code=False),
    _check("S4", "术语有定义", "Terms are defined", is_by_code=False),
    _check("S5", "输出的结构可以校验", "The output's shape can be validated", is_by_code=False),
    _check("K1", "必须满足的需求都已落实", "Every must requirement is covered", is_by_code=True),
    _check("K2", "每个变量都有说明", "Every variable is described", is_by_code=True),
    _check("K3", "有输出约定", "There is an output contract", is_by_code=True),
    _check("K4", "有完成标准或非目标", "Done-criteria or non-goals", is_by_code=False),
    _check("K5", "示例符合输出约定", "Examples agree with the contract", is_by_code=True),
    _check("K6", "没有遗留的占位文字", "No placeholders left", is_by_code=True),
    _check("E1", "步骤与目标相符", "Steps match the goal", is_by_code=False),
    _check("E2", "适合所用的模型", "Suits the model", is_by_code=True),
    _check("E3", "没有多余的规则", "No redundant rules", is_by_code=True),
    _check("E4", "篇幅与信息量相称", "Tokens against information", is_by_code=True),
    _check("E5", "实测的提升", "Measured lift", is_by_code=True),
    _check("R1", "用户数据有分隔", "User data is delimited", is_by_code=True),
    _check("R2", "处理缺失或含糊的输入", "Missing or ambiguous input is handled", is_by_code=False),
    _check("R3", "有拒绝和升级的办法", "Refusal and escalation", is_by_code=False),
    _check("R4", "不要求编造来源", "No invented sources demanded", is_by_code=False),
    _check("R5", "变量有效且被使用", "Variables are valid and used", is_by_code=True),
    _check("R6", "没有密钥和个人信息", "No secrets or personal data", is_by_code=True),
)
