"""`python3 -m potager.images.tabular`."""

import sys

from potager.images.tabular.program import main

sys.exit(main())
