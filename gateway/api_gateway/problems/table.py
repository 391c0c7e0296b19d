"""Every `code` of a problem document: its HTTP status, and title and sentence in English and Chinese.

`None` as the English sentence means that the error's own is shown. `{words}` are filled from the error's metadata; when
one is missing the general sentence stands in.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """One code: status, titles and sentences; `zh` may use the error's metadata."""

    status: int
    title: str
    title_zh: str
    zh: str
    en: str | None = None


TABLE: dict[str, Entry] = {
    "malformed_json": Entry(400, "Malformed JSON", "JSON 格式错误", "请求体不是合法的 JSON，请检查后重试。"),
    "bad_request": Entry(400, "Bad request", "请求错误", "请求无法理解，请检查后重试。"),
    "invalid_request": Entry(422, "Invalid request", "请求无效", "请求中有不合规的字段，请按 errors 逐条修改。"),
    "invalid_cursor": Entry(
        422, "Invalid cursor", "游标无效", "游标无效：请使用上一页返回的 next_cursor，或从第一页重新开始。"
    ),
    "invalid_idempotency_key": Entry(
        422, "Invalid Idempotency-Key", "幂等键无效", "Idempotency-Key 应为 8–64 个可见 ASCII 字符。"
    ),
    "idempotency_mismatch": Entry(
        422,
        "Idempotency key reused",
        "幂等键被重复使用",
        "同一个 Idempotency-Key 已用于内容不同的请求，请换一个新的键。",
    ),
    "missing_variables": Entry(422, "Missing variables", "缺少变量", "缺少必填变量，请按 errors 补全后重试。"),
    "text_too_complex": Entry(
        422,
        "Text too complex",
        "文本过于复杂",
        "文本过于复杂：步骤“{step}”未能在 {limit_seconds} 秒内完成，已停止。请缩短或简化文本后重试。",
    ),
    "input_refused": Entry(
        422, "Input refused", "输入被拒绝", "无法根据该描述生成提示词：请描述您想要的智能体或提示词。"
    ),
    "unauthenticated": Entry(401, "Not authenticated", "未登录", "请先登录，或携带有效的访问令牌或 API 密钥。"),
    "token_stale": Entry(401, "Token is stale", "令牌已过时", "您的权限有变化，请刷新令牌后重试。"),
    "invalid_credentials": Entry(401, "Invalid credentials", "凭据错误", "邮箱或密码不正确。"),
    "refresh_invalid": Entry(401, "Refresh token invalid", "刷新令牌无效", "刷新令牌无效，请重新登录。"),
    "refresh_expired": Entry(401, "Refresh token expired", "刷新令牌已过期", "登录已过期，请重新登录。"),
    "refresh_reused": Entry(
        401,
        "Refresh token reused",
        "刷新令牌被重复使用",
        "该刷新令牌已被使用过，为安全起见会话已结束，请重新登录。",
    ),
    "budget_exhausted": Entry(402, "Budget exhausted", "预算已用完", "预算已用完，请联系管理员。"),
    "forbidden": Entry(403, "Forbidden", "没有权限", "您没有执行此操作的权限。"),
    "scope_missing": Entry(403, "Scope missing", "缺少权限范围", "该 API 密钥缺少权限范围：{needed}。"),
    "label_protected": Entry(403, "Label is protected", "标签受保护", "该标签受保护，只有管理员可以移动。"),
    "registration_closed": Entry(403, "Registration closed", "注册未开放", "此系统未开放注册，请联系管理员。"),
    "not_found": Entry(404, "Not found", "未找到", "没有找到您请求的内容，或您无权查看。"),
    "request_timeout": Entry(408, "Request too slow", "请求传输超时", "请求未能及时送达，请检查网络后重试。"),
    "method_not_allowed": Entry(405, "Method not allowed", "方法不允许", "该地址不支持此请求方法。"),
    "not_acceptable": Entry(406, "Not acceptable", "无法提供所需格式", "无法以所要求的格式返回。"),
    "name_taken": Entry(409, "Name taken", "名称已被占用", "该名称已被占用，请换一个名称。"),
    "email_taken": Entry(409, "E-mail taken", "邮箱已注册", "该邮箱已注册，请直接登录。"),
    "label_referenced": Entry(409, "Label is referenced", "标签被引用", "该标签正被其他提示词引用。"),
    "quota_exceeded": Entry(
        409, "Quota exceeded", "数量已达上限", "已达到 {limit} 个的上限：请先删除不再需要的，再新建。"
    ),
    "in_progress": Entry(409, "Still in progress", "处理中", "相同的请求仍在处理，请稍后重试。"),
    "deleted": Entry(409, "Deleted", "已删除", "该提示词在回收站中，请先恢复。"),
    "run_not_finished": Entry(409, "Run has no result", "任务没有结果", "该任务尚未成功结束，没有可用的结果。"),
    "run_stored": Entry(409, "Run stored already", "结果已保存", "该任务的结果已保存为其他提示词的版本。"),
    "already_exists": Entry(409, "Already exists", "已存在", "已经存在。"),
    "failed_precondition": Entry(409, "Not possible now", "当前无法执行", "当前状态下无法执行此操作。"),
    "stale": Entry(412, "Changed meanwhile", "内容已被修改", "内容已被他人修改，请重新读取后再试。"),
    "too_large": Entry(413, "Too large", "内容过大", "请求过大，请减小后重试。"),
    "uri_too_long": Entry(414, "Address too long", "地址过长", "请求地址过长，请缩短后重试。"),
    "headers_too_large": Entry(
        431, "Headers too large", "请求头过大", "请求头过大或过多：合计不超过 64 KiB、100 行，请减少后重试。"
    ),
    "unsupported_media_type": Entry(
        415, "Unsupported media type", "不支持的媒体类型", "请使用 Content-Type: application/json。"
    ),
    "precondition_required": Entry(
        428, "Precondition required", "缺少前提条件", "请在 If-Match 中带上最近读取到的 ETag。"
    ),
    "rate_limited": Entry(429, "Too many requests", "请求过于频繁", "请求过于频繁，请稍后重试。"),
    "internal": Entry(500, "Internal error", "内部错误", "服务内部出错，我们可凭 request_id 查到记录。"),
    "not_implemented": Entry(501, "Not implemented", "尚未支持", "此功能尚未支持。"),
    "unavailable": Entry(503, "Unavailable", "暂不可用", "服务暂时不可用，请稍后重试。"),
    "overloaded": Entry(503, "Overloaded", "服务繁忙", "服务繁忙，请稍后重试。"),
    "worker_lost": Entry(503, "Work was cut off", "处理中断", "处理文本的进程在步骤“{step}”意外退出，请稍后重试。"),
    "no_model": Entry(
        503, "No model", "没有可用模型", "没有配置模型：请管理员设置 DASHSCOPE_API_KEY，或使用 rules 引擎。"
    ),
    "deadline_exceeded": Entry(504, "Timed out", "超时", "处理超时，是否已生效尚不确定，请查询后再决定是否重试。"),
    # How a run may end; shown in the run's `error` and its end event.
    "run_timeout": Entry(504, "Run timed out", "任务超时", "任务超时未完成，请重试。"),
    "interrupted": Entry(503, "Run interrupted", "任务中断", "执行任务的进程中断了，请重新发起。"),
    "contract_broken": Entry(422, "Contract broken", "违反约定", "改写破坏了变量、引用或锁定的内容，原文未变。"),
    "gates_failed": Entry(422, "Result below standard", "结果未达标准", "生成的提示词未通过检查，详见 errors。"),
    "model_rate_limited": Entry(503, "Model rate limited", "模型限流", "模型服务限流，请稍后重试。"),
    "model_quota_exhausted": Entry(
        503, "Model quota exhausted", "模型额度用完", "模型服务的额度已用完，请稍后重试或更换模型。"
    ),
    "model_unavailable": Entry(503, "Model unavailable", "模型不可用", "模型服务暂时不可用，请稍后重试。"),
    "model_timeout": Entry(504, "Model timed out", "模型超时", "模型服务响应超时，请重试。"),
    "model_protocol_error": Entry(502, "Model answered garbage", "模型响应异常", "模型服务的响应无法解析，请重试。"),
    "model_stream_cut": Entry(502, "Model stream cut", "模型输出中断", "模型服务的输出中途断开，请重试。"),
    "model_output_invalid": Entry(
        502, "Model answered in another form", "模型输出无效", "模型的回答不符合约定的格式，请重试。"
    ),
    "model_output_truncated": Entry(
        422, "Prompt too long for the model", "提示词过长", "提示词超出了模型的输出上限：请精简描述，或更换模型。"
    ),
    "instructions_leaked": Entry(
        422, "Model repeated its instructions", "模型复述了指令", "模型复述了内部指令而没有写出提示词，请换一种描述。"
    ),
    "model_auth_failed": Entry(
        502, "Model key refused", "模型密钥无效", "模型服务拒绝了密钥，请管理员检查 DASHSCOPE_API_KEY。"
    ),
    "model_access_denied": Entry(
        502, "Model access denied", "无权使用模型", "该账号无权使用此模型，请更换模型或联系管理员。"
    ),
    "model_not_found": Entry(404, "Model not found", "模型不存在", "没有这个模型，请从 /api/v1/models 中选择。"),
    "model_rejected_input": Entry(
        422, "Model refused the input", "模型拒绝了输入", "模型服务的内容安全检查拒绝了该输入。"
    ),
    "model_arrears": Entry(502, "Model account in arrears", "模型账户欠费", "模型服务账户欠费，请联系管理员。"),
    "model_bad_request": Entry(
        502, "Model refused the request", "模型拒绝了请求", "模型服务拒绝了请求，请联系管理员。"
    ),
}
