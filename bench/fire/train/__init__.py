"""Train the network of patches; needs the extra `train`, and nothing else in the project needs it."""
