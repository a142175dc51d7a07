"""What is allowed: findings by step, consequences by configuration."""
