"""How fast an alert reaches the people whom it is for, and how many they can be."""
