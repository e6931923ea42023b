"""Train the recogniser of lift cabins; needs the extra `train`, and nothing else in the project needs it."""
