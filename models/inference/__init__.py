"""How nets run on a CPU and on CUDA, and what is kept of them on the disk."""
