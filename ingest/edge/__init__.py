"""A detector beside the camera: what it concludes crosses the network, and not the video."""
