"""The words of the receiver's pages, English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping

LANGUAGES = {"en": "English", "zh": "中文"}

_WORDS: Mapping[str, tuple[str, str]] = {
    "title": ("Programme receiver", "项目数据接收端"),
    "stations": ("Stations", "站点"),
    "totals": ("Totals", "汇总"),
    "conflicts": ("Conflicts", "冲突"),
    "station": ("Station", "站点"),
    "real": ("Real", "真实"),
    "simulated": ("SIMULATED", "模拟"),
    "simulated_says": (
        "Nothing below was measured on a real belt. These figures are never added to real ones.",
        "以下数据均为模拟，并非真实分选线测得，绝不计入真实数据。",
    ),
    "last_heard": ("Last heard", "最近上报"),
    "rows_applied": ("Rows applied", "已入账行数"),
    "waiting": ("Waiting", "等待中"),
    "withheld": ("Withheld", "站点扣留"),
    "missing": ("Missing rows", "缺失行"),
    "refused": ("Refused", "被拒绝"),
    "state": ("State", "状态"),
    "well": ("Well", "正常"),
    "late": ("Silent", "无上报"),
    "never": ("Never heard", "从未上报"),
    "revoked": ("Revoked", "已吊销"),
    "gap": ("Rows missing", "有缺失"),
    "conflict": ("Conflict", "冲突"),
    "no_stations": ("No real station is registered.", "尚未登记真实站点。"),
    "register_hint": (
        "Register one with: station programme station add ID",
        "登记命令：station programme station add ID",
    ),
    "all_heard": ("heard within 15 minutes", "15 分钟内有上报"),
    "of": ("of", "/"),
    "with_gaps": ("with missing rows", "有缺失行"),
    "with_conflicts": ("with conflicts", "有冲突"),
    "channels": ("Channels", "通道"),
    "from": ("From", "从"),
    "to": ("To", "至"),
    "show": ("Show", "显示"),
    "all_stations": ("All stations", "全部站点"),
    "class": ("Class", "类别"),
    "unclassified": ("not classified", "未识别"),
    "outlet": ("Outlet", "出料口"),
    "pieces": ("Pieces", "件数"),
    "sum": ("Sum", "合计"),
    "estimated": (
        "kg are estimated from pictures, ± one standard deviation. Days are UTC.",
        "质量（kg）由图像估算，± 为一个标准差。日期为 UTC。",
    ),
    "nothing": ("Nothing in this time.", "该时段无数据。"),
    "by_class": ("By class and outlet", "按类别和出料口"),
    "by_day": ("By day", "按日"),
    "day": ("Day", "日期"),
    "hours": ("Hours", "小时"),
    "degraded": ("Degraded, h", "降级运行（小时）"),
    "untrusted": ("Clock not trusted, rows", "时钟不可信（行）"),
    "stations_told": ("Stations", "站点数"),
    "chains": ("Chains of rows", "数据行链"),
    "epoch": ("Epoch", "纪元"),
    "through": ("Applied through", "已入账至"),
    "channel": ("Channel", "通道"),
    "newest": ("Newest interval ended", "最新时段结束于"),
    "gaps": ("Missing", "缺失"),
    "none": ("none", "无"),
    "no_conflicts": ("No conflicts.", "无冲突。"),
    "conflicts_say": (
        "These rows were not applied: the station sent other content under a number already held, or a row that does "
        "not know the one before it. Mostly its records were restored from a copy; it has to begin a new epoch.",
        "以下数据行未入账：站点以已占用的序号发送了不同内容，或该行与前一行不衔接。多半是站点从备份恢复了记录，需开始新的纪元。",
    ),
    "row": ("Row", "行"),
    "held": ("Held", "已存"),
    "came": ("Came", "收到"),
    "received": ("Received", "收到时间"),
    "reason": ("Reason", "原因"),
    "times": ("Times", "次数"),
    "last": ("Last", "最近"),
    "refusals": ("Refused rows", "被拒绝的行"),
    "downtime": ("Downtime", "停机"),
    "kind": ("Kind", "类型"),
    "seconds": ("Seconds", "秒"),
    "download": ("Download (CSV)", "下载（CSV）"),
    "utc": ("All times are UTC.", "所有时间均为 UTC。"),
    "conflict_code": ("other content", "内容不同"),
    "chain_code": ("other history", "历史不同"),
}


def words(language: str) -> Mapping[str, str]:
    """Every word of the pages in one of ``LANGUAGES``."""
    at = 1 if language == "zh" else 0
    return {name: both[at] for name, both in _WORDS.items()}


def language_of(asked: str | None, accepted: str) -> str:
    """``asked`` is what the address says, ``accepted`` the browser's Accept-Language header."""
    if asked in LANGUAGES:
        return asked
    first = accepted.partition(",")[0].strip().lower()
    return "zh" if first.startswith("zh") else "en"
