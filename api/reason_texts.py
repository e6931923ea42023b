"""What is wrong with what somebody filled in, and why a message did not go: reasons in Chinese.

The reasons themselves are English sentences of whoever found them, as the API and the commands tell them.
A reason that stands here in no line is shown as it is.
"""

import re
from collections.abc import Mapping
from typing import Any

WRONG: Mapping[str, str] = {
    "missing": "请填写",
    "float_type": "请填写数字",
    "float_parsing": "请填写数字",
    "int_type": "请填写整数",
    "int_parsing": "请填写整数",
    "int_from_float": "请填写整数",
    "finite_number": "请填写有限的数字",
    "bool_type": "请选择是或否",
    "bool_parsing": "请选择是或否",
    "string_type": "请填写文字",
    "string_too_short": "请填写",
    "string_too_long": "最多 {max_length} 个字符",
    "string_pattern_mismatch": "格式不对",
    "greater_than": "必须大于 {gt:g}",
    "greater_than_equal": "不能小于 {ge:g}",
    "less_than": "必须小于 {lt:g}",
    "less_than_equal": "不能大于 {le:g}",
    "enum": "只能是 {expected}",
    "literal_error": "只能是 {expected}",
    "extra_forbidden": "没有这一项",
    "datetime_parsing": "不是日期和时间",
    "timezone_aware": "日期和时间须带时区",
    "url_parsing": "不是网址",
    "url_scheme": "网址须以 {expected_schemes} 开头",
    "value_error": "不可用：{error}",
    "no_kind": "请选择告警类别",
    "again_most": "“最长间隔”不能小于“再次通知”",
    "round_the_clock": "危及生命的告警全天计时，不能只计工作时间",
}
"""By pydantic's type of error, or ours; what stands in braces is what the field is held to."""

PARTIES: Mapping[str, str] = {
    "WeCom": "企业微信",
    "WeCom's robot": "企业微信群机器人",
    "DingTalk's robot": "钉钉群机器人",
    "Feishu's robot": "飞书群机器人",
    "Alibaba Cloud": "阿里云",
    "Tencent Cloud": "腾讯云",
}
"""Who carries messages, by what a reason calls them."""

REASONS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), said)
    for pattern, said in (
        (r"is missing", "请填写"),
        (r"is given, but the level is (?P<level>\w+)", "层级不是网格（{level}），不填"),
        (r"has (\d+) letters, at most (?P<most>\d+)", "最多 {most} 个字符"),
        (r"holds a character that can't be shown", "含有不可显示的字符"),
        (r"(?P<text>'.*') is no number at work.*", "{text} 不是工号：1–64 个字符，不含空格、斜线、逗号"),
        (r"(?P<text>'.*') is no code of an area", "{text} 不是区域代码"),
        (r"(?P<text>'.*') is no code", "{text} 不是代码"),
        (r"(?P<text>'.*') is no telephone", "{text} 不是电话号码"),
        (r"(?P<text>'.*') is no scene; .*", "{text} 不是场景；多个场景用分号隔开"),
        (r"(?P<text>'.*'): 1 is responsible.*", "{text}：1 为责任人，2 至 99 为替补"),
        (r"(?P<text>'.*'): 1 is Monday.*", "{text}：1 为周一，7 为周日，如 1-5 或 1;3;6-7"),
        (r"(?P<text>'.*'): write 08:30; .*", "{text}：请写成 08:30；午夜写 00:00"),
        (r"(?P<text>'.*'): write 2026-11-23", "{text}：请写成 2026-11-23"),
        (r"(?P<text>'.*'): write 2026-11-23 or .*", "{text}：请写成 2026-11-23 或 2026-11-23 08:30"),
        (r"(?P<text>'.*'): write hours and minutes, .*", "{text}：请写成 22:00"),
        (r"(?P<text>'.*'): use 1-64 letters.*", "{text}：1–64 个字母、数字或 . _ : -"),
        (r"(?P<text>'.*'): use (?P<words>.*)", "{text}：只能是 {words}"),
        (r"is missing: use (?P<words>.*)", "请填写：{words}"),
        (r"is missing, and this code does not tell it; use (?P<words>.*)", "请填写：{words}"),
        (r"is not later than it starts", "须晚于开始时间"),
        (r"valid_to is before valid_from", "截止日期早于起始日期"),
        (r"nobody has the number '?(?P<code>.*?)'?", "没有工号为 {code} 的人员"),
        (r"nobody on the roster has the number '(?P<code>.*)'", "名册中没有工号 {code}"),
        (r"nobody stands in for themselves", "不能由本人代班"),
        (r"no area '?(?P<code>.*?)'?", "没有区域 {code}"),
        (r"no account '?(?P<name>.*?)'?", "没有账号 {name}"),
        (r"this account is that of (?P<code>.*)", "该账号属于工号 {code}"),
        (r"line (?P<line>\d+) says something else of (?P<code>.*)", "与第 {line} 行所写的 {code} 不一致"),
        (
            r"(?P<code>\S+) has (?P<area>\S+) in line (?P<line>\d+) already",
            "第 {line} 行已写明 {code} 负责 {area}",
        ),
        (r"(?P<code>\S+) stands in \w+ (?P<line>\d+) already", "{code} 在第 {line} 条已出现"),
        (r"(?P<code>\S+) is neither in the file nor known", "没有区域 {code}"),
        (r"(?P<code>\S+) is simulated: .*", "{code} 是模拟区域，会随模拟一起删除"),
        (r"(?P<code>\S+) would lie in itself: .*", "{code} 将位于自身之内"),
        (
            r"the code (?P<code>\S+) does not begin as that of (?P<parent>\S+) does",
            "代码 {code} 与上级 {parent} 的开头不一致",
        ),
        (r".+ (?P<code>\S+) can't lie in .+ (?P<around>\S+)", "层级不对：{code} 不能位于 {around} 之内"),
        (
            r"(?P<code>\d+) has \d+ digits, that of a \w+ has (?P<digits>\d+)",
            "{code}：该层级的代码为 {digits} 位",
        ),
        (
            r"(?P<code>\d+): a code of digits only is a national one.*",
            "{code}：纯数字是国家代码，该层级没有国家代码",
        ),
        (r"lies outside of (?P<code>\S+) \((?P<name>.*?)\).*", "超出 {name}（{code}）的边界"),
        (r"crosses itself or has no ground: .*", "边界自相交或没有面积"),
        (r"is no JSON.*", "不是 JSON"),
        (r"is no GeoJSON FeatureCollection", "不是 GeoJSON FeatureCollection"),
        (r"(?P<crs>.*) is not WGS-84: .*", "{crs} 不是 WGS-84：请转换为 EPSG:4326（经度、纬度）"),
        (r"use UTF-8 or GB18030", "请用 UTF-8 或 GB18030 编码"),
        (r"lacks (?P<name>\w+)", "缺少列 {name}"),
        (r"has '(?P<name>.*)' more than once", "列 {name} 重复"),
        (r"has '(?P<name>.*)', which is none of (?P<known>.*)", "没有列 {name}，只能是 {known}"),
        (
            r"has (?P<count>\d+) fields, the heading (?P<head>\d+).*",
            "有 {count} 个字段，表头只有 {head} 个：含逗号的内容请加引号",
        ),
        (r"the table breaks off here: .*", "表格从这里起无法读取"),
        (r"a number from 1 to (?P<most>\d+): .*", "请填写 1 至 {most}：1 最先使用"),
        (r"quiet hours have a beginning and an end.*", "免打扰须有开始和结束时间，或都不填"),
        (r"there is no service '(?P<name>.*)'.*", "没有服务 {name}"),
        (r"this person has it already", "此人已有这一顺位"),
        (r"there is none yet that it could stay", "尚无可保留的地址"),
        (
            r"devices stand in (?P<code>\S+) or below it: (?P<names>.*); .*",
            "{code} 及其下级有设备：{names}；请先移到别处",
        ),
        (r"a drill of .* would raise nothing: .*", "这种演练不会引发告警"),
        (r"no device '(?P<name>.*)'( is registered)?", "没有设备 {name}"),
        (r"no device in area '(?P<name>.*)'", "区域 {name} 及其下级没有设备，无法演练"),
        (r"drill (?P<id>\d+) of this (device|area) goes on: .*", "演练 {id} 还在进行：请先将它解决"),
        (r"somebody must be left who administers .*", "至少要有一名管理全部区域的管理员"),
        (r"there is a token '(?P<name>.*)' already, .*", "令牌 {name} 已存在，或对接账号不存在"),
        (r"no (token|webhook|service) '?(?P<name>.*?)'?", "没有 {name}"),
        (r"the times of '.*' were not changed", "这一类时限没有更改过"),
        (r"'.*' was not changed", "这一项没有更改过"),
        (r"your account is for area (?P<area>.*) only; .*", "您的账号只限区域 {area}，此操作针对整个系统"),
        (r"(?P<whose>.*) can't be reached \((?P<error>.*)\)", "连接不上{whose}（{error}）"),
        (r"(?P<whose>.*) takes no more for now \((?P<code>.*)\)", "{whose}暂时限流（{code}）"),
        (r"(?P<whose>.*) answers (?P<code>\d+) and .*", "{whose}回应 {code}，内容无法识别"),
        (r"(?P<whose>.*) answers nothing that it documents", "{whose}的回应无法识别"),
        (
            r"(?P<whose>.*) does not take our key, or the account is empty \((?P<code>.*)\)",
            "{whose}不接受密钥，或账户欠费（{code}）",
        ),
        (
            r"(?P<whose>.*) does not take our key or signature \((?P<code>.*)\)",
            "{whose}不接受密钥或签名（{code}）",
        ),
        (
            r"(?P<whose>.*) does not let this application in \((?P<code>.*)\)",
            "{whose}不允许本应用登录（{code}）",
        ),
        (r"(?P<whose>.*) knows no such member.*", "{whose}没有这名成员，或应用对其不可见"),
        (r"(?P<whose>.*): this member has no licence .*", "{whose}：该成员没有应用消息的许可"),
        (r"(?P<whose>.*) will not take it \((?P<code>.*)\)", "{whose}拒收（{code}）"),
        (r"(?P<whose>.*) did not take it \((?P<code>.*)\)", "{whose}没有收下（{code}）"),
        (r"Apprise can't use this address", "Apprise 不能使用这个地址"),
        (r"Apprise could not send it", "Apprise 未能发出"),
        (r"no answer \((?P<error>.*)\)", "没有回应（{error}）"),
        (r"who sent it was killed: .*", "发送时程序中断：不知是否已发出"),
        (r"it answered (?P<code>\d+)", "对方回应 {code}"),
        (r"the alert has (?P<count>\d+) photos: .*", "该告警已有 {count} 张照片，不再接收"),
        (r"this key was used for .*", "这个请求标识已用于其他操作"),
        (r"there is no other alert (?P<id>\d+) of which .*", "没有可作为重复对象的告警 {id}"),
        (r"the alert is .*; it can't be changed by .*", "告警的状态不允许此操作"),
        (r"(?P<action>\w+) needs '(?P<need>\w+)': .*", "此操作须填写 {need}"),
        (r"body\.(?P<need>\w+): \w+ needs it: .*", "请填写 {need}"),
        (r"no alert (?P<id>\d+)", "没有告警 {id}"),
        (r"the database is away; .*", "数据库暂时不可用，请稍后再试"),
        (r"the server failed; .*", "服务器出错，原因见其日志"),
    )
)
"""The first that fits a whole reason counts; what it names goes into the sentence."""


def reason_in_chinese(reason: str) -> str:
    """Return a reason in Chinese, or as it is where nobody translated it."""
    for pattern, said in REASONS:
        match = pattern.fullmatch(reason)
        if match is not None:
            named = match.groupdict()
            return said.format(**{name: PARTIES.get(text, text) for name, text in named.items()})
    return reason


def wrong_in_chinese(kind: str, limits: Mapping[str, Any], why: str) -> str:
    """Return in Chinese what is wrong with a field, by its kind of error."""
    said, reason = WRONG.get(kind), reason_in_chinese(why)
    if said is None or (kind == "value_error" and reason != why):
        return reason
    return said.format(**limits)
