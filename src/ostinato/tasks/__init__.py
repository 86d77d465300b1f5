"""What a batch means, the loss, the baselines and sensible defaults: one folder a task."""
