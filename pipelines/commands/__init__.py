"""One module a command: HELP, EXAMPLE, add_arguments, main. Heavy imports wait inside main."""
