"""A wooded valley: sensors on its ground and cameras on its ridges, weather, fires, and what is no fire."""
