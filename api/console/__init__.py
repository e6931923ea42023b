"""The operator console: pages in Python (NiceGUI) on the same application as the API."""
