"""
What is done on older kernels (docs/rules.md): tests once more, with programs that see this one as 5.15 in a user
namespace (oldkernel.h). `make test-kernel` runs all tests under real ones.
"""
import tempfile
import unittest
from pathlib import Path

import lab
from lifecycle import test_user_namespace
from proxy import test_quarantine, test_table

OLD = {"fairlead": "fairlead_old", "tests/kernel/fairlead_refused": "fairlead_old", "tests/kernel/nft_driver": "nft_driver_old",
       "tests/kernel/nft_lacking": "nft_lacking"}


def setUpModule():
    """A build whose programs are the old ones."""
    build = unittest.enterModuleContext(tempfile.TemporaryDirectory())
    for name, program in OLD.items():
        link = Path(build, name)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(lab.BUILD / "tests/kernel" / program)
    unittest.addModuleCleanup(setattr, lab, "BUILD", lab.BUILD)
    lab.BUILD = Path(build)


class Table(test_table.TableTest):
    def test_a_refused_element_among_others_is_named_at_the_next_attempt(self):
        driver = self.loaded()
        change = ("add endpoints 10.96.0.1 tcp 80 1 10.1.1.2 1", "add endpoints 10.96.0.1 tcp 80 0 10.1.1.1 1",
                  "add endpoints 10.96.0.1 tcp 80 2 10.1.1.3 1")
        for told in (r"add elements of endpoints4: ", r"add endpoints4 \{ 10\.96\.0\.1 \. tcp \. 80 \. 0 : "):
            with self.assertRaisesRegex(test_table.Refused, told):
                driver.commit(*change)

    def test_a_forgotten_client_may_have_gone_elsewhere(self):
        driver = self.loaded()
        client = "affinity 10.96.0.1 tcp 80 10.1.1.1"
        driver.commit(f"add {client} 10.244.0.1 8080")
        with self.assertRaisesRegex(test_table.Refused, "File exists"):
            driver.commit(f"del {client} 10.244.0.2 8080")
        driver.commit(f"del {client} 10.244.0.1 8080")


class Quarantine(test_quarantine.Quarantine):
    pass


class UserNamespace(test_user_namespace.UserNamespaceTest):
    pass


if __name__ == "__main__":
    unittest.main()
