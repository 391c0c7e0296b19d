"""Whether a description asks for a prompt at all, and for one that may be made."""

import re

from generation_service.requirements.values import InputClass

_FILLER = re.compile(
    r"请|麻烦|帮我|帮忙|帮|给我|为我|我|你|想要|想|要|需要|能不能|可以|可不可以|写|做|创建|生成|设计|制作|开发"
    r"|搭建|来|弄|搞|优化|一下|一个|一款|个|系统|提示词"
    r"|提示|智能体|助手|助理|机器人|ai"
    r"|一点|一些|的|吧|吗|呢|啊|东西|某个|好的?|更好|prompts?|bots?|agents?|assistants?|chatbots?|llm|gpt"
    r"|\b(?:please|help|me|i|you|can|could|would|like|want|need|to|create|write|make|build|generate"
    r"|design|give|do|get|with|an?|the|some(?:thing)?"
    r"|for|my|it|good|new|nice|better|best|one|test|thing|stuff|system|ok|okay|yes|no|us|we|have|use)\b",
    re.IGNORECASE,
)
_MARKER = re.compile(
    r"智能体|助手|助理|机器人|提示词|代理|客服|顾问|专家|生成器|\bagents?\b|\bbots?\b|\bassistants?\b"
    r"|\bchatbots?\b|\bprompts?\b"
    r"|\bcopilot\b|\bpersona\b",
    re.IGNORECASE,
)
_GREETING = re.compile(
    r"^\W*(?:hi|hello|hey|yo|good (?:morning|evening|afternoon)|thanks?|thank you|bye|你好|您好|嗨|哈喽|早上好"
    r"|晚上好|谢谢|再见)(?:\W+(?:there|all|how are you|how's it going|what's up|啊|呀|你好吗|在吗|doing"
    r"|today)\W*)*\W*$",
    re.IGNORECASE,
)
_QUESTION_ZH = re.compile(
    r"^(?:今天|明天|现在|昨天|请问|为什么|为何|怎么|如何|什么是|谁是|谁|哪|几点|多少)|是什么|怎么样|怎样|多少钱"
    r"|几点|吗[？?]?$|呢[？?]?$|是谁|为什么"
)
_QUESTION_EN = re.compile(
    r"^(?:what|who|whom|whose|where|when|why|how|which|is|are|was|were|do|does|did|will|would|should"
    r"|am|has|have)\b(?:'s|'re)?",
    re.IGNORECASE,
)
_REQUEST = re.compile(
    r"(?:写|做|创建|生成|设计|搭建|开发|需要|帮我)(?:一个|个|一款|一份|出)|\b(?:create|write|build|make|design"
    r"|generate|need"
    r"|want)\b.{0,20}\b(?:an?|the|me)\b",
    re.IGNORECASE,
)
_ARITHMETIC = re.compile(r"^[\s\d+\-*/×÷=().^%]++[？?]?\s*$")
_FEELING = re.compile(
    r"^(?:我今天|我现在|我好|我很|我)(?:很|好|有点|真|太)?(?:开心|高兴|难过|累|饿|困|无聊|生气|烦)|^i(?:'m| am"
    r"| feel) (?:so |very "
    r"|really )?(?:happy|sad|tired|bored|hungry|angry)\b",
    re.IGNORECASE,
)
_HARM = re.compile(
    r"钓鱼(?:邮件|网站|短信|链接)|勒索软件|木马|恶意(?:软件|代码|程序)|病毒程序|计算机病毒|键盘记录|盗取?(?:密码"
    r"|账号|银行卡|信息)|窃取(?:密码|账号|数据|隐私|信息|用户)"
    r"|诈骗(?:话术|短信|脚本|电话|剧本|邮件)|骗(?:取|老人|钱|用户)|洗钱(?:方案|方法|教程)|制(?:造|作)(?:炸弹|炸药"
    r"|毒品|枪支|武器)|炸弹(?:制作|教程)"
    r"|造谣|伪造(?:证件|身份证|公章|发票|病历|证据|文件)|人肉搜索|网络攻击|ddos|撞库|绕过(?:安全|审核|内容审查"
    r"|风控|过滤|限制|验证)"
    r"|越狱(?:提示|大模型|chatgpt|ai)|儿童色情|未成年.{0,6}(?:色情|性)|煽动(?:仇恨|暴力)|自杀(?:方法|教程)|黑进"
    r"|入侵(?!检测|防御|防护)|刷单脚本"
    r"|假评论|跟踪(?:前女友|前男友|他人|妻子|丈夫)"
    r"|\bphish(?:ing)?\b|\bmalware\b|\bransomware\b|\bkeylogger\b|\btrojan\b|\bcomputer virus\b|\bspyware\b"
    r"|\bbotnet\b|\bddos\b|\bsteal\w*\s+(?:\w+\s+){0,3}?(?:passwords?|credentials?|identit\w+|data"
    r"|credit cards?|money|cookies)|\bscam\w*\b"
    r"|\b(?:build|make|making|building|construct)\w*\s+(?:\w+\s+){0,3}?(?:bombs?|explosives?|weapons?"
    r"|meth|drugs)\b|\bbypass\w*\s+(?:\w+\s+){0,3}?(?:safety|security|filters?|moderation|guardrails?"
    r"|restrictions|safeguards|authentication)|\bjailbreak\w*\b|\bdo anything now\b"
    r"|\bhack(?:s|ing)? (?:into|someone|a|my (?:ex|neighbo)|people|accounts?|wifi)|\bfake (?:ids?"
    r"|passports?|documents?|reviews?|news)\b|\bchild porn\w*|\bcsam\b|\bsexual\w* .{0,20}\bminors?\b"
    r"|\bdoxx?(?:ing)?\b|\bhate speech\b|\bself[- ]harm (?:methods|instructions)|\bsuicide (?:methods"
    r"|instructions)|\bimpersonat\w+ (?:a |the )?(?:bank|police|officials?|irs)\b|\bstalk(?:ing|s)?\b"
    r"|\blaunder\w*\b|\bdisinformation\b",
    re.IGNORECASE,
)
_DEFENCE = re.compile(
    r"检测|识别|防范|防御|防护|防止|预防|反诈|反洗钱|反欺诈|举报|审核|拦截|排查|清除|培训|教育|宣传|意识|安全审计"
    r"|溯源|应急|分析(?:恶意|病毒|钓鱼)|过滤|监测|不(?:要"
    r"|能|得|可)?|禁止|拒绝|避免|受害"
    r"|\bdetect\w*|\bprevent\w*|\bidentif\w*|\bprotect\w*|\bdefen[cds]\w*|\banti-?|\baware\w*|\btrain(?:s"
    r"|ing)?\b|\beducat\w*|\bspot\w*|\bblock\w*|\bflag\w*|\bmoderat\w*|\breport\w*|\baudit\w*|\banaly[sz]\w*"
    r"|\bclassif\w*|\bfilter\w*|\bfraud detection\b|\brecogni[sz]\w*|\bavoid\w*|\bnever\b|\bnot\b"
    r"|\brefus\w*|\bvictims?\b|\binvestigat\w*|\bremov\w*|\bteach\w* (?:\w+ ){0,3}(?:avoid|spot)|\bwarn\w*",
    re.IGNORECASE,
)
# Something to be done right now for the person who asks, no instruction to be kept and used again.
_ERRAND = re.compile(
    r"^(?:请|麻烦)?(?:帮我|给我|替我)(?:订|买|查|预订|预约|约|叫|点)(?:一)?(?:张|份|杯|个|下|辆|通)?[^。\n]{0,20}"
    r"(?:今天|明天|后天|今晚|现在|马上|票$|酒店$|车$|外卖$|咖啡$|位子$)"
    r"|^(?:please\s+)?(?:(?:can|could|would|will) you\s+(?:please\s+)?)?(?:fix|book|buy|order|call|open|play"
    r"|remind|find|tell|send|turn (?:on|off))\s+(?:(?:me|my|us)\b|a (?:taxi|table|flight|room))"
    r"|(?:下面|以下|这)(?:的)?(?:这)?(?:段|句|篇|封)[^：:\n]{0,16}[：:]\s*\S.{2,}"
    r"|\b(?:following|this) (?:text|sentence|paragraph|email|message)[^:\n]{0,30}:\s*\S.{2,}",
    re.IGNORECASE,
)
_KEYBOARD_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_LONGEST_ERRAND = 120
_NEAR_CHARS = 60


def is_harmful(text: str) -> bool:
    """Whether it asks for a prompt that does harm; defending against the same harm does not count."""
    for match in _HARM.finditer(text):
        around = text[max(0, match.start() - _NEAR_CHARS) : match.end() + _NEAR_CHARS // 3]
        evading = re.search(r"evad\w*|绕过|躲避|逃避|bypass|undetect\w*|不被(?:发现|检测)", around, re.IGNORECASE)
        if evading or not _DEFENCE.search(around):
            return True
    return False


def classify(description: str, agent_is_known: bool, only_injection: bool) -> InputClass:  # noqa: FBT001
    """Put a description into its one class."""
    text = description.strip()
    if is_harmful(text):
        return InputClass.UNSAFE
    if only_injection or _GREETING.match(text) or _ARITHMETIC.match(text) or _FEELING.match(text):
        return InputClass.NOT_A_PROMPT_REQUEST if len(text) > 1 else InputClass.TOO_VAGUE
    if len(text) <= _LONGEST_ERRAND and _ERRAND.search(text) and not _MARKER.search(text):
        return InputClass.NOT_A_PROMPT_REQUEST
    if _is_question(text) and not _MARKER.search(text) and not _REQUEST.search(text):
        return InputClass.NOT_A_PROMPT_REQUEST
    substance = re.sub(r"[\W_]+", "", _FILLER.sub(" ", text))
    repeated = len(set(substance.lower())) <= 2 and len(substance) > 6
    if (len(substance) <= 1 and not agent_is_known) or repeated or len(text) <= 1 or _is_noise(text, substance):
        return InputClass.TOO_VAGUE
    return InputClass.OK


def _is_question(text: str) -> bool:
    if len(text) > 200:
        return False
    one_sentence = not re.search(r"[。.!！？?；;][^\w\n。.!！？?；;]*\w", text)
    asks = text.endswith(("?", "？")) or bool(_QUESTION_ZH.search(text)) or bool(_QUESTION_EN.match(text))
    return one_sentence and asks


def _is_noise(text: str, substance: str) -> bool:
    """A string of digits, neighbouring keys, or a small-letter word without a vowel says nothing; "PPT" does."""
    words = re.findall(r"[a-z]+", text.lower()) if text.isascii() else []
    if words and all(len(word) > 2 and any(word in row for row in _KEYBOARD_ROWS) for word in words):
        return True
    if re.search(r"[A-Z]{2,}", text):
        return False
    return bool(re.fullmatch(r"[b-df-hj-np-tv-xz]{2,}|\d+", substance, re.IGNORECASE))
