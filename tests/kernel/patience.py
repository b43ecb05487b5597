"""How many times longer tests may wait: FAIRLEAD_PATIENCE, for emulated processors. Waits end when their condition holds,
so patience costs nothing where all is well."""
import os
import unittest

FACTOR = float(os.environ.get("FAIRLEAD_PATIENCE", "1"))

# For tests of what takes how long, or of what comes first.
real_processor = unittest.skipIf(FACTOR > 1, "no real processor")
