"""`symbolon`: one command, a group for each role. Results on standard output, talk on standard error."""
