"""What is going on in the cluster: rows that describe tasks, actors, objects, nodes and workers."""
