"""The service: a server with an interface and pages, runners that start jobs, and a client.

The server and the runner only write what is wanted and watch what is done; the work is the command line's, in processes
of their own. So neither imports PyTorch. ``nasweave[service]`` installs what the server needs.
"""
