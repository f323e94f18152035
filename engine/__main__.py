"""`python -m engine`: the command line."""

if __name__ == "__main__":  # a process that decodes pictures imports this file, too
    from engine.cli import main

    main()
