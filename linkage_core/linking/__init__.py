"""From encoded files to linkage groups; `run` tells the story."""
