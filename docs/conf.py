"""How the pages of this folder become a site: `make docs` builds it into build/site."""

from importlib import metadata

project = "ddspcore"
release = metadata.version("ddspcore")

extensions = ["myst_parser"]
myst_heading_anchors = 4  # headings are addressed as on GitHub

html_theme = "furo"
html_title = f"ddspcore {release}"
html_static_path = ["style"]
html_css_files = ["site.css"]
html_copy_source = False
html_use_index = False
html_show_copyright = False
smartquotes = False  # a value in a table is spelled as in a recipe
highlight_language = "none"  # of commands and diagrams; other blocks name theirs
