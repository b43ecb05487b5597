"""A service shrinks to one endpoint and grows to five, over and over, under new flows: each of them is answered."""
import unittest

import flows
import lab


class Flows(lab.LabTest):
    def test_no_flow_is_lost_or_refused_while_a_service_shrinks_and_grows(self):
        self.lab = lab.Lab()
        self.addCleanup(self.lab.end)
        run = flows.Run(self.lab, flows=20000, per_second=2500)
        run.whole()
        stats = run.stats()
        self.assertEqual((stats.answered, stats.refused, stats.lost, stats.odd), (20000, 0, 0, 0), (stats, run.conntrack()))
        self.assertEqual(run.wrong, [])
        self.assertEqual(stats.tcp, 1250)
        self.assertGreater(min(stats.by_server[:5]), 100, stats)
        self.assertGreaterEqual(run.turns, 2)


if __name__ == "__main__":
    unittest.main()
