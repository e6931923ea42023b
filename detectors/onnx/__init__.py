"""Detectors that a user brings as ONNX files, for any scene, run by cv2.dnn."""
