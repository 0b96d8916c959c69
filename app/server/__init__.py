"""The server: a web page and a REST API over the same recognizer and gallery as everything else."""
