"""Bridges: what speaks a protocol of its own (cameras, platforms, gateways) becomes our MQTT messages."""
