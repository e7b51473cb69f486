"""`python -m cloudner ...`: the commands, in a process that has set what torch's threads read before torch is loaded.
`python -m spacy cloudner ...` has to start itself again for that, see `cloudner.cores`."""

from cloudner.cli import main

if __name__ == "__main__":
    main()
