"""What people read, in every language that we speak: Chinese first."""

from collections.abc import Mapping
from typing import Any, Final

from api.view_texts import VIEW_TEXTS

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
        "accept": "接单",
        "arrive": "到达",
        "resolve": "解决",
        "by": "由 {name}",
        "refused": "操作未成功：告警已是“{state}”",
        "gone": "该告警已被删除",
        "failed": "操作未成功：数据库暂时不可用",
        "simulated": "模拟",
        "drill": "演练 {tester}",
        "drills": "演练",
        "playback": "录像回放",
        "alerts": "告警",
        "knocking": "陌生设备",
        "nobody_knocks": "没有未登记的设备在发送消息",
        "knocked": "{count} 条消息 · {since} 起 · 最近 {last}",
        "device_id": "设备编号",
        "device_name": "名称",
        "scene": "场景",
        "kind": "类型",
        "adopt": "登记",
        "readopt": "恢复使用",
        "is_retired": "已停用的设备 {name}",
        "adopted": "已登记 {name}，重新处理 {count} 条消息",
        "kind.sensor": "传感器",
        "kind.camera": "摄像头",
        "kind.gateway": "网关",
        "scene.fire": "火灾",
        "scene.elevator": "电梯",
        "scene.throwing": "高空抛物",
        **VIEW_TEXTS["zh-CN"],
        "events": "{count} 次",
        "confidence": "置信度",
        "evidence": "证据",
        "no_evidence": "无图像",
        "evidence_deleted": "证据已按保存规定删除",
        "evidence_gone": "证据无法显示：可能已按保存规定删除",
        "link": "外部链接",
        "close": "关闭",
        "fire_danger": "森林火险{name}（{number} 级）",
        "severity.critical": "紧急",
        "severity.major": "重要",
        "severity.minor": "一般",
        "state.open": "待处理",
        "state.acknowledged": "已确认",
        "state.accepted": "已接单",
        "state.handling": "处置中",
        "state.resolved": "已解决",
        "state.verified": "已核查",
        "state.closed": "已结案",
        "state.false_alarm": "误报",
        "state.duplicate": "重复",
        "label.flame": "明火",
        "label.smoke": "烟雾",
        "label.heat": "高温",
        "label.ebike": "电动自行车进电梯",
        "label.motorcycle": "摩托车进电梯",
        "label.ebike_in_transit": "电动车已随梯运行",
        "label.door_held_too_long": "电梯门已拦满180秒，请处置",
        "label.falling_object": "高空抛物",
        "label.suspected_fall": "疑似抛物",
        "label.bicycle": "自行车",
        "label.wheelchair": "轮椅",
        "label.lens_covered": "镜头被遮挡",
        "label.camera_moved": "镜头被移动",
        "label.camera_black": "画面全黑",
        "label.camera_frozen": "画面冻结",
        "label.camera_changed": "画面尺寸或帧率改变",
        "label.camera_clock": "摄像机时间倒退",
        "label.camera_drops": "摄像机大量丢帧",
        "label.clock_jumped": "设备时钟被调整",
        "label.test_pressed": "按下测试键",
        "label.muted": "已消音",
        "label.tampered": "设备被拆动",
        "label.device_fault": "设备故障",
        "label.joined": "设备入网",
        "label.offline": "设备离线",
        "label.channel_silent": "测量通道无数据",
        "label.device_flooding": "设备发送过多消息",
        "label.device_trespassing": "设备索取不属于自己的主题",
        "label.credential_shared": "凭据被两处使用",
        "label.maintenance_flat_line": "读数长时间不变",
        "label.maintenance_out_of_range": "读数超出量程",
        "label.maintenance_spikes": "读数有尖峰",
        "label.maintenance_drift": "读数偏离邻近设备",
        "origin.likeliest": "最可能：{places}",
        "origin.window": "{floor} 层 {window} 号窗 {p:.0%}",
        "origin.floor": "{floor} 层 {p:.0%}",
        "origin.roof": "楼顶 {p:.0%}",
        "origin.elsewhere": "其他位置 {p:.0%}",
        "outage.devices": "{of} 台设备中 {devices} 台无数据",
        "outage.channels": "涉及：{channels}",
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
        "accept": "Accept",
        "arrive": "Arrived",
        "resolve": "Resolve",
        "by": "by {name}",
        "refused": "Nothing was done: the alert is already “{state}”",
        "gone": "This alert was deleted",
        "failed": "Nothing was done: the database is away",
        "simulated": "SIMULATED",
        "drill": "DRILL {tester}",
        "drills": "Drills",
        "playback": "Recorder's playback",
        "alerts": "Alerts",
        "knocking": "Strangers",
        "nobody_knocks": "No device sends that is not registered",
        "knocked": "{count} messages · since {since} · last {last}",
        "device_id": "Device id",
        "device_name": "Name",
        "scene": "Scene",
        "kind": "Kind",
        "adopt": "Register",
        "readopt": "Take back into use",
        "is_retired": "the retired device {name}",
        "adopted": "{name} is registered, messages taken in again: {count}",
        "kind.sensor": "Sensor",
        "kind.camera": "Camera",
        "kind.gateway": "Gateway",
        "scene.fire": "Fire",
        "scene.elevator": "Lift",
        "scene.throwing": "Throwing",
        **VIEW_TEXTS["en"],
        "events": "{count} events",
        "confidence": "confidence",
        "evidence": "Evidence",
        "no_evidence": "No picture",
        "evidence_deleted": "Evidence deleted as its time of keeping ended",
        "evidence_gone": "The evidence can't be shown: it may have been deleted",
        "link": "External link",
        "close": "Close",
        "fire_danger": "Fire danger {name} ({number} of 5)",
        "severity.critical": "Critical",
        "severity.major": "Major",
        "severity.minor": "Minor",
        "state.open": "Open",
        "state.acknowledged": "Acknowledged",
        "state.accepted": "Accepted",
        "state.handling": "Being handled",
        "state.resolved": "Resolved",
        "state.verified": "Verified",
        "state.closed": "Closed",
        "state.false_alarm": "False alarm",
        "state.duplicate": "Duplicate",
        "label.flame": "Flame",
        "label.smoke": "Smoke",
        "label.heat": "Heat",
        "label.ebike": "E-bike in a lift",
        "label.motorcycle": "Motorcycle in a lift",
        "label.ebike_in_transit": "E-bike rides along in a lift",
        "label.door_held_too_long": "Lift door held for 180 s: decide",
        "label.falling_object": "Falling object",
        "label.suspected_fall": "Suspected fall",
        "label.bicycle": "Bicycle",
        "label.wheelchair": "Wheelchair",
        "label.lens_covered": "Lens covered",
        "label.camera_moved": "Camera moved",
        "label.camera_black": "Picture is black",
        "label.camera_frozen": "Picture is frozen",
        "label.camera_changed": "Camera's picture size or rate changed",
        "label.camera_clock": "Camera's clock went back",
        "label.camera_drops": "Camera drops pictures",
        "label.clock_jumped": "Device's clock was set",
        "label.test_pressed": "Test button pressed",
        "label.muted": "Horn silenced",
        "label.tampered": "Tampered with",
        "label.device_fault": "Device fault",
        "label.joined": "Joined the network",
        "label.offline": "Offline",
        "label.channel_silent": "Channel silent",
        "label.device_flooding": "Device sends too much",
        "label.device_trespassing": "Device asks for what is not its own",
        "label.credential_shared": "Two use the same credential",
        "label.maintenance_flat_line": "Readings don't vary",
        "label.maintenance_out_of_range": "Readings out of range",
        "label.maintenance_spikes": "Spikes in readings",
        "label.maintenance_drift": "Readings drift from the neighbours'",
        "origin.likeliest": "Most likely: {places}",
        "origin.window": "floor {floor}, window {window} ({p:.0%})",
        "origin.floor": "floor {floor} ({p:.0%})",
        "origin.roof": "roof ({p:.0%})",
        "origin.elsewhere": "elsewhere ({p:.0%})",
        "outage.devices": "{devices} of {of} devices silent",
        "outage.channels": "of: {channels}",
        "notification.drill": "DRILL",
        "notification.title": "[{severity}] {label} · {place}",
        "notification.body": "Place: {place}\nDevice: {device}\nTime: {time}\nSee: {link}",
    },
}


ORIGINS_TOLD, LEAST_LIKELY = 3, 0.1
"""Of the windows that a thing may have come from: more are no help to whoever knocks at a door."""


def _kind(origin: Mapping[str, Any]) -> str:
    if origin.get("place", "window") != "window":
        return str(origin["place"])
    return "floor" if origin.get("window") is None else "window"


class Words:
    """The texts of one language."""

    def __init__(self, language: str) -> None:
        self.language = language if language in TEXTS else DEFAULT_LANGUAGE
        self._texts = TEXTS[self.language]

    def __call__(self, key: str, **values: Any) -> str:
        """Return a text with its values filled in."""
        return self._texts[key].format(**values) if values else self._texts[key]

    def scene(self, scene: str) -> str:
        """Return what a scene is called; one that we have no word for stays as it is."""
        return self._texts.get(f"scene.{scene}", scene)

    def label(self, label: str) -> str:
        """Return what a finding's label is called; a label that we have no word for stays as it is."""
        return self._texts.get(f"label.{label}", label)

    def origin(self, alert: Mapping[str, Any]) -> str:
        """Return which windows a thing most likely came from, each with its probability; else nothing."""
        there = alert.get("where") or []
        likely = [one for one in there if one["p"] >= LEAST_LIKELY][:ORIGINS_TOLD] or there[:1]
        places = [self(f"origin.{_kind(one)}", **one) for one in likely]
        comma = "，" if self.language == DEFAULT_LANGUAGE else "; "
        return self("origin.likeliest", places=comma.join(places)) if places else ""

    def outage(self, alert: Mapping[str, Any]) -> str:
        """Return how many devices, or which channels, an alert of an outage is about; else nothing."""
        outage = alert.get("outage") or {}
        if "channels" in outage:
            return self("outage.channels", channels=", ".join(outage["channels"]))
        return self("outage.devices", **outage) if outage else ""
