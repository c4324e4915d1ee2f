"""What is learned: one folder a world, each with its settings, its views and its losses put together."""
