"""How an embedder learns: settings, stages, the loop, checkpoints, the watchdog."""
