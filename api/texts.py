"""What people read, in every language that we speak: Chinese first."""

from collections.abc import Mapping
from typing import Any, Final

DEFAULT_LANGUAGE: Final = "zh-CN"

TEXTS: Mapping[str, Mapping[str, str]] = {
    "zh-CN": {
        "product": "网格守望",
        "sign_in": "登录",
        "sign_out": "退出",
        "username": "用户名",
        "password": "密码",
        "failed.wrong": "用户名或密码不正确",
        "failed.wait": "尝试次数过多，请稍后再试",
        "other_language": "English",
        "live": "实时",
        "away": "数据库或告警通道中断：告警可能延迟，系统正在自动重连。",
        "unresolved": "未解决",
        "all": "全部",
        "empty": "暂无告警",
        "whole_map": "全图",
        "unplaced": "位置未知",
        "acknowledge": "确认",
        "resolve": "解决",
        "by": "由 {name}",
        "refused": "操作未成功：告警已是“{state}”",
        "gone": "该告警已被删除",
        "failed": "操作未成功：数据库暂时不可用",
        "simulated": "模拟",
        "drill": "演练 {tester}",
        "drills": "演练",
        "playback": "录像回放",
        "events": "{count} 次",
        "confidence": "置信度",
        "evidence": "证据",
        "no_evidence": "无图像",
        "evidence_deleted": "证据已按保存规定删除",
        "evidence_gone": "证据无法显示：可能已按保存规定删除",
        "link": "外部链接",
        "close": "关闭",
        "severity.critical": "紧急",
        "severity.major": "重要",
        "severity.minor": "一般",
        "state.open": "待处理",
        "state.acknowledged": "已确认",
        "state.resolved": "已解决",
        "label.flame": "明火",
        "label.smoke": "烟雾",
        "label.heat": "高温",
        "label.ebike": "电动自行车进电梯",
        "label.motorcycle": "摩托车进电梯",
        "label.falling_object": "高空抛物",
        "label.suspected_fall": "疑似抛物",
        "label.bicycle": "自行车",
        "label.wheelchair": "轮椅",
        "label.lens_covered": "镜头被遮挡",
        "label.camera_moved": "镜头被移动",
        "label.clock_jumped": "设备时钟被调整",
        "label.test_pressed": "按下测试键",
        "label.muted": "已消音",
        "label.tampered": "设备被拆动",
        "label.device_fault": "设备故障",
        "label.joined": "设备入网",
        "label.offline": "设备离线",
        "label.channel_silent": "测量通道无数据",
        "outage.devices": "{of} 台设备中 {devices} 台无数据",
        "outage.channels": "无数据：{channels}",
        "notification.drill": "〔演练〕",
        "notification.title": "【{severity}】{label} · {place}",
        "notification.body": "地点：{place}\n设备：{device}\n时间：{time}\n查看：{link}",
    },
    "en": {
        "product": "Gridwatch",
        "sign_in": "Sign in",
        "sign_out": "Sign out",
        "username": "User name",
        "password": "Password",
        "failed.wrong": "User name or password is wrong",
        "failed.wait": "Too many attempts: wait a minute",
        "other_language": "中文",
        "live": "Live",
        "away": "The database or the alert feed is away: alerts may come late. Reconnecting by itself.",
        "unresolved": "Unresolved",
        "all": "All",
        "empty": "No alerts",
        "whole_map": "Whole map",
        "unplaced": "Place unknown",
        "acknowledge": "Acknowledge",
        "resolve": "Resolve",
        "by": "by {name}",
        "refused": "Nothing was done: the alert is already “{state}”",
        "gone": "This alert was deleted",
        "failed": "Nothing was done: the database is away",
        "simulated": "SIMULATED",
        "drill": "DRILL {tester}",
        "drills": "Drills",
        "playback": "Recorder's playback",
        "events": "{count} events",
        "confidence": "confidence",
        "evidence": "Evidence",
        "no_evidence": "No picture",
        "evidence_deleted": "Evidence deleted as its time of keeping ended",
        "evidence_gone": "The evidence can't be shown: it may have been deleted",
        "link": "External link",
        "close": "Close",
        "severity.critical": "Critical",
        "severity.major": "Major",
        "severity.minor": "Minor",
        "state.open": "Open",
        "state.acknowledged": "Acknowledged",
        "state.resolved": "Resolved",
        "label.flame": "Flame",
        "label.smoke": "Smoke",
        "label.heat": "Heat",
        "label.ebike": "E-bike in a lift",
        "label.motorcycle": "Motorcycle in a lift",
        "label.falling_object": "Falling object",
        "label.suspected_fall": "Suspected fall",
        "label.bicycle": "Bicycle",
        "label.wheelchair": "Wheelchair",
        "label.lens_covered": "Lens covered",
        "label.camera_moved": "Camera moved",
        "label.clock_jumped": "Device's clock was set",
        "label.test_pressed": "Test button pressed",
        "label.muted": "Horn silenced",
        "label.tampered": "Tampered with",
        "label.device_fault": "Device fault",
        "label.joined": "Joined the network",
        "label.offline": "Offline",
        "label.channel_silent": "Channel silent",
        "outage.devices": "{devices} of {of} devices silent",
        "outage.channels": "silent: {channels}",
        "notification.drill": "DRILL",
        "notification.title": "[{severity}] {label} · {place}",
        "notification.body": "Place: {place}\nDevice: {device}\nTime: {time}\nSee: {link}",
    },
}


class Words:
    """The texts of one language."""

    def __init__(self, language: str) -> None:
        self.language = language if language in TEXTS else DEFAULT_LANGUAGE
        self._texts = TEXTS[self.language]

    def __call__(self, key: str, **values: Any) -> str:
        """Return a text with its values filled in."""
        return self._texts[key].format(**values) if values else self._texts[key]

    def label(self, label: str) -> str:
        """Return what a finding's label is called; a label that we have no word for stays as it is."""
        return self._texts.get(f"label.{label}", label)

    def outage(self, alert: Mapping[str, Any]) -> str:
        """Return how many devices, or which channels, an alert of an outage is about; else nothing."""
        outage = alert.get("outage") or {}
        if "channels" in outage:
            return self("outage.channels", channels=", ".join(outage["channels"]))
        return self("outage.devices", **outage) if outage else ""
