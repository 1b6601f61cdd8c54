"""The command line, `python -m chainrule`: one file a subcommand, each with `add_parser` and `run`."""
