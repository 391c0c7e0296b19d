"""What lint tells the author, in both languages: what is wrong, and what to do. Data, not code.

The key is the rule's name, with the variant after a dot when a rule has several messages.
"""

from generation_service.requirements.domain import Language

MESSAGES: dict[str, dict[Language, str]] = {
    "empty": {
        "zh": "提示词是空的：请先写明角色、任务和输出格式。",
        "en": "The prompt is empty: write down the role, the task and the output format.",
    },
    "too-short": {
        "zh": "提示词太短，模型只能猜：请补充角色、任务、规则和输出格式。",
        "en": "The prompt is too short to follow: add the role, the task, the rules and the output format.",
    },
    "too-long": {
        "zh": "提示词有 {length} 个字符，超过 {limit}：请删去重复内容，或把资料改为变量传入。",
        "en": "The prompt has {length} characters, over {limit}: cut repetition, or pass material in as a variable.",
    },
    "too-long.bytes": {
        "zh": "提示词超过 {limit} KiB，无法保存：请把资料移出提示词，改为变量传入。",
        "en": "The prompt is over {limit} KiB and can't be stored: move material out and pass it in as a variable.",
    },
    "over-token-limit": {
        "zh": "估计需要 {estimate} 个 token，超过上限 {limit}：请精简内容。",
        "en": "The prompt needs about {estimate} tokens, over the limit of {limit}: shorten it.",
    },
    "var-undefined": {
        "zh": "变量 {name} 没有声明：请在变量列表中声明它，或改正名字。",
        "en": "Variable {name} isn't declared: declare it, or correct its name.",
    },
    "var-unused": {
        "zh": "变量 {name} 已声明但没有用到：请在提示词中写 {{{{ {name} }}}}，或删除声明。",
        "en": "Variable {name} is declared but not used: write {{{{ {name} }}}} in the text, or drop the declaration.",
    },
    "var-malformed": {
        "zh": "“{text}” 不是有效的变量：请写成 {{{{ name }}}}，名字只用英文字母、数字和下划线；字面花括号写 \\{{{{。",
        "en": "“{text}” is no valid variable: write {{{{ name }}}} with letters, digits and underscores only;"
        " for literal braces write \\{{{{.",
    },
    "mixed-placeholder-syntax": {
        "zh": "“{text}” 不会被替换：请改成 {{{{ {name} }}}}。",
        "en": "“{text}” is never filled in: write {{{{ {name} }}}} instead.",
    },
    "ref-unresolved": {
        "zh": "引用的提示词 {name} 不存在：请改正名字和标签，或先创建它。",
        "en": "There is no prompt {name} to include: correct the name and label, or create it first.",
    },
    "ref-unresolved.malformed": {
        "zh": "“{text}” 不是有效的引用：请写成 {{{{> 名称@标签}}}} 或 {{{{> 名称@v3}}}}。",
        "en": "“{text}” is no valid reference: write {{{{> name@label}}}} or {{{{> name@v3}}}}.",
    },
    "no-role": {
        "zh": "没有说明模型是谁：请加一句“你是……”，写明角色和服务对象。",
        "en": "The prompt doesn't say who the model is: add “You are a …” with the role and the audience.",
    },
    "no-task": {
        "zh": "没有说明要做什么：请加“任务”一节，用动词写出目标和步骤。",
        "en": "The prompt doesn't say what to do: add a “Task” section with the goal and the steps.",
    },
    "no-output-format": {
        "zh": "没有规定输出的样子：请加“输出格式”一节，写明结构、长度和语言。",
        "en": "The prompt doesn't say what the answer looks like: add an “Output format” section.",
    },
    "no-constraints": {
        "zh": "没有任何规则：请加“约束”一节，写明必须做到和不得越过的界限。",
        "en": "The prompt sets no rules: add a “Rules” section with what must be kept.",
    },
    "no-fallback": {
        "zh": "没有说明信息不足或超出范围时怎么办：请加一条“如果……无法……，则……”。",
        "en": "The prompt doesn't say what to do when the input is missing or out of scope: add “If …, then …”.",
    },
    "vague-word": {
        "zh": "“{word}”说得含糊：请换成可以检查的数字、范围或条件。",
        "en": "“{word}” is vague: give a number, a range or a condition that can be checked.",
    },
    "contradiction-pair": {
        "zh": "“{first}”与“{second}”矛盾：请只保留一个，或写明各自适用的情况。",
        "en": "“{first}” contradicts “{second}”: keep one of them, or say when each applies.",
    },
    "duplicate-rule": {
        "zh": "这条规则前面已经写过：请删去重复的一条。",
        "en": "This rule was already given: remove the repetition.",
    },
    "negative-only": {
        "zh": "这 {count} 条全是“不要做什么”：请至少补充一条应该怎么做。",
        "en": "All {count} items say what not to do: add at least one that says what to do instead.",
    },
    "unclosed-tag": {
        "zh": "标签 <{name}> 没有闭合：请在结尾处加上 </{name}>。",
        "en": "Tag <{name}> is never closed: add </{name}> where it ends.",
    },
    "unclosed-tag.closing": {
        "zh": "</{name}> 没有对应的开始标签：请补上 <{name}>，或删去它。",
        "en": "</{name}> closes a tag that was never opened: add <{name}>, or remove it.",
    },
    "unclosed-tag.fence": {
        "zh": "代码块没有闭合：请在结尾处另起一行写上同样的围栏符号。",
        "en": "The code fence is never closed: end it with the same marks on a line of their own.",
    },
    "heading-skip": {
        "zh": "标题从上一级直接跳到了第 {level} 级：请改为第 {expected} 级。",
        "en": "The heading jumps to level {level}: make it level {expected}.",
    },
    "language-mismatch": {
        "zh": "提示词的语言与要求的不一致：请全部改写成要求的语言。",
        "en": "The prompt isn't in the language that was asked for: rewrite all of it in that language.",
    },
    "language-mismatch.mixed": {
        "zh": "提示词里混有成段的其他语言：请统一成一种语言，示例除外。",
        "en": "Whole lines are in another language: keep to one language, examples aside.",
    },
    "leftover-placeholder": {
        "zh": "“{text}” 还没有填写：请换成真实内容，或改成变量 {{{{ name }}}}。",
        "en": "“{text}” was left to be filled in: replace it, or make it a variable {{{{ name }}}}.",
    },
    "undelimited-input": {
        "zh": "变量 {name} 是外来文本，却没有分隔：请用标签包住它，例如 <{name}>{{{{ {name} }}}}</{name}>。",
        "en": "Variable {name} holds somebody's text with nothing around it: wrap it, for example"
        " <{name}>{{{{ {name} }}}}</{name}>.",
    },
    "example-contract-mismatch": {
        "zh": "示例的字段与输出格式不一致（缺少：{missing}；多出：{extra}）：请改正示例或输出格式。",
        "en": "The example's keys differ from the output format (missing: {missing}; extra: {extra}): correct one of"
        " them.",
    },
    "example-contract-mismatch.not_json": {
        "zh": "输出要求是 JSON，这个示例却不是：请把示例的输出改成 JSON。",
        "en": "The output must be JSON, but this example's isn't: make it JSON.",
    },
    "secret": {
        "zh": "这里像是一个密钥或密码：请立即删去并更换它，密钥由应用保管。",
        "en": "This looks like a key or password: remove it, replace it at its issuer, and keep it in the application.",
    },
    "pii.mobile": {
        "zh": "这里有手机号：请删去，或改成变量。",
        "en": "There is a mobile number here: remove it, or make it a variable.",
    },
    "pii.identity": {
        "zh": "这里有身份证件号码：请删去，或改成变量。",
        "en": "There is an identity number here: remove it, or make it a variable.",
    },
    "pii.card": {
        "zh": "这里有银行卡号：请删去，或改成变量。",
        "en": "There is a bank card number here: remove it, or make it a variable.",
    },
    "pii.email": {
        "zh": "这里有个人邮箱：请删去，或改成变量。",
        "en": "There is a personal e-mail address here: remove it, or make it a variable.",
    },
}
