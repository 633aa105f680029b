"""The demo: three invented agencies, two services, and the whole path between their files and protected tables."""
