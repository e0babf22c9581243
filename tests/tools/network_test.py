"""Processes of several hosts: network namespaces of this machine with a link between them, which is cut and whose bytes are counted."""

import json
import os
import subprocess
import time
import unittest

from distributed import SMALL, SMOKE, Compared, log_of
from program import ASSETS, BIN, SOURCE, run

SETTINGS = [*SMALL, "--set", "stages.align.steps=8", "--set", "stages.tune.steps=8", "--set", "train.save_every=2", "--timeout", "30"]


def trained(output):
    return (output / "final" / "model.safetensors").read_bytes()


class Hosts:
    """Two network namespaces with a link between them."""

    def __init__(self):
        tag = os.getpid()
        self.names = [f"pal-a-{tag}", f"pal-b-{tag}"]
        for name in self.names:
            self.ip("netns", "add", name)
        self.ip("link", "add", "pal0", "netns", self.names[0], "type", "veth", "peer", "name", "pal0", "netns", self.names[1])
        for name, address in zip(self.names, ("10.77.0.1/24", "10.77.0.2/24")):
            self.ip("-n", name, "addr", "add", address, "dev", "pal0")
            self.ip("-n", name, "link", "set", "lo", "up")
            self.link(name, "up")

    @staticmethod
    def ip(*arguments):
        subprocess.run(["ip", *arguments], check=True, capture_output=True)

    def link(self, name, state):
        self.ip("-n", name, "link", "set", "pal0", state)

    def sent(self, name):
        """Bytes so far."""
        told = subprocess.run(["ip", "-n", name, "-s", "-j", "link", "show", "pal0"], check=True, capture_output=True, text=True).stdout
        return json.loads(told)[0]["stats64"]["tx"]["bytes"]

    def remove(self):
        for name in self.names:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


def hosts():
    try:
        return Hosts()
    except (OSError, subprocess.CalledProcessError):
        return None


@unittest.skipUnless(ASSETS.exists(), "assets/ is not there; tools/setup.sh fetches it")
class Network(Compared):
    def setUp(self):
        super().setUp()
        self.pair = hosts()
        if self.pair is None:
            self.skipTest("network namespaces cannot be made here")
        self.addCleanup(self.pair.remove)

    def ranks(self, output, *more):
        self.errors = [self.root / f"host-{rank}.err" for rank in (0, 1)]
        self.processes = []
        for rank, name in enumerate(self.pair.names):
            variables = {"RANK": rank, "WORLD_SIZE": 2, "LOCAL_RANK": 0, "LOCAL_WORLD_SIZE": 1, "MASTER_ADDR": "10.77.0.1", "MASTER_PORT": 29611, "GLOO_SOCKET_IFNAME": "pal0"}
            command = ["ip", "netns", "exec", name, BIN / "pal-train", "--config", SMOKE, "--output", output, *SETTINGS, *more, "--resume", "auto"]
            with self.errors[rank].open("w") as out:
                self.processes.append(subprocess.Popen([*map(str, command)], cwd=SOURCE, stdout=subprocess.DEVNULL, stderr=out,
                                                       env={**os.environ, **{key: str(value) for key, value in variables.items()}}))
        self.addCleanup(lambda processes: [(process.kill(), process.wait()) for process in processes], self.processes)

    def wait_for_step(self, output, step):
        deadline = time.monotonic() + 120
        while len(log_of(output)) < step:
            self.assertTrue(time.monotonic() < deadline and all(process.poll() is None for process in self.processes), self.said())
            time.sleep(0.005)

    def said(self):
        return "\n".join(error.read_text() for error in self.errors)

    def test_a_link_that_is_cut_ends_both_which_name_each_other(self):
        whole = self.train("whole", 2, *SETTINGS)
        output = self.root / "run"
        self.ranks(output)
        self.wait_for_step(output, 5)
        self.pair.link(self.pair.names[1], "down")
        self.assertEqual([process.wait(120) for process in self.processes], [1, 1], self.said())
        self.assertRegex(self.errors[0].read_text(), "process 1 .*does not answer")
        self.assertRegex(self.errors[1].read_text(), "process 0 .*does not answer")
        self.pair.link(self.pair.names[1], "up")
        self.ranks(output)
        self.assertEqual([process.wait(240) for process in self.processes], [0, 0], self.said())
        self.assertEqual(trained(output), trained(whole))

    def test_a_step_sends_as_many_bytes_as_pal_inspect_says(self):
        # Gloo's reduce-scatter is an all-reduce, so it sends twice as much as a ring's, and with the all-gather half as much again as pal-inspect says.
        for shard, of_gloo in (("none", 1), ("optimizer", 1.5)):
            settings = ["--set", f"train.shard={shard}", "--set", "train.save_every=0"]
            told = run("pal-inspect", "model", "--config", SMOKE, *SMALL[:-2], *settings, "--processes", 2, "--json")
            expected = json.loads(told.stdout)["stages"][0]["sent_bytes_per_step"]
            output = self.root / shard
            self.ranks(output, *settings, "--set", "stages.align.steps=60")
            self.wait_for_step(output, 5)
            before, first = [self.pair.sent(name) for name in self.pair.names], len(log_of(output))
            self.wait_for_step(output, 50)
            after, last = [self.pair.sent(name) for name in self.pair.names], len(log_of(output))
            for host in (0, 1):
                measured = (after[host] - before[host]) / (last - first)
                print(f"{shard}: host {host} sent {measured:.0f} bytes a step, {measured / expected:.3f} of what pal-inspect says")
                self.assertAlmostEqual(measured / expected, of_gloo, delta=0.1, msg=f"{shard}, host {host}")
            for process in self.processes:
                process.kill()
                process.wait()


if __name__ == "__main__":
    unittest.main()
