"""What PEQA tells the author to do, in both languages. Data, not code.

The key is the check, with the variant after a dot when a check can fail in several ways; CAP_MESSAGES explain
the caps.
"""

from generation_service.requirements.domain import Language

FIXES: dict[str, dict[Language, str]] = {
    "C2": {
        "zh": "“{first}”与“{second}”互相矛盾：只保留一个，或写明各自适用的情况。",
        "en": "“{first}” contradicts “{second}”: keep one of them, or say when each applies.",
    },
    "C3": {
        "zh": "把“{word}”换成可以检查的数字、范围或条件（共 {count} 处含糊的词）。",
        "en": "Replace “{word}” with a number, a range or a condition to check ({count} vague words in all).",
    },
    "C5": {
        "zh": "闭合“{text}”：在它结束的地方补上对应的结束标记。",
        "en": "Close “{text}”: add the matching end mark where it ends.",
    },
    "C5.heading": {
        "zh": "把标题“{text}”改为第 {expected} 级，不要跳级。",
        "en": "Make the heading “{text}” level {expected}; don't skip levels.",
    },
    "C6": {
        "zh": "把整个提示词改写成要求的语言。",
        "en": "Rewrite the whole prompt in the language that was asked for.",
    },
    "C6.mixed": {
        "zh": "把“{text}”这样的外语段落改写成中文，示例除外。",
        "en": "Translate passages such as “{text}” so that the prompt is in one language, examples aside.",
    },
    "S2": {
        "zh": "给“{text}”加上数字，例如“不超过 200 字”或“最多 5 条”。",
        "en": "Put a number to “{text}”, such as “at most 150 words” or “up to 5 items”.",
    },
    "S2.none": {
        "zh": "至少写一个可以衡量的界限，例如“不超过 200 字”“最多 5 条”“24 小时内”。",
        "en": "Set at least one limit that can be measured, such as “at most 150 words” or “up to 5 items”.",
    },
    "K1": {
        "zh": "补上还没有落实的必须项（{ids}），例如：“{text}”。",
        "en": "Cover the must requirements that are missing ({ids}), such as “{text}”.",
    },
    "K2": {
        "zh": "说明变量 {names} 是什么：在它前面写上名称，或放进有名字的标签。",
        "en": "Say what {names} stands for: put a label before it, or wrap it in a named tag.",
    },
    "K3": {
        "zh": "加一节“输出格式”，写明结构、长度和语言。",
        "en": "Add a section “Output format” with the structure, the length and the language.",
    },
    "K3.thin": {
        "zh": "“{text}”下面还没有内容：写明结构、长度和语言。",
        "en": "“{text}” says too little: give the structure, the length and the language.",
    },
    "K5": {
        "zh": "改正示例“{text}”，使它符合输出格式。",
        "en": "Correct the example “{text}” so that it follows the output format.",
    },
    "K6": {
        "zh": "把“{text}”换成真实内容，或改成变量 {{{{ name }}}}。",
        "en": "Replace “{text}” with the real thing, or make it a variable {{{{ name }}}}.",
    },
    "K6.style": {
        "zh": "把“{text}”改成 {{{{ {name} }}}}，否则它不会被替换。",
        "en": "Write {{{{ {name} }}}} instead of “{text}”, which is never filled in.",
    },
    "E2": {
        "zh": "精简内容：估计 {estimate} 个 token，而模型的上限是 {limit}。",
        "en": "Shorten the prompt: it needs about {estimate} tokens, and the model takes {limit}.",
    },
    "E3": {
        "zh": "删去重复的规则“{text}”（共 {count} 条）。",
        "en": "Remove the repeated rule “{text}” ({count} in all).",
    },
    "E4": {
        "zh": "补充缺少的部分：{parts}。",
        "en": "Add what is missing: {parts}.",
    },
    "E4.long": {
        "zh": "把大段资料移出提示词，改为变量传入：现在有 {length} 个字符。",
        "en": "Move long material out and pass it in as a variable: the prompt has {length} characters.",
    },
    "R1": {
        "zh": "用标签包住外来文本，例如 <{name}>{{{{ {name} }}}}</{name}>。",
        "en": "Wrap text from outside in tags, for example <{name}>{{{{ {name} }}}}</{name}>.",
    },
    "R5": {
        "zh": "改正“{text}”：变量写成 {{{{ name }}}}，引用写成 {{{{> 名称@标签}}}}。",
        "en": "Correct “{text}”: a variable is written {{{{ name }}}}, a reference {{{{> name@label}}}}.",
    },
    "R5.unused": {
        "zh": "使用已声明的变量 {names}，或删除它的声明。",
        "en": "Use the declared variable {names}, or drop its declaration.",
    },
    "R5.undeclared": {
        "zh": "声明变量“{text}”，或改正它的名字。",
        "en": "Declare the variable “{text}”, or correct its name.",
    },
    "R6": {
        "zh": "立即删去密钥或密码并更换它，改由应用保管。",
        "en": "Remove the key or password, replace it at its issuer, and keep it in the application.",
    },
    "R6.pii": {
        "zh": "删去个人信息，或改成变量。",
        "en": "Remove the personal data, or make it a variable.",
    },
}

PART_NAMES: dict[str, dict[Language, str]] = {
    "role": {"zh": "角色（你是谁，服务谁）", "en": "the role (who the model is, for whom)"},
    "task": {"zh": "任务（要做什么，分几步）", "en": "the task (what to do, in which steps)"},
    "rules": {"zh": "规则（必须做到什么）", "en": "the rules (what must be kept)"},
    "output": {"zh": "输出格式（结构和长度）", "en": "the output format (structure and length)"},
    "fallback": {"zh": "信息不足或超出范围时的做法", "en": "what to do when input is missing or out of scope"},
}

CAP_MESSAGES: dict[str, dict[Language, str]] = {
    "empty": {
        "zh": "提示词是空的：先写明角色、任务和输出格式。",
        "en": "The prompt is empty: write down the role, the task and the output format.",
    },
    "not_a_prompt": {
        "zh": "这段文字没有告诉模型做什么：写明角色（“你是……”）、任务和输出格式。",
        "en": "This text doesn't tell a model what to do: state role (“You are …”), task and output format.",
    },
    "secret": {
        "zh": "提示词里有密钥或密码，总分不超过 40。",
        "en": "The prompt holds a key or password; the score can't exceed 40.",
    },
    "broken_contract": {
        "zh": "变量或引用无法渲染，总分不超过 40。",
        "en": "Variables or references can't be rendered; the score can't exceed 40.",
    },
    "contradiction": {
        "zh": "必须遵守的规则互相矛盾，总分不超过 60。",
        "en": "Rules that must be kept contradict each other; the score can't exceed 60.",
    },
    "missing_must": {
        "zh": "有必须满足的需求没有落实，总分不超过 75。",
        "en": "A must requirement isn't covered; the score can't exceed 75.",
    },
}
