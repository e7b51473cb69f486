"""An evaluation shown: a page, Markdown, the terminal."""
