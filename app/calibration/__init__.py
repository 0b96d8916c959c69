"""A gallery's own thresholds: from which evidence they are made, and how they are kept."""
